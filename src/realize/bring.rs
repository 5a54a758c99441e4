//! Packages and metadata on their way into the store: out of directories, and from elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::sync::Arc;
use std::time::Instant;

use rayon::prelude::*;

use super::engine::Engine;
use super::error::Error;
use super::outside::{self, FETCH, METADATA};
use super::report::How;
use super::schedule::{self, Ended};
use super::sight::Sight;
use super::{metadata, sight, signed, trace};
use crate::compose::{self, Composed, Output};
use crate::formats::rpm::Brief;
use crate::ids::{BlobId, EntryId, Name};
use crate::plan::derivation::MAIN;
use crate::plan::{Derivation, From, Outcome, Step, StepId, parameters};
use crate::source::fetch::Fetched;

/// So many files are on their way at a time.
pub(super) const LANES: usize = 8;

/// What is so large is durable before the file that came is given up: to fetch it again takes longer than one sync.
const LARGE: u64 = 16 << 20;

impl Engine<'_> {
    /// Brings what no trace knows, several files at once: all that stands on it has to wait anyway.
    ///
    /// What is known has to be what it is drawn as, and to pass the keys of the sources that it is drawn from:
    /// both may be otherwise by now.
    pub(super) fn bring_unknown(&self, steps: &BTreeSet<StepId>) -> Result<(), Error> {
        let brought: Vec<StepId> = steps
            .iter()
            .copied()
            .filter(|&step| self.is_brought(step))
            .collect();
        let known = brought.iter().filter_map(|&step| self.outputs(step));
        let known: Vec<EntryId> = known
            .filter_map(|outputs| outputs.get(MAIN).copied())
            .collect();
        self.facts.gather(&known)?;
        let alone = vec![BTreeSet::new(); brought.len()];
        schedule::run(&alone, LANES, self.keep_going, self.stop(), |place| {
            let step = brought[place];
            match self.admit(step) {
                Ok(true) => true,
                Ok(false) => self.work(step, false, &BTreeSet::new()),
                Err(error) => self.fail(step, error),
            }
        });
        Ok(())
    }

    /// Whether what a step brought once may be used; `false` where it has to be brought first.
    fn admit(&self, id: StepId) -> Result<bool, Error> {
        let Some(outcome) = self.outcome(id) else {
            return Ok(false);
        };
        // What is not known well enough to be checked is fetched once more, and checked then.
        let passed = self
            .drawn
            .admits(self.facts, &self.plan.steps[id], &outcome)?;
        if !passed {
            let _busy = self.busy(id);
            self.compose(id, signed::OTHER_KEYS)?;
        }
        Ok(true)
    }

    /// Brings again what a step is about to read, and the collector took, several files at once.
    pub(super) fn bring_inputs(&self, step: StepId) -> Result<(), Error> {
        let mut brought: BTreeMap<EntryId, StepId> = BTreeMap::new();
        for input in self.plan.steps[step].steps() {
            if self.is_brought(input) {
                let outputs = self.outputs(input).unwrap_or_default();
                brought.extend(outputs.into_values().map(|entry| (entry, input)));
            }
        }
        let entries: Vec<EntryId> = brought.keys().copied().collect();
        self.lease.hold(&entries)?;
        let gone = self.missing(&entries)?;
        let gone: BTreeSet<StepId> = gone.iter().map(|entry| brought[entry]).collect();
        let gone: Vec<StepId> = gone.into_iter().collect();
        let errors = std::sync::Mutex::new(Vec::new());
        let alone = vec![BTreeSet::new(); gone.len()];
        let ended = schedule::run(&alone, LANES, false, self.stop(), |place| {
            let brought = self.ensure(gone[place], None);
            let well = brought.is_ok();
            let mut errors = errors
                .lock()
                .expect("no thread panics while it notes an error");
            errors.extend(brought.err());
            well
        });
        let errors = errors
            .into_inner()
            .expect("no thread panics while it notes an error");
        match errors.into_iter().next() {
            Some(error) => Err(error),
            None if ended.contains(&Ended::Skipped) => Err(Error::Stopped),
            None => Ok(()),
        }
    }

    fn is_brought(&self, step: StepId) -> bool {
        outside::KINDS.contains(&self.plan.steps[step].kind)
    }

    /// Runs a step that brings something from elsewhere.
    pub(super) fn bring(&self, id: StepId, why: &str) -> Result<(), Error> {
        let step = &self.plan.steps[id];
        self.begin(id);
        let begun = Instant::now();
        let derivation = step
            .derivation(|from| self.entry(from))
            .expect("what is brought has no inputs");
        let (outcome, files) = match step.kind {
            FETCH => self.fetch(&step.subject, &derivation)?,
            _ => self.metadata(&step.topic, &derivation)?,
        };
        self.hold(&outcome)?;
        self.came(outcome.outputs.values());
        let large = files.iter().any(|file| file.size >= LARGE);
        self.commit(large)?;
        drop(files);
        self.ran(id, How::Fetched, begun.elapsed(), outcome, why, &[]);
        Ok(())
    }

    /// A package: checked and recorded as one of a directory is when it is first seen.
    fn fetch(&self, what: &str, derivation: &Derivation) -> Result<(Outcome, Vec<Fetched>), Error> {
        let wanted: parameters::Fetch = compose::parameters(FETCH, derivation)?;
        let directory = self.store.arriving()?;
        let fetched = self.outside.package(what, &wanted, self.facts, &directory);
        let (source, fetched) = fetched?;
        let refuse = |error: Box<dyn std::error::Error + Send + Sync>| Error::Fetched {
            name: source.clone(),
            package: what.to_owned(),
            source: error,
        };
        let sight = Sight::of(fetched.path()).map_err(refuse)?;
        let (import, composed) = sight
            .import(Some(self.batch))
            .map_err(|error| refuse(error.into()))?;
        let (trace, outputs) = trace::of(&import, composed, Vec::new());
        for output in outputs.values() {
            self.batch.record(output)?;
        }
        let outcome = trace::outcome(self.batch.trace(&trace)?, trace);
        let record = sight.record().clone();
        let key = import.key();
        let rpm = sight.entry().id();
        let (brief, place) = (Brief::of(&record), Some(fetched.path()));
        if !self
            .drawn
            .pass(self.facts, &wanted.digest, &brief, rpm, place)?
        {
            return Err(refuse("its bytes are gone before they were checked".into()));
        }
        self.facts.imported(rpm, Arc::new(record), (key, outcome));
        let mut file = File::open(fetched.path()).map_err(|error| refuse(error.into()))?;
        self.put(&mut file)?;
        let output = Output::new("rpm", sight.entry().root);
        let (trace, _) = trace::of(derivation, Composed::of(output), Vec::new());
        let outcome = trace::outcome(self.batch.trace(&trace)?, trace);
        Ok((outcome, vec![fetched]))
    }

    /// The metadata of a repository, as the lock names it.
    fn metadata(
        &self,
        source: &str,
        derivation: &Derivation,
    ) -> Result<(Outcome, Vec<Fetched>), Error> {
        let wanted: parameters::Metadata = compose::parameters(METADATA, derivation)?;
        let name: Name = source.parse().expect("the topic of metadata is a source");
        let directory = self.store.arriving()?;
        let files = self.outside.state(&name, &wanted, &directory)?;
        let paths = files.iter();
        let paths = paths.map(|(location, fetched)| (location.clone(), fetched.path().to_owned()));
        let outcome = metadata::store(self.batch, derivation, &paths.collect())?;
        Ok((outcome, files.into_values().collect()))
    }

    /// Takes in what a step needs of directories: held and looked for all at once, then read several at once.
    pub(super) fn take_all(&self, step: &Step) -> Result<(), Error> {
        let packages = step.inputs.iter().filter_map(|needed| match needed.from {
            From::Entry(rpm) => Some(rpm),
            From::Step(..) => None,
        });
        let packages: Vec<EntryId> = packages.collect();
        self.lease.hold(&packages)?;
        let missing = self.missing(&self.without_files(packages)?)?;
        let taken = missing.into_par_iter().map(|rpm| self.take(rpm));
        // In their order, so that of several that fail the same one is told each time.
        taken.collect::<Vec<_>>().into_iter().collect()
    }

    /// Those of some packages whose files are not here; the files of the others are held.
    ///
    /// Files alone are asked for, as who writes the step's output will do again.
    /// Once anything was found damaged, records are not taken for granted either: then it is all of the packages.
    fn without_files(&self, packages: Vec<EntryId>) -> Result<Vec<EntryId>, Error> {
        if self.store.is_suffering()? {
            return Ok(packages);
        }
        let briefs = self.facts.briefs(&packages)?;
        let files: Vec<BlobId> = briefs.iter().flatten().map(|brief| brief.file).collect();
        let absent = self.batch.absent_blobs(&files)?;
        let here = |brief: Option<Arc<Brief>>| brief.is_some_and(|b| !absent.contains(&b.file));
        let each = packages.into_iter().zip(briefs);
        let without = each.filter_map(|(rpm, brief)| (!here(brief)).then_some(rpm));
        Ok(without.collect())
    }

    /// Takes a source's package into the store, if it is not there.
    pub(super) fn take(&self, rpm: EntryId) -> Result<(), Error> {
        self.lease.hold(&[rpm])?;
        if self.is_here(rpm)? {
            return Ok(());
        }
        let brief = self.facts.brief(rpm);
        let lost = || Error::Lost {
            package: brief
                .as_ref()
                .map_or_else(|| rpm.to_string(), |brief| brief.nevra.to_string()),
        };
        let path = self.facts.place(rpm).ok_or_else(lost)?;
        let mut file = File::open(path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => lost(),
            _ => Error::Unreadable {
                path: path.clone(),
                source,
            },
        })?;
        if self.put(&mut file)? != rpm {
            return Err(Error::Changed { path: path.clone() });
        }
        self.came([&rpm]);
        self.commit(false)
    }

    /// Stores an RPM file.
    fn put(&self, file: &mut File) -> Result<EntryId, Error> {
        let (blob, size): (BlobId, u64) = self.batch.blob(file)?;
        self.batch.directory(&sight::directory(blob, size))?;
        Ok(self.batch.entry(&sight::entry(blob, size))?)
    }

    /// Notes entries whose bytes are here, though they may not be committed yet.
    pub(super) fn came<'e>(&self, entries: impl IntoIterator<Item = &'e EntryId>) {
        let mut here = self
            .here
            .lock()
            .expect("no thread panics while it holds the list");
        here.extend(entries);
    }
}
