//! Facts: what is known of a step's outputs without opening them.
//!
//! Composers return them, traces keep them; planning and comparing read them, also when the bytes are gone.
//! The facts of an `import` are a [`Record`](crate::formats::rpm::Record).

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{BlobId, EntryId, Nevra};

/// A package as an artifact holds it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageFacts {
    pub nevra: Nevra,
    /// The entry of the RPM file.
    pub rpm: EntryId,
    /// Header and payload without signatures: the same for a package signed anew.
    pub content: BlobId,
}

/// Of an `index` step: its blob, and how that is divided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexFacts {
    pub blob: BlobId,
    /// Of the member for each index.
    pub lengths: Vec<u64>,
    /// What had to be left out of the packages' elements.
    pub notes: Vec<String>,
}

/// Of a `module` step: the stream that it made, and its packages.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleFacts {
    pub name: String,
    pub stream: String,
    pub version: u64,
    pub context: String,
    pub arch: String,
    /// Sorted.
    pub packages: Vec<PackageFacts>,
}

impl ModuleFacts {
    /// Adds packages, where they are not among them.
    pub fn add(&mut self, packages: Vec<PackageFacts>) {
        self.packages.extend(packages);
        self.packages.sort();
        self.packages.dedup();
    }
}

/// `NAME:STREAM:VERSION`.
impl fmt::Display for ModuleFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.name, self.stream, self.version)
    }
}

/// Of a `repository` step: its modules, and its add-ons by name, each with its packages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepositoryFacts {
    /// Sorted by name.
    pub modules: Vec<ModuleFacts>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub addons: BTreeMap<String, ModuleFacts>,
}

/// What an artifact was solved in, kept beside its generation: a tree is made of packages,
/// and stays the same when a module that offers them is described in other words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OriginFacts {
    /// Sorted by name; each with only those of its packages that went in.
    pub modules: Vec<ModuleFacts>,
}

/// Of an `objects` step: what each of its sources became.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectsFacts {
    pub objects: Vec<ObjectFacts>,
}

/// A file object: its name, and its file in the repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectFacts {
    #[serde(with = "serde_bytes")]
    pub checksum: [u8; 32],
    pub blob: BlobId,
    pub size: u64,
}

/// Facts of a `root`: what is installed in it, sorted by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RootFacts {
    pub packages: Vec<RootPackage>,
}

/// One installed package, and the unpacked entry that it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RootPackage {
    pub nevra: Nevra,
    pub unpacked: EntryId,
}

/// Facts of an `ostree` entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OstreeFacts {
    /// The commit's checksum in hex, as `ostree` names it.
    pub commit: String,
    /// The ref that names the commit.
    pub reference: String,
    pub version: String,
    /// The version of the kernel; a tree without one can't boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
    /// Distinct file objects in the repository.
    pub files: u64,
}

/// Of a `layer` step: its archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerFacts {
    pub blob: BlobId,
    /// Bytes of the compressed archive.
    pub size: u64,
    /// SHA-256 of the compressed archive.
    #[serde(with = "serde_bytes")]
    pub digest: [u8; 32],
    /// SHA-256 of the archive before it was compressed: what an image's configuration calls a layer by.
    #[serde(with = "serde_bytes")]
    pub diff_id: [u8; 32],
}

/// Facts of an `image` entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageFacts {
    /// `sha256:…`: what a registry calls the image by.
    pub manifest: String,
    /// `sha256:…`: what container engines call it by.
    pub config: String,
    /// Lowest first, those of the base among them.
    pub layers: Vec<ImageLayer>,
    /// The version of the kernel, of a host that boots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
}

/// A layer of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageLayer {
    /// `sha256:…`, of the compressed archive.
    pub digest: String,
    /// Bytes of the compressed archive.
    pub size: u64,
}

/// Facts of a `compose` entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComposeFacts {
    /// `SHORT-VERSION-DATE[.TYPE].RESPIN`.
    pub id: String,
}

/// Facts of an `installer` entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstallerFacts {
    /// The label of the disc.
    pub volume: String,
    /// Bytes of the image.
    pub size: u64,
    /// MD5 in hex, as the media check of the disc compares it.
    pub media_sum: String,
    /// The version of the kernel; a disc without one boots nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
}

/// Facts of a `disk` entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiskFacts {
    /// Bytes of the disk, and of the file that is its image.
    pub size: u64,
    pub length: u64,
    /// The commit that is deployed, and its ref.
    pub commit: String,
    pub reference: String,
}
