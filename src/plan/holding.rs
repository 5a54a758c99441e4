//! What modules hold, as far as it is known without making or fetching anything.
//!
//! A plan stops at the first thing that is wrong; whoever judges recipes wants to see all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::derivation::MAIN;
use super::error::Error;
use super::known::{Known, Offer, SourcePackage};
use super::manifest::{self, Candidate};
use super::offer::{Offered, Told};
use super::package::stated;
use super::planner::Planner;
use super::solve;
use super::step::From;
use crate::formats::modulemd;
use crate::formats::rpm::Solvable;
use crate::ids::{Digest, EntryId, Name};
use crate::recipe::{Kind, Module, Recipe, Recipes};

/// Of more names that are missing, none is told what is near to it: each is compared with all that there is.
const MOST_ADVISED: usize = 10;

/// What the modules of the recipes hold, and what there is to draw from.
#[derive(Debug, Default)]
pub struct Holdings {
    pub modules: BTreeMap<Name, Holding>,
    pub sources: BTreeMap<Name, Stock>,
    /// Who owns the paths that dependencies name, beyond what the packages list themselves.
    pub owners: BTreeMap<Vec<u8>, BTreeSet<Digest>>,
}

/// What one module holds.
#[derive(Debug, Default)]
pub struct Holding {
    /// Without artifacts; `None` where it can't be read.
    pub document: Option<modulemd::Module>,
    /// Sorted by NEVRA and digest.
    pub packages: Vec<Held>,
    /// Texts of the manifest that nothing answers, each with what is near to it.
    pub missing: BTreeMap<String, Option<String>>,
    /// Why it is not known what the module holds.
    pub problem: Option<Error>,
}

/// A package that a module holds.
#[derive(Debug, Clone)]
pub struct Held {
    pub solvable: Arc<Solvable>,
    /// What the manifest calls it.
    pub item: String,
    /// The recipe that makes it; `None` for one of a source.
    pub made: Option<Name>,
    /// The repository that lists it; `None` for one that lies in a directory, or is made.
    pub listed: Option<Name>,
}

/// All that a source offers, in a module or not.
#[derive(Debug, Default)]
pub struct Stock {
    pub packages: BTreeMap<Digest, Arc<Solvable>>,
    pub gap: Option<Gap>,
    /// Whether the metadata of a repository says it, and not the packages themselves.
    is_repository: bool,
    /// As manifests are held against it.
    listed: Vec<SourcePackage>,
}

/// Why it is not known what a source offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gap {
    /// The lock has none of it.
    NotLocked,
    /// The lock names its metadata, and the store does not hold it.
    NoMetadata,
    Unreadable {
        why: String,
    },
}

/// Gathers what every module of the recipes holds.
pub fn holdings(recipes: &Recipes, known: &dyn Known) -> Holdings {
    let mut planner = Planner::new(recipes, known);
    let mut holdings = Holdings::default();
    for (name, recipe) in &recipes.recipes {
        if let Kind::Source(_) = recipe.kind {
            holdings.sources.insert(name.clone(), planner.stock(name));
        }
    }
    for (name, recipe) in &recipes.recipes {
        if let Kind::Module(module) = &recipe.kind {
            let mut holding = Holding::default();
            if let Err(problem) = planner.hold(recipe, module, &holdings.sources, &mut holding) {
                holding.problem = Some(problem);
            }
            holdings.modules.insert(name.clone(), holding);
        }
    }
    planner.find_owners(&mut holdings);
    holdings
}

impl Holdings {
    /// Whether all that a module holds is known, but for what is missing from its source.
    pub fn knows(&self, name: &Name, module: &Module) -> bool {
        let whole = |holding: &Holding| holding.problem.is_none();
        let stocked = |source| {
            let stock = self.sources.get(source);
            stock.is_some_and(|stock: &Stock| stock.gap.is_none())
        };
        self.modules.get(name).is_some_and(whole) && module.sources.iter().all(stocked)
    }
}

