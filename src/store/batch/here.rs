//! What of a batch is here already, in itself or in the store, and all that is below an entry.

use std::collections::BTreeSet;
use std::sync::Arc;

use rayon::prelude::*;

use super::Batch;
use crate::ids::{BlobId, EntryId, Hash, TreeId};
use crate::store::entry::Entry;
use crate::store::error::{Error, Result};
use crate::store::index::{Below, Object, State, Type};
use crate::store::layout::Kind;
use crate::tree::{Content, Directory, Leaf, Node};

/// Directories nested deeper are refused: nothing real is, and reading them would need too much.
const DEEPEST: usize = 512;

/// What is expected of blobs that are asked for: a wrong guess costs time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Likely {
    New,
    Here,
}

impl Batch {
    /// Whether all these blobs are here; they are held for as long as the batch's lease lives.
    pub fn hold_blobs(&self, blobs: &[BlobId]) -> Result<bool> {
        Ok(self.absent_blobs(blobs)?.is_empty())
    }

    /// Those of some blobs that are not here; the others are held as long.
    pub fn absent_blobs(&self, blobs: &[BlobId]) -> Result<BTreeSet<BlobId>> {
        let found = self.missing_blobs(blobs.iter().copied(), Likely::Here)?;
        let absent = found.into_iter().filter(|(_, length)| length.is_none());
        Ok(absent.map(|(blob, _)| blob).collect())
    }

    pub(super) fn has_blob(&self, id: BlobId) -> Result<bool> {
        let missing = self.missing_blobs([id].into_iter(), Likely::New)?;
        Ok(missing.iter().all(|(_, length)| length.is_some()))
    }

    /// The length of each blob, of those here and those that are not; blobs in the store are held from now on.
    pub(super) fn missing_blobs(
        &self,
        blobs: impl Iterator<Item = BlobId>,
        likely: Likely,
    ) -> Result<Vec<(BlobId, Option<u64>)>> {
        let (mut lengths, mut others) = (Vec::new(), Vec::new());
        {
            let content = self.content();
            let held = self.held.lock().expect("no panic while held");
            for id in blobs {
                let staged = || {
                    let object = |kind| content.objects.get(&(kind, id.0));
                    let staged = object(Kind::Blob).or_else(|| object(Kind::Assembly))?;
                    Some(staged.staged.length)
                };
                match held.get(&id).copied().or_else(staged) {
                    Some(length) => lengths.push((id, Some(length))),
                    None => others.push(id),
                }
            }
        }
        if likely == Likely::New {
            // A glance first; what it finds is held before it is relied on.
            let hashes: Vec<Hash> = others.iter().map(|id| id.0).collect();
            let seen = self
                .store
                .index_or_create()?
                .objects_of(Type::Blob, &hashes)?;
            let here = |o: &Option<Object>| {
                o.is_some_and(|o| matches!(o.state, State::Live | State::Condemned))
            };
            let (there, absent): (Vec<_>, Vec<_>) =
                others.into_iter().zip(seen).partition(|(_, o)| here(o));
            lengths.extend(absent.into_iter().map(|(id, _)| (id, None)));
            others = there.into_iter().map(|(id, _)| id).collect();
        }
        if !others.is_empty() {
            let found = self.lease.hold_blobs(&others)?;
            let mut held = self.held.lock().expect("no panic while held");
            for (id, length) in others.into_iter().zip(found) {
                held.extend(length.map(|length| (id, length)));
                lengths.push((id, length));
            }
        }
        Ok(lengths)
    }

    /// Whether a tree or entry is here; those are never collected.
    pub(super) fn has_record(&self, kind: Kind, of: Type, id: Hash) -> Result<bool> {
        if self.content().objects.contains_key(&(kind, id)) {
            return Ok(true);
        }
        let object = self.store.index_or_create()?.object(of, id)?;
        Ok(object.is_some_and(|o| o.state == State::Live))
    }

    /// One of some directories that is not here, if there is one.
    fn absent_tree(&self, trees: &[TreeId]) -> Result<Option<TreeId>> {
        let placed: Vec<TreeId> = {
            let staged = self.content();
            let trees = trees.iter().copied();
            let placed = trees.filter(|t| !staged.objects.contains_key(&(Kind::Tree, t.0)));
            placed.collect()
        };
        let hashes: Vec<Hash> = placed.iter().map(|tree| tree.0).collect();
        let index = self.store.index_or_create()?;
        let found = index.objects_of(Type::Tree, &hashes)?;
        let mut each = placed.into_iter().zip(found);
        let absent = each.find(|(_, o)| !o.is_some_and(|o| o.state == State::Live));
        Ok(absent.map(|(tree, _)| tree))
    }

    /// Walks the tree of an entry, and makes sure of all that is below, or of its directories only.
    pub(super) fn below(&self, entry: EntryId, of: &Entry, whole: bool) -> Result<Below> {
        let mut below = Below {
            references: of.references.clone(),
            ..Below::default()
        };
        let incomplete = |kind, id| Error::Incomplete { entry, kind, id };
        let mut wave = vec![of.root];
        for depth in 0.. {
            wave.retain(|tree| below.trees.insert(*tree));
            if wave.is_empty() {
                break;
            }
            if depth > DEEPEST {
                return Err(Error::BadEntry {
                    problem: "its directories are nested too deep",
                });
            }
            if let Some(tree) = self.absent_tree(&wave)? {
                return Err(incomplete(Kind::Tree, tree.0));
            }
            let directories: Vec<Arc<Directory>> = match wave[..] {
                // That of a package: not worth a word with other threads.
                [tree] => vec![self.read_directory(tree)?],
                _ => {
                    let directories = wave.par_iter().map(|tree| self.read_directory(*tree));
                    directories.collect::<Result<_>>()?
                }
            };
            wave.clear();
            for node in directories.iter().flat_map(|d| d.entries.values()) {
                match *node {
                    Node::Directory(tree) => wave.push(tree),
                    Node::Leaf(Leaf {
                        content: Content::File { size, blob },
                        ..
                    }) => match below.blobs.insert(blob, size) {
                        Some(other) if other != size => {
                            return Err(Error::WrongSize {
                                id: blob.0,
                                said: size,
                                has: other,
                            });
                        }
                        _ => {}
                    },
                    Node::Leaf(_) => {}
                }
            }
        }
        if !whole {
            return Ok(below);
        }
        for (blob, length) in self.missing_blobs(below.blobs.keys().copied(), Likely::Here)? {
            let said = below.blobs[&blob];
            match length {
                None => return Err(incomplete(Kind::Blob, blob.0)),
                Some(has) if has != said => {
                    let id = blob.0;
                    return Err(Error::WrongSize { id, said, has });
                }
                Some(_) => {}
            }
        }
        Ok(below)
    }
}
