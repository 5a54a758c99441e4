//! The commit of a batch: from `tmp/` into `objects/`, and from there into the index.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::Store;
use super::batch::{Batch, BatchContent, StagedObject};
use super::error::{Error, Result};
use super::fault;
use super::file;
use super::index::{Index, NewObject, NewTrace, Object, State, Type};
use super::layout::Kind;
use super::lock::{Lock, Name};
use super::open::sync_dir;
use super::staging::Staging;
use crate::ids::{Hash, TraceId};

/// Up to so many files are synced one by one, more by one sync of the file system.
const FEW: usize = 16;

/// What needs others comes after them: whatever is killed, a name never stands for less than it says.
const ORDER: [Kind; 5] = [
    Kind::Blob,
    Kind::Assembly,
    Kind::Tree,
    Kind::Entry,
    Kind::Trace,
];

pub(super) fn commit(batch: &Batch, content: &BatchContent, staging: &Staging) -> Result<()> {
    if content.objects.is_empty() {
        return Ok(());
    }
    let store = &batch.store;
    let index = store.index_or_create()?;
    let mut objects: Vec<&StagedObject> = ORDER
        .iter()
        .flat_map(|kind| content.order.iter().filter(move |(k, _)| k == kind))
        .map(|key| &content.objects[key])
        .collect();

    fault::point("batch.before-sync");
    sync_files(objects.iter().map(|o| o.staged.path.as_path()), staging)?;
    fault::point("batch.synced");
    // From here to the commit no collector decides anything.
    let swap = Lock::shared(store.layout(), Name::Swap)?;
    let held = objects.iter().filter_map(|o| match o.new.kind {
        Kind::Blob | Kind::Assembly => Some((b'b', o.new.hash)),
        Kind::Entry => Some((b'e', o.new.hash)),
        Kind::Tree | Kind::Trace => None,
    });
    batch.lease.append(held)?;
    let of_list = |o: &&&StagedObject| o.new.kind == Kind::Assembly;
    let lists: Vec<Hash> = objects.iter().filter(of_list).map(|o| o.new.hash).collect();
    // Another list of the same blob may say other parts: of what one says and the index knows, nobody keeps both.
    let alone = match lists.is_empty() {
        true => None,
        false => Some(Lock::exclusive(store.layout(), Name::Lists)?),
    };
    let named = named_meanwhile(store, &index, &lists)?;
    objects.retain(|o| o.new.kind != Kind::Assembly || !named.contains(&o.new.hash));
    let mut dirs = BTreeSet::new();
    let mut made = Vec::new();
    for object in &objects {
        fault::point("batch.placing");
        let path = store.layout().object(object.new.kind, object.new.hash);
        place(&index, object, &path, &mut dirs)?;
        if object.new.kind == Kind::Trace {
            made.push(time_of(&path)?);
        }
    }
    fault::point("batch.placed");
    sync_dirs(&dirs, store.layout().root())?;
    fault::point("batch.before-index");
    let news: Vec<&NewObject> = objects
        .iter()
        .filter(|o| o.new.kind != Kind::Trace)
        .map(|o| &*o.new)
        .collect();
    let traces: Vec<NewTrace> = objects
        .iter()
        .filter_map(|o| Some((o.new.hash, o.new.size, o.new.trace.clone()?)))
        .zip(made)
        .map(|((hash, size, trace), made_ns)| NewTrace {
            id: TraceId(hash),
            trace,
            made_ns,
            size,
        })
        .collect();
    index.commit(&news, &traces)?;
    drop((alone, swap));
    fault::point("batch.indexed");
    Ok(())
}

/// Of blobs that are to be held in parts those that are here by now, written by somebody else: they stay as they are.
fn named_meanwhile(store: &Store, index: &Index, lists: &[Hash]) -> Result<BTreeSet<Hash>> {
    if lists.is_empty() {
        return Ok(BTreeSet::new());
    }
    let found = lists.iter().zip(store.found(index, lists)?);
    let (there, others): (Vec<_>, Vec<_>) = found.partition(|(_, length)| length.is_some());
    // What is there and lacks something is replaced; whoever is killed before that is named leaves the parts of neither.
    let others: Vec<Hash> = others.into_iter().map(|(hash, _)| *hash).collect();
    let others = index.objects_of(Type::Blob, &others)?;
    let rows = |state| {
        let of_state = others.iter().flatten().filter(move |o| o.state == state);
        of_state.map(|o| o.row).collect::<Vec<i64>>()
    };
    for state in [State::Live, State::Condemned] {
        let rows = rows(state);
        if !rows.is_empty() {
            index.turn(rows.into_iter(), state, State::Damaged)?;
        }
    }
    Ok(there.into_iter().map(|(hash, _)| *hash).collect())
}