impl Planner<'_> {
    /// What is known of all that a source offers.
    pub(super) fn stock(&self, source: &Name) -> Stock {
        let mut stock = Stock::default();
        match self.known.source(source) {
            None => stock.gap = Some(Gap::NotLocked),
            Some(Offer::Directory(packages)) => {
                let files = packages.iter();
                let (digests, rpms): (Vec<&Digest>, Vec<EntryId>) = files
                    .filter_map(|package| Some((&package.digest, package.rpm?)))
                    .unzip();
                for (digest, solvable) in digests.into_iter().zip(self.known.solvables(&rpms)) {
                    let solvable = solvable.map(|solvable| (digest.clone(), solvable));
                    stock.packages.extend(solvable);
                }
            }
            Some(Offer::Repository(_)) => {
                stock.is_repository = true;
                match self.known.catalog(source) {
                    Err(error) => stock.gap = Some(unreadable(&*error)),
                    Ok(None) => stock.gap = Some(Gap::NoMetadata),
                    Ok(Some(catalog)) => {
                        for package in catalog.packages() {
                            let solvable = catalog.solvable(&package.digest);
                            let package = solvable.map(|one| (package.digest.clone(), one));
                            stock.packages.extend(package);
                        }
                    }
                }
            }
        }
        stock.listed = stock.packages.values().map(|one| listed(one)).collect();
        stock
    }

    /// Adds what a module holds, up to what can't be known.
    fn hold(
        &mut self,
        recipe: &Recipe,
        module: &Module,
        sources: &BTreeMap<Name, Stock>,
        holding: &mut Holding,
    ) -> Result<(), Error> {
        let document = self.document(recipe, module)?;
        let own = document.name_stream();
        holding.document = Some(document);
        let manifest = self.manifest(recipe, module)?;
        let mut made: Vec<(&Name, Offered)> = Vec::new();
        for name in &module.from {
            made.extend(self.made_or_stated(name)?.map(|package| (name, package)));
        }
        let made_here = made.iter().map(|(_, package)| Candidate::Made(package));
        let mut candidates: Vec<Candidate> = made_here.collect();
        let drawn = module.sources.iter();
        let stocks: Vec<(&Name, &Stock)> = drawn
            .filter_map(|name| Some((name, sources.get(name)?)))
            .collect();
        for (name, stock) in &stocks {
            let listed = stock.listed.iter();
            candidates.extend(listed.map(|package| Candidate::Listed(name, package)));
        }
        manifest::first_of_each(&mut candidates, &module.sources);
        let selected = manifest.select(&candidates, &own, &self.recipes.release.arch);
        if stocks.iter().all(|(_, stock)| stock.gap.is_none()) {
            let few = selected.missing.len() <= MOST_ADVISED;
            let nearest = |text: &str| few.then(|| manifest::nearest(text, &candidates)).flatten();
            let missing = selected.missing.iter();
            holding.missing = missing.map(|text| (text.clone(), nearest(text))).collect();
        }
        let mut packages = BTreeMap::new();
        for (item, candidate) in selected.chosen {
            if let Some(held) = held(item, candidate, &made, sources) {
                let (nevra, digest) = held.solvable.identity();
                packages.insert((nevra.clone(), digest.clone()), held);
            }
        }
        holding.packages = packages.into_values().collect();
        Ok(())
    }

    /// A recipe's package as it was made, else as the recipe states it.
    fn made_or_stated(&mut self, name: &Name) -> Result<Option<Offered>, Error> {
        let Kind::Package(package) = &self.recipe(name)?.kind else {
            return Ok(None);
        };
        let made = self.offered_packages(&[package])?;
        if let Some(offered) = made.and_then(|mut made| made.pop()) {
            return Ok(Some(offered));
        }
        let record = stated(package);
        Ok(Some(Offered {
            nevra: record.nevra.clone(),
            digest: record.sha256.clone(),
            rpm: From::Step(self.package(package)?, MAIN.to_owned()),
            told: Told::Record(Arc::new(record)),
        }))
    }

    /// Looks up the owners of all paths that dependencies name, where only file lists tell.
    fn find_owners(&self, holdings: &mut Holdings) {
        let held = holdings.modules.values().flat_map(|m| &m.packages);
        let paths = solve::named_paths(held.map(|held| &*held.solvable));
        if paths.is_empty() {
            return;
        }
        for (source, stock) in &mut holdings.sources {
            let Ok(Some(catalog)) = self.known.catalog(source) else {
                continue;
            };
            match catalog.owners(&paths) {
                Ok(owners) => {
                    for (path, owners) in owners {
                        holdings.owners.entry(path).or_default().extend(owners);
                    }
                }
                Err(error) => stock.gap = Some(unreadable(&*error)),
            }
        }
    }
}

/// What was chosen for an item of a manifest, with where it comes from.
fn held(
    item: String,
    candidate: Candidate,
    made: &[(&Name, Offered)],
    sources: &BTreeMap<Name, Stock>,
) -> Option<Held> {
    let (solvable, made, listed) = match candidate {
        Candidate::Listed(source, package) => {
            let stock = sources.get(source)?;
            let listed = stock.is_repository.then(|| source.clone());
            let solvable = stock.packages.get(&package.digest)?;
            (solvable.clone(), None, listed)
        }
        Candidate::Made(package) => {
            let Told::Record(record) = &package.told else {
                return None;
            };
            let (maker, _) = made.iter().find(|(_, one)| std::ptr::eq(one, package))?;
            (Arc::new(Solvable::of(record)), Some((*maker).clone()), None)
        }
    };
    Some(Held {
        solvable,
        item,
        made,
        listed,
    })
}

/// A package of a source, as a manifest is held against it.
fn listed(solvable: &Solvable) -> SourcePackage {
    SourcePackage {
        nevra: solvable.nevra.clone(),
        digest: solvable.digest.clone(),
        size: 0,
        labels: solvable.modularity_labels.clone(),
        rpm: None,
    }
}

fn unreadable(error: &(dyn std::error::Error + 'static)) -> Gap {
    let mut why = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        why.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    Gap::Unreadable { why }
}
