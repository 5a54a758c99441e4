//! The parameters of each kind of step: what, besides its inputs, can change the bytes of its output.
//!
//! Those of `package` are a [`Spec`](crate::formats::rpm::Spec).
//! Each struct is hashed as it stands here; a field added later must be left out of the encoding at its default,
//! or the composer's version raised.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::ids::{BlobId, Digest, Name, TreeId, TreePath, VariantId};
use crate::recipe;

/// `fetch`: an RPM file from wherever its source has it, known by what it must be.
///
/// The place is no parameter: another mirror changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fetch {
    pub digest: Digest,
    /// Bytes of the file.
    pub size: u64,
}

/// `metadata`: the documents of a yum repository that its lock names, as one tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// By location, relative to the repository: `repodata/repomd.xml` and what it lists.
    pub files: BTreeMap<String, Digest>,
}

/// `import`: checks an RPM file (role `rpm`) and records what it says. Output `content`, facts a `Record`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// `rpm::record::VERSION`.
    pub record: u32,
}

/// `unpack`: a package's content (role `content`) becomes a tree `{header, files/}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unpack {}

/// `index`: the elements of packages (role `rpm`) in each index of a repository; a part of `module` and `repository`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// `rpm::record::VERSION`.
    pub record: u32,
    /// Where the packages lie.
    pub directory: String,
}

/// `module`: packages (role `rpm`) with modulemd and repodata.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Module {
    /// `rpm::record::VERSION`.
    pub record: u32,
    /// The modulemd document, complete but for its artifacts, which the composer fills in from the records.
    pub module: crate::formats::modulemd::Module,
}

/// `repository`: modules (role `module/NAME`, add-ons `addon/NAME`) and all their packages (role `rpm`) as an edition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repository {
    pub record: u32,
    /// The comps document that becomes `group` metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comps: Option<BlobId>,
    /// What `.treeinfo` calls it.
    pub name: Name,
    pub variant: VariantId,
    pub release: Release,
}

/// What trees and composes say of the release that they are of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    pub name: String,
    pub short: String,
    pub version: String,
    pub arch: String,
    /// Seconds since 1970.
    pub epoch: i64,
}

impl From<&recipe::Release> for Release {
    fn from(release: &recipe::Release) -> Self {
        Release {
            name: release.name.clone(),
            short: release.short.clone(),
            version: release.version.clone(),
            arch: release.arch.clone(),
            epoch: release.epoch,
        }
    }
}

/// `root`: an installed root of unpacked packages (role `package`), with an rpmdb;
/// accounts that were created in the root of an image's base (role `base`) keep their numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Root {
    pub arch: String,
    /// Seconds since 1970: the install time in the rpmdb, and the latest time that a file may carry.
    pub epoch: i64,
}

/// `objects`: file objects of an archive repository; a part of `ostree`, without inputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objects {
    pub sources: Vec<ObjectSource>,
}

/// What one file object is made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectSource {
    pub uid: u32,
    pub gid: u32,
    /// With the type of the file.
    pub mode: u32,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub target: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub xattrs: Vec<(ByteBuf, ByteBuf)>,
    /// Blob and size, of a regular file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<(BlobId, u64)>,
}

/// `ostree`: an installed root (role `root`) as one commit in an archive repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ostree {
    /// The ref that names the commit.
    pub reference: String,
    /// The release's version, as commit metadata.
    pub version: String,
    /// Seconds since 1970: the time of the commit.
    pub epoch: i64,
    /// Further commit metadata, text only.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

/// `layer`: a tree as a compressed archive; a part of `image`, without inputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// Everything in it has a time.
    pub tree: TreeId,
    /// Paths that are one file; groups sorted, paths in a group sorted.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub links: BTreeSet<Vec<TreePath>>,
    /// `gzip` or `zstd`.
    pub compression: String,
}

/// `image`: an installed root (role `root`) as an OCI image, alone,
/// or on top of another image (role `base`, its root as `base-root`).
/// Where there is more than one layer, the packages (role `package`) say who owns what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// As rpm calls it.
    pub arch: String,
    /// The release's version, as a label.
    pub version: String,
    /// Seconds since 1970: the time of the image, and of what in it has none of its own.
    pub epoch: i64,
    /// How many there may be, those of the base not counted.
    pub layers: u32,
    /// `gzip` or `zstd`.
    pub compression: String,
    /// Whether the root is arranged as a host that boots.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bootable: bool,
    pub config: ImageConfig,
    /// Of the manifest.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// How a container is started. What is not said here, the base decides.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageConfig {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cmd: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub ports: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub volumes: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<String>,
}

/// `compose`: artifacts (role `VARIANT/KIND/NAME`) and the packages of editions (role `rpm`) as a release directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compose {
    /// `rpm::record::VERSION`.
    pub record: u32,
    pub release: Release,
    /// `YYYYMMDD`.
    pub date: String,
    /// `production`, `nightly`, `test`, `ci` or `development`.
    pub purpose: String,
    pub respin: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// `command`: a contained command in a root (role `root`), with inputs (role `input/NAME`); what it writes is the tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// The program and its arguments.
    pub run: Vec<String>,
    /// The architecture of the machine that it runs on.
    pub host: String,
    /// Seconds since 1970, for those who ask for them instead of the time.
    pub epoch: i64,
    pub seconds: u64,
    pub mebibytes: u64,
    pub processes: u64,
}

/// `squashfs`: an installed root (role `root`) as one SquashFS image, which says what it is the installer of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Squashfs {
    /// `gzip`, `xz` or `zstd`.
    pub compression: String,
    /// Seconds since 1970: of the image, and of files that have no time of their own.
    pub epoch: i64,
    /// Of the release: its name, version and architecture, for `.buildstamp`.
    pub product: String,
    pub version: String,
    pub arch: String,
}

/// `installer`: a disc that boots a SquashFS image (role `stage2`) of a root (role `root`), whose kernel and boot loaders it has;
/// it holds an edition (role `repository`) and a tree or container image (role `payload`), if there are any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Installer {
    /// What the image is called: `NAME.iso`.
    pub file: String,
    /// The label of the disc.
    pub volume: String,
    /// Of the release: its names, version and architecture.
    pub product: String,
    pub short: String,
    pub version: String,
    pub arch: String,
    /// Seconds since 1970: the time of everything that has none of its own.
    pub epoch: i64,
    /// Of the kernel, beside those that find stage 2 and the kickstart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
    /// Seconds that the boot menu waits.
    pub timeout: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kickstart: Option<BlobId>,
    /// The name of the edition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edition: Option<Name>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Payload>,
}

/// `disk`: a disk with a tree deployed on it: its commit (role `payload`), and the root that it is made of (role `root`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disk {
    /// What the image is called: `NAME.raw`.
    pub file: String,
    /// `raw` or `qcow2`.
    pub format: String,
    /// Bytes of the disk.
    pub size: u64,
    /// The release's name and architecture.
    pub product: String,
    pub arch: String,
    /// Seconds since 1970: the time of everything that has none of its own.
    pub epoch: i64,
    /// What the identifiers of partitions and file systems are made of.
    pub seed: String,
    /// Of the kernel, beside those that find the tree.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
    /// Seconds that the boot menu waits.
    pub timeout: u32,
    /// The directory that the deployments of the tree share their state in.
    pub stateroot: String,
    pub payload: Payload,
}

/// How a payload is deployed, and where its updates come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payload {
    /// The ref of a tree; a container image has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// What the repository of updates, and the system, are called on the machine.
    pub remote: String,
    /// Where updates come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updates: Option<String>,
    /// A path on the machine: the key that checks them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}
