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
    /// The entry that each file was hashed to, if it looks as it did then; in their order.
    pub fn stamps_get(&self, stamps: &[Stamp]) -> Result<Vec<Option<EntryId>>> {
        match self.index()? {
            Some(index) => index.stamps_get(stamps),
            None => Ok(vec![None; stamps.len()]),
        }
    }

    /// Remembers what files were hashed to, beginning at `now_ns`, but for those that are too fresh for that.
    pub fn stamps_put(&self, stamps: &[(Stamp, EntryId)], now_ns: i64) -> Result<()> {
        let settled = stamps.iter().filter(|(stamp, _)| !stamp.is_racy(now_ns));
        let settled: Vec<(Stamp, EntryId)> = settled.copied().collect();
        match settled.is_empty() {
            true => Ok(()),
            false => self.index_or_create()?.stamps_put(&settled),
        }
    }
}
