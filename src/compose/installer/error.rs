//! What keeps an installer from being made.

use crate::compose::{WorkspaceError, loader};
use crate::formats::{fat, iso9660, squashfs};
use crate::tree::Occupied;

/// Why a root can't become an installer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    #[error(transparent)]
    Occupied(#[from] Occupied),
    #[error("the disc can't be written")]
    Disc(#[from] iso9660::Error),
    #[error("the installer's root can't be written")]
    Squashfs(#[from] squashfs::Error),
    #[error(transparent)]
    Loader(#[from] loader::Error),
    #[error("the boot loaders for UEFI can't be put into a file system")]
    Loaders(#[from] fat::Error),
    #[error("{0:?} is no compression of SquashFS that is known here")]
    Compression(String),
    #[error(
        "the root has two kernels, {first} and {second}; an installer boots one: install only one kernel package"
    )]
    TwoKernels { first: String, second: String },
    #[error("the kickstart is not UTF-8 text")]
    Kickstart,
}
