//! Planning an installed root: solve, unpack, install.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::base::Base;
use super::derivation::MAIN;
use super::error::Error;
use super::offer::{Offered, Told};
use super::parameters;
use super::planner::{Planner, named};
use super::remedy;
use super::solve::{self, Candidate, Question, Request};
use super::step::{Drawn, From, Needed, Solved, StepId};
use super::why::Whys;
use crate::ids::{Digest, Hash, Name, Nevra, canonical};
use crate::recipe::{Install, Module, Recipe, Selection};

/// Part of every question. Nothing that this program learns to do otherwise changes it: neither a new solver
/// nor new records of packages may leave locked answers without their question.
const QUESTION: u32 = 1;
/// Was once the version of records, and is all the same part of what locks have.
const RECORD: u32 = 1;

/// An installed root, planned.
#[derive(Clone)]
pub(super) struct Installed {
    pub root: From,
    /// The packages in it, unpacked, as inputs of a step.
    pub packages: Vec<Needed>,
    pub solved: BTreeSet<(Nevra, Digest)>,
}

impl Planner<'_> {
    /// The steps that install packages solved inside `from`, beside those of a base, with what is laid over them;
    /// `None` where facts are missing, after all was planned that can be.
    pub(super) fn root(
        &mut self,
        recipe: &Recipe,
        selection: &Selection,
        base: Option<&Base>,
    ) -> Result<Option<Installed>, Error> {
        let installed = self.installed(recipe, selection, base)?;
        let overlays = self.overlays(&selection.overlay)?;
        let (Some(mut installed), Some(overlays)) = (installed, overlays) else {
            return Ok(None);
        };
        installed.root = self.overlaid(recipe, installed.root, overlays)?;
        Ok(Some(installed))
    }

    /// Plans what a root needs that can't be planned itself yet.
    pub(super) fn ahead(&mut self, selection: &Selection) -> Result<(), Error> {
        let modules = self.recipes.modules_of(&selection.from);
        self.all_offered(&modules)?;
        self.overlays(&selection.overlay)?;
        Ok(())
    }

    fn installed(
        &mut self,
        recipe: &Recipe,
        selection: &Selection,
        base: Option<&Base>,
    ) -> Result<Option<Installed>, Error> {
        let modules = self.recipes.modules_of(&selection.from);
        self.check_streams(&recipe.name, &modules)?;
        let Some(mut offered) = self.all_offered(&modules)? else {
            return Ok(None);
        };
        let aside = base.map_or_else(Vec::new, |base| base.take_others(&mut offered));
        let (requests, held) = (self.requests(recipe, selection, base)?, (base, &aside[..]));
        let Some((question, chosen)) = self.solve(recipe, selection, requests, &offered, held)?
        else {
            return Ok(None);
        };
        let packages = chosen.iter().map(|&package| {
            let package = &offered[package].1;
            (package.nevra.clone(), package.digest.clone())
        });
        let solved = Solved {
            question,
            packages: packages.collect(),
        };
        self.plan.solved.insert(recipe.name.clone(), solved.clone());
        let drawn = self.drawn(&modules, &offered, &chosen)?;
        self.plan.drawn.insert(recipe.name.clone(), drawn);
        let chosen: Vec<&Offered> = chosen.iter().map(|&at| &offered[at].1).collect();
        let unpacked = self.unpacks(&chosen)?.into_iter();
        let packages = unpacked.map(|step| Needed {
            role: "package".to_owned(),
            from: From::Step(step, MAIN.to_owned()),
        });
        let packages: Vec<Needed> = packages.collect();
        let release = &self.recipes.release;
        let params = parameters::Root {
            arch: release.arch.clone(),
            epoch: release.epoch,
        };
        let mut inputs = packages.clone();
        inputs.extend(base.map(|base| Needed {
            role: "base".to_owned(),
            from: base.root.clone(),
        }));
        let step = self.step("root", named(recipe), &params, inputs, BTreeMap::new())?;
        Ok(Some(Installed {
            root: From::Step(step, MAIN.to_owned()),
            packages,
            solved: solved.packages,
        }))
    }

    /// The steps of the commands whose output is laid over a root; `None` until each of them can be planned.
    fn overlays(&mut self, names: &[Name]) -> Result<Option<Vec<StepId>>, Error> {
        let mut steps = Vec::with_capacity(names.len());
        for name in names {
            // One that waits keeps no other from being planned.
            steps.push(self.artifact(name)?);
        }
        Ok(steps.into_iter().collect())
    }

    /// A root with what commands made laid over it.
    fn overlaid(
        &mut self,
        recipe: &Recipe,
        root: From,
        overlays: Vec<StepId>,
    ) -> Result<From, Error> {
        if overlays.is_empty() {
            return Ok(root);
        }
        let needed = |role: &str, from| Needed {
            role: role.to_owned(),
            from,
        };
        let mut inputs = vec![needed("root", root)];
        for (place, step) in overlays.into_iter().enumerate() {
            let from = From::Step(step, MAIN.to_owned());
            inputs.push(needed(&format!("overlay-{place:03}"), from));
        }
        let nothing = BTreeMap::<String, String>::new();
        let step = self.step("overlay", named(recipe), &nothing, inputs, BTreeMap::new())?;
        Ok(From::Step(step, MAIN.to_owned()))
    }

    /// The modules, each with the packages that were chosen of it.
    fn drawn(
        &self,
        modules: &BTreeMap<&Name, &Module>,
        offered: &[(Name, Offered)],
        chosen: &[usize],
    ) -> Result<Vec<Drawn>, Error> {
        let mut drawn = Vec::with_capacity(modules.len());
        for (&name, module) in modules {
            let chosen = chosen.iter().map(|&package| &offered[package]);
            let packages = chosen
                .filter(|(of, _)| of == name)
                .map(|(_, package)| (package.rpm.clone(), package.nevra.clone()));
            drawn.push(Drawn {
                packages: packages.collect(),
                module: self.document(self.recipe(name)?, module)?,
            });
        }
        Ok(drawn)
    }

    /// Everything that the modules offer, each package once, with a module that it is in.
    fn all_offered(
        &mut self,
        modules: &BTreeMap<&Name, &Module>,
    ) -> Result<Option<Vec<(Name, Offered)>>, Error> {
        let mut all = BTreeMap::new();
        let mut complete = true;
        for (name, module) in modules {
            match self.offered(self.recipe(name)?, module)? {
                Some(offered) => {
                    for package in offered.iter() {
                        let key = (package.nevra.clone(), package.digest.clone());
                        all.entry(key)
                            .or_insert_with(|| ((*name).clone(), package.clone()));
                    }
                }
                None => complete = false,
            }
        }
        Ok(complete.then(|| all.into_values().collect()))
    }

    /// What an artifact asks for: all that the base has, and what it installs itself.
    ///
    /// Sorted by text. Where not all of them can be had in their newest version the first has its way,
    /// and which one that is must not hang on what is no part of the question's hash: whether a profile asks for it.
    fn requests(
        &self,
        recipe: &Recipe,
        selection: &Selection,
        base: Option<&Base>,
    ) -> Result<Vec<Request>, Error> {
        let modules = self.recipes.modules_of(&selection.from);
        let mut requests = base.map_or_else(Vec::new, Base::requests);
        for wanted in &selection.install {
            match wanted {
                Install::Package(name) => requests.push(Request::new(name.clone())),
                Install::Profile { module, profile } => {
                    let origin = wanted.to_string();
                    for name in self.profile(&recipe.name, &modules, module, profile)? {
                        requests.push(Request::of(name, origin.clone()));
                    }
                }
            }
        }
        requests.sort_by(|a, b| a.text.cmp(&b.text));
        Ok(requests)
    }

    /// The hash of the question, and the places of the packages that answer it; `None` where facts are missing.
    fn solve(
        &mut self,
        recipe: &Recipe,
        selection: &Selection,
        requests: Vec<Request>,
        offered: &[(Name, Offered)],
        (base, aside): (Option<&Base>, &[(Name, Offered)]),
    ) -> Result<Option<(Hash, Vec<usize>)>, Error> {
        let arch = self.recipes.release.arch.clone();
        let hash = question_hash(&requests, offered, &arch, selection.weak)?;
        if let Some(locked) = self.known.solved(&recipe.name, hash) {
            let places = offered.iter().enumerate();
            let chosen: Vec<usize> = places
                .filter(|(_, (_, package))| locked.contains(&package.digest))
                .map(|(place, _)| place)
                .collect();
            if chosen.len() == locked.len() {
                return Ok(Some((hash, chosen)));
            }
        }
        let packages = offered.iter().map(|(_, package)| package);
        let Some(mut solvables) = self.solvables(packages)? else {
            return Ok(None);
        };
        if let Some(base) = base {
            base.wish_nothing(&mut solvables);
        }
        let candidates = offered.iter().zip(&solvables);
        let mut question = Question {
            packages: candidates
                .map(|((module, _), solvable)| Candidate {
                    solvable,
                    module: Some(module.as_str()),
                })
                .collect(),
            install: requests,
            arch,
            weak: selection.weak,
            owners: BTreeMap::new(),
        };
        let catalogued = catalogued(offered);
        self.learn_owners(&mut question, &catalogued)?;
        match solve::solve(&question) {
            Ok(solution) => {
                if is_lockable(offered) {
                    self.plan.unlocked.insert(recipe.name.clone());
                }
                let whys = Whys::of(&question, &solution);
                self.plan.whys.insert(recipe.name.clone(), whys);
                Ok(Some((hash, solution.packages)))
            }
            Err(problem) => {
                let remedies = self.remedies(&problem, &selection.from);
                let completion = match base.is_none() && remedy::are_of_sources(&remedies) {
                    true => self.completion(&question, catalogued),
                    false => Vec::new(),
                };
                Err(Error::Unsolvable {
                    artifact: recipe.name.clone(),
                    from: selection.from.iter().map(Name::to_string).collect(),
                    base: base.map(|base| base.name.clone()),
                    replaceable: self.replaceable(&problem, aside)?,
                    remedies,
                    completion,
                    problem: Box::new(problem),
                })
            }
        }
    }

    /// For each requirement that is not met: the packages that would meet it, were those of the base not kept.
    fn replaceable(
        &mut self,
        problem: &solve::Problem,
        aside: &[(Name, Offered)],
    ) -> Result<Vec<(String, Nevra)>, Error> {
        let packages = aside.iter().map(|(_, package)| package);
        let Some(solvables) = self.solvables(packages)? else {
            return Ok(Vec::new());
        };
        let mut replaceable = Vec::new();
        for requirement in solve::missing(problem) {
            for place in solve::providers(&requirement, &solvables) {
                replaceable.push((requirement.clone(), solvables[place].nevra.clone()));
            }
        }
        Ok(replaceable)
    }

    /// Fills in who owns the paths that the question turns on, where only a source's file lists say so.
    ///
    /// An owner may bring more packages into reach, and with them more paths.
    pub(super) fn learn_owners(
        &self,
        question: &mut Question,
        sources: &Catalogued,
    ) -> Result<(), Error> {
        // Whoever knows a header knows all its paths.
        if sources.is_empty() {
            return Ok(());
        }
        loop {
            let paths = solve::paths(question);
            if paths.is_empty() {
                return Ok(());
            }
            for (source, places) in sources {
                let Some(catalog) = self.catalog(source)? else {
                    continue;
                };
                let listed = catalog.owners(&paths).map_err(|error| Error::Catalog {
                    source_name: (*source).clone(),
                    source: error,
                })?;
                for (path, digests) in listed {
                    let found = digests.iter().filter_map(|digest| places.get(digest));
                    let owners = question.owners.entry(path).or_default();
                    owners.extend(found.flatten());
                }
            }
            for path in paths {
                question.owners.entry(path).or_default();
            }
        }
    }
}

