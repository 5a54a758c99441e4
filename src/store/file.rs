//! Files of the store, and what else may have come to lie where one should be.
//!
//! A FIFO must not hold up whoever looks for damage, so nothing here waits for a writer.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};

use super::error::{Error, Result};

/// The problem with what is no file.
pub(super) const IS_NONE: &str = "it is not a file";

/// Nobody waits for who may write to a FIFO.
pub(super) const FLAGS: OFlags = OFlags::RDONLY
    .union(OFlags::CLOEXEC)
    .union(OFlags::NONBLOCK);

pub(crate) fn open(path: &Path) -> io::Result<File> {
    match retry_on_intr(|| rustix::fs::open(path, FLAGS, Mode::empty())) {
        // Who holds a lease on a file, as a file server does, is asked to give it back; that is worth waiting for.
        Err(Errno::AGAIN) if fs::symlink_metadata(path)?.is_file() => File::open(path),
        opened => Ok(opened?.into()),
    }
}

/// Whether an error tells that there is something else: a link, a socket, a directory, a FIFO.
pub(super) fn says_none(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    let by_system = matches!(
        errno,
        Some(Errno::NXIO | Errno::LOOP | Errno::ISDIR | Errno::SPIPE | Errno::AGAIN)
    );
    by_system || error.get_ref().is_some_and(|inner| inner.is::<IsNone>())
}

/// The error of who found out by itself.
#[derive(Debug, thiserror::Error)]
#[error("{IS_NONE}")]
struct IsNone;

/// Whether what is open is a file.
pub(crate) fn check(file: &File) -> io::Result<fs::Metadata> {
    let found = file.metadata()?;
    match found.is_file() {
        true => Ok(found),
        false => Err(io::Error::other(IsNone)),
    }
}

/// All of a file.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = open(path)?;
    let length = check(&file)?.len();
    let mut bytes = Vec::with_capacity(length.min(1 << 20) as usize);
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Removes a file, or what lies in its place; what is in a directory is not ours to delete.
pub(super) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() == io::ErrorKind::IsADirectory => make_way(path),
        other => other.map_err(|e| Error::io("removing", path, e)),
    }
}

/// Removes an empty directory that lies in place of a file, unless somebody was quicker.
pub(super) fn make_way(path: &Path) -> Result<()> {
    use io::ErrorKind as K;
    match fs::remove_dir(path) {
        Err(e) if matches!(e.kind(), K::NotFound | K::NotADirectory) => Ok(()),
        Err(e) if e.kind() == K::DirectoryNotEmpty => Err(Error::InTheWay {
            path: path.to_owned(),
        }),
        other => other.map_err(|e| Error::io("removing", path, e)),
    }
}
