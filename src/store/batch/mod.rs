//! The way in: staged, synced, placed, named.

mod here;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

use here::Likely;

use super::Store;
use super::entry::Entry;
use super::error::{Error, Result};
use super::index::{NewObject, NewStream, Type};
use super::layout::Kind;
use super::lease::Lease;
use super::list::{self, Cut, Piece, Place};
use super::overlay::Staged;
use super::packed;
use super::place;
use super::staging::Staging;
use super::stream::{Copy, Counting, Hashing, copy, set_time};
use super::trace::Trace;
use crate::ids::{BlobId, ById, EntryId, Hash, TraceId, TreeId};
use crate::tree::{Assembly, Directory, Part};

/// Blobs up to here are hashed before anything is written: those that are here already cost nothing.
const SMALL: usize = 64 * 1024;

/// What names so many is worth care, and is an edition's: its directory is remembered, and its record written beside other work.
const LARGE: usize = 1000;

/// So many of them are remembered.
const REMEMBERED: usize = 16;

/// A list whose pieces lie in more bundles than this is written anew, for to read it is to read them all.
const BUNDLES: usize = 64;

/// Everything that one step writes; all of it is in the store after [`Batch::commit`], or nothing.
///
/// Several threads may fill it. What was staged is readable through the same [`Store`] at once.
/// Dropping it without a commit leaves nothing behind.
pub struct Batch {
    pub(super) store: Store,
    pub(super) lease: Arc<Lease>,
    staging: Staging,
    content: Mutex<BatchContent>,
    /// Blobs that were found here and are held, with their lengths: they stay as long as the lease.
    held: Mutex<ById<BlobId, u64>>,
    /// Large directories that were written here: what follows asks for them again.
    large: Mutex<ById<TreeId, Arc<Directory>>>,
    /// To be noted with the next flush.
    notes: Mutex<Notes>,
    /// Set once a flush has failed: what was placed but not named, a collector may have taken since.
    flushing: Mutex<bool>,
}

/// What a batch has staged so far.
#[derive(Default, Clone)]
pub(super) struct BatchContent {
    pub objects: BTreeMap<(Kind, Hash), StagedObject>,
    /// Kept until the end: its order is that of need, parts before assemblies.
    pub order: Vec<(Kind, Hash)>,
}

/// What the index is to know of blobs besides that they are here.
#[derive(Default)]
struct Notes {
    streams: Vec<NewStream>,
    pieces: Vec<(Hash, Place)>,
}

/// A trace as its file has it, once it is packed.
struct Written {
    id: TraceId,
    bytes: Vec<u8>,
    /// Of what is packed.
    length: u64,
    packed: bool,
}

impl Written {
    fn of(trace: &Trace) -> Self {
        let bytes = trace.encode();
        Written {
            id: TraceId::of(&bytes),
            length: bytes.len() as u64,
            bytes,
            packed: false,
        }
    }

    fn pack(mut self) -> Self {
        if !self.packed {
            self.bytes = packed::pack(Kind::Trace, self.bytes);
            self.packed = true;
        }
        self
    }
}

#[derive(Clone)]
pub(super) struct StagedObject {
    pub new: Arc<NewObject>,
    pub staged: Staged,
}

impl Store {
    /// A batch with a lease of its own.
    pub fn batch(&self) -> Result<Batch> {
        Batch::new(&Arc::new(self.lease()?))
    }
}

impl Batch {
    /// What holds everything that goes through this batch.
    /// Another batch under the same lease.
    pub fn beside(&self) -> Result<Batch> {
        Batch::new(&self.lease)
    }

    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    /// A batch whose blobs, placed or only used, are held by `lease`.
    pub fn new(lease: &Arc<Lease>) -> Result<Batch> {
        let store = lease.store().clone();
        Ok(Batch {
            staging: Staging::new(store.layout())?,
            lease: lease.clone(),
            content: Mutex::default(),
            held: Mutex::default(),
            large: Mutex::default(),
            notes: Mutex::default(),
            flushing: Mutex::default(),
            store,
        })
    }

