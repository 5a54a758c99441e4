//! What keeps a root from becoming a container image.

use crate::compose::WorkspaceError;
use crate::formats::tar::InvalidAttribute;
use crate::ids::{BlobId, EntryId, TreePath};
use crate::tree::Occupied;

/// Why a root can't be a container image.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    #[error(transparent)]
    Occupied(#[from] Occupied),
    #[error(transparent)]
    Attribute(#[from] InvalidAttribute),
    #[error("the compression {0:?} is none that layers come in")]
    Compression(String),
    #[error("compressing a layer")]
    Compress(#[source] std::io::Error),
    #[error(
        "{0} has a name that says in a layer that something is gone; leave out the package that owns it"
    )]
    Whiteout(TreePath),
    #[error("{path} (blob {blob}) is not as long as its tree says")]
    Size { path: TreePath, blob: BlobId },
    #[error("{path} of a layer has no time, or is none of its files")]
    Tree { path: TreePath },
    #[error(
        "a bootable image needs a kernel, and none is installed; install one, or leave out `bootable`"
    )]
    NoKernel,
    #[error(
        "containers are to be started as the {kind} {name:?}, and {file} of the root has none of that name: \
         install the package that makes it, or give a number"
    )]
    NoAccount {
        kind: &'static str,
        name: String,
        file: &'static str,
    },
    #[error("entry {entry} can't be the base of an image: {problem}")]
    Base { entry: EntryId, problem: String },
}
