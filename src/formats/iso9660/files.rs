//! Where the bytes of files lie: each blob once, in the order of the paths that name it.

use std::collections::BTreeMap;

use super::record::MOST;
use super::{Boot, Error, blocks};
use crate::ids::{BlobId, TreePath};
use crate::tree::{Builder, Child, Content, Leaf};

/// What occupies an extent of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Held {
    Blob(BlobId),
    /// The image that a BIOS loads: some of its bytes say where it lies, so it is nobody else's.
    Bios(BlobId),
}

/// Extents in the order in which they lie.
#[derive(Debug, Default)]
pub struct Files {
    pub order: Vec<(Held, u64)>,
    /// The first block of each; zero until they are placed.
    pub block: BTreeMap<Held, u64>,
}

impl Files {
    pub fn of(tree: &Builder, boot: &Boot) -> Result<Self, Error> {
        let mut files = Files::default();
        let mut last = None;
        for (path, child) in tree.paths() {
            let leaf = match child {
                Child::Directory(_) => continue,
                Child::Finished(_) => return Err(Error::NotOpened(path)),
                Child::Leaf(leaf) => leaf,
            };
            let Some((held, size)) = held(&path, leaf, boot) else {
                continue;
            };
            if boot.efi.as_ref() == Some(&path) {
                last = Some((held, size));
            } else if files.block.insert(held, 0).is_none() {
                files.order.push((held, size));
            }
        }
        // The partition of the EFI image is to have nothing of the others behind it.
        if let Some((held, size)) = last {
            files.order.retain(|(other, _)| *other != held);
            files.block.insert(held, 0);
            files.order.push((held, size));
        }
        Ok(files)
    }

    /// The block of the image that a BIOS loads, where there is one.
    pub fn bios(&self) -> u64 {
        let mut places = self.block.iter();
        let found = places.find(|(held, _)| matches!(held, Held::Bios(_)));
        found.map_or(0, |(_, block)| *block)
    }

    /// Gives every extent its place from a block on; returns the block behind all of them.
    pub fn place(&mut self, first: u64) -> u64 {
        let mut next = first;
        for (held, size) in &self.order {
            self.block.insert(*held, next);
            next = next.saturating_add(blocks(*size));
        }
        next
    }
}

/// What a leaf's bytes are; `None` where it has none.
pub fn held(path: &TreePath, leaf: &Leaf, boot: &Boot) -> Option<(Held, u64)> {
    match &leaf.content {
        Content::File { size, .. } if *size == 0 => None,
        Content::File { size, blob }
            if boot.bios.as_ref().is_some_and(|bios| bios.path == *path) =>
        {
            Some((Held::Bios(*blob), *size))
        }
        Content::File { size, blob } => Some((Held::Blob(*blob), *size)),
        _ => None,
    }
}

/// The stretches of a file that one record can say: distance in blocks, and bytes.
pub fn extents(size: u64) -> impl Iterator<Item = (u64, u64, bool)> {
    let count = size.div_ceil(MOST).max(1);
    (0..count).map(move |number| {
        let start = number * MOST;
        (blocks(start), (size - start).min(MOST), number + 1 < count)
    })
}
