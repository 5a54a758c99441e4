//! Files of the store, and what else may have come to lie where one should be.
//!
//! A FIFO must not hold up whoever looks for damage, so nothing here waits for a writer.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use super::error::{Error, Result};

/// The problem with what is no file.
pub(super) const IS_NONE: &str = "it is not a file";

/// For a file, NONBLOCK means nothing.
pub(super) const FLAGS: OFlags = OFlags::RDONLY
    .union(OFlags::CLOEXEC)
    .union(OFlags::NONBLOCK);

pub(super) fn open(path: &Path) -> io::Result<File> {
    Ok(rustix::fs::open(path, FLAGS, Mode::empty())?.into())
}

/// Whether an error tells that there is something else: a link, a socket, a directory, a FIFO.
pub(super) fn says_none(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let errno = Errno::from_io_error(error);
    matches!(
        errno,
        Some(Errno::NXIO | Errno::LOOP | Errno::ISDIR | Errno::SPIPE | Errno::AGAIN)
    )
}

/// All of a file.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = open(path)?;
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(io::Error::other(IS_NONE));
    }
    let mut bytes = Vec::with_capacity(found.len().min(1 << 20) as usize);
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Removes a file, or what lies in its place; what is in a directory is not ours to delete.
pub(super) fn remove(path: &Path) -> Result<()> {
    let removed = match fs::remove_file(path) {
        Err(e) if e.kind() == io::ErrorKind::IsADirectory => fs::remove_dir(path),
        other => other,
    };
    removed.map_err(|e| match e.kind() {
        io::ErrorKind::DirectoryNotEmpty => Error::InTheWay {
            path: path.to_owned(),
        },
        _ => Error::io("removing", path, e),
    })
}
