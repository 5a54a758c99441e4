//! A file that a composer wrote for itself, and reads again: what goes wrong with it names it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::WorkspaceError;

pub(super) struct Scratch {
    file: File,
    path: PathBuf,
}

impl Scratch {
    pub fn open(path: &Path) -> Result<Self, WorkspaceError> {
        let path = path.to_owned();
        match File::open(&path) {
            Ok(file) => Ok(Scratch { file, path }),
            Err(error) => Err(failed("reading", &path, error)),
        }
    }
}

impl Read for Scratch {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer);
        read.map_err(|error| io::Error::new(error.kind(), failed("reading", &self.path, error)))
    }
}

/// What was being done with such a file when it could not be.
pub(super) fn failed(action: &str, path: &Path, error: io::Error) -> WorkspaceError {
    WorkspaceError::new(format!("{action} {}", path.display()), error)
}
