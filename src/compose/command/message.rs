//! What the composer and its helper say to each other: lines of JSON, and behind a file's its bytes.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::plan::parameters;

/// The longest line: two names of a link, in hex, and attributes.
const LONGEST: u64 = 1 << 20;

/// What is to be run, and where.
#[derive(Debug, Serialize, Deserialize)]
pub struct Request {
    /// Hex, as all paths here: they may be anything.
    pub root: String,
    /// By name.
    pub inputs: BTreeMap<String, String>,
    pub run: Vec<String>,
    pub environment: BTreeMap<String, String>,
    pub seconds: u64,
    pub mebibytes: u64,
    pub processes: u64,
}

impl Request {
    pub fn new(params: &parameters::Command, root: impl AsRef<Path>) -> Self {
        let epoch = params.epoch.to_string();
        // All that a command is told of where it is.
        let environment = [
            ("HOME", "/tmp"),
            ("LANG", "C.UTF-8"),
            ("OUT", "/out"),
            ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
            ("SOURCE_DATE_EPOCH", epoch.as_str()),
            ("TMPDIR", "/tmp"),
            ("TZ", "UTC"),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Request {
            root: place(root.as_ref()),
            inputs: BTreeMap::new(),
            run: params.run.clone(),
            environment: environment.into(),
            seconds: params.seconds,
            mebibytes: params.mebibytes,
            processes: params.processes,
        }
    }

    pub fn input(&mut self, name: &str, at: &Path) {
        self.inputs.insert(name.to_owned(), place(at));
    }
}

/// A path as a helper finds it, which stands elsewhere than its caller.
fn place(path: &Path) -> String {
    // It fails only for an empty path, or where there is no directory to stand in: then nothing is found, and said so.
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    hex(path.as_os_str().as_bytes())
}

/// What a helper says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Message {
    /// It is in its namespaces, and waits to be given ids there.
    Ready,
    /// It can't contain anything here.
    Unavailable {
        what: String,
        why: String,
    },
    /// Something else went wrong.
    Wrong {
        what: String,
        why: String,
    },
    /// The command ended: `exit code 1`, `signal 9`; empty if well.
    Ended {
        how: String,
    },
    Directory {
        path: String,
        mode: u32,
        xattrs: Vec<(String, String)>,
    },
    /// `size` bytes follow the line.
    File {
        path: String,
        mode: u32,
        size: u64,
        /// Where it has more than one name.
        inode: Option<u64>,
        xattrs: Vec<(String, String)>,
    },
    /// Another name of a file that was told before.
    Link {
        path: String,
        inode: u64,
    },
    Symlink {
        path: String,
        target: String,
    },
    /// Something that no tree may hold.
    Strange {
        path: String,
        what: String,
    },
    TooLarge,
    TooDeep {
        path: String,
        most: usize,
    },
    /// That was all.
    Done,
}

/// Says one thing.
pub fn tell(to: &mut dyn Write, what: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *to, what)?;
    to.write_all(b"\n")
}

/// Hears one thing; `None` at the end.
pub fn hear<T: serde::de::DeserializeOwned>(from: &mut dyn BufRead) -> io::Result<Option<T>> {
    let mut line = Vec::new();
    io::Read::take(from, LONGEST).read_until(b'\n', &mut line)?;
    match line.is_empty() {
        true => Ok(None),
        false => Ok(Some(serde_json::from_slice(&line)?)),
    }
}

pub fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

pub fn unhex(text: &str) -> io::Result<Vec<u8>> {
    let bytes = data_encoding::HEXLOWER.decode(text.as_bytes());
    bytes.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}
