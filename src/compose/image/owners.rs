//! Which package a path of an image is of.

use std::collections::BTreeMap;

use crate::compose::root::{Owned, Owner};
use crate::ids::{BlobId, TreePath};
use crate::tree::{Builder, Child, Content, Leaf};

/// The owners of a root, asked for paths of the image that it became.
pub struct Owners<'a> {
    owned: Owned,
    origins: &'a BTreeMap<BlobId, TreePath>,
}

impl<'a> Owners<'a> {
    /// `origins` says where files lay that lie elsewhere now.
    pub fn new(owned: Owned, origins: &'a BTreeMap<BlobId, TreePath>) -> Self {
        Owners { owned, origins }
    }

    /// `None` for what was composed.
    pub fn of(&self, tree: &Builder, path: &TreePath) -> Option<&Owner> {
        let direct = self.owned.paths.get(path);
        let moved = || {
            let (blob, _) = file(tree.get(path))?;
            self.owned.paths.get(self.origins.get(&blob)?)
        };
        let owner = direct.or_else(moved)?;
        Some(&self.owned.packages[*owner])
    }
}

/// Blob and size of a regular file.
pub fn file(child: Option<&Child>) -> Option<(BlobId, u64)> {
    match child {
        Some(Child::Leaf(Leaf {
            content: Content::File { size, blob },
            ..
        })) => Some((*blob, *size)),
        _ => None,
    }
}
