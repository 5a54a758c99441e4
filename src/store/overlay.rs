//! What batches of this process have staged: readable here at once, elsewhere after their commit.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::RwLock;

use super::layout::Kind;
use crate::ids::Hash;

/// A staged object; `length` is what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Staged {
    pub path: PathBuf,
    pub length: u64,
    /// All that is below it is here too; only of entries is that ever in doubt.
    pub whole: bool,
}

impl Staged {
    pub fn new(path: PathBuf, length: u64) -> Self {
        let whole = false;
        Staged {
            path,
            length,
            whole,
        }
    }
}

/// Every staged object, with the batches that staged it.
#[derive(Default)]
pub(crate) struct Overlay {
    objects: RwLock<BTreeMap<(Kind, Hash), Vec<Staged>>>,
}

impl Overlay {
    pub fn add(&self, kind: Kind, id: Hash, staged: Staged) {
        let mut objects = self.objects.write().expect("no panic while held");
        objects.entry((kind, id)).or_default().push(staged);
    }

    /// Forgets one batch's copy; another's stays.
    pub fn remove(&self, kind: Kind, id: Hash, staged: &Staged) {
        let mut objects = self.objects.write().expect("no panic while held");
        if let Some(copies) = objects.get_mut(&(kind, id)) {
            copies.retain(|copy| copy != staged);
            if copies.is_empty() {
                objects.remove(&(kind, id));
            }
        }
    }

    pub fn get(&self, kind: Kind, id: Hash) -> Option<Staged> {
        let objects = self.objects.read().expect("no panic while held");
        objects.get(&(kind, id))?.first().cloned()
    }

    /// Whether some batch staged it with all that is below it; `None` if nobody staged it.
    pub fn is_whole(&self, kind: Kind, id: Hash) -> Option<bool> {
        let objects = self.objects.read().expect("no panic while held");
        let copies = objects.get(&(kind, id))?;
        Some(copies.iter().any(|copy| copy.whole))
    }
}
