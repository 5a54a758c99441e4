//! Why a step could not be composed.

use super::WorkspaceError;
use crate::ids::{EntryId, TreePath, canonical};

/// Why a step could not be composed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    #[error("the parameters of a {kind} step are not what its composer expects")]
    Parameters {
        kind: &'static str,
        source: canonical::Error,
    },
    #[error("a {kind} step needs exactly one input as {role}, not {count}")]
    Inputs {
        kind: &'static str,
        role: &'static str,
        count: usize,
    },
    #[error("the facts of a {kind} step have no canonical form")]
    Facts {
        kind: &'static str,
        source: canonical::Error,
    },
    #[error("what is remembered of a {kind} step is not what its composer gives")]
    Part { kind: &'static str },
    #[error("the file of {package} was read twice, and was not the same")]
    Changed { package: String },
    #[error("the indexes of packages can't be joined")]
    Join(#[source] std::io::Error),
    #[error(
        "the step asks for package records of version {asked}, and this program writes version {known}"
    )]
    RecordVersion { asked: u32, known: u32 },
    #[error("the entry that a {kind} step got as {role} has no file {file}")]
    InputFile {
        kind: &'static str,
        role: &'static str,
        file: &'static str,
    },
    #[error(transparent)]
    Rpm(#[from] crate::formats::rpm::Error),
    #[error(transparent)]
    Occupied(#[from] crate::tree::Occupied),
    #[error(transparent)]
    Path(#[from] crate::ids::path::InvalidPath),
    #[error(transparent)]
    Name(#[from] crate::ids::name::InvalidName),
    #[error("entry {entry} of a {kind} step's inputs has nothing at {path}")]
    InputPath {
        kind: &'static str,
        entry: EntryId,
        path: TreePath,
    },
    #[error(
        "{} ({}) and {} ({}) differ, but both would be Packages/{file}; an artifact can hold one of them",
        packages[0].0, packages[0].1, packages[1].0, packages[1].1
    )]
    SameFile {
        file: String,
        packages: Box<[(String, EntryId); 2]>,
    },
    #[error("module {module} has no {field}, which its metadata in a repository must have")]
    IncompleteModule { module: String, field: &'static str },
    #[error(
        "{package} is of the module {label}, whose modulemd is not in this {place}: clients would refuse the package"
    )]
    ModularWithoutModulemd {
        package: String,
        label: String,
        place: String,
    },
    #[error("an edition can't hold two streams of a module: {} and {}", streams[0], streams[1])]
    TwoStreams { streams: [String; 2] },
    #[error("module {module} holds {file}, which is not among the packages of the step")]
    MissingPackage { module: String, file: String },
    #[error("the metadata of module {module} can't be read")]
    Metadata {
        module: String,
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error(transparent)]
    Comps(#[from] crate::formats::comps::Error),
    #[error(transparent)]
    Variant(#[from] crate::ids::variant::InvalidVariant),
    #[error("{purpose:?} is not what a compose is for")]
    Purpose { purpose: String },
    #[error("{path} of an OCI layout has a longer name or more bytes than an archive can say")]
    Unarchivable { path: TreePath },
    #[error(
        "artifact {name} gives two images of one kind, {} and {}, and a compose can't tell them apart: \
         let an artifact give one", images[0], images[1]
    )]
    SameImage { name: String, images: [String; 2] },
    #[error(
        "artifact {name} gives no image that a compose could hold: no file at its top ends in iso, qcow2, raw, \
         ociarchive or the like"
    )]
    NoImage { name: String },
    #[error("the tree has no {path}, so it can't be described as a repository")]
    NoRepomd { path: TreePath },
    #[error(transparent)]
    Productmd(#[from] crate::formats::productmd::Error),
    #[error(transparent)]
    Command(#[from] super::command::Error),
    #[error(transparent)]
    Root(#[from] super::root::Error),
    #[error(transparent)]
    Image(#[from] super::image::Error),
    #[error(transparent)]
    Installer(#[from] super::installer::Error),
    #[error(transparent)]
    Disk(#[from] super::disk::Error),
    #[error(transparent)]
    Ostree(#[from] super::ostree::Error),
}
