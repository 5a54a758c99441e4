//! Locks that die with their process.
//!
//! Each is a `flock` on a file that is never deleted:
//! nothing has to be cleaned up after a crash, and closing another descriptor does not drop it.
//!
//! | lock | shared | exclusive |
//! |---|---|---|
//! | `swap` | from placing files to the commit that names them; leasing and looking | a collector, for the moment of condemning and for each batch of deletions |
//! | `gc` | – | a collector, for its whole run |
//! | `lists` | – | a writer, from looking whether a blob that it holds in parts has a list to the commit that names its own; under `swap` |
//! | `roots` | – | writing a generation |
//! | `index` | whoever has the index open | replacing the index |

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::error::{Error, Result};
use super::file;
use super::layout::Layout;

/// A held lock; dropping it releases it.
#[derive(Debug)]
pub(crate) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough: a process forked this moment has the descriptor too, until it becomes another program.
        let _ = self.0.unlock();
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Name {
    Swap,
    Gc,
    Lists,
    Roots,
    Index,
}

impl Name {
    fn file(self) -> &'static str {
        match self {
            Name::Swap => "swap",
            Name::Gc => "gc",
            Name::Lists => "lists",
            Name::Roots => "roots",
            Name::Index => "index",
        }
    }
}

fn open(path: &Path) -> Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(|e| Error::io("opening the lock", path, e))
}

/// A signal may interrupt the wait.
fn patiently(path: &Path, mut lock: impl FnMut() -> io::Result<()>) -> Result<()> {
    loop {
        match lock() {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            other => return other.map_err(|e| Error::io("locking", path, e)),
        }
    }
}

impl Lock {
    pub fn shared(layout: &Layout, name: Name) -> Result<Lock> {
        let path = layout.locks().join(name.file());
        let file = open(&path)?;
        patiently(&path, || file.lock_shared())?;
        Ok(Lock(file))
    }

    pub fn exclusive(layout: &Layout, name: Name) -> Result<Lock> {
        let path = layout.locks().join(name.file());
        let file = open(&path)?;
        patiently(&path, || file.lock())?;
        Ok(Lock(file))
    }

    /// `None` if somebody else has it.
    pub fn try_exclusive(layout: &Layout, name: Name) -> Result<Option<Lock>> {
        let path = layout.locks().join(name.file());
        let file = open(&path)?;
        Ok(try_lock(&file, &path)?.then(|| Lock(file)))
    }
}

/// Takes the exclusive lock of any file if it is free.
pub(crate) fn try_lock(file: &File, path: &Path) -> Result<bool> {
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(e)) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(TryLockError::Error(e)) => return Err(Error::io("locking", path, e)),
        }
    }
}

/// Whether a file that was opened is still the one of that name:
/// who waited for a lock may have got that of a file that is gone.
pub(crate) fn is_same(file: &File, path: &Path) -> bool {
    let inode = |m: io::Result<fs::Metadata>| m.ok().map(|m| (m.dev(), m.ino()));
    let opened = inode(file.metadata());
    opened.is_some() && opened == inode(fs::symlink_metadata(path))
}

/// Hands on each file of a directory that nobody has locked, and that nobody can lock until `each` returns.
pub(crate) fn each_free(dir: &Path, mut each: impl FnMut(&Path) -> Result<()>) -> Result<()> {
    let names = match fs::read_dir(dir) {
        Ok(names) => names,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(Error::io("reading", dir, e)),
    };
    for name in names {
        let path = name.map_err(|e| Error::io("reading", dir, e))?.path();
        let file = match file::open(&path) {
            Ok(file) => file,
            // It came, and went on.
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            // Another user's, in a store that is shared.
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => continue,
            // What is no file is not ours.
            Err(e) if file::says_none(&e) => continue,
            Err(e) => return Err(Error::io("opening", path, e)),
        };
        if file::check(&file).is_ok() && try_lock(&file, &path)? && is_same(&file, &path) {
            each(&path)?;
        }
    }
    Ok(())
}
