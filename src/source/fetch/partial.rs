//! A file while it arrives: on disk, under the name of what it must become.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::error::{Error, Failure};
use super::url::Url;
use crate::formats::rpm::checksum::Hasher;
use crate::ids::Digest;

/// A file that this process alone writes. It goes when this is dropped, unless the rest of it is still to come:
/// then who wants the same next takes it up.
#[derive(Debug)]
pub struct Held {
    path: PathBuf,
    file: File,
    goes: bool,
}

/// The bytes of a file that have arrived, and their checksum so far.
pub struct Partial {
    held: Held,
    wanted: Digest,
    hasher: Hasher,
    length: u64,
    /// The URL that gave the last bytes, and what it called the version.
    version: Option<(Url, String)>,
}

impl Held {
    /// Takes the first file of a name that nobody writes; each has a number, but for the first.
    fn of(directory: &Path, name: &str) -> Result<Held, Error> {
        fs::create_dir_all(directory).map_err(|source| Error::Local {
            path: directory.to_owned(),
            source,
        })?;
        let mut number = 0;
        loop {
            let path = directory.join(match number {
                0 => format!("{name}.part"),
                number => format!("{name}.{number}.part"),
            });
            match own(&path) {
                Ok(Some(file)) => {
                    return Ok(Held {
                        path,
                        file,
                        goes: false,
                    });
                }
                // Nobody waits for another: it may have stopped.
                Ok(None) => number += 1,
                // Of another user, in a store that is shared.
                Err(e) if e.kind() == io::ErrorKind::PermissionDenied && path.exists() => {
                    number += 1;
                }
                Err(source) => return Err(Error::Local { path, source }),
            }
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let is_empty = self.file.metadata().is_ok_and(|file| file.len() == 0);
        if self.goes || is_empty {
            // While it is locked: nobody else has it yet. What stays, the collector takes.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Partial {
    /// Takes up what an earlier attempt left, also one of an earlier process.
    pub fn open(directory: &Path, wanted: &Digest) -> Result<Partial, Error> {
        let name = format!("{}-{}", wanted.algorithm.name(), wanted.hex);
        let mut partial = Partial {
            held: Held::of(directory, &name)?,
            hasher: Hasher::new(wanted.algorithm),
            wanted: wanted.clone(),
            length: 0,
            version: None,
        };
        partial.take_up().map_err(|source| partial.error(source))?;
        Ok(partial)
    }

    fn take_up(&mut self) -> io::Result<()> {
        let mut buffer = vec![0; 64 << 10];
        loop {
            match self.held.file.read(&mut buffer)? {
                0 => return Ok(()),
                read => {
                    self.hasher.update(&buffer[..read]);
                    self.length += read as u64;
                }
            }
        }
    }

    pub fn length(&self) -> u64 {
        self.length
    }

    /// What to tell a URL that the first bytes are of, if they are its own.
    pub fn version_at(&self, url: &Url) -> Option<String> {
        let (from, version) = self.version.as_ref()?;
        (from == url).then(|| version.clone())
    }

    pub fn comes_from(&mut self, url: &Url, version: Option<String>) {
        self.version = version.map(|version| (url.clone(), version));
    }

    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let written = self.held.file.write_all(bytes);
        written.map_err(|source| self.error(source))?;
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Begins again from nothing.
    pub fn clear(&mut self) -> Result<(), Error> {
        let cleared = self.held.file.set_len(0);
        let cleared = cleared.and_then(|()| self.held.file.seek(SeekFrom::Start(0)));
        cleared.map_err(|source| self.error(source))?;
        self.hasher = Hasher::new(self.wanted.algorithm);
        self.length = 0;
        Ok(())
    }

    /// Whether these are the bytes that were wanted.
    pub fn check(&self) -> Result<(), Failure> {
        let found = Digest {
            algorithm: self.wanted.algorithm,
            hex: self.hasher.clone().finish(),
        };
        if found.hex.eq_ignore_ascii_case(&self.wanted.hex) {
            return Ok(());
        }
        Err(Failure::Digest {
            wanted: self.wanted.clone(),
            found,
        })
    }

    /// The file as a whole; [`check`](Self::check) has passed.
    pub fn finish(mut self) -> Held {
        self.held.goes = true;
        self.held
    }

    fn error(&self, source: io::Error) -> Error {
        Error::Local {
            path: self.held.path.clone(),
            source,
        }
    }
}

/// Opens a file, and locks it; `None` where another process or thread has it.
fn own(path: &Path) -> io::Result<Option<File>> {
    loop {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(e)) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(TryLockError::Error(e)) => return Err(e),
        }
        let held = file.metadata()?;
        // Whoever had it before may have removed it.
        match fs::metadata(path) {
            Ok(named) if (named.dev(), named.ino()) == (held.dev(), held.ino()) => {
                return Ok(Some(file));
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
}
