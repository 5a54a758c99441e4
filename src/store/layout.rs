//! Where things lie in a store's directory.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::error::{Error, Result};
use crate::ids::{Hash, TraceId};

/// What a file under `objects/` or `traces/` holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Blob,
    Assembly,
    Tree,
    Entry,
    Trace,
}

impl Kind {
    /// The kinds under `objects/`, with the ends of their file names.
    pub const OBJECTS: [(Kind, &'static str); 4] = [
        (Kind::Assembly, ".asm"),
        (Kind::Tree, ".tree"),
        (Kind::Entry, ".entry"),
        (Kind::Blob, ""),
    ];

    fn suffix(self) -> &'static str {
        match self {
            Kind::Blob | Kind::Trace => "",
            Kind::Assembly => ".asm",
            Kind::Tree => ".tree",
            Kind::Entry => ".entry",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Blob => "blob",
            Kind::Assembly => "assembly",
            Kind::Tree => "tree",
            Kind::Entry => "entry",
            Kind::Trace => "trace",
        })
    }
}

/// A file for views to link to where the object can't be: all views share it, and it is as disposable as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Twin {
    /// A blob as an executable, for a file has one mode.
    Executable,
    /// A blob that is held in parts, written out.
    Assembled,
}

impl Twin {
    pub const ALL: [Twin; 2] = [Twin::Executable, Twin::Assembled];
}

/// The paths of a store.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    pub fn new(root: &Path) -> Self {
        Layout {
            root: root.to_owned(),
        }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn config(&self) -> PathBuf {
        self.root.join("store.json")
    }

    pub fn index(&self) -> PathBuf {
        self.root.join("db.sqlite")
    }

    pub fn reserve(&self) -> PathBuf {
        self.root.join("reserve")
    }

    pub fn spare(&self) -> PathBuf {
        self.root.join("spare")
    }

    pub fn objects(&self) -> PathBuf {
        self.root.join("objects")
    }

    pub fn traces(&self) -> PathBuf {
        self.root.join("traces")
    }

    pub fn roots(&self) -> PathBuf {
        self.root.join("roots")
    }

    pub fn entries(&self) -> PathBuf {
        self.root.join("entries")
    }

    pub fn twins(&self, twin: Twin) -> PathBuf {
        self.entries().join(match twin {
            Twin::Executable => ".executable",
            Twin::Assembled => ".assembled",
        })
    }

    pub fn leases(&self) -> PathBuf {
        self.root.join("leases")
    }

    pub fn claims(&self) -> PathBuf {
        self.root.join("claims")
    }

    pub fn arriving(&self) -> PathBuf {
        self.root.join("arriving")
    }

    /// Where views are made, on the file system that they will be on.
    pub fn building(&self) -> PathBuf {
        self.entries().join(".building")
    }

    pub fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }

    pub fn locks(&self) -> PathBuf {
        self.root.join("locks")
    }

    /// The directory that the files of a kind are found from, by [`within`].
    pub fn base(&self, kind: Kind) -> PathBuf {
        match kind {
            Kind::Trace => self.traces(),
            _ => self.objects(),
        }
    }

    pub fn object(&self, kind: Kind, id: Hash) -> PathBuf {
        self.base(kind).join(within(kind, id))
    }

    pub fn trace(&self, id: TraceId) -> PathBuf {
        self.object(Kind::Trace, id.0)
    }

    pub fn twin(&self, twin: Twin, blob: Hash) -> PathBuf {
        let text = blob.to_string();
        self.twins(twin).join(&text[..2]).join(text)
    }
}

/// Where the file of a kind is within its base.
pub(crate) fn within(kind: Kind, id: Hash) -> String {
    let text = id.to_string();
    [&text[..2], "/", &text, kind.suffix()].concat()
}

/// What a file name under `objects/` says; `None` for what the store never wrote.
pub(crate) fn parse_object(name: &str) -> Option<(Kind, Hash)> {
    Kind::OBJECTS.iter().find_map(|(kind, suffix)| {
        let hash = name.strip_suffix(suffix)?.parse().ok()?;
        Some((*kind, hash))
    })
}

/// The files in the directories of a directory, sorted, with their names.
pub(crate) fn files_below(dir: &Path) -> Result<Vec<(PathBuf, String)>> {
    let file =
        |shard: &Path, name: &OsStr| Some((shard.join(name), name.to_string_lossy().into_owned()));
    let mut files = found_below(dir, file)?;
    files.sort();
    Ok(files)
}

/// What `of` makes of each of them, from its directory and its name; in any order, by several threads.
pub(crate) fn found_below<T: Send>(
    dir: &Path,
    of: impl Fn(&Path, &OsStr) -> Option<T> + Sync,
) -> Result<Vec<T>> {
    let look = |shard: OsString| -> Result<Vec<T>> {
        let shard = dir.join(shard);
        // What lies beside the directories is nobody's: see `foreign`.
        let names = names_in(&shard)?.unwrap_or_default().into_iter();
        Ok(names.filter_map(|name| of(&shard, &name)).collect())
    };
    let found: Vec<Vec<T>> = names_in(dir)?
        .unwrap_or_default()
        .into_par_iter()
        .map(look)
        .collect::<Result<_>>()?;
    Ok(found.into_iter().flatten().collect())
}

/// What lies among objects and traces and is nobody's: the store writes no such name, or nothing but directories there.
pub(crate) fn foreign(layout: &Layout) -> Result<Vec<PathBuf>> {
    let is_object = |name: &str| parse_object(name).is_some();
    let is_trace = |name: &str| name.parse::<Hash>().is_ok();
    let mut foreign = foreign_below(&layout.objects(), is_object)?;
    foreign.extend(foreign_below(&layout.traces(), is_trace)?);
    Ok(foreign)
}

fn foreign_below(dir: &Path, is_ours: impl Fn(&str) -> bool + Sync) -> Result<Vec<PathBuf>> {
    let mut foreign = found_below(dir, |shard, name| {
        (!is_ours(&name.to_string_lossy())).then(|| shard.join(name))
    })?;
    for name in names_in(dir)?.unwrap_or_default() {
        let shard = dir.join(name);
        if names_in(&shard)?.is_none() {
            foreign.push(shard);
        }
    }
    Ok(foreign)
}

/// The names in a directory; `None` of what is no directory.
fn names_in(dir: &Path) -> Result<Option<Vec<OsString>>> {
    let name = |item: io::Result<fs::DirEntry>| item.map(|item| item.file_name());
    let read = || fs::read_dir(dir)?.map(name).collect();
    match read() {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Some(Vec::new())),
        Err(e) if e.kind() == io::ErrorKind::NotADirectory => Ok(None),
        other => other.map(Some).map_err(|e| Error::io("reading", dir, e)),
    }
}
