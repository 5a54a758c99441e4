//! Places for what is being written: below `tmp/`, locked while their process lives.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::{Error, Result};
use super::layout::Layout;
use super::lock::{is_same, try_lock};

/// A directory of one batch, gone when it is dropped, or with the next one if its process was killed.
#[derive(Debug)]
pub(crate) struct Staging {
    dir: PathBuf,
    next: AtomicU64,
    _lock: File,
}

impl Staging {
    pub fn new(layout: &Layout) -> Result<Staging> {
        Self::below(&layout.tmp())
    }

    /// Staging must be on the file system that things are renamed to, which for views may be another.
    pub fn below(base: &Path) -> Result<Staging> {
        sweep(base)?;
        for number in 0u64.. {
            let dir = base.join(number.to_string());
            match fs::create_dir(&dir) {
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(e) => return Err(Error::io("making", dir, e)),
            }
            if let Some(lock) = claim(&dir)? {
                return Ok(Staging {
                    dir,
                    next: AtomicU64::new(0),
                    _lock: lock,
                });
            }
        }
        unreachable!("a directory has fewer files than there are numbers")
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn path(&self) -> PathBuf {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.dir.join(number.to_string())
    }

    /// A new file, which nobody will write once it is closed.
    pub fn file(&self) -> Result<(File, PathBuf)> {
        let path = self.path();
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o444)
            .open(&path)
            .map_err(|e| Error::io("making", &path, e))?;
        Ok((file, path))
    }

    pub fn remove(&self, path: &Path) {
        // What stays is removed with the directory.
        let _ = fs::remove_file(path);
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        let _ = remove_tree(&self.dir);
    }
}

/// Locks a directory just made; `None` if somebody took it for a dead one in between.
fn claim(dir: &Path) -> Result<Option<File>> {
    let path = dir.join("lock");
    let lock = match File::create(&path) {
        Ok(lock) => lock,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(Error::io("making", path, e)),
    };
    if !try_lock(&lock, &path)? {
        return Ok(None);
    }
    Ok(is_same(&lock, &path).then_some(lock))
}

/// Removes what killed processes left.
pub(crate) fn sweep(base: &Path) -> Result<()> {
    each_left(base, |dir| {
        remove_left(dir);
        Ok(())
    })
}

/// Hands on each directory that a killed process left, and that nobody takes until `each` returns.
pub(crate) fn each_left(base: &Path, mut each: impl FnMut(&Path) -> Result<()>) -> Result<()> {
    let names = match fs::read_dir(base) {
        Ok(names) => names,
        Err(e) => return Err(Error::io("reading", base, e)),
    };
    for name in names {
        let dir = name.map_err(|e| Error::io("reading", base, e))?.path();
        let path = dir.join("lock");
        // Without a lock it is being made this moment, or was killed in that moment: the lock is made for it.
        let Ok(lock) = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
        else {
            continue;
        };
        // The directory may have been removed and made anew since its lock was opened: then it is not dead.
        if try_lock(&lock, &path)? && is_same(&lock, &path) {
            each(&dir)?;
        }
    }
    Ok(())
}

/// Removes such a directory.
pub(crate) fn remove_left(dir: &Path) {
    // Out of the way first, so that who makes one of this name this moment does not lose its lock.
    let dead = dir.with_extension("dead");
    let dir = match fs::rename(dir, &dead) {
        Ok(()) => &dead,
        Err(_) => dir,
    };
    // Another process may be sweeping too.
    let _ = remove_tree(dir);
}

/// Removes a directory and all below, also read-only directories.
pub(crate) fn remove_tree(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
            for item in walkdir::WalkDir::new(dir) {
                let item = item?;
                if item.file_type().is_dir() {
                    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
                    fs::set_permissions(item.path(), mode)?;
                }
            }
            fs::remove_dir_all(dir)
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
