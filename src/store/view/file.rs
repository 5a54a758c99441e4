//! One file or directory of a view: written, finished, linked.

use std::fs::{self, File, FileTimes, OpenOptions, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
use rustix::io::Errno;

use crate::store::error::{Error, Result};
use crate::tree::Leaf;

pub(super) const FILE: u32 = 0o444;
pub(super) const EXECUTABLE: u32 = 0o555;
pub(super) const DIRECTORY: u32 = 0o555;

/// The smallest hole: what most file systems allot space in.
const BLOCK: usize = 4096;
const ZEROS: [u8; BLOCK] = [0; BLOCK];

/// So much is written at once, of whole blocks.
const BUFFER: usize = 256 * 1024;

/// Second 1 of 1970: some tools take 0 for "unknown".
const TIME: Duration = Duration::from_secs(1);

pub(super) fn mode_of(leaf: &Leaf) -> u32 {
    if leaf.meta.mode & 0o111 != 0 {
        EXECUTABLE
    } else {
        FILE
    }
}

pub(super) fn write_new(path: &Path, mode: u32, bytes: &mut dyn Read) -> Result<()> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|e| Error::io("making", path, e))?;
    write_with_holes(bytes, &file).map_err(|e| Error::io("writing", path, e))?;
    finish_file(&file, mode).map_err(|e| Error::io("finishing", path, e))
}

/// Writes a stream; blocks of zeros, which disk images mostly are, take no room.
fn write_with_holes(bytes: &mut dyn Read, file: &File) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    let (mut at, mut end) = (0u64, 0u64);
    loop {
        let length = fill(bytes, &mut buffer)?;
        let mut blocks = buffer[..length].chunks(BLOCK).peekable();
        let mut from = 0;
        while let Some(block) = blocks.next() {
            let mut to = from + block.len();
            if block == &ZEROS[..block.len()] {
                from = to;
                continue;
            }
            while let Some(more) = blocks.next_if(|more| *more != &ZEROS[..more.len()]) {
                to += more.len();
            }
            file.write_all_at(&buffer[from..to], at + from as u64)?;
            end = at + to as u64;
            from = to;
        }
        at += length as u64;
        if length < buffer.len() {
            // A file that was given its length, be it the one that it has, may keep that and lose its bytes in a power cut;
            // nobody would look twice. One that was only written is too short then.
            if end < at {
                file.set_len(at)?;
                file.sync_data()?;
            }
            return Ok(());
        }
    }
}

/// Reads until the buffer is full or nothing is left: holes begin at whole blocks of the file.
fn fill(bytes: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match bytes.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(length)
}

/// Gives a file its mode and the time that all files have, as far as the file system has such things.
pub(in crate::store) fn finish_file(file: &File, mode: u32) -> io::Result<()> {
    had(file.set_permissions(Permissions::from_mode(mode)))?;
    let time = SystemTime::UNIX_EPOCH + TIME;
    had(file.set_times(FileTimes::new().set_accessed(time).set_modified(time)))
}

/// Where there are no modes, or all files are said to be of one owner, nobody can change them.
fn had(changed: io::Result<()>) -> io::Result<()> {
    match changed {
        Err(e)
            if matches!(
                Errno::from_io_error(&e),
                Some(Errno::PERM | Errno::NOSYS | Errno::OPNOTSUPP)
            ) =>
        {
            Ok(())
        }
        other => other,
    }
}

pub(super) fn finish(dir: &Path, mode: u32) -> Result<()> {
    File::open(dir)
        .and_then(|dir| finish_file(&dir, mode))
        .map_err(|e| Error::io("finishing", dir, e))
}

pub(super) fn set_link_time(path: &Path) -> Result<()> {
    let time = Timespec {
        tv_sec: 1,
        tv_nsec: 0,
    };
    let times = Timestamps {
        last_access: time,
        last_modification: time,
    };
    let set = utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW);
    had(set.map_err(io::Error::from)).map_err(|e| Error::io("finishing", path, e))
}

pub(super) enum Linked {
    Yes,
    /// Too many links already, another file system, or one that has none: copy.
    CanNot,
    NoSource,
}

pub(super) fn link(from: &Path, to: &Path) -> Result<Linked> {
    use io::ErrorKind as K;
    match fs::hard_link(from, to) {
        Ok(()) => Ok(Linked::Yes),
        Err(e) => match e.kind() {
            K::NotFound => Ok(Linked::NoSource),
            K::TooManyLinks | K::CrossesDevices | K::PermissionDenied | K::Unsupported => {
                Ok(Linked::CanNot)
            }
            _ => Err(Error::io("linking", to, e)),
        },
    }
}
