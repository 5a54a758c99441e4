//! What is known of groups of files in a directory source: bytes of the caller's, by keys of the caller's.
//!
//! A cache of stamps and briefs, many in one row. `verify` drops all of it where it drops a brief.

use super::Store;
use super::error::Result;
use crate::ids::Hash;

impl Store {
    /// Every card of a directory, with its key.
    pub fn cards_get(&self, directory: Hash) -> Result<Vec<(Hash, Vec<u8>)>> {
        match self.index()? {
            Some(index) => index.cards_get(directory),
            None => Ok(Vec::new()),
        }
    }

    /// Drops some cards of a directory, and keeps others.
    pub fn cards_put(&self, directory: Hash, gone: &[Hash], new: &[(Hash, Vec<u8>)]) -> Result<()> {
        match gone.is_empty() && new.is_empty() {
            true => Ok(()),
            false => self.index_or_create()?.cards_put(directory, gone, new),
        }
    }
}
