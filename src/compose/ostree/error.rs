//! What keeps a root from becoming an OSTree commit.

use crate::compose::WorkspaceError;
use crate::formats::ostree::repository::InvalidRef;
use crate::ids::BlobId;
use crate::ids::TreePath;
use crate::tree::Occupied;

/// Why a root can't be an OSTree commit.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    #[error("the ref of the commit is not one")]
    Ref(#[from] InvalidRef),
    #[error(
        "the commit's time {0} lies before 1970, which OSTree can't say; set a later epoch in the release"
    )]
    Epoch(i64),
    #[error("the commit's {what} holds a NUL, which no text in OSTree can; leave it out")]
    Nul { what: String },
    #[error("commit metadata sets {0:?}, which the composer sets itself; leave it out")]
    Metadata(String),
    #[error(
        "{path} has a name that is not UTF-8, which OSTree can't hold; leave out the package that owns it"
    )]
    Name { path: String },
    #[error(
        "{path} points to a place that is not UTF-8 or has a NUL, which OSTree can't hold; leave out the package that owns it"
    )]
    Target { path: String },
    #[error("a file (blob {blob}) has {found} bytes where its tree says {expected}")]
    Size {
        blob: BlobId,
        expected: u64,
        found: u64,
    },
    #[error(
        "the root has two kernels, {first} and {second}; a tree boots one: install only one kernel package"
    )]
    TwoKernels { first: String, second: String },
    #[error(
        "kernel {version} has different files at {boot} and {modules}; leave out the package that owns one of them"
    )]
    KernelDiffers {
        version: String,
        boot: TreePath,
        modules: TreePath,
    },
    #[error("{0} is not a directory, but an operating system needs it as one")]
    NotADirectory(TreePath),
    #[error(
        "the root has files in both /etc and /usr/etc, {path} for one; OSTree makes /etc from /usr/etc, \
         so there can be only one of them: leave out the packages that use /usr/etc"
    )]
    TwoEtc { path: TreePath },
    #[error(
        "{path} becomes {other} in a deployed tree, but something else is there; leave out the package that owns one of them"
    )]
    Clash { path: TreePath, other: TreePath },
    #[error(transparent)]
    Occupied(#[from] Occupied),
}
