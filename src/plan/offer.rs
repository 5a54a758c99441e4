//! What a module offers: the packages of its manifest, each with where its bytes and its dependencies are known from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::derivation::MAIN;
use super::error::Error;
use super::known::{Asker, Catalog, Offer, Repository, SourcePackage};
use super::manifest::{self, Candidate, Selected};
use super::parameters;
use super::planner::Planner;
use super::step::{From, StepId};
use crate::formats::rpm::{Record, Solvable};
use crate::ids::{Digest, EntryId, Name, Nevra};
use crate::recipe::{Kind, Module, Recipe};

/// What repositories list, in the order of the module.
type Catalogs<'n> = Vec<(&'n Name, Arc<dyn Catalog>)>;

/// For so many missing names at most a near one is looked for, among all that a source has.
const MOST_ADVISED: usize = 20;

/// A package that a module offers: what it is is known, its bytes may not be here.
#[derive(Debug, Clone)]
pub(super) struct Offered {
    pub nevra: Nevra,
    /// Of the file.
    pub digest: Digest,
    pub rpm: From,
    pub told: Told,
}

/// Where a package's dependencies are known from.
#[derive(Debug, Clone)]
pub(super) enum Told {
    /// Its header, just read.
    Record(Arc<Record>),
    /// The header of a file that the store knows.
    File(EntryId),
    /// The metadata of a source.
    Catalog(Name),
}

impl Offered {
    pub fn label(&self) -> Option<&str> {
        match &self.told {
            Told::Record(record) => record.modularity_label.as_deref(),
            // Held against the module when it was chosen.
            Told::File(_) | Told::Catalog(_) => None,
        }
    }
}

