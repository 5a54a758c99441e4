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
        let file = File::create_new(layout.reserve())?;
        fallocate(&file, FallocateFlags::empty(), 0, BYTES)?;
        Ok(())
    };
    match make() {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
            let _ = fs::remove_file(layout.reserve());
        }
        _ => {}
    }
}
