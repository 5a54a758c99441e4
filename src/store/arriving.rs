//! Files on their way into the store from elsewhere, below `arriving/`.
//!
//! Whoever writes one has it locked. What a dead process left is taken up by who wants the same next,
//! and goes with the next collection if nobody does.

use std::fs;
use std::path::PathBuf;

use super::Store;
use super::error::{Error, Result};

impl Store {
    /// Where files of names that say what they must become may stay after a process that did not get to their end.
    pub fn arriving(&self) -> Result<PathBuf> {
        self.index_or_create()?;
        let dir = self.layout().arriving();
        fs::create_dir_all(&dir).map_err(|e| Error::io("making", &dir, e))?;
        Ok(dir)
    }
}
