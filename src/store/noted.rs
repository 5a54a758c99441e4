//! What was noted beside the keys of steps: a few bytes, where reading the whole record would cost too much.
//!
//! Caches, and nothing but that: whoever writes one can say all of it again from the trace.

use super::Store;
use super::error::Result;
use crate::ids::DerivationKey;

/// What a note says; those of one sort are a table of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// What a step gave, in short.
    Brief,
    /// What the indexes of repositories say of a package.
    Element,
}

impl Store {
    /// What was noted beside each of some keys, in their order.
    pub fn notes_get(&self, what: Noted, keys: &[DerivationKey]) -> Result<Vec<Option<Vec<u8>>>> {
        match self.index()? {
            Some(index) => index.notes_get(what, keys),
            None => Ok(vec![None; keys.len()]),
        }
    }

    pub fn notes_put(&self, what: Noted, notes: &[(DerivationKey, Vec<u8>)]) -> Result<()> {
        match notes.is_empty() {
            true => Ok(()),
            false => self.index_or_create()?.notes_put(what, notes),
        }
    }
}