    fn content(&self) -> MutexGuard<'_, BatchContent> {
        self.content.lock().expect("no panic while held")
    }

    /// Stores a stream; returns its id and length.
    pub fn blob(&self, bytes: &mut dyn Read) -> Result<(BlobId, u64)> {
        let mut head = Vec::new();
        bytes
            .take(SMALL as u64 + 1)
            .read_to_end(&mut head)
            .map_err(Error::Input)?;
        if head.len() <= SMALL {
            let (id, length) = (BlobId::of(&head), head.len() as u64);
            if !self.has_blob(id)? {
                self.stage(Kind::Blob, id.0, &head, length, |_, _| ())?;
            }
            return Ok((id, length));
        }
        let (file, path) = self.staging.file()?;
        let mut writer = Hashing {
            inner: file,
            hasher: Box::default(),
            length: 0,
        };
        let io_error = |e| Error::io("writing", &path, e);
        writer.write_all(&head).map_err(io_error)?;
        drop(head);
        copy(bytes, &mut writer).map_err(|e| match e {
            Copy::Read(e) => Error::Input(e),
            Copy::Write(e) => io_error(e),
        })?;
        let (id, length) = (
            BlobId(Hash::from_bytes(*writer.hasher.finalize().as_bytes())),
            writer.length,
        );
        set_time(&writer.inner, &path)?;
        drop(writer);
        if self.has_blob(id)? {
            self.staging.remove(&path);
            return Ok((id, length));
        }
        let new = NewObject::new(Kind::Blob, id.0, length, length);
        self.keep(new, Staged::new(path, length))?;
        Ok((id, length))
    }

    /// Stores a blob as parts of others, computing its id by reading them.
    pub fn assemble(&self, assembly: &Assembly) -> Result<(BlobId, u64)> {
        let assembled = self.assembled(assembly, None)?;
        Ok(assembled.expect("any blob will do"))
    }

    /// The same of parts that are known to give a blob; nothing is stored where they do not any more.
    pub fn assemble_as(&self, assembly: &Assembly, known: BlobId) -> Result<bool> {
        Ok(self.assembled(assembly, Some(known))?.is_some())
    }

    fn assembled(
        &self,
        assembly: &Assembly,
        known: Option<BlobId>,
    ) -> Result<Option<(BlobId, u64)>> {
        let bad = |problem: String| Error::BadAssembly { problem };
        let length = assembly
            .length()
            .ok_or_else(|| bad("it has more bytes than can be counted".into()))?;
        let parts: BTreeSet<BlobId> = assembly.parts.iter().filter_map(Part::blob).collect();
        let missing = self.missing_blobs(parts.iter().copied(), Likely::Here)?;
        if let Some((id, _)) = missing.iter().find(|(_, length)| length.is_none()) {
            return Err(Error::Missing {
                kind: Kind::Blob,
                id: id.0,
            });
        }
        let mut hasher = blake3::Hasher::new();
        for part in &assembly.parts {
            let mut reader = self.store.part(part, 0)?;
            let mut sink = Counting {
                hasher: &mut hasher,
                length: 0,
            };
            copy(&mut reader, &mut sink).map_err(|e| match e {
                Copy::Read(e) | Copy::Write(e) => Error::Input(e),
            })?;
            if sink.length != part.length() {
                let (said, has) = (part.length(), sink.length);
                return Err(bad(format!(
                    "a part says that it has {said} bytes, but it has {has}"
                )));
            }
        }
        let id = BlobId(Hash::from_bytes(*hasher.finalize().as_bytes()));
        if known.is_some_and(|known| known != id) {
            return Ok(None);
        }
        if !self.has_blob(id)? {
            let mut parts = parts;
            let list = match list::cut(assembly) {
                Some(cut) => self.bundled(cut, &mut parts)?,
                None => list::whole(assembly),
            };
            self.stage(Kind::Assembly, id.0, &list, length, |new, _| {
                new.parts = parts
            })?;
        }
        Ok(Some((id, length)))
    }

    /// The file of a list in pieces: those that no other list has lie in a bundle of its own.
    fn bundled(&self, cut: Cut, parts: &mut BTreeSet<BlobId>) -> Result<Vec<u8>> {
        let hashes = cut.pieces.iter().map(|piece| piece.hash);
        let mut places = self.store.index_or_create()?.pieces(hashes)?;
        let bundles: BTreeSet<BlobId> = places.values().map(|place| place.bundle).collect();
        if bundles.len() > BUNDLES {
            places.clear();
        } else {
            let missing = self.missing_blobs(bundles.into_iter(), Likely::Here)?;
            let missing = missing.into_iter().filter(|(_, length)| length.is_none());
            let missing: BTreeSet<BlobId> = missing.map(|(bundle, _)| bundle).collect();
            places.retain(|_, place| !missing.contains(&place.bundle));
        }
        let mut seen = BTreeSet::new();
        let new = cut.pieces.iter();
        let new = new.filter(|piece| !places.contains_key(&piece.hash) && seen.insert(piece.hash));
        let new: Vec<&Piece> = new.collect();
        if !new.is_empty() {
            let (bundle, _) = self.blob(&mut list::bundle(&new).as_slice())?;
            let placed = new.iter().zip(0..);
            let placed = placed.map(|(piece, nth)| (piece.hash, Place { bundle, nth }));
            let placed: Vec<(Hash, Place)> = placed.collect();
            places.extend(placed.iter().copied());
            self.notes().pieces.extend(placed);
        }
        parts.extend(places.values().map(|place| place.bundle));
        Ok(cut.file(&places))
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().expect("no panic while held")
    }

    /// Tells that a stored blob has the content of another, as raw deflate behind `at` bytes:
    /// a collector may give up the plain one.
    pub fn deflated(&self, content: BlobId, object: BlobId, at: u64) {
        self.notes().streams.push(NewStream {
            content,
            object,
            at,
        });
    }

    pub fn directory(&self, directory: &Directory) -> Result<TreeId> {
        let bytes = directory.encode();
        let id = TreeId::of(&bytes);
        if !self.has_record(Kind::Tree, Type::Tree, id.0)? {
            let length = bytes.len() as u64;
            let bytes = packed::pack(Kind::Tree, bytes);
            self.stage(Kind::Tree, id.0, &bytes, length, |_, _| ())?;
            self.remember(id, directory);
        }
        Ok(id)
    }

    /// Remembers a directory that was written here; one that was there is read, for it may be damaged.
    fn remember(&self, id: TreeId, directory: &Directory) {
        if directory.entries.len() >= LARGE {
            let mut large = self.large.lock().expect("no panic while held");
            if large.len() == REMEMBERED {
                large.clear();
            }
            large.insert(id, directory.clone().into());
        }
    }

    /// A directory of the store, or of this batch.
    pub fn read_directory(&self, id: TreeId) -> Result<Arc<Directory>> {
        let large = self.large.lock().expect("no panic while held");
        if let Some(directory) = large.get(&id) {
            return Ok(directory.clone());
        }
        drop(large);
        self.store.directory(id).map(Arc::new)
    }

    /// Stores an entry. All that is below it must be in this batch or in the store.
    pub fn entry(&self, entry: &Entry) -> Result<EntryId> {
        self.manifest(entry, true)
    }

    /// Stores the manifest of an entry whose files need not be here: only its directories must be.
    ///
    /// Records outlive bytes; here they come before them.
    pub fn record(&self, entry: &Entry) -> Result<EntryId> {
        self.manifest(entry, false)
    }

    fn manifest(&self, entry: &Entry, whole: bool) -> Result<EntryId> {
        entry.check()?;
        let bytes = entry.encode();
        let id = EntryId::of(&bytes);
        let references: Vec<EntryId> = entry.references.iter().copied().collect();
        self.lease.hold(&references)?;
        for reference in references.into_iter().filter(|_| whole) {
            if !self.store.is_complete(reference)? {
                return Err(Error::Incomplete {
                    entry: id,
                    kind: Kind::Entry,
                    id: reference.0,
                });
            }
        }
        let below = self.below(id, entry, whole)?;
        if !self.has_record(Kind::Entry, Type::Entry, id.0)? {
            self.stage(
                Kind::Entry,
                id.0,
                &bytes,
                bytes.len() as u64,
                |new, staged| {
                    new.below = Some(below);
                    staged.whole = whole;
                },
            )?;
        }
        self.lease.hold(&[id])?;
        Ok(id)
    }

    /// Stores what a step made, and the record of its run.
    pub fn made<'e>(
        &self,
        mut entries: impl Iterator<Item = &'e Entry> + Send,
        trace: &Trace,
    ) -> Result<TraceId> {
        let mut store = || entries.try_for_each(|entry| self.entry(entry).map(drop));
        let written = match trace.inputs.len() >= LARGE {
            true => {
                let (stored, written) = rayon::join(store, || Written::of(trace).pack());
                stored?;
                written
            }
            false => {
                store()?;
                Written::of(trace)
            }
        };
        self.ran(trace, written)
    }

    /// Stores the record of a run. Its outputs must be in this batch or in the store.
    pub fn trace(&self, trace: &Trace) -> Result<TraceId> {
        self.ran(trace, Written::of(trace))
    }

    fn ran(&self, trace: &Trace, written: Written) -> Result<TraceId> {
        for output in trace.outputs.values() {
            let here = self
                .content()
                .objects
                .contains_key(&(Kind::Entry, output.0))
                || self.has_record(Kind::Entry, Type::Entry, output.0)?;
            if !here {
                return Err(Error::Missing {
                    kind: Kind::Entry,
                    id: output.0,
                });
            }
        }
        let id = written.id;
        // One that is there and can't be read is written anew.
        let known = self.store.index_or_create()?.has_trace(id)?;
        if !known || self.store.trace(id).is_err() {
            let Written { bytes, length, .. } = written.pack();
            self.stage(Kind::Trace, id.0, &bytes, length, |new, _| {
                new.trace = Some(Arc::new(trace.clone()));
            })?;
        }
        Ok(id)
    }

    /// Makes everything durable and names it, in the order that keeps every name true.
    ///
    /// The lease goes on holding what was placed: keep it until a root does.
    #[must_use = "what was placed may be collected once the lease is dropped"]
    pub fn commit(self) -> Result<Arc<Lease>> {
        self.flush()?;
        Ok(self.lease.clone())
    }

    /// Commits what was staged so far; others may go on filling the batch meanwhile.
    ///
    /// An entry is staged after all that is below it, so what is staged is whole at any moment.
    pub fn flush(&self) -> Result<()> {
        self.flush_held(self.flushing.lock().expect("no panic while held"))
    }

    /// The same, unless somebody is about it.
    pub fn flush_or_leave(&self) -> Result<()> {
        match self.flushing.try_lock() {
            Ok(held) => self.flush_held(held),
            Err(TryLockError::WouldBlock) => Ok(()),
            Err(TryLockError::Poisoned(_)) => Err(Error::Unfinished),
        }
    }

    fn flush_held(&self, mut failed: MutexGuard<'_, bool>) -> Result<()> {
        if *failed {
            return Err(Error::Unfinished);
        }
        // Before the objects are counted: what they speak of was staged earlier.
        let notes = std::mem::take(&mut *self.notes());
        // A copy: until the index knows them, others must find these objects here.
        let staged = self.content().clone();
        *failed = true;
        place::commit(self, &staged, &self.staging)?;
        if !notes.streams.is_empty() {
            self.store.index_or_create()?.streams_put(&notes.streams)?;
        }
        if !notes.pieces.is_empty() {
            self.store.index_or_create()?.pieces_put(&notes.pieces)?;
        }
        *failed = false;
        let mut content = self.content();
        for (key, object) in &staged.objects {
            content.objects.remove(key);
            self.store
                .inner
                .overlay
                .remove(key.0, key.1, &object.staged);
        }
        content
            .order
            .retain(|key| !staged.objects.contains_key(key));
        Ok(())
    }

    /// How many objects wait for a commit.
    pub fn staged(&self) -> usize {
        self.content().objects.len()
    }

    /// A new directory to work in; it goes with the batch.
    pub fn scratch(&self) -> Result<PathBuf> {
        let path = self.staging.path();
        std::fs::create_dir(&path).map_err(|e| Error::io("making", &path, e))?;
        Ok(path)
    }

    fn stage(
        &self,
        kind: Kind,
        id: Hash,
        bytes: &[u8],
        length: u64,
        finish: impl FnOnce(&mut NewObject, &mut Staged),
    ) -> Result<()> {
        if self.content().objects.contains_key(&(kind, id)) {
            return Ok(());
        }
        let (mut file, path) = self.staging.file()?;
        file.write_all(bytes)
            .map_err(|e| Error::io("writing", &path, e))?;
        if kind == Kind::Blob {
            set_time(&file, &path)?;
        }
        let mut new = NewObject::new(kind, id, bytes.len() as u64, length);
        let mut staged = Staged::new(path, length);
        finish(&mut new, &mut staged);
        self.keep(new, staged)
    }

    fn keep(&self, new: NewObject, staged: Staged) -> Result<()> {
        let (kind, id) = (new.kind, new.hash);
        let mut content = self.content();
        if content.objects.contains_key(&(kind, id)) {
            // Another thread was quicker.
            self.staging.remove(&staged.path);
            return Ok(());
        }
        self.store.inner.overlay.add(kind, id, staged.clone());
        content.order.push((kind, id));
        content.objects.insert(
            (kind, id),
            StagedObject {
                new: Arc::new(new),
                staged,
            },
        );
        Ok(())
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        let content = self.content();
        for ((kind, id), object) in &content.objects {
            self.store.inner.overlay.remove(*kind, *id, &object.staged);
        }
    }
}

impl NewObject {
    pub fn new(kind: Kind, hash: Hash, size: u64, length: u64) -> Self {
        NewObject {
            kind,
            hash,
            size,
            length,
            parts: BTreeSet::new(),
            below: None,
            trace: None,
        }
    }
}

const _: fn() = || {
    fn shared<T: Send + Sync>() {}
    shared::<Batch>();
    shared::<Store>();
    shared::<Lease>();
};
