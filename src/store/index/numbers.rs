//! Rows of objects that were looked up once.

use std::collections::HashMap;

use super::objects::{Object, Type};
use crate::ids::Hash;

/// So many are remembered: those of an edition, not those of a store.
const MOST: usize = 1 << 18;

/// The number of an object's row; rows are never deleted, so it stays true as long as the index is open.
#[derive(Debug, Default)]
pub(super) struct Numbers(HashMap<(Type, Hash), i64>);

impl Numbers {
    pub fn get(&self, of: Type, hash: Hash) -> Option<i64> {
        self.0.get(&(of, hash)).copied()
    }

    /// Only what is committed: a transaction that fails takes its rows back.
    pub fn note(&mut self, object: &Object) {
        if self.0.len() < MOST {
            self.0.insert((object.of, object.hash), object.row);
        }
    }
}
