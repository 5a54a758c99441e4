//! Facts for planning, gathered from the store and from the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use rayon::prelude::*;

use super::catalog::Catalog;
use super::element::Elements;
use super::error::Error;
use super::look::Seen;
use super::sight::{self, Imports, Sight};
use super::signed::Gate;
use super::{card, outside, trace};
use crate::compose::packages::{self, render};
use crate::compose::{self, import::PACKAGE};
use crate::formats::repodata::Rendered;
use crate::formats::rpm::{Brief, Record, Solvable};
use crate::ids::{BlobId, ById, DerivationKey, Digest, EntryId, Hash, Name};
use crate::plan::derivation::MAIN;
use crate::plan::{self, Derivation, Known, Offer, Outcome, SourcePackage};
use crate::recipe::Source;
use crate::source::Lock;
use crate::store::{Batch, Lease, Noted, Store};
use crate::tree::{Content, Node, Visit, walk};

/// What is known: the traces of the store, and the packages of the sources that were looked at.
pub struct Facts<'a> {
    store: &'a Store,
    pub(super) lock: Option<&'a Lock>,
    pub(super) lease: Option<&'a Lease>,
    pub(super) offers: BTreeMap<Name, Offer>,
    /// Where the bytes of a source's packages lie.
    pub(super) places: ById<EntryId, PathBuf>,
    records: Mutex<ById<EntryId, Arc<Record>>>,
    briefs: Mutex<ById<EntryId, Arc<Brief>>>,
    /// Whether what is learnt is kept.
    pub(super) keep: bool,
    /// Imports of this look that the store does not hold yet.
    fresh: Mutex<BTreeMap<DerivationKey, Outcome>>,
    /// Those of them that nobody had seen before.
    news: BTreeSet<DerivationKey>,
    /// The repositories among the sources, and what was read of their metadata so far.
    pub(super) remotes: BTreeMap<Name, &'a Source>,
    catalogs: Mutex<BTreeMap<Name, Arc<Catalog>>>,
    /// Why something that the store may well know could not be read just now; the first of such.
    unread: Mutex<Option<Error>>,
    /// What the packages of those with keys have to pass.
    pub(super) gates: BTreeMap<Name, Gate<'a>>,
}

/// So many records are in memory at once, and noted together.
const MANY: usize = 2048;

/// So many are read one after the other.
const FEW: usize = 64;

