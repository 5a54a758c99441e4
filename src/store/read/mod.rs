//! Reading what is held.

mod parts;
mod resolve;

pub use resolve::LEAST_PREFIX;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use crate::store::Store;
use crate::store::entry::Entry;
use crate::store::error::{Error, Result};
use crate::store::file;
use crate::store::index::{End, Index, Object, State, Type};
use crate::store::layout::Kind;
use crate::store::list::{List, Problem};
use crate::store::packed;
use crate::store::trace::Trace;
use parts::Parts;

use crate::ids::{BlobId, DerivationKey, EntryId, Hash, TraceId, TreeId, canonical};
use crate::tree::{Assembly, Directory, Held};

/// Assemblies may be parts of assemblies, but only a damaged store has them nested so deep.
const DEEPEST: u32 = 16;

const SMALL_RECORD: usize = 8 * 1024;

/// What is not here for certain of all that an entry and its references have, with what that is held in.
fn absent_below(
    index: &Index,
    parts: &BTreeMap<i64, Vec<i64>>,
    entry: EntryId,
) -> Result<Vec<Object>> {
    let (mut seen, mut entries) = (BTreeSet::from([entry]), vec![entry]);
    let (mut absent, mut rows) = (BTreeSet::new(), Vec::new());
    while let Some(entry) = entries.pop() {
        if let Some((_, contents)) = index.contents(entry)? {
            rows.extend(index.not_live(contents.iter())?);
        }
        let references = index.references(entry)?.into_iter();
        entries.extend(references.filter(|one| seen.insert(*one)));
    }
    while let Some(row) = rows.pop() {
        if absent.insert(row) {
            let parts = parts.get(&row).into_iter().flatten().copied();
            rows.extend(index.not_live(parts)?);
        }
    }
    index.objects_by_row(&absent)
}

/// The bytes of a blob; an error in the middle of them says which blob is damaged.
pub type BlobReader = Box<dyn Read + Send>;

impl Store {
    pub fn entry(&self, id: EntryId) -> Result<Entry> {
        let bytes = self.record(Kind::Entry, id.0)?;
        self.check_hash(Kind::Entry, id.0, EntryId::of(&bytes).0)?;
        Entry::decode(&bytes).map_err(|e| self.damaged(Kind::Entry, id.0, chain(&e)))
    }

    pub fn directory(&self, id: TreeId) -> Result<Directory> {
        let bytes = self.record(Kind::Tree, id.0)?;
        self.check_hash(Kind::Tree, id.0, TreeId::of(&bytes).0)?;
        Directory::decode(&bytes).map_err(|e| self.damaged(Kind::Tree, id.0, chain(&e)))
    }

    /// What is in a directory, as far as its bytes are counted by it.
    pub fn held(&self, id: TreeId) -> Result<Vec<Held>> {
        let bytes = self.record(Kind::Tree, id.0)?;
        self.check_hash(Kind::Tree, id.0, TreeId::of(&bytes).0)?;
        Held::decode(&bytes).map_err(|e| self.damaged(Kind::Tree, id.0, chain(&e)))
    }

    pub fn trace(&self, id: TraceId) -> Result<Trace> {
        self.decoded(id, Trace::decode)
    }

    /// The record of a run, without its facts; so its id is not to be asked of it.
    pub fn trace_head(&self, id: TraceId) -> Result<Trace> {
        self.decoded(id, Trace::decode_head)
    }

    fn decoded(
        &self,
        id: TraceId,
        decode: fn(&[u8]) -> std::result::Result<Trace, canonical::Error>,
    ) -> Result<Trace> {
        let bytes = self.record(Kind::Trace, id.0)?;
        self.check_hash(Kind::Trace, id.0, TraceId::of(&bytes).0)?;
        decode(&bytes).map_err(|e| self.damaged(Kind::Trace, id.0, chain(&e)))
    }

    /// What a derivation gave so far, oldest first.
    ///
    /// Damaged records are left out: that is a miss, which running the step again mends, and `verify` names them.
    pub fn traces(&self, key: DerivationKey) -> Result<Vec<(TraceId, Trace)>> {
        let ids = self.traces_of(&[key])?.pop().unwrap_or_default();
        self.read_traces(ids)
    }

    /// The names of what each of some derivations gave, in their order, each oldest first; opens no record.
    pub fn traces_of(&self, keys: &[DerivationKey]) -> Result<Vec<Vec<TraceId>>> {
        match self.index()? {
            Some(index) => index.traces(keys),
            None => Ok(vec![Vec::new(); keys.len()]),
        }
    }

