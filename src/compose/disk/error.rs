//! What keeps a disk from being made.

use crate::compose::{WorkspaceError, loader, ostree};
use crate::formats::{ext4, fat};
use crate::tree::Occupied;

/// Why a tree can't be deployed on a disk.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    #[error(transparent)]
    Occupied(#[from] Occupied),
    #[error(transparent)]
    Ostree(#[from] ostree::Error),
    #[error(transparent)]
    Loader(#[from] loader::Error),
    #[error("the boot loaders for UEFI can't be put into a file system")]
    Efi(#[from] fat::Error),
    #[error("the file system {name} can't be made")]
    FileSystem {
        name: &'static str,
        source: ext4::Error,
    },
    #[error(
        "{name} needs {needed} bytes, and a disk of {size} leaves it {there}; write a larger `size` in the recipe"
    )]
    TooSmall {
        name: &'static str,
        size: u64,
        there: u64,
        needed: u64,
    },
    #[error(
        "the tree has no kernel, so nothing would boot: install a package with /usr/lib/modules/VERSION/vmlinuz in the payload"
    )]
    NoKernel,
    #[error("the payload has no commit {0}")]
    NoCommit(String),
    #[error("the payload's commit is not one")]
    Commit(#[source] crate::formats::ostree::object::Malformed),
    #[error("the payload's commit is of another tree than the root that it was made of")]
    OtherTree,
    #[error("GRUB for BIOS has {found} bytes, and its partition has {there}")]
    Core { found: usize, there: u64 },
}
