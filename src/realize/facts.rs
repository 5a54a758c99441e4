//! Facts for planning, gathered from the store and from the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::catalog::Catalog;
use super::error::Error;
use super::look::Seen;
use super::outside;
use super::sight;
use super::signed::Gate;
use super::trace;
use crate::compose;
use crate::formats::rpm::Record;
use crate::ids::{BlobId, DerivationKey, Digest, EntryId, Hash, Name};
use crate::plan::derivation::MAIN;
use crate::plan::{self, Derivation, Known, Offer, Outcome, SourcePackage};
use crate::recipe::Source;
use crate::source::Lock;
use crate::store::Store;
use crate::tree::{Content, Visit, walk};

/// What is known: the traces of the store, and the packages of the sources that were looked at.
pub struct Facts<'a> {
    store: &'a Store,
    pub(super) lock: Option<&'a Lock>,
    pub(super) offers: BTreeMap<Name, Offer>,
    /// Where the bytes of a source's packages lie.
    pub(super) places: BTreeMap<EntryId, PathBuf>,
    records: Mutex<BTreeMap<EntryId, Arc<Record>>>,
    /// Imports of this look that the store does not hold yet.
    fresh: Mutex<BTreeMap<DerivationKey, Outcome>>,
    /// Those of them that nobody had seen before.
    news: BTreeSet<DerivationKey>,
    /// The repositories among the sources, and what was read of their metadata so far.
    pub(super) remotes: BTreeMap<Name, &'a Source>,
    catalogs: Mutex<BTreeMap<Name, Arc<Catalog>>>,
    /// What the packages of those with keys have to pass.
    pub(super) gates: BTreeMap<Name, Gate<'a>>,
}

/// The version of imports made now.
pub(super) fn importer() -> u32 {
    let composer = compose::composer("import");
    composer
        .expect("the import kind is named in compose")
        .version()
}

impl<'a> Facts<'a> {
    /// Facts of the store alone, without any source.
    pub fn none(store: &'a Store) -> Self {
        Facts {
            store,
            lock: None,
            offers: BTreeMap::new(),
            places: BTreeMap::new(),
            records: Mutex::default(),
            fresh: Mutex::default(),
            news: BTreeSet::new(),
            remotes: BTreeMap::new(),
            catalogs: Mutex::default(),
            gates: BTreeMap::new(),
        }
    }

    /// What was read of repositories' metadata so far.
    pub(super) fn catalogs(&self) -> BTreeMap<Name, Arc<Catalog>> {
        let catalogs = self.catalogs.lock();
        catalogs
            .expect("no thread panics while it holds catalogs")
            .clone()
    }

    /// The metadata of a repository as the lock has it, if all of it is here.
    fn metadata(&self, name: &Name) -> Result<Option<EntryId>, Error> {
        let Some(Offer::Repository { metadata, .. }) = self.offers.get(name) else {
            return Ok(None);
        };
        let Some(outcome) = self.known_outcome(&outside::metadata(metadata))? else {
            return Ok(None);
        };
        let entry = outcome.outputs[MAIN];
        Ok(self.store.is_complete(entry)?.then_some(entry))
    }

    /// The files of a repository's metadata, if all of it is here.
    pub(super) fn metadata_files(&self, name: &Name) -> Result<Vec<BlobId>, Error> {
        let mut files = Vec::new();
        if let Some(entry) = self.metadata(name)? {
            let root = self.store.entry(entry)?.root;
            walk(root, &|id| self.store.directory(id), &mut |_, visit| {
                if let Visit::Leaf(leaf) = visit
                    && let Content::File { blob, .. } = leaf.content
                {
                    files.push(blob);
                }
                Ok::<_, crate::store::Error>(())
            })?;
        }
        Ok(files)
    }

