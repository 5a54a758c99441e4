//! Who makes what, so that of two processes that want the same one makes it and the other waits.
//!
//! A claim is a locked file below `claims/`; the lock dies with its process, and so does the claim.
//! Who waits writes a byte into it, and who makes takes it out again: it hears, and ends what can be ended early.
//! A claim keeps nobody from anything: whoever gets no answer makes the same a second time.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::Store;
use super::error::Result;
use super::lock::{is_same, try_lock};
use crate::ids::DerivationKey;

/// Who makes something answers within this time, unless it was stopped, or its disk is very slow.
const PATIENCE: Duration = Duration::from_secs(5);

/// That this process makes something, until it is dropped.
#[must_use = "what is not held is nobody's"]
#[derive(Debug)]
pub struct Claim {
    file: File,
    path: PathBuf,
}

/// Another process makes it.
#[derive(Debug)]
pub struct Waiting {
    file: File,
    path: PathBuf,
    /// Length and time of change when these were other than before, and when that was.
    seen: (u64, i64, i64),
    since: Instant,
}

/// What became of the wish to make something.
#[derive(Debug)]
pub enum Claimed {
    Ours(Claim),
    Theirs(Waiting),
    /// There can be no claims, as on a full disk or with files of another user: everybody makes everything.
    Nobodys,
}

impl Store {
    /// Claims to make something, unless another process does.
    pub fn claim(&self, key: DerivationKey) -> Claimed {
        self.try_claim(key).unwrap_or(Claimed::Nobodys)
    }

    fn try_claim(&self, key: DerivationKey) -> io::Result<Claimed> {
        let dir = self.layout().claims();
        let path = dir.join(key.to_string());
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        loop {
            let file = match options.open(&path) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => {
                    fs::create_dir_all(&dir)?;
                    options.open(&path)?
                }
                other => other?,
            };
            if !try_lock(&file, &path).map_err(io::Error::other)? {
                return Ok(Claimed::Theirs(Waiting {
                    file,
                    path,
                    seen: (0, 0, 0),
                    since: Instant::now(),
                }));
            }
            // It may have ended this moment, and its file is gone.
            if is_same(&file, &path) {
                file.set_len(0)?;
                return Ok(Claimed::Ours(Claim { file, path }));
            }
        }
    }
}

impl Claim {
    /// Whether somebody waits; who does learns that it was heard.
    pub fn answer(&self) -> bool {
        let waiting = self.file.metadata().is_ok_and(|file| file.len() > 0);
        waiting && self.file.set_len(0).is_ok()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // A file that stays is unlocked, and goes with the next collection.
        let _ = fs::remove_file(&self.path);
        // Closing is not enough: a process forked this moment has the descriptor too, until it becomes another program.
        let _ = self.file.unlock();
    }
}

impl Waiting {
    /// Whether it came to its end, well or not.
    pub fn is_over(&self) -> Result<bool> {
        let free = try_lock(&self.file, &self.path)?;
        if free {
            let _ = self.file.unlock();
        }
        Ok(free)
    }

    /// Asks whether anybody is there; `false` once nobody has answered for long.
    pub fn ask(&mut self) -> bool {
        let seen = self.file.metadata();
        let seen = seen.map_or(self.seen, |f| (f.len(), f.mtime(), f.mtime_nsec()));
        // Others may wait too, and have asked again by now: then it changed all the same.
        if seen != self.seen {
            self.seen = seen;
            self.since = Instant::now();
        }
        if seen.0 == 0 {
            // Where nothing can be written, nobody is heard, and nobody waits for long.
            let _ = self.file.write_all(b"?");
        }
        self.since.elapsed() < PATIENCE
    }
}
