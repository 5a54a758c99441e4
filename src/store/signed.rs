//! Packages whose signatures need not be checked again.

use super::Store;
use super::error::Result;
use crate::ids::{EntryId, Hash};

impl Store {
    /// Whether a package was found to be signed by one of these keys; an entry's bytes never change, so neither does that.
    pub fn signed_get(&self, rpm: EntryId, keys: Hash) -> Result<bool> {
        match self.index()? {
            Some(index) => index.signed_get(rpm, keys),
            None => Ok(false),
        }
    }

    /// Remembers that packages are signed by one of these keys.
    pub fn signed_put(&self, rpms: &[EntryId], keys: Hash) -> Result<()> {
        match rpms {
            [] => Ok(()),
            _ => self.index_or_create()?.signed_put(rpms, keys),
        }
    }
}