/// The history is ordered by the times of its files, so that it survives the index.
pub(super) fn time_of(path: &Path) -> Result<i64> {
    let file = fs::metadata(path).map_err(|e| Error::io("reading", path, e))?;
    Ok(file
        .mtime()
        .saturating_mul(1_000_000_000)
        .saturating_add(file.mtime_nsec()))
}

fn place(
    index: &Index,
    object: &StagedObject,
    path: &Path,
    dirs: &mut BTreeSet<PathBuf>,
) -> Result<()> {
    let (staged, dir) = (&object.staged.path, path.parent().unwrap_or(path));
    if dirs.insert(dir.to_owned()) {
        // Synced even if it was there: who made it may not have come so far.
        dirs.insert(dir.parent().unwrap_or(dir).to_owned());
        make_dir(dir)?;
    }
    if rename_new(staged, path)? {
        return Ok(());
    }
    // There is a file of that name: of another writer, left by a killed one, condemned, or damaged.
    let there = fs::symlink_metadata(path).map_err(|e| Error::io("reading", path, e))?;
    let is_whole = there.is_file() && there.len() == object.new.size;
    if is_whole && is_named(index, object.new.kind, object.new.hash)? {
        return Ok(());
    }
    if there.is_dir() {
        file::make_way(path)?;
    }
    fs::rename(staged, path).map_err(|e| Error::io("renaming to", path, e))
}

/// Makes a directory unless there is one; a link, which might lead out of the store, is none.
fn make_dir(dir: &Path) -> Result<()> {
    let failed = |e| Error::io("making", dir, e);
    match fs::create_dir(dir) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
        other => return other.map_err(failed),
    }
    match fs::symlink_metadata(dir).map_err(failed)?.is_dir() {
        true => Ok(()),
        false => Err(failed(io::ErrorKind::NotADirectory.into())),
    }
}

/// Whether the index says what is in a file of this name. What is in one that nobody named, nobody knows:
/// it may be what a damaged object left.
fn is_named(index: &Index, kind: Kind, hash: Hash) -> Result<bool> {
    let of = match kind {
        Kind::Blob => Type::Blob,
        Kind::Tree => Type::Tree,
        Kind::Entry => Type::Entry,
        // A list is not named by its own bytes: one of the same length may say other parts.
        Kind::Assembly | Kind::Trace => return Ok(false),
    };
    let object = index.object(of, hash)?;
    let is_good = |o: Object| matches!(o.state, State::Live | State::Condemned);
    Ok(object.is_some_and(|o| o.kind() == kind && is_good(o)))
}

/// Renames a file unless the name is taken; says whether it did.
pub(super) fn rename_new(from: &Path, to: &Path) -> Result<bool> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE).map_err(io::Error::from) {
        Ok(()) => return Ok(true),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        Err(e)
            if matches!(
                e.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported
            ) => {}
        Err(e) => return Err(Error::io("renaming to", to, e)),
    }
    // The file system can't do both at once. Two writers may then both rename the same bytes, which is harmless.
    if super::read::exists(to)? {
        return Ok(false);
    }
    fs::rename(from, to).map_err(|e| Error::io("renaming to", to, e))?;
    Ok(true)
}

fn sync_files<'a>(paths: impl ExactSizeIterator<Item = &'a Path>, staging: &Staging) -> Result<()> {
    if paths.len() > FEW {
        return sync_all(staging.dir());
    }
    for path in paths {
        File::open(path)
            .and_then(|file| file.sync_data())
            .map_err(|e| Error::io("syncing", path, e))?;
    }
    Ok(())
}

fn sync_dirs(dirs: &BTreeSet<PathBuf>, root: &Path) -> Result<()> {
    if dirs.len() > FEW {
        return sync_all(root);
    }
    dirs.iter().try_for_each(|dir| sync_dir(dir))
}

pub(super) fn sync_all(path: &Path) -> Result<()> {
    File::open(path)
        .and_then(|dir| rustix::fs::syncfs(&dir).map_err(io::Error::from))
        .map_err(|e| Error::io("syncing the file system of", path, e))
}
