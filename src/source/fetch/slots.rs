//! How many requests one host gets at a time.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};

/// Places in front of each host.
#[derive(Debug)]
pub struct Slots {
    most: usize,
    taken: Mutex<BTreeMap<String, usize>>,
    left: Condvar,
}

/// A place that is held; given back when dropped.
pub struct Slot<'s> {
    slots: &'s Slots,
    host: String,
}

impl Slots {
    pub fn new(most: usize) -> Self {
        Slots {
            most: most.max(1),
            taken: Mutex::default(),
            left: Condvar::new(),
        }
    }

    /// Waits until the host has a place.
    pub fn take(&self, host: &str) -> Slot<'_> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        while taken.get(host).is_some_and(|taken| *taken >= self.most) {
            taken = self
                .left
                .wait(taken)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *taken.entry(host.to_owned()).or_default() += 1;
        Slot {
            slots: self,
            host: host.to_owned(),
        }
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        let taken = self.slots.taken.lock();
        let mut taken = taken.unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = taken.get_mut(&self.host) {
            *taken -= 1;
        }
        self.slots.left.notify_all();
    }
}