    /// Those of some traces that can be read.
    pub fn read_traces(&self, ids: Vec<TraceId>) -> Result<Vec<(TraceId, Trace)>> {
        let read = |id| match self.trace(id) {
            Ok(trace) => Some(Ok((id, trace))),
            Err(Error::Damaged { .. }) => None,
            Err(e) => Some(Err(e)),
        };
        ids.into_iter().filter_map(read).collect()
    }

    /// The traces that have the entry among their outputs, newest first.
    pub fn made(&self, entry: EntryId) -> Result<Vec<TraceId>> {
        Ok(self.made_each(&[entry])?.pop().unwrap_or_default())
    }

    /// The same of many entries, in their order.
    pub fn made_each(&self, entries: &[EntryId]) -> Result<Vec<Vec<TraceId>>> {
        match self.index()? {
            Some(index) => index.made(entries),
            None => Ok(vec![Vec::new(); entries.len()]),
        }
    }

    /// What only one of two closures holds, of each followed from an entry by its trace, or the oldest without;
    /// each entry with the trace that was followed from it.
    ///
    /// Opens no record; `None` where one is part of the other, or something is not known.
    pub fn apart(&self, ends: [End; 2]) -> Result<Option<[Vec<End>; 2]>> {
        match self.index()? {
            Some(index) => index.apart(ends),
            None => Ok(None),
        }
    }

    /// Every entry ever committed, in the order of ids.
    pub fn entries(&self) -> Result<Vec<EntryId>> {
        match self.index()? {
            Some(index) => index.all_entries(),
            None => Ok(Vec::new()),
        }
    }

    /// Every trace ever committed, in the order of ids.
    pub fn all_traces(&self) -> Result<Vec<TraceId>> {
        match self.index()? {
            Some(index) => Ok(index.all_traces()?.into_iter().map(|t| t.0).collect()),
            None => Ok(Vec::new()),
        }
    }

    /// Length of a blob; `None` if its bytes are not here.
    pub fn blob_size(&self, id: BlobId) -> Result<Option<u64>> {
        for kind in [Kind::Blob, Kind::Assembly] {
            if let Some(staged) = self.inner.overlay.get(kind, id.0) {
                return Ok(Some(staged.length));
            }
        }
        let Some(index) = self.index()? else {
            return Ok(None);
        };
        let here = |o: &Object| matches!(o.state, State::Live | State::Condemned);
        let object = index.object(Type::Blob, id.0)?.filter(here);
        Ok(object.map(|o| o.length))
    }

    /// Whether all bytes of an entry and of its references are here, and none is condemned.
    ///
    /// To rely on it, hold the entry with a [`super::Lease`] first.
    pub fn is_complete(&self, id: EntryId) -> Result<bool> {
        Ok(!self.complete(&[id])?.is_empty())
    }

    /// Those of some entries that are complete: asking for many at once costs little more than for one.
    pub fn complete(&self, entries: &[EntryId]) -> Result<BTreeSet<EntryId>> {
        // A batch that staged an entry whole made sure of the rest.
        let staged =
            |entry: &EntryId| self.inner.overlay.is_whole(Kind::Entry, entry.0) == Some(true);
        let (mut complete, mut others) = (BTreeSet::new(), Vec::new());
        for entry in entries {
            match staged(entry) {
                true => drop(complete.insert(*entry)),
                false => others.push(*entry),
            }
        }
        let Some(index) = self.index()?.filter(|_| !others.is_empty()) else {
            return Ok(complete);
        };
        let mut references = BTreeMap::new();
        let mut absent = index.absent()?;
        loop {
            index.stand(&others, |standing| {
                let below = &mut standing.contents.iter();
                let whole = below.all(|row| !absent.rows.contains(&row));
                if whole && standing.object.state == State::Live {
                    references.insert(standing.entry, standing.references);
                }
            })?;
            // What was committed in between may stand on what is absent since.
            let now = index.absent()?;
            if Arc::ptr_eq(&absent, &now) {
                break;
            }
            references.clear();
            absent = now;
        }
        let reaches = |entry: EntryId| {
            let (mut seen, mut queue) = (BTreeSet::from([entry]), vec![entry]);
            while let Some(entry) = queue.pop() {
                match references.get(&entry) {
                    Some(more) => queue.extend(more.iter().filter(|&&more| seen.insert(more))),
                    None if staged(&entry) => {}
                    None => return false,
                }
            }
            true
        };
        complete.extend(others.into_iter().filter(|&entry| reaches(entry)));
        Ok(complete)
    }

