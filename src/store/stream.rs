//! Bytes on their way into a batch.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

use super::error::{Error, Result};
use super::file;
use super::view;
use crate::ids::Hash;

/// Hashing is at its best with so many bytes at once.
const BUFFER: usize = 256 * 1024;

/// Blobs have the time of views, which link to them.
pub(super) fn set_time(file: &File, path: &Path) -> Result<()> {
    view::finish_file(file, 0o444).map_err(|e| Error::io("finishing", path, e))
}

/// A file that is hashed while it is written.
pub(super) struct Hashing {
    pub inner: File,
    pub hasher: Box<blake3::Hasher>,
    pub length: u64,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..length]);
        self.length += length as u64;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Bytes that are hashed and dropped.
pub(super) struct Counting<'a> {
    pub hasher: &'a mut blake3::Hasher,
    pub length: u64,
}

impl Write for Counting<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Which side of a copy failed: the caller's or ours.
pub(super) enum Copy {
    Read(io::Error),
    Write(io::Error),
}

thread_local! {
    /// What the last copy used: a disc has tens of thousands of parts, and to clear a buffer for each took a tenth of its time.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

pub(super) fn copy(from: &mut dyn Read, to: &mut dyn Write) -> Result<(), Copy> {
    // A copy inside of a copy finds none, and makes its own.
    let mut buffer = SPARE.take();
    buffer.resize(BUFFER, 0);
    loop {
        match from.read(&mut buffer) {
            Ok(0) => {
                SPARE.set(buffer);
                return Ok(());
            }
            Ok(length) => to.write_all(&buffer[..length]).map_err(Copy::Write)?,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(Copy::Read(e)),
        }
    }
}

/// A reader that gives much at once to whoever copies from it.
pub(super) fn buffered<R: Read>(reader: R) -> BufReader<R> {
    BufReader::with_capacity(BUFFER, reader)
}

/// Hashes the bytes of a file as those of a blob; holes are not read, for they are known.
pub(super) fn hash_file(path: &Path) -> Result<Hash> {
    let mut file = file::open(path).map_err(|e| Error::io("opening", path, e))?;
    let mut hasher = blake3::Hasher::new();
    hash(&mut file, &mut hasher).map_err(|e| Error::io("reading", path, e))?;
    Ok(Hash::from_bytes(*hasher.finalize().as_bytes()))
}

fn hash(file: &mut File, hasher: &mut blake3::Hasher) -> io::Result<()> {
    let found = file.metadata()?;
    let length = found.len();
    if found.blocks().saturating_mul(512) >= length {
        return feed(file, hasher);
    }
    let mut at = 0;
    while at < length {
        // Behind the last data there is none, and where a file system knows no holes, all is data.
        let data = match seek(&*file, SeekFrom::Data(at)) {
            Err(Errno::NXIO) => length,
            other => other?,
        };
        feed(&mut io::repeat(0).take(data.min(length) - at), hasher)?;
        if data >= length {
            break;
        }
        let hole = seek(&*file, SeekFrom::Hole(data))?;
        file.seek(io::SeekFrom::Start(data))?;
        feed(&mut file.take(hole - data), hasher)?;
        at = hole;
    }
    Ok(())
}

fn feed(bytes: &mut dyn Read, hasher: &mut blake3::Hasher) -> io::Result<()> {
    let mut counting = Counting { hasher, length: 0 };
    copy(bytes, &mut counting).map_err(|e| match e {
        Copy::Read(e) | Copy::Write(e) => e,
    })
}
