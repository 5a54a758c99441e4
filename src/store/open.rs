//! Opening a store, and making one.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, OnceLock, RwLock};

use serde::{Deserialize, Serialize};

use super::error::{Error, Result};
use super::file;
use super::index::Index;
use super::layout::Layout;
use super::lock::{Lock, Name};
use super::near::Near;
use super::overlay::Overlay;
use super::{Inner, Store, reserve};

/// The format of the directory, in `store.json`.
pub const FORMAT: u32 = 1;

/// The features that this program knows; a store that needs another one is not touched.
const FEATURES: &[&str] = &[];

/// What a directory may hold that becomes a store: the beginnings of one that somebody makes or made,
/// and what a file system has in its root.
const EXPECTED: &[&str] = &[
    "arriving",
    "claims",
    "entries",
    "leases",
    "locks",
    "lost+found",
    "objects",
    "reserve",
    "roots",
    "spare",
    "store.json",
    "tmp",
    "traces",
];

#[derive(Serialize, Deserialize)]
struct Config {
    format: u32,
    /// What a program must know to read this store.
    #[serde(default)]
    features: Vec<String>,
}

impl Store {
    /// Opens a store for reading, and for writing if somebody does. Creates nothing.
    pub fn open(dir: &Path) -> Result<Store> {
        let inner = Inner {
            layout: Layout::new(dir),
            index: RwLock::new(None),
            overlay: Overlay::default(),
            near: Near::default(),
            able: OnceLock::new(),
        };
        let store = Store {
            inner: Arc::new(inner),
        };
        store.index()?;
        Ok(store)
    }

    /// Opens a store, making it first if it is not there.
    pub fn create(dir: &Path) -> Result<Store> {
        let store = Store::open(dir)?;
        store.index_or_create()?;
        Ok(store)
    }

    /// Whether anything was ever written here.
    pub fn exists(&self) -> Result<bool> {
        Ok(self.index()?.is_some())
    }

    /// Whether there is a store, and nothing may be written to it.
    pub fn is_read_only(&self) -> Result<bool> {
        Ok(self.index()?.is_some_and(|index| !index.is_writable()))
    }

    /// The index; `None` while the store is empty.
    pub(super) fn index(&self) -> Result<Option<Arc<Index>>> {
        if let Some(index) = &*self.inner.index.read().expect("no panic while held") {
            return Ok(Some(index.clone()));
        }
        if !check(self.layout())? {
            return Ok(None);
        }
        let mut slot = self.inner.index.write().expect("no panic while held");
        if slot.is_none() {
            *slot = Some(Arc::new(Index::open(self.layout())?));
        }
        Ok(slot.clone())
    }

    pub(super) fn index_or_create(&self) -> Result<Arc<Index>> {
        if let Some(index) = self.index()? {
            return Ok(index);
        }
        initialise(self.layout())?;
        self.index()?.ok_or_else(|| Error::NotAStore {
            path: self.dir().to_owned(),
            problem: "it vanished while it was being made".into(),
        })
    }
}

/// Whether there is a store; fails where there is one that must not be touched.
pub(super) fn check(layout: &Layout) -> Result<bool> {
    let path = layout.config();
    let text = match file::read(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            return if is_populated(&layout.objects())? {
                Err(Error::NotAStore {
                    path: layout.root().to_owned(),
                    problem: "it has objects/ but no store.json; if it was one, put a file with {\"format\": 1} there".into(),
                })
            } else {
                Ok(false)
            };
        }
        Err(e) if e.kind() == io::ErrorKind::NotADirectory => {
            return Err(Error::NotADirectory {
                path: layout.root().to_owned(),
            });
        }
        Err(e) if file::says_none(&e) => {
            return Err(Error::NotAStore {
                path: layout.root().to_owned(),
                problem: "its store.json is not a file".into(),
            });
        }
        Err(e) => return Err(Error::io("reading", path, e)),
    };
    let config: Config = serde_json::from_slice(&text).map_err(|e| Error::NotAStore {
        path: layout.root().to_owned(),
        problem: format!("its store.json is damaged: {e}"),
    })?;
    if config.format > FORMAT {
        return Err(Error::NewerFormat {
            path,
            found: config.format,
            known: FORMAT,
        });
    }
    match config
        .features
        .into_iter()
        .find(|f| !FEATURES.contains(&f.as_str()))
    {
        Some(feature) => Err(Error::UnknownFeature {
            path,
            feature,
            known: FORMAT,
        }),
        None => Ok(true),
    }
}

fn is_populated(dir: &Path) -> Result<bool> {
    match fs::read_dir(dir) {
        Ok(mut names) => Ok(names.next().is_some()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(Error::io("reading", dir, e)),
    }
}

/// Refuses a directory that holds something else: a store would be strewn over somebody's files.
fn is_free(layout: &Layout) -> Result<()> {
    let dir = layout.root();
    let names = match fs::read_dir(dir) {
        Ok(names) => names,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return leads_on(dir),
        Err(e) => return Err(Error::io("reading", dir, e)),
    };
    for name in names {
        let name = name.map_err(|e| Error::io("reading", dir, e))?.file_name();
        let known = name.to_string_lossy();
        if !EXPECTED.contains(&&*known) && !known.starts_with("db.sqlite") {
            return Err(Error::Occupied {
                path: dir.to_owned(),
                name: known.into_owned(),
            });
        }
    }
    Ok(())
}

/// Refuses a path on which a link leads nowhere: no directory can be made in its place, or where it leads.
fn leads_on(dir: &Path) -> Result<()> {
    for path in dir.ancestors() {
        match fs::read_link(path) {
            Ok(target) if !path.exists() => {
                return Err(Error::LinkToNothing {
                    path: path.to_owned(),
                    target,
                });
            }
            _ => {}
        }
    }
    Ok(())
}

/// Makes an empty store. `store.json` comes last: what has one is complete.
fn initialise(layout: &Layout) -> Result<()> {
    is_free(layout)?;
    let make = |dir| fs::create_dir_all(&dir).map_err(|e| Error::io("making", dir, e));
    make(layout.locks())?;
    let _lock = Lock::exclusive(layout, Name::Swap)?;
    if check(layout)? {
        return Ok(());
    }
    for dir in [
        layout.tmp(),
        layout.leases(),
        layout.entries(),
        layout.roots(),
        layout.traces(),
        layout.objects(),
    ] {
        make(dir)?;
    }
    Index::create(layout)?;
    let config = Config {
        format: FORMAT,
        features: Vec::new(),
    };
    let mut text = serde_json::to_vec_pretty(&config).expect("numbers and text are JSON");
    text.push(b'\n');
    let staged = layout.tmp().join("store.json");
    write_synced(&staged, &text)?;
    rename_synced(&staged, &layout.config())?;
    reserve::fill(layout);
    match layout.root().parent() {
        Some(parent) if parent != Path::new("") => sync_dir(parent),
        _ => Ok(()),
    }
}

/// Writes a small file whose bytes are durable when this returns.
pub(super) fn write_synced(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || {
        let mut file = fs::File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|e| Error::io("writing", path, e))
}

/// Renames a file, durably.
pub(super) fn rename_synced(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(|e| Error::io("renaming to", to, e))?;
    sync_dir(to.parent().unwrap_or(Path::new(".")))
}

pub(super) fn sync_dir(dir: &Path) -> Result<()> {
    fs::File::open(dir)
        .and_then(|d| d.sync_all())
        .map_err(|e| Error::io("syncing", dir, e))
}
