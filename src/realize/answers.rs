//! What manifests and artifacts are answered with, for the lock.

use std::collections::{BTreeMap, BTreeSet};

use super::catalog::Catalog;
use super::error::Error;
use super::facts::Facts;
use super::outside::METADATA;
use crate::ids::{Digest, Name};
use crate::plan::{self, Solved, SourcePackage};
use crate::recipe::{Kind, Location, Recipes};
use crate::source::{self, Lock, LockedPackage, LockedSource, SolvedPackage};

/// Why something was not answered now.
#[derive(Debug)]
pub enum Unsolved {
    /// It stands on packages that are made when it is realized.
    Later {
        /// Whether the answer that the lock had stays: it counts if that turns out to be the question.
        kept: bool,
    },
    /// It draws from a source that was never looked at, and is not to be now.
    Unread {
        source: Name,
        kept: bool,
        /// Whether that is a repository, and others of the same module are locked: what these gave can't be told any more.
        partly: bool,
    },
    /// It draws from a source that stays as it is locked, and whose metadata can't be had.
    Lacking { source: Name, kept: bool },
    /// What was asked has no answer.
    Failed { problem: plan::Error, kept: bool },
}

impl Unsolved {
    /// Whether something has to be done about it.
    pub const fn is_failure(&self) -> bool {
        match self {
            Unsolved::Later { .. } => false,
            Unsolved::Unread { partly, .. } => *partly,
            Unsolved::Lacking { .. } | Unsolved::Failed { .. } => true,
        }
    }

    /// Whether the lock keeps the answer that it had.
    pub const fn is_kept(&self) -> bool {
        match *self {
            Unsolved::Later { kept }
            | Unsolved::Unread { kept, .. }
            | Unsolved::Lacking { kept, .. }
            | Unsolved::Failed { kept, .. } => kept,
        }
    }
}

/// The answers to all that some recipes ask.
#[derive(Default)]
pub(super) struct Answers {
    /// Of each source, by what a lock calls what was asked.
    drawn: BTreeMap<Name, BTreeMap<String, SourcePackage>>,
    solved: BTreeMap<Name, source::Solved>,
    /// What could not be asked yet; what it waits for is the metadata of these sources, or packages.
    waiting: Vec<(Name, BTreeSet<Name>)>,
    /// With the source in question, and whether others of the same module are locked.
    unread: Vec<(Name, Name, bool)>,
    failed: Vec<(Name, plan::Error)>,
    /// The sources of modules that were not answered.
    unanswered: BTreeSet<Name>,
}

impl Answers {
    /// Asks for everything; what has no answer keeps nothing else from having one.
    pub fn ask(recipes: &Recipes, facts: &Facts<'_>) -> Result<Answers, Error> {
        let mut answers = Answers::default();
        for (name, recipe) in &recipes.recipes {
            let solves = recipe.selection().is_some();
            let sources: &[Name] = match &recipe.kind {
                Kind::Module(module) => &module.sources,
                _ if solves => &[],
                _ => continue,
            };
            match plan::plan(recipes, std::slice::from_ref(name), facts) {
                Ok(mut plan) => {
                    let waiting = plan.waiting.iter().map(|&step| &plan.steps[step]);
                    let waiting = waiting.filter(|step| step.kind == METADATA);
                    let lacking = waiting.filter_map(|step| step.topic.parse().ok());
                    let lacking: BTreeSet<Name> = lacking.collect();
                    if !plan.waiting.is_empty() {
                        answers.unanswered.extend(sources.iter().cloned());
                    }
                    match plan.solved.remove(name) {
                        Some(solved) => drop(answers.solved.insert(name.clone(), written(solved))),
                        None if solves || !lacking.is_empty() => {
                            answers.waiting.push((name.clone(), lacking));
                        }
                        None => {}
                    }
                    for (source, drawn) in plan.answers {
                        answers.drawn.entry(source).or_default().extend(drawn);
                    }
                }
                // Nothing that the recipes could do about it: the lock stays as it was.
                Err(error @ plan::Error::Catalog { .. }) => return Err(error.into()),
                Err(plan::Error::UnreadSource { source_name, .. }) => {
                    answers.unanswered.extend(sources.iter().cloned());
                    let source = recipes.source(&source_name);
                    // A directory gives what lies in it, without a lock.
                    let is_directory =
                        source.is_some_and(|one| matches!(one.location, Location::Path(_)));
                    let others = sources.iter().any(|one| facts.offers.contains_key(one));
                    let unread = (name.clone(), source_name, others && !is_directory);
                    answers.unread.push(unread);
                }
                Err(error) => {
                    answers.unanswered.extend(sources.iter().cloned());
                    answers.failed.push((name.clone(), error));
                }
            }
        }
        Ok(answers)
    }

    /// Sources whose metadata has to be here before all can be asked.
    pub fn lacking(&self) -> BTreeSet<Name> {
        let waiting = self.waiting.iter().flat_map(|(_, sources)| sources);
        waiting.cloned().collect()
    }

