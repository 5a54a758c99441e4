//! Taking things into the store by hand.

use std::fs::{self, File};
use std::io::{Read, Seek};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::error::Error;
use super::facts::Facts;
use super::look::stamp;
use super::workspace::{Parts, StoreWorkspace};
use super::{sight, trace};
use crate::compose;
use crate::formats::rpm::Record;
use crate::ids::{BlobId, EntryId, Nevra, TreePath};
use crate::source::Found;
use crate::store::{self, Batch, Entry, Store};
use crate::tree::{Builder, Child, Content, Directory, Leaf, Meta};

/// What was taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    pub entry: EntryId,
    /// `rpm`, `file` or `directory`.
    pub kind: String,
    pub nevra: Option<Nevra>,
}

/// Takes an RPM, a file or a directory into the store; the path stays the user's own.
///
/// An RPM is known from then on where it lies, so that a source that has it need not read it again.
/// `now` is in seconds since 1970.
pub fn add(store: &Store, path: &Path, now: i64) -> Result<Added, Error> {
    let unreadable = |source| Error::Unreadable {
        path: path.to_owned(),
        source,
    };
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if holds(path, store.dir()) {
        let source = std::io::Error::other("the store itself lies in it");
        return Err(unreadable(source));
    }
    let found = Found::at(path.to_owned()).ok();
    let batch = store.batch()?;
    let added = if metadata.is_dir() {
        directory(&batch, path)?
    } else if metadata.is_file() {
        let mut file = File::open(path).map_err(unreadable)?;
        let mut magic = Vec::new();
        file.by_ref()
            .take(4)
            .read_to_end(&mut magic)
            .map_err(unreadable)?;
        file.rewind().map_err(unreadable)?;
        // What is called a package is held to it: a damaged one is no file of some other sort.
        let named = path.extension().is_some_and(|extension| extension == "rpm");
        if named || magic == crate::source::directory::LEAD {
            rpm(store, &batch, path, file)?
        } else {
            plain(&batch, path, file)?
        }
    } else {
        let source = std::io::Error::other("it is neither a file nor a directory");
        return Err(unreadable(source));
    };
    batch.commit()?;
    if added.nevra.is_some() {
        let mut facts = Facts::none(store);
        facts.keep = true;
        facts.gather(&[added.entry])?;
    }
    if let Some(found) = found.filter(|_| added.nevra.is_some())
        && Found::at(path.to_owned()).ok().as_ref() == Some(&found)
    {
        let hashed = [(stamp(&found), added.entry)];
        store.stamps_put(&hashed, now.saturating_mul(1_000_000_000))?;
    }
    Ok(added)
}

/// Whether a directory is, or leads down to, the store: it would be read while it is written.
fn holds(path: &Path, store: &Path) -> bool {
    match (fs::canonicalize(path), fs::canonicalize(store)) {
        (Ok(path), Ok(store)) => store.starts_with(path),
        _ => false,
    }
}

/// The bytes of a file of somebody else's; what goes wrong with it names it.
pub(super) fn taken(batch: &Batch, path: &Path, file: &mut File) -> Result<(BlobId, u64), Error> {
    batch.blob(file).map_err(|error| match error {
        store::Error::Input(source) => Error::Unreadable {
            path: path.to_owned(),
            source,
        },
        error => error.into(),
    })
}

fn rpm(store: &Store, batch: &Batch, path: &Path, mut file: File) -> Result<Added, Error> {
    let (blob, size) = taken(batch, path, &mut file)?;
    batch.directory(&sight::directory(blob, size))?;
    let entry = sight::entry(blob, size);
    batch.entry(&entry)?;
    let composer = compose::composer("import").expect("the import kind is named in compose");
    let derivation = sight::import(entry.id(), composer.version());
    let facts = Facts::none(store);
    let parts = Parts::default();
    let workspace = StoreWorkspace {
        store,
        batch,
        facts: &facts,
        parts: &parts,
        notes: Default::default(),
        again: false,
        program: None,
    };
    let composed = composer
        .compose(&derivation, &workspace)
        .map_err(|source| Error::Add {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
    let (trace, entries) = trace::of(&derivation, composed, Vec::new());
    let outcome = trace::outcome(batch.made(entries.values(), &trace)?, trace);
    let record: Option<Record> = outcome.facts();
    Ok(Added {
        entry: entry.id(),
        kind: entry.kind,
        nevra: record.map(|record| record.nevra),
    })
}

fn plain(batch: &Batch, path: &Path, mut file: File) -> Result<Added, Error> {
    let mode = mode(&file.metadata().map_err(|source| Error::Unreadable {
        path: path.to_owned(),
        source,
    })?);
    let (blob, size) = taken(batch, path, &mut file)?;
    let name = path
        .file_name()
        .map_or(&b"file"[..], |name| name.as_bytes());
    let mut tree = Builder::default();
    tree.children
        .insert(name.to_vec(), Child::Leaf(Leaf::file(mode, blob, size)));
    finish(batch, "file", &tree)
}

/// Modes and links count, owners and times do not: a directory has the same entry whoever adds it.
fn directory(batch: &Batch, path: &Path) -> Result<Added, Error> {
    let unreadable = |path: &Path, source: std::io::Error| Error::Unreadable {
        path: path.to_owned(),
        source,
    };
    let mut tree = Builder::default();
    for found in walkdir::WalkDir::new(path).min_depth(1).sort_by_file_name() {
        let found = found.map_err(|error| unreadable(path, error.into()))?;
        let relative = found
            .path()
            .strip_prefix(path)
            .expect("a walk stays below where it began");
        let place =
            TreePath::parse(relative.as_os_str().as_bytes()).map_err(compose::Error::from)?;
        let metadata = found
            .metadata()
            .map_err(|error| unreadable(found.path(), error.into()))?;
        let meta = Meta::new(mode(&metadata));
        let leaf = if metadata.is_dir() {
            tree.directory(&place).map_err(compose::Error::from)?.meta = meta;
            continue;
        } else if metadata.is_file() {
            let mut file = File::open(found.path()).map_err(|e| unreadable(found.path(), e))?;
            let (blob, size) = taken(batch, found.path(), &mut file)?;
            Leaf {
                meta,
                content: Content::File { size, blob },
            }
        } else if metadata.is_symlink() {
            let target = fs::read_link(found.path()).map_err(|e| unreadable(found.path(), e))?;
            Leaf::symlink(target.as_os_str().as_bytes())
        } else {
            let source = std::io::Error::other("only files, directories and links can be added");
            return Err(unreadable(found.path(), source));
        };
        tree.insert(&place, Child::Leaf(leaf))
            .map_err(compose::Error::from)?;
    }
    finish(batch, "directory", &tree)
}

fn mode(metadata: &fs::Metadata) -> u32 {
    metadata.permissions().mode() & 0o7777
}

fn finish(batch: &Batch, kind: &str, tree: &Builder) -> Result<Added, Error> {
    let root = tree.finish(&mut |directory: &Directory| batch.directory(directory))?;
    let entry = Entry::new(kind, root);
    batch.entry(&entry)?;
    Ok(Added {
        entry: entry.id(),
        kind: entry.kind,
        nevra: None,
    })
}
