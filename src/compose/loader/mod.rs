//! Boot loaders, as the packages of a root have them.

pub mod efi;
pub mod grub;

use super::WorkspaceError;
use crate::formats;
use crate::ids::TreePath;
use crate::tree::{Builder, Child, Content, Leaf};

/// Why a root's boot loader can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    #[error("the boot loader for BIOS can't be linked")]
    Grub(#[from] formats::grub::Error),
}

/// A regular file of a root that has bytes.
pub fn file<'a>(root: &'a Builder, at: &str) -> Option<&'a Leaf> {
    match root.get(&TreePath::parse(at).ok()?) {
        Some(Child::Leaf(leaf)) if matches!(leaf.content, Content::File { size, .. } if size > 0) => {
            Some(leaf)
        }
        _ => None,
    }
}
