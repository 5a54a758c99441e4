//! What a compose produced: a tree, and how it is to be read.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::error::{Error, Result};
use crate::ids::{EntryId, TreeId, TreePath, canonical};

/// An entry is an artifact by its content.
///
/// No name, date or path is part of it:
/// two steps that come to the same bytes come to the same entry.
/// Shape `entry` of store-schema/hashed.cddl.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub kind: String,
    pub root: TreeId,
    /// Paths that are one file; each group sorted, with two paths or more.
    pub links: BTreeSet<Vec<TreePath>>,
    /// Entries without which these bytes can't be read. What it was made from is not one.
    pub references: BTreeSet<EntryId>,
    /// Media parameters: a volume id, a format.
    pub media: BTreeMap<String, String>,
}

impl Entry {
    pub fn new(kind: &str, root: TreeId) -> Self {
        Entry {
            kind: kind.to_owned(),
            root,
            links: BTreeSet::new(),
            references: BTreeSet::new(),
            media: BTreeMap::new(),
        }
    }

    pub fn encode(&self) -> Vec<u8> {
        canonical::encode(self).expect("an entry is made of text, hashes and paths")
    }

    pub fn id(&self) -> EntryId {
        EntryId::of(&self.encode())
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, canonical::Error> {
        canonical::decode_exact(bytes)
    }

    /// A group of hard links is sorted and has two paths or more, so that a set of files has one encoding.
    pub(crate) fn check(&self) -> Result<()> {
        let good = |group: &Vec<TreePath>| {
            group.len() >= 2 && group.windows(2).all(|pair| pair[0] < pair[1])
        };
        if self.links.iter().all(good) {
            Ok(())
        } else {
            Err(Error::BadEntry {
                problem: "a group of hard links is not sorted, or has fewer than two paths",
            })
        }
    }
}
