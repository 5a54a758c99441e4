//! Space and files put by, so that a collector can work on a full disk.
//!
//! Deleting has to be written down before it is done, and that takes a little room, and inodes:
//! each file of the reserve is one that another file can have.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{FallocateFlags, fallocate, statvfs};
use rustix::io::Errno;

use super::layout::Layout;

/// Enough to condemn some ten thousand blobs.
const BYTES: u64 = 2 << 20;

/// With less than this left the reserve is given up.
const TIGHT: u64 = 8 << 20;

/// What SQLite needs before it answers anything: its shared memory, and the beginning of its journal.
const OPENING: u64 = 256 << 10;

/// The files that a collector makes while it works, locks and places among them, and some more.
const FILES: u32 = 12;

/// Those that opening the index takes: its journal, its shared memory, a lock.
const OPENING_FILES: usize = 3;

/// With fewer inodes left the files are given up.
const TIGHT_FILES: u64 = 32;

/// Whether a file system has no inode left for another file. Many have no fixed number of them, and never do.
pub(super) fn lacks_inodes(path: &Path) -> bool {
    inodes_left(path).is_some_and(|left| left == 0)
}

/// Of the file system that a path is on, or that it would be on.
fn inodes_left(path: &Path) -> Option<u64> {
    let found = path.ancestors().find_map(|path| match path.as_os_str() {
        name if name.is_empty() => statvfs(".").ok(),
        _ => statvfs(path).ok(),
    });
    found
        .filter(|found| found.f_files > 0)
        .map(|found| found.f_favail)
}

/// Lends what it takes to open the index on a full disk; `false` where there is room, or nothing left to lend.
pub(super) fn lend(layout: &Layout) -> bool {
    let files = inodes_left(layout.root()).is_some_and(|left| left < OPENING_FILES as u64)
        && give_up_files(layout, OPENING_FILES) > 0;
    lend_space(layout) || files
}

/// Removes so many files of the reserve; says how many there were.
fn give_up_files(layout: &Layout, most: usize) -> usize {
    let files = fs::read_dir(layout.spare()).into_iter().flatten().flatten();
    let removed = files.filter(|file| fs::remove_file(file.path()).is_ok());
    removed.take(most).count()
}

fn lend_space(layout: &Layout) -> bool {
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
    if inodes_left(layout.root()).is_some_and(|left| left < TIGHT_FILES) {
        give_up_files(layout, usize::MAX);
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
            && let Err(error) = allot(&file, there)
        {
            file.set_len(there)?;
            return Err(error);
        }
        Ok(())
    };
    let make_files = || -> io::Result<()> {
        let spare = layout.spare();
        fs::create_dir_all(&spare)?;
        let make = |number: u32| File::create(spare.join(number.to_string())).map(drop);
        (0..FILES).try_for_each(make)
    };
    let _with_less_a_store_works_too = (make(), make_files());
}

/// Gives a file of so many bytes the space of the reserve.
fn allot(file: &File, there: u64) -> io::Result<()> {
    match fallocate(file, FallocateFlags::empty(), 0, BYTES) {
        // What can't be had empty is written.
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
            let zeros = vec![0; (BYTES - there) as usize];
            file.write_all_at(&zeros, there)
        }
        other => other.map_err(io::Error::from),
    }
}
