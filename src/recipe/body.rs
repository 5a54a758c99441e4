//! Files that recipes name and whose bytes they stand for.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The longest file that a recipe may carry; bigger things belong into packages of a source.
pub const LIMIT: u64 = 64 << 20;

/// The bytes of a file beside the recipes, read when the recipe was.
#[derive(Clone, PartialEq, Eq)]
pub struct Body {
    pub path: PathBuf,
    pub bytes: Arc<[u8]>,
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} ({} bytes)", self.path, self.bytes.len())
    }
}

/// Why a file is no body; completes `can't be read: …`.
#[derive(Debug)]
pub struct Unread {
    pub reason: String,
    /// What the system calls it, where the system said so.
    pub kind: Option<io::ErrorKind>,
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Self {
        Unread {
            reason: error.to_string(),
            kind: Some(error.kind()),
        }
    }
}

impl From<String> for Unread {
    fn from(reason: String) -> Self {
        Unread { reason, kind: None }
    }
}

/// Reads a regular file inside the recipes directory.
pub fn read(dir: &Path, path: &Path) -> Result<Body, Unread> {
    let place = path.canonicalize()?;
    if !place.starts_with(dir.canonicalize()?) {
        return Err("it lies outside the recipes directory".to_owned().into());
    }
    // Looked at before it is opened: opening a pipe would wait for its other end.
    if !place.metadata()?.is_file() {
        return Err("it is not a regular file".to_owned().into());
    }
    let mut bytes = Vec::new();
    File::open(&place)?
        .take(LIMIT + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT {
        return Err(format!("it is longer than {} MiB", LIMIT >> 20).into());
    }
    Ok(Body {
        path: path.to_owned(),
        bytes: bytes.into(),
    })
}
