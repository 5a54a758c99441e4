//! Files that recipes name and whose bytes they stand for.

use std::fmt;
use std::fs::File;
use std::io::Read;
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

/// Reads a regular file inside the recipes directory; the error completes `can't be read: …`.
pub fn read(dir: &Path, path: &Path) -> Result<Body, String> {
    let real = |path: &Path| path.canonicalize().map_err(|error| error.to_string());
    let place = real(path)?;
    if !place.starts_with(real(dir)?) {
        return Err("it lies outside the recipes directory".into());
    }
    // Looked at before it is opened: opening a pipe would wait for its other end.
    let metadata = place.metadata().map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("it is not a regular file".into());
    }
    let mut bytes = Vec::new();
    File::open(&place)
        .and_then(|file| file.take(LIMIT + 1).read_to_end(&mut bytes))
        .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > LIMIT {
        return Err(format!("it is longer than {} MiB", LIMIT >> 20));
    }
    Ok(Body {
        path: path.to_owned(),
        bytes: bytes.into(),
    })
}
