//! What relations are read from.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;

use crate::compose::{Composer, composer};
use crate::formats::rpm::Record;
use crate::ids::{BlobId, DerivationKey, EntryId, TraceId, TreeId, canonical};
use crate::plan::facts::OriginFacts;
use crate::realize::sight;
use crate::store::{self, End, Entry, Store, Trace};
use crate::tree::{Directory, Held};

/// The records of a store: never the bytes of files.
///
/// The store is one; a test that counts what is read is another.
pub trait Records: Sync {
    /// `None` where nothing is known of the entry, not even what it was.
    fn entry(&self, id: EntryId) -> Result<Option<Entry>, store::Error>;

    fn directory(&self, id: TreeId) -> Result<Arc<Directory>, store::Error>;

    fn trace(&self, id: TraceId) -> Result<Trace, store::Error>;

    /// The same without its facts: those of an edition are most of it.
    fn trace_head(&self, id: TraceId) -> Result<Trace, store::Error> {
        self.trace(id)
    }

    /// The traces that gave this entry, oldest first.
    fn producers(&self, entry: EntryId) -> Result<Vec<TraceId>, store::Error>;

    /// What only one of two closures holds, each entry with the trace that is followed from it;
    /// `None` where that is not known before all of both is opened.
    fn apart(&self, _: [End; 2]) -> Result<Option<[Vec<End>; 2]>, store::Error> {
        Ok(None)
    }

    /// What is known of an RPM file, by its entry.
    fn record(&self, rpm: EntryId) -> Result<Option<Record>, Error>;

    /// The same of many.
    fn records(&self, rpms: &[EntryId]) -> Result<Vec<Option<Record>>, Error> {
        rpms.iter().map(|rpm| self.record(*rpm)).collect()
    }

    /// The modules that an artifact was solved in, by the record beside its generation; `None` where that is gone.
    fn origin(&self, origin: BlobId) -> Result<Option<OriginFacts>, Error>;

    /// Bytes below an entry and those that it refers to, each blob counted once, whether they are here or not.
    fn size(&self, entry: EntryId) -> Result<u64, store::Error>;
}

/// The records that a store holds.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a>(pub &'a Store);

impl Records for Stored<'_> {
    fn entry(&self, id: EntryId) -> Result<Option<Entry>, store::Error> {
        match self.0.entry(id) {
            Ok(entry) => Ok(Some(entry)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn directory(&self, id: TreeId) -> Result<Arc<Directory>, store::Error> {
        self.0.directory(id).map(Arc::new)
    }

    fn trace(&self, id: TraceId) -> Result<Trace, store::Error> {
        self.0.trace(id)
    }

    fn trace_head(&self, id: TraceId) -> Result<Trace, store::Error> {
        self.0.trace_head(id)
    }

    fn producers(&self, entry: EntryId) -> Result<Vec<TraceId>, store::Error> {
        let mut newest_first = self.0.made(entry)?;
        newest_first.reverse();
        Ok(newest_first)
    }

    fn size(&self, entry: EntryId) -> Result<u64, store::Error> {
        let (mut entries, mut trees) = (BTreeSet::new(), BTreeSet::new());
        let mut blobs = Vec::new();
        let mut open = vec![entry];
        while let Some(id) = open.pop() {
            if !entries.insert(id) {
                continue;
            }
            let Some(entry) = self.entry(id)? else {
                continue;
            };
            open.extend(entry.references);
            let mut below = vec![entry.root];
            while let Some(tree) = below.pop() {
                if !trees.insert(tree) {
                    continue;
                }
                for held in self.0.held(tree)? {
                    match held {
                        Held::Directory(tree) => below.push(tree),
                        Held::File { size, blob } => blobs.push((blob, size)),
                    }
                }
            }
        }
        blobs.sort_unstable();
        blobs.dedup_by_key(|(blob, _)| *blob);
        let sizes = blobs.into_iter().map(|(_, size)| size);
        Ok(sizes.fold(0, u64::saturating_add))
    }

    fn apart(&self, ends: [End; 2]) -> Result<Option<[Vec<End>; 2]>, store::Error> {
        self.0.apart(ends)
    }

    fn record(&self, rpm: EntryId) -> Result<Option<Record>, Error> {
        let mut found = self.records(&[rpm])?;
        Ok(found.pop().flatten())
    }

    /// Asks for the import as a plan would; imports by older composers count too, as long as they can be read.
    fn records(&self, rpms: &[EntryId]) -> Result<Vec<Option<Record>>, Error> {
        let newest = composer("import").map_or(0, Composer::version);
        let mut found = vec![None; rpms.len()];
        for version in (1..=newest).rev() {
            let open: Vec<usize> = (0..rpms.len()).filter(|n| found[*n].is_none()).collect();
            let key = |n: &usize| sight::import(rpms[*n], version).key();
            let keys: Vec<DerivationKey> = open.iter().map(key).collect();
            for (n, traces) in open.into_iter().zip(self.0.traces_of(&keys)?) {
                let traces = self.0.read_traces(traces)?.into_iter();
                let mut facts = traces.filter_map(|(_, trace)| trace.facts);
                found[n] = facts.find_map(|facts| facts.to().ok());
            }
        }
        Ok(found)
    }

    fn origin(&self, origin: BlobId) -> Result<Option<OriginFacts>, Error> {
        let mut bytes = Vec::new();
        match self.0.read(origin, 0, None) {
            Ok(mut reader) => reader
                .read_to_end(&mut bytes)
                .map_err(|source| Error::Unread { origin, source })?,
            Err(error) if error.is_missing() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let facts = canonical::decode(&bytes);
        facts
            .map(Some)
            .map_err(|source| Error::Origin { origin, source })
    }
}

/// Why artifacts can't be related.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("nothing is known of entry {entry}")]
    Unknown { entry: EntryId },
    #[error("reading the origin {origin}")]
    Unread {
        origin: BlobId,
        source: std::io::Error,
    },
    #[error("the origin {origin} is not a list of modules")]
    Origin {
        origin: BlobId,
        source: canonical::Error,
    },
    #[error(
        "the facts of the {step} step that gave entry {entry} are not what such a step records"
    )]
    Facts {
        step: String,
        entry: EntryId,
        source: canonical::Error,
    },
}
