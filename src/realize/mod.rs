//! Plan, store, compose and source brought together.
//!
//! ```text
//! look at sources ──▶ plan ──▶ run what planning waits for ──▶ plan … ──▶ run the rest ──▶ commit ──▶ roots
//! ```
//!
//! A step runs only if no trace has its key. Its inputs' bytes are asked for only then:
//! what is known from records alone never touches a byte.

mod add;
mod engine;
mod error;
mod explain;
mod facts;
mod naming;
mod observe;
mod report;
mod schedule;
pub mod sight;
pub mod trace;
mod update;
mod workspace;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

pub use add::{Added, add};
pub use error::Error;
pub use facts::{Facts, Look};
pub use observe::{Observer, Silent};
pub use report::{Artifact, How, Made, Report, StepName, StepReport};
pub use update::{Updated, update};

use crate::ids::{DerivationKey, Name};
use crate::plan::{Plan, StepId};
use crate::recipe::{Kind, Recipes, Source};
use crate::source::Lock;
use crate::store::{Batch, RootName, Store};
use engine::Engine;
use explain::{Previous, explain};
use naming::Naming;

/// How to realize.
#[derive(Debug, Clone)]
pub struct Options {
    pub jobs: usize,
    pub keep_going: bool,
    /// Make no generation: the entries are left to the collector.
    pub no_root: bool,
    pub label: Option<String>,
    /// Seconds since 1970, for generations and leases; nothing composed sees it.
    pub now: i64,
}

/// Realizes artifacts: makes what is missing, and a generation of each that came out new.
pub fn realize(
    store: &Store,
    recipes: &Recipes,
    lock: Option<&Lock>,
    names: &[Name],
    options: &Options,
    observer: &dyn Observer,
) -> Result<Report, Error> {
    let begun = Instant::now();
    let lease = Arc::new(store.lease()?);
    let batch = Batch::new(&lease)?;
    let sources = sources(recipes, names);
    let look = Look {
        store,
        lock,
        now: options.now,
        jobs: options.jobs,
        observer,
        keep: true,
    };
    let facts = look.at(&sources)?;
    let roots = names
        .iter()
        .map(|name| root_name(recipes, name))
        .collect::<Result<_, _>>()?;
    let previous = Previous::new(store, &facts, roots);
    let mut report = Report::default();
    let mut counted = BTreeMap::new();
    let mut tried = BTreeSet::new();
    let mut earlier: BTreeSet<DerivationKey> = facts.news().collect();
    loop {
        let plan = planned(recipes, names, &look, &facts)?;
        let ran = earlier.clone();
        let engine = Engine::new(&batch, &lease, &previous, &plan, observer, options, &ran);
        let waiting: BTreeSet<StepId> = plan.waiting.iter().copied().collect();
        let goals = if waiting.is_empty() {
            plan.artifacts.values().copied().collect()
        } else {
            waiting
        };
        let last = plan.waiting.is_empty();
        let steps = engine.run(&goals, last)?;
        // What ran for planning is known from then on; were it not, this would never end.
        let keys = goals.iter().filter_map(|goal| steps[goal].key);
        let fresh = keys.fold(false, |fresh, key| tried.insert(key) | fresh);
        let errors = engine.take_errors();
        let failed = !errors.is_empty();
        if !last && !failed && !fresh {
            let names = goals.iter().map(|goal| steps[goal].name.to_string());
            let step = names.collect::<Vec<_>>().join(", ");
            return Err(Error::Forgotten { step });
        }
        let failures = errors.into_iter().map(|(step, error)| {
            let name = steps[&step].name.clone();
            report.damage |= is_damage(&error);
            (name, said(&error))
        });
        report.failures.extend(failures);
        // A step that ran for planning is met again as known: it counts once, as what it was.
        for step in steps.values() {
            match counted.entry((step.name.clone(), step.key)) {
                Entry::Vacant(vacant) => {
                    vacant.insert(report.steps.len());
                    report.steps.push(step.clone());
                }
                // Known at first, it was run after all when its bytes were wanted.
                Entry::Occupied(place) if step.how == How::Composed => {
                    let before = &mut report.steps[*place.get()];
                    if before.how != How::Composed {
                        *before = step.clone();
                    }
                }
                Entry::Occupied(_) => {}
            }
            if step.how == How::Composed {
                earlier.extend(step.key);
            }
        }
        if last || failed {
            let naming = Naming {
                recipes,
                options,
                lock,
                engine: &engine,
                plan: &plan,
            };
            for name in names {
                let step = plan.artifacts.get(name).copied();
                report.artifacts.push(naming.artifact(name, step, &steps)?);
            }
            break;
        }
    }
    report.seconds = begun.elapsed().as_secs_f64();
    Ok(report)
}

/// The full name of an artifact's root: `SHORT-VERSION-ARCH/NAME`.
pub fn root_name(recipes: &Recipes, name: &Name) -> Result<RootName, Error> {
    Ok(RootName::new(&recipes.release.label(), name.clone())?)
}

/// Whether an error comes from damage in the store, however deep.
fn is_damage(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let store = error.downcast_ref::<crate::store::Error>();
        if store.is_some_and(crate::store::Error::is_damage) {
            return true;
        }
        // The source of an I/O error that wraps another is the source of that.
        let io = error.downcast_ref::<std::io::Error>();
        next = match io.and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    false
}

/// An error with all that caused it, in one text.
fn said(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
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
        other => return Ok(other?),
    };
    let all: Vec<Name> = recipes.recipes.keys().cloned().collect();
    let wider = Look {
        keep: false,
        ..*look
    };
    // A source that can't be looked at gives no advice; the error stays the one that it was.
    match wider.at(&sources(recipes, &all)) {
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

/// Plans without running or keeping anything; says for each step that is not known why it would run.
pub fn plan(
    store: &Store,
    recipes: &Recipes,
    lock: Option<&Lock>,
    names: &[Name],
    jobs: usize,
    observer: &dyn Observer,
) -> Result<(Plan, BTreeMap<StepId, String>), Error> {
    let look = Look {
        store,
        lock,
        now: 0,
        jobs,
        observer,
        keep: false,
    };
    let facts = look.at(&sources(recipes, names))?;
    let plan = planned(recipes, names, &look, &facts)?;
    let roots = names
        .iter()
        .map(|name| root_name(recipes, name))
        .collect::<Result<_, _>>()?;
    let reasons = explain(store, &facts, &plan, roots);
    Ok((plan, reasons))
}
