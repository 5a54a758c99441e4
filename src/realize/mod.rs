//! Plan, store, compose and source brought together.
//!
//! ```text
//! look at sources ──▶ plan ──▶ run what planning waits for ──▶ plan … ──▶ run the rest ──▶ commit ──▶ roots
//! ```
//!
//! A step runs only if no trace has its key. Its inputs' bytes are asked for only then:
//! what is known from records alone never touches a byte.

mod add;
mod answers;
mod bring;
mod card;
mod catalog;
mod check;
mod claims;
mod course;
mod drawn;
mod element;
mod engine;
mod error;
mod explain;
mod facts;
mod forecast;
mod lacking;
mod look;
mod making;
mod metadata;
mod naming;
mod observe;
mod outside;
mod report;
mod rest;
mod run;
mod schedule;
pub mod sight;
mod signed;
mod survey;
pub mod trace;
mod update;
mod workspace;

use std::collections::{BTreeMap, BTreeSet};

pub use add::{Added, add};
pub use answers::Unsolved;
pub use error::Error;
pub use facts::Facts;
pub use forecast::{Forecast, Left, expected};
pub use look::Look;
pub use observe::{Observer, Silent};
pub use outside::METADATA;
pub use report::{Artifact, How, Made, Report, StepName, StepReport};
pub use run::{Options, realize};
pub use survey::survey;
pub use update::{Scope, Updated, update};

use crate::ids::{Digest, Name};
use crate::plan::{Plan, StepId, parameters};
use crate::recipe::{Kind, Recipes, Source};
use crate::source::Lock;
use crate::store::{RootName, Store};
use explain::explain;

/// The full name of an artifact's root: `SHORT-VERSION-ARCH/NAME`.
pub fn root_name(recipes: &Recipes, name: &Name) -> Result<RootName, Error> {
    Ok(RootName::new(&recipes.release.label(), name.clone())?)
}

/// Plans; what can't be solved is planned again with all sources in sight, so that the advice is good.
fn planned(
    recipes: &Recipes,
    names: &[Name],
    look: &Look<'_>,
    facts: &Facts<'_>,
) -> Result<Plan, Error> {
    let error = match crate::plan::plan(recipes, names, facts) {
        Err(error @ crate::plan::Error::Unsolvable { .. }) => error,
        Err(mut error) => {
            if let crate::plan::Error::NotInSource {
                sources, locked, ..
            } = &mut error
                && let Some(lock) = look.lock
            {
                let known = sources
                    .iter()
                    .filter(|name| lock.sources.contains_key(*name));
                *locked = known.cloned().collect();
            }
            return Err(error.into());
        }
        Ok(plan) => return Ok(plan),
    };
    let all: Vec<Name> = recipes.recipes.keys().cloned().collect();
    let all = sources(recipes, &all);
    if all.len() == sources(recipes, names).len() {
        return Err(error.into());
    }
    let wider = Look {
        keep: false,
        ..*look
    };
    // A source that can't be looked at gives no advice; the error stays the one that it was.
    match wider.at(&all) {
        Ok(facts) => Ok(crate::plan::plan(recipes, names, &facts)?),
        Err(_) => Err(error.into()),
    }
}

/// The sources that artifacts draw from, through all the modules that they name.
pub fn sources<'a>(recipes: &'a Recipes, names: &[Name]) -> Vec<(&'a Name, &'a Source)> {
    let mut seen = BTreeSet::new();
    let mut queue: Vec<Name> = names.to_vec();
    let mut sources = Vec::new();
    while let Some(name) = queue.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        let Some((name, recipe)) = recipes.recipes.get_key_value(&name) else {
            continue;
        };
        if let Kind::Source(source) = &recipe.kind {
            sources.push((name, source));
        }
        queue.extend(recipe.uses());
    }
    sources.sort_by_key(|(name, _)| (*name).clone());
    sources
}

/// Says what was answered beyond the lock: the same to whoever has the metadata that it names, which goes out of date.
fn tell_unlocked(plan: &Plan, observer: &dyn Observer) {
    if plan.unlocked.is_empty() {
        return;
    }
    let names: Vec<&str> = plan.unlocked.iter().map(Name::as_str).collect();
    observer.warning(&format!(
        "the lock has no answer for {}, found now by the metadata that it names, which others may not get any more; \
         `store update --keep` adds it",
        names.join(", ")
    ));
}

/// A plan, and what is to be done of it.
pub struct Planned {
    pub plan: Plan,
    /// The steps that a realize would look at.
    pub wanted: BTreeSet<StepId>,
    /// Why each of them would run that would; all others have their outcome, and where it is needed its bytes.
    pub reasons: BTreeMap<StepId, String>,
}

/// Plans, and solves also what the lock has the answer to: an answer in a lock does not tell why it is one.
pub fn whys(
    store: &Store,
    recipes: &Recipes,
    lock: Option<&Lock>,
    names: &[Name],
    jobs: usize,
    observer: &dyn Observer,
) -> Result<Plan, Error> {
    let mut lock = lock.cloned();
    if let Some(lock) = &mut lock {
        lock.solved.clear();
    }
    let look = Look::only(store, recipes, lock.as_ref(), jobs, observer);
    let facts = look.at(&sources(recipes, names))?;
    planned(recipes, names, &look, &facts)
}

/// Those of some steps whose packages were fetched when the keys of a source were others, and have to be once more.
///
/// Fails where the keys refuse one: a realize would not use it.
fn refetched(
    look: &Look<'_>,
    facts: &Facts<'_>,
    plan: &Plan,
    wanted: &BTreeSet<StepId>,
) -> Result<Vec<StepId>, Error> {
    if facts.gates.is_empty() {
        return Ok(Vec::new());
    }
    let mut fetched: BTreeMap<Digest, StepId> = BTreeMap::new();
    for &step in wanted
        .iter()
        .filter(|&&step| plan.steps[step].kind == outside::FETCH)
    {
        let params = plan.steps[step].params.to::<parameters::Fetch>();
        fetched.extend(params.map(|params| (params.digest, step)));
    }
    let mut again = Vec::new();
    for (source, answers) in &plan.answers {
        let drawn = answers.values();
        let drawn: Vec<_> = drawn
            .filter(|one| fetched.contains_key(&one.digest))
            .collect();
        let lacking = signed::recheck(look, facts, source, &drawn)?;
        again.extend(lacking.iter().map(|digest| fetched[digest]));
    }
    Ok(again)
}

/// Plans without running or keeping anything.
pub fn plan(
    store: &Store,
    recipes: &Recipes,
    lock: Option<&Lock>,
    names: &[Name],
    jobs: usize,
    observer: &dyn Observer,
) -> Result<Planned, Error> {
    let look = Look::only(store, recipes, lock, jobs, observer);
    let facts = look.at(&sources(recipes, names))?;
    let plan = planned(recipes, names, &look, &facts)?;
    tell_unlocked(&plan, observer);
    let wanted = plan.wanted();
    let mut reasons = explain(store, &facts, &plan, recipes, names);
    for step in lacking::lacking(store, &plan)? {
        let why = "made before, but its bytes are not here";
        reasons.entry(step).or_insert_with(|| why.to_owned());
    }
    for step in refetched(&look, &facts, &plan, &wanted)? {
        reasons.insert(step, signed::OTHER_KEYS.to_owned());
    }
    reasons.retain(|step, _| wanted.contains(step));
    Ok(Planned {
        plan,
        wanted,
        reasons,
    })
}