    /// Writes the answers into a lock; of what has none, those of the old lock stay as far as they may still be true.
    ///
    /// An answer to an artifact's question counts where that is the question, in whichever store; what was drawn from
    /// a repository, as long as that is in the same state.
    pub fn write(
        self,
        facts: &Facts<'_>,
        lock: &mut Lock,
        old: Option<&Lock>,
    ) -> Vec<(Name, Unsolved)> {
        let catalogs = facts.catalogs();
        let moved = moved(lock, old);
        let drawn_here = self.drawn.values().flat_map(BTreeMap::keys);
        let together: BTreeSet<&String> = drawn_here.filter(|text| is_together(text)).collect();
        // What is another repository's answer by now, or was given before one of them moved.
        let is_outdated = |text: &String| is_of(text, &moved) || together.contains(text);
        for (name, locked) in &mut lock.sources {
            let before = old.and_then(|old| old.sources.get(name));
            let before = before.filter(|before| {
                self.unanswered.contains(name) && before.metadata == locked.metadata
            });
            match (catalogs.get(name), before) {
                (Some(catalog), _) => {
                    locked.modular = plan::Catalog::is_modular(&**catalog);
                    locked.packages = drawn(catalog, self.drawn.get(name));
                    let before = before.filter(|before| before.modular == locked.modular);
                    let before = before.into_iter();
                    before.for_each(|before| keep(before, locked, is_outdated));
                }
                (None, Some(before)) if locked.packages.is_empty() => {
                    locked.modular = before.modular;
                    locked.packages.clone_from(&before.packages);
                    locked.forget(|text| is_of(text, &moved));
                }
                _ => {}
            }
        }
        lock.solved.extend(self.solved);
        let mut kept = |name: &Name| {
            let kept = old.and_then(|old| old.solved.get(name));
            lock.solved
                .extend(kept.map(|kept| (name.clone(), kept.clone())));
            kept.is_some()
        };
        let mut unsolved = Vec::new();
        for (name, lacking) in self.waiting {
            let kept = kept(&name);
            let one = match lacking.into_iter().next() {
                Some(source) => Unsolved::Lacking { source, kept },
                None => Unsolved::Later { kept },
            };
            unsolved.push((name, one));
        }
        for (name, source, partly) in self.unread {
            let kept = kept(&name);
            let unread = Unsolved::Unread {
                source,
                kept,
                partly,
            };
            unsolved.push((name, unread));
        }
        for (name, problem) in self.failed {
            let kept = kept(&name);
            unsolved.push((name, Unsolved::Failed { problem, kept }));
        }
        unsolved.sort_by(|(a, _), (b, _)| a.cmp(b));
        unsolved
    }
}

fn written(solved: Solved) -> source::Solved {
    let packages = solved.packages.into_iter();
    source::Solved {
        question: solved.question,
        packages: packages
            .map(|(nevra, digest)| SolvedPackage { nevra, digest })
            .collect(),
    }
}

/// What was drawn from a repository, each package with all that it answers.
fn drawn(
    catalog: &Catalog,
    answers: Option<&BTreeMap<String, SourcePackage>>,
) -> BTreeSet<LockedPackage> {
    let mut packages: BTreeMap<&Digest, LockedPackage> = BTreeMap::new();
    for (text, package) in answers.into_iter().flatten() {
        let Some(location) = catalog.location(&package.digest) else {
            continue;
        };
        let locked = packages.entry(&package.digest);
        let locked = locked.or_insert_with(|| LockedPackage {
            nevra: package.nevra.clone(),
            digest: package.digest.clone(),
            size: package.size,
            location,
            file: None,
            asked: BTreeSet::new(),
            modules: package.labels.iter().cloned().collect(),
        });
        locked.asked.insert(text.clone());
    }
    packages.into_values().collect()
}

/// The sources that are in another state than an older lock has them in.
pub(super) fn moved(lock: &Lock, old: Option<&Lock>) -> BTreeSet<Name> {
    let before = |name: &Name| old.and_then(|old| old.sources.get(name));
    let sources = lock.sources.iter();
    let moved = sources.filter(|(name, locked)| {
        before(name).is_none_or(|before| before.metadata != locked.metadata)
    });
    moved.map(|(name, _)| name.clone()).collect()
}

/// Whether one of these sources had a part in what several answered together.
pub(super) fn is_of(text: &str, sources: &BTreeSet<Name>) -> bool {
    plan::together(text).any(|name| sources.iter().any(|source| source.as_str() == name))
}

fn is_together(text: &str) -> bool {
    plan::together(text).next().is_some()
}

/// Adds what a source had been asked before, where it has no answer now.
fn keep(before: &LockedSource, locked: &mut LockedSource, is_outdated: impl Fn(&String) -> bool) {
    let asked = |package: &LockedPackage| package.asked.clone();
    let answered: BTreeSet<String> = locked.packages.iter().flat_map(asked).collect();
    let mut packages: BTreeMap<Digest, LockedPackage> = std::mem::take(&mut locked.packages)
        .into_iter()
        .map(|package| (package.digest.clone(), package))
        .collect();
    for package in &before.packages {
        let texts = package.asked.difference(&answered);
        let texts = texts.filter(|text| !is_outdated(text)).cloned();
        let texts: BTreeSet<String> = texts.collect();
        if !texts.is_empty() {
            let kept = packages.entry(package.digest.clone());
            let kept = kept.or_insert_with(|| LockedPackage {
                asked: BTreeSet::new(),
                ..package.clone()
            });
            kept.asked.extend(texts);
        }
    }
    locked.packages = packages.into_values().collect();
}