    /// Those of some entries whose bytes are all here, and some of them condemned: a collector takes these when their time
    /// has come, and until then an undo brings them back.
    pub fn condemned(&self, entries: &[EntryId]) -> Result<BTreeSet<EntryId>> {
        let Some(index) = self.index()? else {
            return Ok(BTreeSet::new());
        };
        if !index.absent()?.condemned {
            return Ok(BTreeSet::new());
        }
        let parts = index.parts()?;
        let mut found = BTreeSet::new();
        for &entry in entries {
            let absent = absent_below(&index, &parts, entry)?;
            let is = |state| absent.iter().any(|object| object.state == state);
            if is(State::Condemned) && !is(State::Gone) {
                found.insert(entry);
            }
        }
        Ok(found)
    }

    /// Whether earlier looks found anything damaged.
    pub fn is_suffering(&self) -> Result<bool> {
        match self.index()? {
            Some(index) => Ok(!index.suffering()?.is_empty()),
            None => Ok(false),
        }
    }

    /// Entries that earlier looks found damaged, or something below them; none in a sound store.
    pub fn suffering(&self) -> Result<BTreeSet<EntryId>> {
        let mut entries = BTreeSet::new();
        let Some(index) = self.index()? else {
            return Ok(entries);
        };
        let rows = index.suffering()?;
        if rows.is_empty() {
            return Ok(entries);
        }
        for entry in index.all_entries()? {
            if let Some((object, contents)) = index.contents(entry)?
                && contents
                    .iter()
                    .chain([object.row])
                    .any(|row| rows.contains(&row))
            {
                entries.insert(entry);
            }
        }
        Ok(entries)
    }

    /// A blob's bytes from `offset` on, at most `length` of them; all the rest without.
    ///
    /// Read as a whole, it is checked against its name.
    pub fn read(&self, id: BlobId, offset: u64, length: Option<u64>) -> Result<BlobReader> {
        let reader = self.read_nested(id, offset, length, 0)?;
        if offset > 0 || length.is_some() {
            return Ok(reader);
        }
        Ok(Box::new(Checked {
            reader,
            hasher: Some(Box::default()),
            store: self.clone(),
            id,
        }))
    }

    fn read_nested(
        &self,
        id: BlobId,
        offset: u64,
        length: Option<u64>,
        depth: u32,
    ) -> Result<BlobReader> {
        if depth > DEEPEST {
            return Err(self.damaged(Kind::Assembly, id.0, "it is part of itself".into()));
        }
        if let Some(mut file) = self.open_object(Kind::Blob, id.0)? {
            file::check(&file)
                .and_then(|_| file.seek(SeekFrom::Start(offset)))
                .map_err(|e| self.unreadable("reading", Kind::Blob, id.0, e))?;
            return Ok(Box::new(Placed {
                file: file.take(length.unwrap_or(u64::MAX)),
                store: self.clone(),
                id,
            }));
        }
        let assembly = self.assembly(id)?;
        let total = assembly.length().unwrap_or(u64::MAX);
        let left = length.unwrap_or(u64::MAX).min(total.saturating_sub(offset));
        Ok(Box::new(Parts {
            store: self.clone(),
            id,
            parts: assembly.parts.into_iter(),
            skip: offset,
            left,
            current: None,
            depth,
        }))
    }

