//! What steps gave, in short: a few bytes beside a key, where reading the whole record would cost too much.
//!
//! A cache, and nothing but that: whoever writes one can say all of it again from the trace.

use super::Store;
use super::error::Result;
use crate::ids::DerivationKey;

impl Store {
    /// What was noted of each of some keys, in their order.
    pub fn briefs_get(&self, keys: &[DerivationKey]) -> Result<Vec<Option<Vec<u8>>>> {
        match self.index()? {
            Some(index) => index.briefs_get(keys),
            None => Ok(vec![None; keys.len()]),
        }
    }

    pub fn briefs_put(&self, briefs: &[(DerivationKey, Vec<u8>)]) -> Result<()> {
        match briefs.is_empty() {
            true => Ok(()),
            false => self.index_or_create()?.briefs_put(briefs),
        }
    }

    /// What was kept ready of each of some keys for the indexes of repositories, in their order.
    pub fn elements_get(&self, keys: &[DerivationKey]) -> Result<Vec<Option<Vec<u8>>>> {
        match self.index()? {
            Some(index) => index.elements_get(keys),
            None => Ok(vec![None; keys.len()]),
        }
    }

    pub fn elements_put(&self, elements: &[(DerivationKey, Vec<u8>)]) -> Result<()> {
        match elements.is_empty() {
            true => Ok(()),
            false => self.index_or_create()?.elements_put(elements),
        }
    }
}