const NO_PANIC: &str = "no thread panics while it holds what is known";

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
            lease: None,
            offers: BTreeMap::new(),
            places: ById::default(),
            records: Mutex::default(),
            briefs: Mutex::default(),
            keep: false,
            fresh: Mutex::default(),
            news: BTreeSet::new(),
            remotes: BTreeMap::new(),
            catalogs: Mutex::default(),
            unread: Mutex::default(),
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
        let Some(Offer::Repository(locked)) = self.offers.get(name) else {
            return Ok(None);
        };
        let Some(outcome) = self.known_outcome(&outside::metadata(&locked.metadata))? else {
            return Ok(None);
        };
        let entry = outcome.outputs[MAIN];
        if let Some(lease) = self.lease {
            lease.hold(&[entry])?;
        }
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
        let mut outcomes = self.known_outcomes(std::slice::from_ref(derivation))?;
        Ok(outcomes.pop().flatten())
    }

    /// The same of many, in their order.
    pub(super) fn known_outcomes(
        &self,
        derivations: &[Derivation],
    ) -> Result<Vec<Option<Outcome>>, Error> {
        let keys: Vec<DerivationKey> = derivations.par_iter().map(Derivation::key).collect();
        let mut outcomes: Vec<Option<Outcome>> = {
            let fresh = self.fresh.lock();
            let fresh = fresh.expect("no thread panics while it holds imports");
            keys.iter().map(|key| fresh.get(key).cloned()).collect()
        };
        let unknown = |at: &usize| outcomes[*at].is_none();
        let unknown: Vec<usize> = (0..keys.len()).filter(unknown).collect();
        let asked: Vec<DerivationKey> = unknown.iter().map(|&at| keys[at]).collect();
        let traces = self.store.traces_of(&asked)?;
        let chosen = traces
            .into_par_iter()
            .map(|traces| trace::chosen(self.store, traces));
        let chosen: Vec<Option<Outcome>> = chosen.collect::<Result<_, _>>()?;
        for (at, outcome) in unknown.into_iter().zip(chosen) {
            outcomes[at] = outcome;
        }
        Ok(outcomes)
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

    /// Fails if anything could not be read that was asked for until now. A realize makes anew what it can't read;
    /// what is to be kept for others, as a lock is, must not depend on that.
    pub(super) fn were_read(&mut self) -> Result<(), Error> {
        let unread = self.unread.get_mut().expect(NO_PANIC).take();
        unread.map_or(Ok(()), Err)
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

    /// Looks up which packages files are, many at once: one by one, asking would cost more than the answers.
    pub(super) fn gather(&self, rpms: &[EntryId]) -> Result<(), Error> {
        let unknown = self.unknown(&self.briefs, rpms);
        if unknown.is_empty() {
            return Ok(());
        }
        let imports = Imports::new(importer());
        let key = |&rpm: &EntryId| imports.key(rpm);
        let keys: Vec<DerivationKey> = unknown.par_iter().map(key).collect();
        let noted = self.store.notes_get(Noted::Brief, &keys)?;
        let noted = unknown.par_iter().zip(noted);
        let briefs: Vec<(EntryId, Option<Arc<Brief>>)> = noted
            .map(|(&rpm, noted)| (rpm, noted.and_then(|bytes| brief_of(rpm, &bytes))))
            .collect();
        let unnoted = briefs.iter().filter(|(_, brief)| brief.is_none());
        let unnoted: Vec<EntryId> = unnoted.map(|(rpm, _)| *rpm).collect();
        let noted = briefs.into_iter();
        let noted = noted.filter_map(|(rpm, brief)| Some((rpm, brief?)));
        self.briefs.lock().expect(NO_PANIC).extend(noted);
        // Not all at once: their lists of files fill memory.
        for rpms in unnoted.chunks(MANY) {
            let read = |rpms: &[EntryId]| {
                let records = rpms.iter().copied().zip(self.records(rpms)?);
                let records = records.filter_map(|(rpm, record)| Some((rpm, record?)));
                Ok(records.collect())
            };
            let records: Vec<Vec<(EntryId, Arc<Record>)>> = rpms
                .par_chunks(FEW)
                .map(read)
                .collect::<Result<_, Error>>()?;
            let records = records.concat();
            let brief =
                |(rpm, record): &(EntryId, Arc<Record>)| (*rpm, Arc::new(Brief::of(record)));
            let briefs = records.iter().map(brief);
            self.briefs.lock().expect(NO_PANIC).extend(briefs);
            self.note(&records)?;
        }
        Ok(())
    }

    /// Takes what a card says of a file.
    pub(super) fn know(&self, rpm: EntryId, brief: Brief) {
        let mut briefs = self.briefs.lock().expect(NO_PANIC);
        briefs.insert(rpm, Arc::new(brief));
    }

    /// Which package a file is, if that was gathered.
    pub(super) fn noted(&self, rpm: EntryId) -> Option<Arc<Brief>> {
        self.briefs.lock().expect(NO_PANIC).get(&rpm).cloned()
    }

    /// Which packages files are, in their order; `None` for those that were not imported.
    pub(super) fn briefs(&self, rpms: &[EntryId]) -> Result<Vec<Option<Arc<Brief>>>, Error> {
        self.gather(rpms)?;
        let noted: Vec<Option<Arc<Brief>>> = {
            let briefs = self.briefs.lock().expect(NO_PANIC);
            rpms.iter().map(|rpm| briefs.get(rpm).cloned()).collect()
        };
        let each = rpms.iter().zip(noted);
        Ok(each
            .map(|(&rpm, noted)| noted.or_else(|| self.brief(rpm)))
            .collect())
    }

    /// Notes which packages files are, and what indexes say of them, where what is learnt is kept.
    pub(super) fn note(&self, packages: &[(EntryId, Arc<Record>)]) -> Result<(), Error> {
        if !self.keep {
            return Ok(());
        }
        let imports = Imports::new(importer());
        let brief = |(rpm, record): &(EntryId, Arc<Record>)| {
            let alone = (*rpm, &Brief::of(record));
            (imports.key(*rpm), card::write(std::iter::once(alone)))
        };
        let briefs: Vec<(DerivationKey, Vec<u8>)> = packages.par_iter().map(brief).collect();
        self.store.notes_put(Noted::Brief, &briefs)?;
        let place = packages::DIRECTORY;
        let elements = Elements::of(place);
        let elements = packages.par_chunks(FEW).flat_map_iter(|packages| {
            let packages = packages.iter();
            let rendered = packages.map(|(rpm, record)| (imports.key(*rpm), render(record, place)));
            elements.write(rendered)
        });
        let elements: Vec<(DerivationKey, Vec<u8>)> = elements.collect();
        Ok(self.store.notes_put(Noted::Element, &elements)?)
    }

    /// What indexes say of packages that lie in a directory, in their order; what is not kept ready is from now on.
    pub(super) fn rendered(
        &self,
        rpms: &[EntryId],
        directory: &str,
    ) -> Result<Vec<Option<Rendered>>, Error> {
        let imports = Imports::new(importer());
        let keys: Vec<DerivationKey> = rpms.iter().map(|&rpm| imports.key(rpm)).collect();
        let kept = self.store.notes_get(Noted::Element, &keys)?;
        let elements = Elements::of(directory);
        let mut rendered = elements.read(&keys, &kept);
        let open: Vec<usize> = (0..rpms.len())
            .filter(|at| rendered[*at].is_none())
            .collect();
        let lacking: Vec<EntryId> = open.iter().map(|&at| rpms[at]).collect();
        let records = self.records(&lacking)?;
        let mut new = Vec::new();
        for (at, record) in open.into_iter().zip(records) {
            rendered[at] = record.map(|record| render(&record, directory));
            new.extend(rendered[at].clone().map(|one| (keys[at], one)));
        }
        if self.keep {
            self.store.notes_put(Noted::Element, &elements.write(new))?;
        }
        Ok(rendered)
    }

    /// The records of many packages, in their order, as far as the store has them.
    ///
    /// They are not kept: who asks for many goes through them once, and the lists of files in them fill memory.
    pub(super) fn records(&self, rpms: &[EntryId]) -> Result<Vec<Option<Arc<Record>>>, Error> {
        let mut records: Vec<Option<Arc<Record>>> = {
            let known = self.records.lock().expect(NO_PANIC);
            rpms.iter().map(|rpm| known.get(rpm).cloned()).collect()
        };
        let imports = Imports::new(importer());
        let unknown = rpms.iter().zip(&records).enumerate();
        let unknown = unknown.filter(|(_, (_, record))| record.is_none());
        let unknown: Vec<(usize, DerivationKey)> = unknown
            .map(|(at, (&rpm, _))| (at, imports.key(rpm)))
            .collect();
        let keys: Vec<DerivationKey> = unknown.iter().map(|&(_, key)| key).collect();
        let traces = self.store.traces_of(&keys)?;
        for ((at, _), traces) in unknown.into_iter().zip(traces) {
            let outcome = trace::chosen(self.store, traces)?;
            records[at] = outcome.and_then(|outcome| outcome.facts()).map(Arc::new);
        }
        Ok(records)
    }

    fn unknown<T>(&self, known: &Mutex<ById<EntryId, T>>, rpms: &[EntryId]) -> Vec<EntryId> {
        let known = known.lock().expect(NO_PANIC);
        let unknown = rpms.iter().filter(|rpm| !known.contains_key(rpm));
        unknown.copied().collect()
    }

    /// Which package a file is, once it was imported.
    pub fn brief(&self, rpm: EntryId) -> Option<Arc<Brief>> {
        if let Some(brief) = self.briefs.lock().expect(NO_PANIC).get(&rpm) {
            return Some(brief.clone());
        }
        let brief = Arc::new(Brief::of(&*self.record(rpm)?));
        let mut briefs = self.briefs.lock().expect(NO_PANIC);
        briefs.insert(rpm, brief.clone());
        Some(brief)
    }

    /// What an RPM says of itself, once it was imported.
    pub fn record(&self, rpm: EntryId) -> Option<Arc<Record>> {
        if let Some(record) = self.records.lock().expect(NO_PANIC).get(&rpm) {
            return Some(record.clone());
        }
        let derivation = sight::import(rpm, importer());
        let told = self.known_outcome(&derivation).ok().flatten();
        let record: Option<Record> = told.and_then(|outcome| outcome.facts());
        let record = Arc::new(record.or_else(|| self.seen_again(rpm))?);
        let mut records = self.records.lock().expect(NO_PANIC);
        records.insert(rpm, record.clone());
        Some(record)
    }

    /// The file of a package, out of the store: what was fetched lies nowhere else.
    fn written_out(&self, rpm: EntryId, batch: &Batch) -> Option<PathBuf> {
        let root = self.store.entry(rpm).ok()?.root;
        let files = self.store.directory(root).ok()?.entries;
        let Some(Node::Leaf(leaf)) = files.get(PACKAGE.as_bytes()) else {
            return None;
        };
        let Content::File { blob, .. } = leaf.content else {
            return None;
        };
        let path = batch.scratch().ok()?.join(PACKAGE);
        let mut bytes = self.store.read(blob, 0, None).ok()?;
        std::io::copy(&mut bytes, &mut File::create(&path).ok()?).ok()?;
        Some(path)
    }

    /// The record of a package that is known, and whose trace is gone or damaged: its file says the same again.
    fn seen_again(&self, rpm: EntryId) -> Option<Record> {
        let batch = match self.keep {
            true => Some(self.store.batch().ok()?),
            false => None,
        };
        let sight = match (self.place(rpm), &batch) {
            (Some(place), _) => Sight::of(place).ok()?,
            (None, Some(batch)) => Sight::of(&self.written_out(rpm, batch)?).ok()?,
            (None, None) => return None,
        };
        if sight.entry().id() != rpm {
            return None;
        }
        let (derivation, composed) = sight.import(batch.as_ref()).ok()?;
        let (trace, outputs) = trace::of(&derivation, composed, Vec::new());
        let record = sight.record().clone();
        if let Some(batch) = batch {
            for output in outputs.values() {
                batch.record(output).ok()?;
            }
            batch.trace(&trace).ok()?;
            drop(batch.commit().ok()?);
        }
        Some(record)
    }
}

/// A brief that was noted, if it is one of that file: a card of it alone.
fn brief_of(rpm: EntryId, bytes: &[u8]) -> Option<Arc<Brief>> {
    let (noted, brief) = card::read(bytes, 1)?.pop()?;
    (noted == rpm).then(|| Arc::new(brief))
}

impl Known for Facts<'_> {
    fn composer(&self, kind: &str) -> u32 {
        if outside::KINDS.contains(&kind) {
            return outside::VERSION;
        }
        compose::composer(kind).map_or(0, |composer| composer.version())
    }

    fn outcomes(&self, derivations: &[Derivation]) -> Vec<Option<Outcome>> {
        // What can't be read of one hides no other.
        let one = |derivation| match self.known_outcome(derivation) {
            Ok(outcome) => outcome,
            Err(error) => {
                self.unread.lock().expect(NO_PANIC).get_or_insert(error);
                None
            }
        };
        let all = self.known_outcomes(derivations);
        all.unwrap_or_else(|_| derivations.iter().map(one).collect())
    }

    fn source(&self, source: &Name) -> Option<&Offer> {
        self.offers.get(source)
    }

    fn record(&self, rpm: EntryId) -> Option<Arc<Record>> {
        Facts::record(self, rpm)
    }

    fn solvables(&self, rpms: &[EntryId]) -> Vec<Option<Arc<Solvable>>> {
        let some = |rpms: &[EntryId]| -> Vec<Option<Arc<Solvable>>> {
            // What can't be read of one hides no other.
            let records = self.records(rpms);
            let records = records.unwrap_or_else(|_| vec![None; rpms.len()]);
            let records = rpms.iter().zip(records);
            let records = records.map(|(&rpm, record)| record.or_else(|| self.record(rpm)));
            let solvables = records.map(|record| Some(Arc::new(Solvable::of(&*record?))));
            solvables.collect()
        };
        rpms.par_chunks(FEW).flat_map_iter(some).collect()
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
