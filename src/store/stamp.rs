//! Files of directory sources that need not be hashed again.

use super::Store;
use super::error::Result;
use crate::ids::EntryId;

/// What a file looks like from outside; if nothing of it changed, neither did the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stamp {
    pub dev: u64,
    pub ino: u64,
    pub size: u64,
    pub mtime_ns: i64,
    pub ctime_ns: i64,
}

/// A file written this shortly before it was hashed may change again within one tick of the file system's clock.
pub const RACY_NS: i64 = 2_000_000_000;

impl Stamp {
    /// Whether a change after `now_ns` could leave this stamp as it is.
    pub fn is_racy(&self, now_ns: i64) -> bool {
        let last = self.mtime_ns.max(self.ctime_ns);
        last > now_ns.saturating_sub(RACY_NS)
    }
}

impl Store {
    /// The entry that the file was hashed to, if it looks as it did then.
    pub fn stamp_get(&self, stamp: Stamp) -> Result<Option<EntryId>> {
        match self.index()? {
            Some(index) => index.stamp_get(&stamp),
            None => Ok(None),
        }
    }

    /// Remembers that the file was hashed to `entry`, beginning at `now_ns`; false if it is too fresh for that.
    pub fn stamp_put(&self, stamp: Stamp, entry: EntryId, now_ns: i64) -> Result<bool> {
        if stamp.is_racy(now_ns) {
            return Ok(false);
        }
        self.index_or_create()?.stamp_put(&stamp, entry)?;
        Ok(true)
    }
}
