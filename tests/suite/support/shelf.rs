//! A store in a temporary directory, and short ways to fill it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use store::ids::{BlobId, DerivationKey, EntryId, Name, TraceId, canonical};
use store::store::{Batch, Entry, Lease, NewGeneration, RootName, Store, Trace, TraceInput};
use store::tree::{Assembly, Builder, Child, Leaf, Part};

pub struct Shelf {
    pub dir: tempfile::TempDir,
    pub store: Store,
}

impl Default for Shelf {
    fn default() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(&dir.path().join("store")).unwrap();
        Shelf { dir, store }
    }
}

impl Shelf {
    pub fn path(&self) -> &Path {
        self.store.dir()
    }

    /// The same store, as another process would see it.
    pub fn reopen(&self) -> Store {
        Store::open(self.path()).unwrap()
    }

    /// An entry of files, each a path and its bytes; nothing holds it once the lease is dropped.
    pub fn put(&self, files: &[(&str, &[u8])]) -> (EntryId, Arc<Lease>) {
        let batch = self.store.batch().unwrap();
        let entry = entry(&batch, files);
        (entry, batch.commit().unwrap())
    }

    /// The same, made from inputs.
    pub fn make(&self, files: &[(&str, &[u8])], inputs: &[EntryId]) -> (EntryId, TraceId) {
        let batch = self.store.batch().unwrap();
        let entry = entry(&batch, files);
        let trace = batch.trace(&trace(entry, inputs)).unwrap();
        let _lease = batch.commit().unwrap();
        (entry, trace)
    }

    pub fn keep(&self, name: &str, entry: EntryId) -> u32 {
        self.keep_made(name, entry, None)
    }

    pub fn keep_made(&self, name: &str, entry: EntryId, trace: Option<TraceId>) -> u32 {
        let new = NewGeneration {
            entry,
            trace,
            label: None,
            time: 1,
            also: BTreeSet::new(),
            origin: None,
        };
        self.store.add_generation(&root(name), new).unwrap()
    }
}

pub fn root(name: &str) -> RootName {
    RootName::new("sampler-1-x86_64", name.parse::<Name>().unwrap()).unwrap()
}

pub fn blob(batch: &Batch, bytes: &[u8]) -> BlobId {
    batch.blob(&mut &*bytes).unwrap().0
}

pub fn entry(batch: &Batch, files: &[(&str, &[u8])]) -> EntryId {
    batch.entry(&unstored(batch, files)).unwrap()
}

/// Content as a stream of raw deflate.
pub fn deflated(content: &[u8]) -> Vec<u8> {
    let mut stream = Vec::new();
    flate2::read::DeflateEncoder::new(content, flate2::Compression::default())
        .read_to_end(&mut stream)
        .unwrap();
    stream
}

/// A blob that is held in two parts; the first byte is one of them.
pub fn assembled(batch: &Batch, bytes: &[u8]) -> (BlobId, u64) {
    let (first, rest) = bytes.split_at(1);
    let parts = vec![
        Part::Inline {
            bytes: first.to_vec(),
        },
        Part::Range {
            blob: blob(batch, rest),
            offset: 0,
            length: rest.len() as u64,
        },
    ];
    batch.assemble(&Assembly { parts }).unwrap()
}

/// An entry whose files below `bin/` are programs, and those below `parts/` held in parts.
pub fn unstored(batch: &Batch, files: &[(&str, &[u8])]) -> Entry {
    let mut tree = Builder::default();
    for (path, bytes) in files {
        let (blob, size) = if path.starts_with("parts/") {
            assembled(batch, bytes)
        } else {
            batch.blob(&mut &**bytes).unwrap()
        };
        let mode = if path.starts_with("bin/") {
            0o755
        } else {
            0o644
        };
        let path = store::ids::TreePath::parse(path).unwrap();
        let leaf = Leaf::file(mode, blob, size);
        tree.insert(&path, Child::Leaf(leaf)).unwrap();
    }
    let tree = tree.finish(&mut |directory| batch.directory(directory));
    Entry::new("sample", tree.unwrap())
}

pub fn trace(entry: EntryId, inputs: &[EntryId]) -> Trace {
    let derivation = canonical::Value::of(&(entry, inputs)).unwrap();
    let input = |entry: &EntryId| TraceInput {
        role: "part".into(),
        entry: *entry,
    };
    Trace {
        key: DerivationKey::of(&derivation.encode()),
        derivation,
        inputs: inputs.iter().map(input).collect(),
        outputs: BTreeMap::from([("out".to_owned(), entry)]),
        facts: None,
        log: Vec::new(),
    }
}
