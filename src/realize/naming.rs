//! The last step: what came out gets its view and its generation.

use std::collections::{BTreeMap, BTreeSet, btree_map};

use super::engine::Engine;
use super::error::Error;
use super::report::{Artifact, How, Made, StepReport};
use super::{Options, root_name};
use crate::ids::{BlobId, DerivationKey, Digest, Name, Nevra, canonical};
use crate::plan::derivation::MAIN;
use crate::plan::facts::{ModuleFacts, OriginFacts, PackageFacts};
use crate::plan::{Drawn, From, Outcome, Plan, StepId};
use crate::recipe::Recipes;
use crate::source::Lock;
use crate::store::NewGeneration;

/// Names what a plan gave.
pub(super) struct Naming<'a, 'e> {
    pub recipes: &'a Recipes,
    pub options: &'a Options,
    pub lock: Option<&'a Lock>,
    pub engine: &'a Engine<'e>,
    pub plan: &'a Plan,
}

impl Naming<'_, '_> {
    /// An artifact without a step could not even be planned: what it stands on failed.
    pub fn artifact(
        &self,
        name: &Name,
        step: Option<StepId>,
        steps: &BTreeMap<StepId, StepReport>,
    ) -> Result<Artifact, Error> {
        let kind = self.recipes.recipes[name].kind.name();
        let report = step.and_then(|step| steps.get(&step));
        let how = report.map_or(How::Skipped, |step| step.how);
        let outcome = match how {
            How::Failed | How::Skipped => None,
            _ => step.and_then(|step| Some((step, self.engine.outcome(step)?))),
        };
        let made = match (outcome, report.and_then(|step| step.key)) {
            (Some((step, outcome)), Some(key)) => Some(self.made(name, key, step, &outcome)?),
            _ => None,
        };
        Ok(Artifact {
            name: name.clone(),
            kind,
            how,
            made,
        })
    }

    fn made(
        &self,
        name: &Name,
        key: DerivationKey,
        step: StepId,
        outcome: &Outcome,
    ) -> Result<Made, Error> {
        let entry = outcome.outputs[MAIN];
        let path = Some(self.engine.store.view(entry, name)?);
        let generation = match self.options.no_root {
            true => None,
            false => Some(self.keep(name, step, outcome)?),
        };
        Ok(Made {
            key,
            entry,
            path,
            generation,
        })
    }

    /// Adds a generation where the entry or the label is not that of the newest;
    /// returns the number that now stands for it.
    fn keep(&self, name: &Name, step: StepId, outcome: &Outcome) -> Result<u32, Error> {
        let root = root_name(self.recipes, name)?;
        let store = self.engine.store;
        let entry = outcome.outputs[MAIN];
        let label = self.options.label.clone();
        if let Some(number) = store.stands(&root, entry, label.as_deref())? {
            // What was found damaged is written anew; this record is below no entry, and no step makes it.
            if store.is_suffering()? {
                self.origin(name)?;
            }
            return Ok(number);
        }
        let new = NewGeneration {
            entry,
            trace: Some(outcome.trace),
            label,
            time: self.options.now,
            also: self.locked(step)?,
            origin: self.origin(name)?,
        };
        Ok(store.keep_generation(&root, new)?)
    }

    /// The files of the lock that the artifact stands on, packages and metadata, as far as they are here.
    ///
    /// A lock that names what nobody has any more would be worth nothing.
    fn locked(&self, step: StepId) -> Result<BTreeSet<BlobId>, Error> {
        let Some(lock) = self.lock else {
            return Ok(BTreeSet::new());
        };
        let packages = lock.sources.values().flat_map(|source| &source.packages);
        let locked: BTreeSet<&Digest> = packages.map(|package| &package.digest).collect();
        let file = |from: From| {
            let brief = self.engine.facts.brief(self.engine.entry(&from)?)?;
            // What was fetched was fetched by what the lock says.
            let named = matches!(from, From::Step(..)) || locked.contains(&brief.digest);
            named.then_some(brief.file)
        };
        let taken = self.plan.taken(step);
        let rpms = taken.iter().filter_map(|from| self.engine.entry(from));
        self.engine.facts.gather(&rpms.collect::<Vec<_>>())?;
        let taken = taken.into_iter();
        let mut files: Vec<BlobId> = taken.filter_map(file).collect();
        for source in self.plan.answers.keys() {
            files.extend(self.engine.facts.metadata_files(source)?);
        }
        let held = self.engine.lease.hold_blobs(&files)?;
        let here = files.into_iter().zip(held);
        Ok(here.filter_map(|(file, held)| held.map(|_| file)).collect())
    }

    /// Records which modules the artifact was drawn from, with all that it delivers.
    fn origin(&self, name: &Name) -> Result<Option<BlobId>, Error> {
        let mut modules: BTreeMap<_, ModuleFacts> = BTreeMap::new();
        for drawn in self.drawn(name) {
            let module = self.module(drawn);
            let key = (module.name.clone(), module.stream.clone(), module.version);
            match modules.entry(key) {
                btree_map::Entry::Occupied(known) => known.into_mut().add(module.packages),
                btree_map::Entry::Vacant(free) => drop(free.insert(module)),
            }
        }
        if modules.is_empty() {
            return Ok(None);
        }
        let modules = modules.into_values().collect();
        let facts = canonical::encode(&OriginFacts { modules });
        let bytes = facts.expect("names, numbers and hashes are canonical");
        let (blob, _) = self.engine.batch.blob(&mut &bytes[..])?;
        self.engine.batch.flush()?;
        Ok(Some(blob))
    }

    /// What an artifact is drawn from, and what those are that it delivers.
    fn drawn(&self, name: &Name) -> Vec<&Drawn> {
        let mut drawn = Vec::new();
        let mut seen = BTreeSet::new();
        let mut open = vec![name];
        while let Some(name) = open.pop() {
            if seen.insert(name) {
                drawn.extend(self.plan.drawn.get(name).into_iter().flatten());
                open.extend(self.recipes.recipes[name].delivers());
            }
        }
        drawn
    }

    fn module(&self, drawn: &Drawn) -> ModuleFacts {
        let package = |(from, nevra): &(From, Nevra)| {
            let rpm = self.engine.entry(from)?;
            Some(PackageFacts {
                nevra: nevra.clone(),
                rpm,
                content: self.engine.facts.brief(rpm)?.content,
            })
        };
        let mut packages: Vec<_> = drawn.packages.iter().filter_map(package).collect();
        packages.sort();
        let module = &drawn.module;
        ModuleFacts {
            name: module.name.clone(),
            stream: module.stream.clone(),
            version: module.version,
            context: module.context.clone(),
            arch: module.arch.clone(),
            packages,
        }
    }
}
