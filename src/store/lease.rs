//! What a running process needs, so that a collector leaves it alone.
//!
//! Lease first, then look: what is leased before it is found can't be condemned in between.
//! A lease is a locked file of 33-byte lines, a letter and a hash;
//! the lock dies with its process, and so does the lease.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::Store;
use super::error::{Error, Result};
use super::fault;
use super::file;
use super::index::{Form, Index, Object, State, Type};
use super::layout::Layout;
use super::lock::{Lock, Name, is_same, try_lock};
use crate::ids::{BlobId, EntryId, Hash};

const RECORD: usize = 33;

/// Keeps what it holds from being collected, until it is dropped or its process ends.
#[must_use = "what it holds may be collected once it is dropped"]
#[derive(Debug)]
pub struct Lease {
    store: Store,
    path: PathBuf,
    file: Mutex<File>,
}

/// What leases hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Held {
    pub entries: BTreeSet<EntryId>,
    pub blobs: BTreeSet<BlobId>,
}

impl Store {
    /// A lease that holds nothing yet.
    pub fn lease(&self) -> Result<Lease> {
        self.index_or_create()?;
        let dir = self.layout().leases();
        // A collector reaps unlocked leases under the exclusive lock, so never one that is being made.
        let _swap = Lock::shared(self.layout(), Name::Swap)?;
        for number in 0u64.. {
            let path = dir.join(number.to_string());
            match OpenOptions::new().append(true).create_new(true).open(&path) {
                Ok(file) => {
                    file.lock().map_err(|e| Error::io("locking", &path, e))?;
                    return Ok(Lease {
                        store: self.clone(),
                        path,
                        file: Mutex::new(file),
                    });
                }
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(Error::io("making the lease", path, e)),
            }
        }
        unreachable!("a directory has fewer files than there are numbers")
    }
}

impl Lease {
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Holds entries, whether they are here or not, with their references; condemned ones are needed again.
    pub fn hold(&self, entries: &[EntryId]) -> Result<()> {
        let index = self.store.index_or_create()?;
        let _swap = Lock::shared(self.store.layout(), Name::Swap)?;
        self.append(entries.iter().map(|entry| (b'e', entry.0)))?;
        self.store.revive_entries(&index, entries)
    }

    /// Holds blobs; says for each how long it is, if it is here.
    pub fn hold_blobs(&self, blobs: &[BlobId]) -> Result<Vec<Option<u64>>> {
        let index = self.store.index_or_create()?;
        let _swap = Lock::shared(self.store.layout(), Name::Swap)?;
        self.append(blobs.iter().map(|blob| (b'b', blob.0)))?;
        let hashes: Vec<Hash> = blobs.iter().map(|blob| blob.0).collect();
        self.store.found(&index, &hashes)
    }

    /// Only under the swap lock.
    pub(super) fn append(&self, ids: impl Iterator<Item = (u8, Hash)>) -> Result<()> {
        let mut bytes = Vec::new();
        for (letter, hash) in ids {
            bytes.push(letter);
            bytes.extend_from_slice(hash.as_bytes());
        }
        let mut file = self.file.lock().expect("no panic while held");
        let before = file
            .metadata()
            .map_err(|e| Error::io("reading the lease", &self.path, e))?
            .len();
        file.write_all(&bytes).map_err(|e| {
            // Half a line would be read as damage. If even this fails, the collector stops, which is safe.
            let _ = file.set_len(before);
            Error::io("writing the lease", &self.path, e)
        })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // A file that stays is unlocked, and reaped by the next collector.
        let _ = fs::remove_file(&self.path);
    }
}

impl Store {
    /// How long each of some blobs is, if it is here with all that it is read from; condemned ones live again. Only under the swap lock.
    pub(super) fn found(&self, index: &Index, blobs: &[Hash]) -> Result<Vec<Option<u64>>> {
        let found = index.objects_of(Type::Blob, blobs)?;
        let condemned: Vec<Object> = found
            .iter()
            .flatten()
            .filter(|o| o.state == State::Condemned)
            .copied()
            .collect();
        let lost = self.revive(index, condemned)?;
        // A list without all that it is read from is of no use: who has the same writes it anew.
        let absent = match found.iter().flatten().any(|o| o.form == Form::Assembly) {
            true => Some(index.absent()?),
            false => None,
        };
        let is_whole = |o: &Object| {
            o.form == Form::Own || absent.as_ref().is_none_or(|a| !a.rows.contains(&o.row))
        };
        let length = |object: &Option<Object>| match object {
            Some(o) if o.state == State::Live && is_whole(o) => Some(o.length),
            Some(o) if o.state == State::Condemned && !lost.contains(&o.row) && is_whole(o) => {
                Some(o.length)
            }
            _ => None,
        };
        Ok(found.iter().map(length).collect())
    }

