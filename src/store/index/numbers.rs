//! Rows of objects that were looked up once.

use super::objects::{Object, Type};
use crate::ids::{ById, Hash};

/// So many are remembered: those of an edition, not those of a store.
const MOST: usize = 1 << 18;

/// The number of an object's row; rows are never deleted, so it stays true as long as the index is open.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    known: ById<(Type, Hash), i64>,
    /// Seen by a transaction that has not ended: one that fails takes its rows back.
    seen: Vec<(Type, Hash)>,
}

impl Numbers {
    pub fn get(&self, of: Type, hash: Hash) -> Option<i64> {
        self.known.get(&(of, hash)).copied()
    }

    /// Only what is committed.
    pub fn note(&mut self, object: &Object) {
        self.keep((object.of, object.hash), object.row);
    }

    /// What a transaction sees, or makes.
    pub fn see(&mut self, of: Type, hash: Hash, row: i64) {
        // Known at once: the next step has the same packages.
        if self.keep((of, hash), row) {
            self.seen.push((of, hash));
        }
    }

    /// Tells how the transaction ended.
    pub fn end(&mut self, committed: bool) {
        for object in self.seen.drain(..) {
            if !committed {
                self.known.remove(&object);
            }
        }
    }

    /// Takes over what others noted.
    pub fn join(&mut self, others: Numbers) {
        for (object, row) in others.known {
            self.keep(object, row);
        }
    }

    /// Whether it is new.
    fn keep(&mut self, object: (Type, Hash), row: i64) -> bool {
        self.known.len() < MOST && self.known.insert(object, row).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_a_failed_transaction_saw_are_forgotten_and_others_stay() {
        let [known, seen, noted] = [b"a", b"b", b"c"].map(|name| Hash::derived("test", name));
        let mut numbers = Numbers::default();
        numbers.see(Type::Blob, known, 1);
        numbers.end(true);
        numbers.see(Type::Blob, known, 1);
        numbers.see(Type::Blob, seen, 2);
        assert_eq!(numbers.get(Type::Blob, seen), Some(2));
        numbers.end(false);
        let mut others = Numbers::default();
        others.see(Type::Tree, noted, 3);
        numbers.join(others);
        assert_eq!(numbers.get(Type::Blob, known), Some(1));
        assert_eq!(numbers.get(Type::Blob, seen), None);
        assert_eq!(numbers.get(Type::Tree, noted), Some(3));
        assert_eq!(numbers.get(Type::Blob, noted), None);
    }
}
