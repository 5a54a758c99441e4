//! Files on their way into the store from elsewhere, below `arriving/`.
//!
//! Whoever writes one has it locked. What a dead process left is taken up by who wants the same next,
//! and goes with the next collection if nobody does.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Store;
use super::error::{Error, Result};
use super::file;
use super::layout::Layout;
use super::lock::{is_same, try_lock};

impl Store {
    /// Where files of names that say what they must become may stay after a process that did not get to their end.
    pub fn arriving(&self) -> Result<PathBuf> {
        self.index_or_create()?;
        let dir = self.layout().arriving();
        fs::create_dir_all(&dir).map_err(|e| Error::io("making", &dir, e))?;
        Ok(dir)
    }
}

/// Hands on each file that nobody is writing, and that nobody will until `each` returns.
pub(super) fn each_left(layout: &Layout, mut each: impl FnMut(&Path) -> Result<()>) -> Result<()> {
    let dir = layout.arriving();
    let names = match fs::read_dir(&dir) {
        Ok(names) => names,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(Error::io("reading", dir, e)),
    };
    for name in names {
        let path = name.map_err(|e| Error::io("reading", &dir, e))?.path();
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
