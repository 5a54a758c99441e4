//! What indexes and solvers need of a package: everything but the bytes of its files.

use serde::{Deserialize, Serialize};

use crate::ids::{BlobId, Digest, Evr, Nevra};

/// Changes when the meaning of a record changes; it is part of every key whose step reads records.
pub const VERSION: u32 = 1;

/// A record is what one RPM says of itself, and the two ids that it has.
///
/// Text that is not UTF-8 has been read as ISO 8859-1, as createrepo_c does; paths stay bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    pub nevra: Nevra,
    /// BLAKE3 of header and payload, without lead and signatures: the same for a package signed anew.
    pub content: BlobId,
    /// BLAKE3 of the whole file.
    pub file: BlobId,
    /// SHA-256 of the whole file, which repodata calls `pkgid`.
    pub sha256: Digest,
    /// Length of the whole file in bytes.
    pub file_size: u64,
    /// First byte of the header, and first byte of the payload, counted from the start of the file.
    pub header_range: (u64, u64),
    pub source: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_rpm: Option<String>,
    pub summary: String,
    pub description: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub url: String,
    pub license: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub vendor: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub packager: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub build_host: String,
    pub build_time: u64,
    /// Bytes of the files when installed, and of the uncompressed payload.
    pub installed_size: u64,
    pub archive_size: u64,
    /// `name:stream:version:context`, in packages of a module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modularity_label: Option<String>,
    /// Every list in the order of the header, nothing left out: what an index hides, the index decides.
    pub provides: Vec<Dependency>,
    pub requires: Vec<Dependency>,
    pub conflicts: Vec<Dependency>,
    pub obsoletes: Vec<Dependency>,
    pub recommends: Vec<Dependency>,
    pub suggests: Vec<Dependency>,
    pub supplements: Vec<Dependency>,
    pub enhances: Vec<Dependency>,
    /// In the order of the header.
    pub files: Vec<ListedFile>,
    /// The ten newest, in the order of the header (newest first).
    pub changelogs: Vec<Changelog>,
    pub scriptlets: Vec<Scriptlet>,
}

/// A dependency as the header states it; rich ones have the whole expression as `name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dependency {
    pub name: String,
    /// How the version is compared; `None` where any version will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<(Sense, Evr)>,
    /// Needed by a scriptlet: RPMSENSE_PREREQ, SCRIPT_PRE or SCRIPT_POST, which repodata writes as `pre="1"`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pre: bool,
    /// RPMSENSE_RPMLIB: a feature of rpm itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rpmlib: bool,
}

/// The comparison in a versioned dependency, by the names that repodata uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Sense {
    Lt,
    Le,
    Eq,
    Ge,
    Gt,
}

/// A path that the package owns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListedFile {
    /// Absolute, as in the header; relative for source packages.
    #[serde(with = "serde_bytes")]
    pub path: Vec<u8>,
    pub kind: FileKind,
}

/// The three kinds that repodata knows. A ghost is owned but not shipped; one that is a directory counts as that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileKind {
    File,
    Directory,
    Ghost,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changelog {
    pub author: String,
    pub time: i64,
    pub text: String,
}

/// A scriptlet or trigger that the package carries, without its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scriptlet {
    /// `pre`, `post`, `preun`, `postun`, `pretrans`, `posttrans`, `preuntrans`, `postuntrans`, `verify`,
    /// `trigger`, `filetrigger` or `transfiletrigger`.
    pub name: String,
    /// `/bin/sh`, `<lua>`, `/sbin/ldconfig`, …
    pub interpreter: String,
}
