//! Space put by, so that a collector can work on a full disk.
//!
//! Deleting has to be written down before it is done, and that takes a little room.

use std::fs::{self, File};
use std::io;

use rustix::fs::{FallocateFlags, fallocate, statvfs};

use super::layout::Layout;

/// Enough to condemn some ten thousand blobs.
const BYTES: u64 = 2 << 20;

/// With less than this left the reserve is given up.
const TIGHT: u64 = 8 << 20;

/// What SQLite needs before it answers anything: its shared memory, and the beginning of its journal.
const OPENING: u64 = 256 << 10;

/// Lends what it takes to open the index on a full disk; `false` where there is room, or nothing left to lend.
pub(super) fn lend(layout: &Layout) -> bool {
    let lend = || -> io::Result<bool> {
        let free = statvfs(layout.root())?;
        if free.f_bavail.saturating_mul(free.f_frsize) >= OPENING {
            return Ok(false);
        }
        let file = File::options().write(true).open(layout.reserve())?;
        let rest = file.metadata()?.len().checked_sub(OPENING);
        rest.map_or(Ok(false), |rest| file.set_len(rest).map(|()| true))
    };
    lend().unwrap_or(false)
}

/// Gives the space up if the disk is nearly full. Where even this fails, the collector says what is wrong.
pub(super) fn release_if_tight(layout: &Layout) {
    let free = statvfs(layout.root()).map(|s| s.f_bavail.saturating_mul(s.f_frsize));
    if free.is_ok_and(|free| free < TIGHT) {
        let _ = fs::remove_file(layout.reserve());
    }
}

/// Puts the space by again, if there is some; a store works without.
pub(super) fn fill(layout: &Layout) {
    let make = || -> io::Result<()> {
        let mut options = File::options();
        let file = options.write(true).create(true).truncate(false);
        let file = file.open(layout.reserve())?;
        let there = file.metadata()?.len();
        // Some of it may have been lent.
        if there < BYTES
            && let Err(error) = fallocate(&file, FallocateFlags::empty(), 0, BYTES)
        {
            file.set_len(there)?;
            return Err(error.into());
        }
        Ok(())
    };
    let _with_less_a_store_works_too = make();
}