    /// What the metadata of a repository lists, if its bytes are here.
    fn read_catalog(&self, name: &Name) -> Result<Option<Arc<Catalog>>, Error> {
        let mut catalogs = self
            .catalogs
            .lock()
            .expect("no thread panics while it holds catalogs");
        if let Some(catalog) = catalogs.get(name) {
            return Ok(Some(catalog.clone()));
        }
        let (Some(entry), Some(source)) = (self.metadata(name)?, self.remotes.get(name)) else {
            return Ok(None);
        };
        let catalog = Arc::new(Catalog::read(self.store, entry, (name, source))?);
        catalogs.insert(name.clone(), catalog.clone());
        Ok(Some(catalog))
    }

    pub(super) fn learn(&mut self, seen: Seen) {
        self.places.insert(seen.rpm, seen.found.path);
        if seen.new {
            self.news.insert(seen.outcome.0);
        }
        self.imported(seen.rpm, seen.record, seen.outcome);
    }

    /// What a derivation gave: just now, or as the store has it.
    pub(super) fn known_outcome(&self, derivation: &Derivation) -> Result<Option<Outcome>, Error> {
        let key = derivation.key();
        let fresh = self.fresh.lock();
        let fresh = fresh.expect("no thread panics while it holds imports");
        if let Some(outcome) = fresh.get(&key).cloned() {
            return Ok(Some(outcome));
        }
        drop(fresh);
        Ok(trace::choose(self.store, key)?)
    }

    /// Notes an import that may not be committed yet.
    pub(super) fn imported(
        &self,
        rpm: EntryId,
        record: Arc<Record>,
        (key, outcome): (DerivationKey, Outcome),
    ) {
        let mut records = self.records.lock();
        let records = records
            .as_mut()
            .expect("no thread panics while it holds records");
        records.insert(rpm, record);
        let mut fresh = self.fresh.lock();
        let fresh = fresh
            .as_mut()
            .expect("no thread panics while it holds imports");
        fresh.insert(key, outcome);
    }

    /// The imports that nobody had run before this look.
    pub fn news(&self) -> impl Iterator<Item = DerivationKey> + '_ {
        self.news.iter().copied()
    }

    /// Where the bytes of a source's package lie.
    pub fn place(&self, rpm: EntryId) -> Option<&PathBuf> {
        self.places.get(&rpm)
    }

    /// The packages of a directory that was looked at.
    pub fn packages(&self, source: &Name) -> &[SourcePackage] {
        match self.offers.get(source) {
            Some(Offer::Directory(packages)) => packages,
            _ => &[],
        }
    }

    /// What an RPM says of itself, once it was imported.
    pub fn record(&self, rpm: EntryId) -> Option<Arc<Record>> {
        let lock = || {
            self.records
                .lock()
                .expect("no thread panics while it holds records")
        };
        if let Some(record) = lock().get(&rpm) {
            return Some(record.clone());
        }
        let derivation = sight::import(rpm, importer());
        let record: Arc<Record> = Arc::new(self.outcome(&derivation)?.facts()?);
        lock().insert(rpm, record.clone());
        Some(record)
    }
}

impl Known for Facts<'_> {
    fn composer(&self, kind: &str) -> u32 {
        if outside::KINDS.contains(&kind) {
            return outside::VERSION;
        }
        compose::composer(kind).map_or(0, |composer| composer.version())
    }

    fn outcome(&self, derivation: &Derivation) -> Option<Outcome> {
        self.known_outcome(derivation).ok().flatten()
    }

    fn source(&self, source: &Name) -> Option<&Offer> {
        self.offers.get(source)
    }

    fn record(&self, rpm: EntryId) -> Option<Arc<Record>> {
        Facts::record(self, rpm)
    }

    fn catalog(&self, source: &Name) -> Result<Option<Arc<dyn plan::Catalog>>, plan::CatalogError> {
        let catalog = self.read_catalog(source)?;
        Ok(catalog.map(|catalog| catalog as Arc<dyn plan::Catalog>))
    }

    fn solved(&self, artifact: &Name, question: Hash) -> Option<BTreeSet<Digest>> {
        let solved = self
            .lock?
            .solved
            .get(artifact)
            .filter(|solved| solved.question == question)?;
        let packages = solved.packages.iter();
        Some(packages.map(|package| package.digest.clone()).collect())
    }
}