    /// Makes condemned objects live again; only under the swap lock, shared or exclusive.
    ///
    /// Returns those that can't be: a collector unlinked them and was killed before it could say so,
    /// or took parts of them and has not come to themselves yet.
    pub(super) fn revive(&self, index: &Index, objects: Vec<Object>) -> Result<BTreeSet<i64>> {
        let mut queue = objects;
        // Of each that is condemned and here, the parts.
        let mut here: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
        let (mut unlinked, mut gone) = (BTreeSet::new(), BTreeSet::new());
        while let Some(object) = queue.pop() {
            if object.state == State::Gone {
                gone.insert(object.row);
            }
            if object.state != State::Condemned
                || here.contains_key(&object.row)
                || unlinked.contains(&object.row)
            {
                continue;
            }
            let path = self.layout().object(object.kind(), object.hash);
            match fs::symlink_metadata(&path) {
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::NotFound => {
                    unlinked.insert(object.row);
                    continue;
                }
                Err(e) => return Err(Error::io("looking for", path, e)),
            }
            let mut parts = BTreeSet::new();
            if object.form == Form::Assembly {
                parts.extend(index.parts_of(object.row)?);
                queue.extend(index.objects_by_row(&parts)?);
            }
            here.insert(object.row, parts);
        }
        // What lacks a part is of no use: it stays condemned until somebody writes it anew.
        let mut lost = unlinked.clone();
        loop {
            let lacks = |part: &i64| lost.contains(part) || gone.contains(part);
            let hollow = here.iter().filter(|(_, parts)| parts.iter().any(lacks));
            let hollow: Vec<i64> = hollow.map(|(row, _)| *row).collect();
            if hollow.is_empty() {
                break;
            }
            for row in hollow {
                here.remove(&row);
                lost.insert(row);
            }
        }
        fault::point("lease.looked");
        if !here.is_empty() {
            index.turn(here.into_keys(), State::Condemned, State::Live)?;
        }
        if !unlinked.is_empty() {
            index.turn(unlinked.into_iter(), State::Condemned, State::Gone)?;
        }
        Ok(lost)
    }

    /// Makes whatever is condemned below entries live again; only under the swap lock.
    pub(super) fn revive_entries(&self, index: &Index, entries: &[EntryId]) -> Result<()> {
        let absent = index.absent()?;
        if !absent.condemned {
            return Ok(());
        }
        let mut rows = BTreeSet::new();
        index.stand(entries, |standing| {
            let below = standing.contents.iter();
            rows.extend(below.filter(|row| absent.rows.contains(row)));
        })?;
        if rows.is_empty() {
            return Ok(());
        }
        let objects = index.objects_by_row(&rows)?;
        self.revive(index, objects).map(drop)
    }
}

/// Reads every lease whose process lives. `reap`s the others, which only an exclusive swap lock allows.
pub(crate) fn read_all(layout: &Layout, reap: bool) -> Result<Held> {
    let mut held = Held::default();
    let dir = layout.leases();
    let names = match fs::read_dir(&dir) {
        Ok(names) => names,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(held),
        Err(e) => return Err(Error::io("reading", dir, e)),
    };
    for name in names {
        let path = name.map_err(|e| Error::io("reading", &dir, e))?.path();
        let file = match file::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Err(e) => return Err(Error::io("opening the lease", path, e)),
        };
        // One that was made this moment and is not locked yet holds nothing yet.
        if try_lock(&file, &path)? {
            if reap && is_same(&file, &path) {
                fs::remove_file(&path).map_err(|e| Error::io("removing", &path, e))?;
            }
            continue;
        }
        read(&path, &mut held)?;
    }
    Ok(held)
}

fn read(path: &Path, held: &mut Held) -> Result<()> {
    let bytes = match file::read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(Error::io("reading the lease", path, e)),
    };
    // A line may be half written while nobody has the swap lock; then its reader comes again.
    for line in bytes.chunks_exact(RECORD) {
        let hash: [u8; 32] = line[1..]
            .try_into()
            .expect("a record is a letter and 32 bytes");
        let hash = Hash::from_bytes(hash);
        match line[0] {
            b'e' => drop(held.entries.insert(EntryId(hash))),
            b'b' => drop(held.blobs.insert(BlobId(hash))),
            letter => {
                return Err(Error::BadLease {
                    path: path.to_owned(),
                    problem: format!("it has a line of unknown kind {:?}", char::from(letter)),
                });
            }
        }
    }
    Ok(())
}
