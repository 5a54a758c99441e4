//! A directory of RPMs as a source.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use rustix::fs::{AtFlags, Stat, stat, statat};
use walkdir::WalkDir;

/// The first bytes of every RPM (rpm, `lib/rpmlead.c`).
pub const LEAD: [u8; 4] = [0xed, 0xab, 0xee, 0xdb];

/// A package file that a directory holds, with what the system says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub path: PathBuf,
    pub stamp: Stamp,
}

/// What changes when a file is replaced or written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    pub device: u64,
    pub inode: u64,
    pub size: u64,
    /// Nanoseconds since 1970.
    pub mtime: i64,
    pub ctime: i64,
}

/// The directory could not be read through.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    #[error("reading the directory {path}")]
    Directory {
        path: PathBuf,
        source: walkdir::Error,
    },
    #[error("reading {path}")]
    File { path: PathBuf, source: io::Error },
}

impl ScanError {
    /// Whether what was to be read is simply not there.
    pub fn is_missing(&self) -> bool {
        let kind = match self {
            ScanError::Directory { source, .. } => source.io_error().map(io::Error::kind),
            ScanError::File { source, .. } => Some(source.kind()),
        };
        kind == Some(io::ErrorKind::NotFound)
    }
}

impl Found {
    pub fn at(path: PathBuf) -> Result<Self, ScanError> {
        Self::seen(path, |path| stat(path))
    }

    /// The same, of a file in an open directory: the way there is not walked again for each.
    fn within(directory: &File, path: PathBuf) -> Result<Self, ScanError> {
        Self::seen(path, |path| {
            let name = path.file_name().unwrap_or_default();
            statat(directory, name, AtFlags::empty())
        })
    }

    fn seen(
        path: PathBuf,
        look: impl FnOnce(&Path) -> rustix::io::Result<Stat>,
    ) -> Result<Self, ScanError> {
        match look(&path) {
            Ok(stat) => {
                let stamp = Stamp::of(&stat);
                Ok(Found { path, stamp })
            }
            Err(error) => Err(ScanError::File {
                path,
                source: error.into(),
            }),
        }
    }
}

impl Stamp {
    fn of(stat: &Stat) -> Self {
        let time = |seconds, nanoseconds: u64| seconds * 1_000_000_000 + nanoseconds as i64;
        Stamp {
            device: stat.st_dev,
            inode: stat.st_ino,
            size: stat.st_size as u64,
            mtime: time(stat.st_mtime, stat.st_mtime_nsec),
            ctime: time(stat.st_ctime, stat.st_ctime_nsec),
        }
    }
}

impl Found {
    /// Whether it is an RPM, or claims to be one.
    ///
    /// Files count by what they hold: a name never makes an RPM.
    /// One that is named `.rpm` counts whatever it holds: who reads it says what is wrong,
    /// rather than that a package silently went missing.
    pub fn is_package(&self) -> Result<bool, ScanError> {
        match begins_as_package(&self.path) {
            Ok(begins) => Ok(begins || self.is_named_package()),
            Err(source) => Err(ScanError::File {
                path: self.path.clone(),
                source,
            }),
        }
    }

    pub fn is_named_package(&self) -> bool {
        let extension = self.path.extension();
        extension.is_some_and(|extension| extension == "rpm")
    }
}

/// Every file below a directory, in the order of paths; links are followed, and none is opened.
pub fn list(directory: &Path) -> Result<Vec<Found>, ScanError> {
    let (mut paths, mut failed) = (Vec::new(), Vec::new());
    for entry in WalkDir::new(directory).follow_links(true) {
        match entry {
            Ok(entry) if entry.file_type().is_file() => paths.push(entry.into_path()),
            Ok(_) => {}
            Err(error) => failed.push(error),
        }
    }
    // A system lists names in any order; of several that fail the same one is told each time.
    let first = failed.into_iter().min_by(|a, b| a.path().cmp(&b.path()));
    if let Some(source) = first {
        let path = directory.to_owned();
        return Err(ScanError::Directory { path, source });
    }
    paths.sort_by(|a, b| names(a).cmp(names(b)));
    let beside: Vec<&[PathBuf]> = paths.chunk_by(|a, b| a.parent() == b.parent()).collect();
    let look = |paths: &&[PathBuf]| {
        let directory = paths[0].parent().and_then(|above| File::open(above).ok());
        let directory = directory.map(Arc::new);
        paths
            .to_vec()
            .into_par_iter()
            .map(move |path| match &directory {
                Some(directory) => Found::within(directory, path),
                None => Found::at(path),
            })
    };
    let found: Vec<Result<Found, ScanError>> = beside.par_iter().flat_map(look).collect();
    // In their order, for the same reason.
    found.into_iter().collect()
}

/// A path as it is sorted, name by name: as bytes, with what comes before all others between the names.
fn names(path: &Path) -> impl Iterator<Item = u8> {
    let bytes = path.as_os_str().as_encoded_bytes().iter();
    bytes.map(|&byte| if byte == b'/' { 0 } else { byte })
}

fn begins_as_package(path: &Path) -> io::Result<bool> {
    let mut start = [0; LEAD.len()];
    match File::open(path)?.read_exact(&mut start) {
        Ok(()) => Ok(start == LEAD),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_in_the_order_of_their_names_and_those_below_a_directory_where_its_name_stands() {
        let dir = tempfile::tempdir().unwrap();
        let sorted = ["a/b.rpm", "a/c/d.rpm", "a/c.rpm", "a-b.rpm", "a.rpm", "ä"];
        for name in sorted {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let found = list(dir.path()).unwrap().into_iter();
        let found: Vec<PathBuf> = found.map(|found| found.path).collect();
        assert_eq!(found, sorted.map(|name| dir.path().join(name)));
    }

    #[test]
    fn of_several_links_to_nothing_the_first_by_name_is_told() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["m", "a", "z", "b"] {
            std::os::unix::fs::symlink("nowhere", dir.path().join(name)).unwrap();
        }
        let error = list(dir.path()).unwrap_err();
        assert!(error.is_missing());
        let ScanError::Directory { source, .. } = error else {
            panic!("{error}")
        };
        assert_eq!(source.path(), Some(dir.path().join("a").as_path()));
    }
}