    /// The parts that a blob is held as. Fails as the blob's absence would, if it is not held so.
    pub(in crate::store) fn assembly(&self, id: BlobId) -> Result<Assembly> {
        let Some(mut file) = self.open_object(Kind::Assembly, id.0)? else {
            return Err(self.absent(Kind::Blob, id.0));
        };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)
            .map_err(|e| self.unreadable("reading", Kind::Assembly, id.0, e))?;
        let bad = |e: Problem| self.damaged(Kind::Assembly, id.0, chain(&*e));
        match List::read(&bytes).map_err(bad)? {
            List::Whole(assembly) => Ok(assembly),
            List::Cut(pieces) => {
                let files = pieces.bundles().iter().map(|&bundle| self.bundle(bundle));
                let files: Vec<Vec<u8>> = files.collect::<Result<_>>()?;
                pieces.join(files).map_err(bad)
            }
        }
    }

    /// A bundle of pieces of lists, which is always a file of its own.
    fn bundle(&self, id: BlobId) -> Result<Vec<u8>> {
        let bytes = self.record(Kind::Blob, id.0)?;
        self.check_hash(Kind::Blob, id.0, BlobId::of(&bytes).0)?;
        Ok(bytes)
    }

    /// Opens the file of an object, staged or placed; `None` if there is none.
    pub(in crate::store) fn open_object(&self, kind: Kind, id: Hash) -> Result<Option<File>> {
        // Staged ones first: should they be placed in between, they are found there.
        if let Some(staged) = self.inner.overlay.get(kind, id) {
            match File::open(&staged.path) {
                Ok(file) => return Ok(Some(file)),
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(Error::io("opening", staged.path, e)),
            }
        }
        match self.inner.near.open(self.layout(), kind, id) {
            Ok(file) => Ok(Some(file)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(self.unreadable("opening", kind, id, e)),
        }
    }

    fn unreadable(&self, action: &'static str, kind: Kind, id: Hash, error: io::Error) -> Error {
        match file::says_none(&error) {
            true => self.damaged(kind, id, file::IS_NONE.into()),
            false => {
                let staged = self.inner.overlay.get(kind, id);
                let placed = || self.layout().object(kind, id);
                Error::io(
                    action,
                    staged.map_or_else(placed, |one| one.path.clone()),
                    error,
                )
            }
        }
    }

    fn record(&self, kind: Kind, id: Hash) -> Result<Vec<u8>> {
        let Some(mut file) = self.open_object(kind, id)? else {
            return Err(self.absent(kind, id));
        };
        let mut read = || {
            // Most records are small, and asking for the length takes as long as reading one.
            let mut bytes = Vec::with_capacity(SMALL_RECORD);
            if file
                .by_ref()
                .take(SMALL_RECORD as u64)
                .read_to_end(&mut bytes)?
                == SMALL_RECORD
            {
                file.read_to_end(&mut bytes)?;
            }
            Ok(bytes)
        };
        let bytes = read().map_err(|e| self.unreadable("reading", kind, id, e))?;
        if kind == Kind::Blob {
            return Ok(bytes);
        }
        match packed::unpack(&bytes) {
            Ok(Cow::Borrowed(_)) => Ok(bytes),
            Ok(Cow::Owned(record)) => Ok(record),
            Err(e) => Err(self.damaged(kind, id, chain(&e))),
        }
    }

    pub(in crate::store) fn check_hash(&self, kind: Kind, id: Hash, found: Hash) -> Result<()> {
        if id == found {
            return Ok(());
        }
        Err(self.damaged(kind, id, format!("its bytes hash to {found}")))
    }

    pub(in crate::store) fn damaged(&self, kind: Kind, id: Hash, problem: String) -> Error {
        Error::Damaged {
            kind,
            id,
            path: self.layout().object(kind, id),
            problem,
        }
    }

    /// Missing, or damaged where the index says that it is here.
    fn absent(&self, kind: Kind, id: Hash) -> Error {
        let lost = || {
            self.damaged(
                kind,
                id,
                "its file is gone, though nothing collected it".into(),
            )
        };
        let known = || -> Result<bool> {
            let Some(index) = self.index()? else {
                return Ok(false);
            };
            let of = match kind {
                Kind::Trace => return index.has_trace(TraceId(id)),
                Kind::Blob | Kind::Assembly => Type::Blob,
                Kind::Tree => Type::Tree,
                Kind::Entry => Type::Entry,
            };
            let live = |o: Object| matches!(o.state, State::Live | State::Damaged);
            Ok(index.object(of, id)?.is_some_and(live))
        };
        match known() {
            Ok(true) => lost(),
            Ok(false) => Error::Missing { kind, id },
            Err(e) => e,
        }
    }
}

/// An error with its causes, in a line.
pub(in crate::store) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

/// The file of a blob, which is named by what goes wrong with it.
struct Placed {
    file: io::Take<File>,
    store: Store,
    id: BlobId,
}

impl Read for Placed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer).map_err(|error| {
            let (kind, blob) = (error.kind(), (Kind::Blob, self.id.0));
            io::Error::new(
                kind,
                self.store.unreadable("reading", blob.0, blob.1, error),
            )
        })
    }
}

/// Compares a blob with its name while it passes.
struct Checked {
    reader: BlobReader,
    hasher: Option<Box<blake3::Hasher>>,
    store: Store,
    id: BlobId,
}

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.reader.read(buffer)?;
        if length > 0 {
            if let Some(hasher) = &mut self.hasher {
                hasher.update(&buffer[..length]);
            }
        } else if !buffer.is_empty()
            && let Some(hasher) = self.hasher.take()
        {
            let found = Hash::from_bytes(*hasher.finalize().as_bytes());
            self.store
                .check_hash(Kind::Blob, self.id.0, found)
                .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
        }
        Ok(length)
    }
}

/// Whether a file is there at all.
pub(in crate::store) fn exists(path: &std::path::Path) -> Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(Error::io("looking for", path, e)),
    }
}
