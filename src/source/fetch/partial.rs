//! A file while it arrives: on disk, under the name of what it must become.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::error::{Error, Failure};
use super::url::Url;
use crate::formats::rpm::checksum::Hasher;
use crate::ids::Digest;

/// The bytes of a file that have arrived, and their checksum so far.
pub struct Partial {
    path: PathBuf,
    whole: PathBuf,
    file: File,
    wanted: Digest,
    hasher: Hasher,
    length: u64,
    /// The URL that gave the last bytes, and what it called the version.
    version: Option<(Url, String)>,
}

impl Partial {
    /// Takes up what an earlier attempt left, also one of an earlier process.
    pub fn open(directory: &Path, wanted: &Digest) -> Result<Partial, Error> {
        let name = format!("{}-{}", wanted.algorithm.name(), wanted.hex);
        let whole = directory.join(&name);
        let path = directory.join(format!("{name}.part"));
        let opened = fs::create_dir_all(directory).and_then(|()| own(&path));
        let file = opened.map_err(|source| Error::Local {
            path: path.clone(),
            source,
        })?;
        let mut partial = Partial {
            path,
            whole,
            file,
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
            match self.file.read(&mut buffer)? {
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
        let written = self.file.write_all(bytes);
        written.map_err(|source| self.error(source))?;
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Begins again from nothing.
    pub fn clear(&mut self) -> Result<(), Error> {
        let cleared = self.file.set_len(0);
        let cleared = cleared.and_then(|()| self.file.seek(SeekFrom::Start(0)));
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

    /// Gives the file its name; [`check`](Self::check) has passed.
    pub fn finish(self) -> Result<PathBuf, Error> {
        let renamed = fs::rename(&self.path, &self.whole);
        renamed.map_err(|source| self.error(source))?;
        Ok(self.whole)
    }

    fn error(&self, source: io::Error) -> Error {
        Error::Local {
            path: self.path.clone(),
            source,
        }
    }
}

/// Opens the file for this attempt alone: who wants the same waits, and then has a file of its own.
fn own(path: &Path) -> io::Result<File> {
    loop {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        flock(&file, FlockOperation::LockExclusive)?;
        let held = file.metadata()?;
        // Whoever had it before may have given it its name.
        match fs::metadata(path) {
            Ok(named) if (named.dev(), named.ino()) == (held.dev(), held.ino()) => return Ok(file),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
}