/// By source and digest the places in a question of packages that only a source's metadata tells of.
pub(super) type Catalogued<'a> = BTreeMap<&'a Name, BTreeMap<&'a Digest, Vec<usize>>>;

fn catalogued(offered: &[(Name, Offered)]) -> Catalogued<'_> {
    let mut catalogued = Catalogued::new();
    for (place, (_, package)) in offered.iter().enumerate() {
        if let Told::Catalog(source) = &package.told {
            let places = catalogued.entry(source).or_default();
            places.entry(&package.digest).or_default().push(place);
        }
    }
    catalogued
}

/// Whether `store update` can put the answer into the lock, and metadata gave it: packages that recipes make are not known then.
fn is_lockable(offered: &[(Name, Offered)]) -> bool {
    let told = || offered.iter().map(|(_, package)| &package.told);
    told().any(|told| matches!(told, Told::Catalog(_)))
        && !told().any(|told| matches!(told, Told::Record(_)))
}

/// Names a question: the same one has the same answer, so a lock may hold it.
fn question_hash(
    requests: &[Request],
    offered: &[(Name, Offered)],
    arch: &str,
    weak: bool,
) -> Result<Hash, Error> {
    #[derive(Serialize)]
    struct Asked<'a> {
        schema: u32,
        record: u32,
        arch: &'a str,
        weak: bool,
        install: BTreeSet<&'a str>,
        packages: BTreeSet<&'a Digest>,
    }
    let asked = Asked {
        schema: QUESTION,
        record: RECORD,
        arch,
        weak,
        install: requests
            .iter()
            .map(|request| request.text.as_str())
            .collect(),
        packages: offered.iter().map(|(_, package)| &package.digest).collect(),
    };
    let bytes = canonical::encode(&asked).map_err(|source| Error::Parameters {
        subject: "what is to be solved".to_owned(),
        source,
    })?;
    Ok(Hash::derived("store 2026 question v1", &bytes))
}