impl Planner<'_> {
    /// The packages of a module's manifest, sorted; `None` until all of them are known.
    pub(super) fn offered(
        &mut self,
        recipe: &Recipe,
        module: &Module,
    ) -> Result<Option<Arc<Vec<Offered>>>, Error> {
        if let Some(offered) = self.offered.get(&recipe.name) {
            return Ok(offered.clone());
        }
        let offered = match self.made(module)? {
            Some(made) => self.select(recipe, module, &made)?.map(Arc::new),
            None => None,
        };
        self.offered.insert(recipe.name.clone(), offered.clone());
        Ok(offered)
    }

    /// The packages that recipes make for a module; `None` until all are made.
    fn made(&mut self, module: &Module) -> Result<Option<Vec<Offered>>, Error> {
        let mut packages = Vec::with_capacity(module.from.len());
        for name in &module.from {
            if let Kind::Package(package) = &self.recipe(name)?.kind {
                packages.push(package);
            }
        }
        self.offered_packages(&packages)
    }

    fn select(
        &mut self,
        recipe: &Recipe,
        module: &Module,
        made: &[Offered],
    ) -> Result<Option<Vec<Offered>>, Error> {
        let manifest = self.manifest(recipe, module)?;
        let arch = &self.recipes.release.arch;
        let own = self.document(recipe, module)?.name_stream();
        let known = self.known;
        let mut candidates: Vec<Candidate> = made.iter().map(Candidate::Made).collect();
        let mut repositories = Vec::new();
        for source in &module.sources {
            match known.source(source) {
                None => {
                    return Err(Error::UnreadSource {
                        module: recipe.name.clone(),
                        source_name: source.clone(),
                    });
                }
                Some(Offer::Directory(packages)) => {
                    let listed = packages.iter();
                    candidates.extend(listed.map(|package| Candidate::Listed(source, package)));
                }
                Some(Offer::Repository(locked)) => repositories.push((source, locked)),
            }
        }
        let names: Vec<&Name> = repositories.iter().map(|(source, _)| *source).collect();
        let mut asker = Asker {
            stream: &own,
            modular: repositories.iter().any(|(_, locked)| locked.modular),
            repositories: &names,
        };
        let answers = |text: &str| {
            let asked = asker.asked(text);
            let answers = repositories.iter().filter_map(|(source, locked)| {
                let package = locked.answers.get(&asked)?;
                Some(Candidate::Listed(source, package))
            });
            answers.collect()
        };
        let catalogs;
        // A directory is known whole; all else is made.
        if !repositories.is_empty() {
            let at_hand = match repositories.iter().all(|(_, locked)| locked.settled) {
                true => manifest.select(&candidates, &own, arch),
                false => Selected::default(),
            };
            if let Some(answers) = manifest.answered(&at_hand, answers) {
                candidates.extend(answers);
            } else {
                let Some(found) = self.catalogs(&repositories)? else {
                    return Ok(None);
                };
                self.plan.unlocked.insert(recipe.name.clone());
                catalogs = found;
                asker.modular = catalogs.iter().any(|(_, catalog)| catalog.is_modular());
                for (source, catalog) in &catalogs {
                    let listed = catalog.packages().iter();
                    candidates.extend(listed.map(|package| Candidate::Listed(source, package)));
                }
            }
        }
        manifest::first_of_each(&mut candidates, &module.sources);
        let selected = manifest.select(&candidates, &own, arch);
        if let Some(first) = selected.missing.first() {
            let missing = selected.missing.iter().take(MOST_ADVISED);
            let nearest = missing.filter_map(|name| manifest::nearest(name, &candidates));
            return Err(Error::NotInSource {
                place: recipe.place("packages", first).to_string(),
                module: recipe.name.clone(),
                sources: module.sources.clone(),
                nearest: nearest.collect(),
                missing: selected.missing,
                locked: Vec::new(),
            });
        }
        let mut offered = Vec::with_capacity(selected.chosen.len());
        for (text, candidate) in selected.chosen {
            check_label(&own, candidate)?;
            let package = match candidate {
                Candidate::Listed(source, package) => {
                    self.draw(source, asker.asked(&text), package)?
                }
                Candidate::Made(package) => package.clone(),
            };
            offered.push(package);
        }
        Ok(Some(sorted(offered)))
    }

    /// What each repository lists; `None` until the metadata of all is here.
    fn catalogs<'n>(
        &mut self,
        repositories: &[(&'n Name, &Repository)],
    ) -> Result<Option<Catalogs<'n>>, Error> {
        let mut catalogs = Vec::with_capacity(repositories.len());
        for &(source, locked) in repositories {
            match self.catalog(source)? {
                Some(catalog) => catalogs.push((source, catalog)),
                None => self.wait_for(source, &locked.metadata)?,
            }
        }
        Ok((catalogs.len() == repositories.len()).then_some(catalogs))
    }

    /// Draws a package from a source: `asked` is what a lock calls what it was asked for by.
    fn draw(
        &mut self,
        source: &Name,
        asked: String,
        package: &SourcePackage,
    ) -> Result<Offered, Error> {
        let (rpm, told) = match package.rpm {
            Some(rpm) => (From::Entry(rpm), Told::File(rpm)),
            None => {
                let fetch = self.fetch(package)?;
                let rpm = From::Step(fetch, MAIN.to_owned());
                (rpm, Told::Catalog(source.clone()))
            }
        };
        let answers = self.plan.answers.entry(source.clone()).or_default();
        answers.insert(asked, package.clone());
        Ok(Offered {
            nevra: package.nevra.clone(),
            digest: package.digest.clone(),
            rpm,
            told,
        })
    }

    /// The metadata of a source, if it is here.
    pub(super) fn catalog(&self, source: &Name) -> Result<Option<Arc<dyn Catalog>>, Error> {
        self.known.catalog(source).map_err(|error| Error::Catalog {
            source_name: source.clone(),
            source: error,
        })
    }

    /// The step that brings a package's file.
    fn fetch(&mut self, package: &SourcePackage) -> Result<StepId, Error> {
        let params = parameters::Fetch {
            digest: package.digest.clone(),
            size: package.size,
        };
        let subject = (package.nevra.to_string(), package.nevra.name.as_str());
        self.step("fetch", subject, &params, Vec::new(), BTreeMap::new())
    }

    /// Lets the plan wait for the metadata of a source.
    fn wait_for(&mut self, source: &Name, metadata: &parameters::Metadata) -> Result<(), Error> {
        let subject = (source.to_string(), source.as_str());
        let step = self.step("metadata", subject, metadata, Vec::new(), BTreeMap::new())?;
        self.plan.waiting.push(step);
        Ok(())
    }

    /// What a solver needs of these packages, in their order; `None` until it is here.
    pub(super) fn solvables<'p>(
        &mut self,
        packages: impl Iterator<Item = &'p Offered>,
    ) -> Result<Option<Vec<Arc<Solvable>>>, Error> {
        let mut solvables = Some(Vec::new());
        let mut absent = BTreeSet::new();
        for package in packages {
            let solvable = match &package.told {
                Told::Record(record) => Some(Arc::new(Solvable::of(record))),
                Told::File(rpm) => {
                    let record = self.known.record(*rpm).ok_or_else(|| Error::NoRecord {
                        package: package.nevra.to_string(),
                    })?;
                    Some(Arc::new(Solvable::of(&record)))
                }
                Told::Catalog(source) => match self.catalog(source)? {
                    Some(catalog) => {
                        let listed = catalog.solvable(&package.digest);
                        let unlisted = || Error::NoRecord {
                            package: package.nevra.to_string(),
                        };
                        Some(listed.ok_or_else(unlisted)?)
                    }
                    None => {
                        absent.insert(source.clone());
                        None
                    }
                },
            };
            match (solvable, &mut solvables) {
                (Some(solvable), Some(all)) => all.push(solvable),
                _ => solvables = None,
            }
        }
        for source in absent {
            if let Some(Offer::Repository(locked)) = self.known.source(&source) {
                self.wait_for(&source, &locked.metadata)?;
            }
        }
        Ok(solvables)
    }
}

/// Sorts packages. Several texts may mean one of them: it is that of the last.
fn sorted(mut offered: Vec<Offered>) -> Vec<Offered> {
    fn identity(package: &Offered) -> (&Nevra, &Digest) {
        (&package.nevra, &package.digest)
    }
    offered.sort_by(|a, b| identity(a).cmp(&identity(b)));
    offered.dedup_by(|later, kept| {
        let same = identity(later) == identity(kept);
        if same {
            std::mem::swap(later, kept);
        }
        same
    });
    offered
}

/// A package that is said to be of a module must be of this one.
fn check_label(own: &str, candidate: Candidate) -> Result<(), Error> {
    match candidate.labels().first() {
        Some(label) if !candidate.belongs(own) => Err(Error::OtherModule {
            module: own.to_owned(),
            package: candidate.nevra().to_string(),
            label: (*label).to_owned(),
            listed: match candidate {
                Candidate::Listed(source, package) if package.rpm.is_none() => Some(source.clone()),
                _ => None,
            },
        }),
        _ => Ok(()),
    }
}
