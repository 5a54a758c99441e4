//! What a package is to be: the value that a written RPM is a pure function of.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::{Changelog, Dependency, FileFlags};
use crate::ids::{BlobId, Nevra};

/// A package to write. Hashed as the parameters of a `package` derivation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    pub nevra: Nevra,
    pub summary: String,
    pub description: String,
    pub license: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub url: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub vendor: String,
    /// Seconds since 1970: BUILDTIME and the time of every file.
    pub build_time: u64,
    /// `name:stream:version:context`, for packages of a module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modularity_label: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub provides: Vec<Dependency>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<Dependency>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<Dependency>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub obsoletes: Vec<Dependency>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recommends: Vec<Dependency>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suggests: Vec<Dependency>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub supplements: Vec<Dependency>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub enhances: Vec<Dependency>,
    /// Sorted by path, no path twice.
    pub files: Vec<SpecFile>,
    /// By name: `pre`, `post`, `preun`, `postun`, `pretrans`, `posttrans`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scripts: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changelogs: Vec<Changelog>,
}

/// One path of a package to write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpecFile {
    /// Absolute.
    pub path: String,
    pub content: SpecContent,
    /// The twelve permission bits.
    pub mode: u32,
    pub user: String,
    pub group: String,
    /// `FileFlags` bits: config, noreplace, ghost, doc, license.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub flags: u32,
    /// As text, `cap_net_raw=ep`; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub capabilities: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum SpecContent {
    File { blob: BlobId, size: u64 },
    Directory,
    Symlink { target: ByteBuf },
}

impl SpecFile {
    /// Type and permissions, as cpio and headers have them in one number.
    pub(super) fn mode_with_type(&self) -> u32 {
        match self.content {
            SpecContent::File { .. } => 0o100_000 | self.mode,
            SpecContent::Directory => 0o040_000 | self.mode,
            SpecContent::Symlink { .. } => 0o120_777,
        }
    }

    pub(super) fn size(&self) -> u32 {
        match &self.content {
            SpecContent::File { size, .. } => u32::try_from(*size).expect("it was checked to fit"),
            SpecContent::Directory => 0,
            SpecContent::Symlink { target } => target.len() as u32,
        }
    }

    /// Where a link points; empty for what is none.
    pub(super) fn target(&self) -> &[u8] {
        match &self.content {
            SpecContent::Symlink { target } => target,
            _ => b"",
        }
    }

    /// Whether it is owned but not shipped.
    pub(super) fn is_ghost(&self) -> bool {
        FileFlags(self.flags).has(FileFlags::GHOST)
    }
}

fn is_zero(flags: &u32) -> bool {
    *flags == 0
}
