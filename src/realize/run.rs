//! Planning and running in turns, until every artifact that was asked for is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use super::claims::Claims;
use super::engine::Engine;
use super::error::{Error, is_damage, said};
use super::explain::Previous;
use super::facts::Facts;
use super::look::Look;
use super::naming::Naming;
use super::observe::{self, Observer};
use super::outside::{self, Outside};
use super::report::{Artifact, How, Report, StepName, StepReport};
use super::{planned, rest, sources, tell_unlocked};
use crate::ids::{DerivationKey, Name};
use crate::plan::{Plan, StepId};
use crate::recipe::Recipes;
use crate::source::Lock;
use crate::source::fetch::{Event, Network};
use crate::store::{Batch, Store};

/// How to realize.
#[derive(Clone, Default)]
pub struct Options {
    pub jobs: usize,
    pub keep_going: bool,
    /// Make no generation: the entries are left to the collector.
    pub no_root: bool,
    pub label: Option<String>,
    /// Compose all of it once more, to see that the same comes out.
    pub check: bool,
    /// Say of each step that runs why it does.
    pub explain: bool,
    /// The process ends after this: what was known of ten thousand packages is not taken apart first.
    pub last: bool,
    /// Seconds since 1970, for generations and leases; nothing composed sees it.
    pub now: i64,
    /// The way to repositories; `None` to go without.
    pub network: Option<Network>,
    /// The store program, which contains commands; `None` to refuse to run any.
    pub program: Option<PathBuf>,
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
    let look = Look {
        store,
        lock,
        now: options.now,
        epoch: recipes.release.epoch,
        jobs: options.jobs,
        observer,
        outside: None,
        lease: None,
        keep: false,
        tells: true,
    };
    if store.is_read_only()? {
        if options.check {
            let what = "what is composed again is written beside what is there".to_owned();
            let path = store.dir().to_owned();
            return Err(Error::OnlyRead { path, what });
        }
        let mut report = rest::report(&look, recipes, names, options)?;
        report.seconds = begun.elapsed().as_secs_f64();
        return Ok(report);
    }
    let lease = Arc::new(store.lease()?);
    let batch = Batch::new(&lease)?;
    let sources = sources(recipes, names);
    let way = outside::way(&sources, options.network.as_ref());
    let tell = |event: Event<'_>| observe::tell(observer, event);
    let outside = Outside::new(recipes, lock, way.as_ref(), &tell);
    let look = Look {
        outside: Some(&outside),
        lease: Some(&lease),
        keep: true,
        ..look
    };
    let facts = look.at(&sources)?;
    let run = Run {
        previous: Previous::new(store, &facts, recipes, names),
        recipes,
        options,
        look: &look,
        facts: &facts,
        batch: &batch,
        claims: Claims::default(),
    };
    let mut report = Report::default();
    let artifacts = run.rounds(names, &mut report)?;
    // In the order in which they were asked for.
    let mut made: BTreeMap<&Name, Artifact> =
        artifacts.iter().map(|a| (&a.name, a.clone())).collect();
    report.artifacts = names.iter().filter_map(|name| made.remove(name)).collect();
    report.seconds = begun.elapsed().as_secs_f64();
    options.let_go(facts);
    Ok(report)
}

impl Options {
    /// Drops what is large, or leaves that to the end of the process.
    fn let_go<T>(&self, large: T) {
        match self.last {
            true => std::mem::forget(large),
            false => drop(large),
        }
    }
}

/// What stays the same while a realize goes on.
struct Run<'a> {
    recipes: &'a Recipes,
    options: &'a Options,
    look: &'a Look<'a>,
    facts: &'a Facts<'a>,
    previous: Previous<'a>,
    batch: &'a Batch,
    claims: Claims,
}

impl Run<'_> {
    /// Plans and runs what planning waits for, until the plan is whole, and then that.
    fn rounds(&self, names: &[Name], report: &mut Report) -> Result<Vec<Artifact>, Error> {
        let (mut names, mut artifacts) = (names.to_vec(), Vec::new());
        let mut tried = BTreeSet::new();
        // Steps that were remade and came out otherwise; once more would be once too often.
        let mut otherwise = BTreeSet::new();
        let mut earlier: BTreeSet<DerivationKey> = self.facts.news().collect();
        loop {
            let plan = self.plan(&mut names, &mut artifacts, report)?;
            let ran = earlier.clone();
            let engine = Engine::new(
                self.batch,
                &self.claims,
                &self.previous,
                &plan,
                self.look,
                self.options,
                &ran,
            );
            let last = plan.waiting.is_empty();
            if last {
                tell_unlocked(&plan, self.look.observer);
            }
            let goals: BTreeSet<StepId> = match last {
                true => plan.artifacts.values().copied().collect(),
                false => plan.waiting.iter().copied().collect(),
            };
            let steps = engine.run(&goals, last)?;
            let errors = engine.take_errors();
            let moved = errors.iter().filter_map(|(_, error)| remade(error));
            let moved = moved.fold(false, |moved, step| {
                otherwise.insert(step.to_owned()) | moved
            });
            if moved && errors.iter().all(|(_, error)| remade(error).is_some()) {
                // What came out now is what the next plan stands on.
                let done = |step: &&StepReport| !matches!(step.how, How::Failed | How::Skipped);
                report.add(steps.values().filter(done));
                let ran = steps.values().filter(|step| step.how.ran());
                earlier.extend(ran.filter_map(|step| step.key));
                continue;
            }
            let failed = fail(report, &steps, errors);
            // What failed may have failed of that, as what waited for another process.
            let undone = |goal: &StepId| matches!(steps[goal].how, How::Skipped | How::Failed);
            if self.look.observer.is_stopped() && goals.iter().any(undone) {
                return Err(Error::Stopped);
            }
            // What ran for planning is known from then on; were it not, this would never end.
            let keys = goals.iter().filter_map(|goal| steps[goal].key);
            let fresh = keys.fold(false, |fresh, key| tried.insert(key) | fresh);
            if !last && !failed && !fresh {
                let names = goals.iter().map(|goal| steps[goal].name.to_string());
                let step = names.collect::<Vec<_>>().join(", ");
                return Err(Error::Forgotten { step });
            }
            report.add(steps.values());
            let ran = steps.values().filter(|step| step.how.ran());
            earlier.extend(ran.filter_map(|step| step.key));
            if last || failed {
                let naming = Naming {
                    recipes: self.recipes,
                    options: self.options,
                    lock: self.look.lock,
                    engine: &engine,
                    plan: &plan,
                };
                for name in &names {
                    let step = plan.artifacts.get(name).copied();
                    artifacts.push(naming.artifact(name, step, &steps)?);
                }
                if self.options.check && !failed {
                    report.checked = Some(engine.check(&goals)?);
                    fail(report, &steps, engine.take_errors());
                }
                drop(engine);
                self.options.let_go(plan);
                return Ok(artifacts);
            }
        }
    }

    /// Plans what can be planned; what can't is an error, or with `keep_going` an artifact that failed.
    fn plan(
        &self,
        names: &mut Vec<Name>,
        artifacts: &mut Vec<Artifact>,
        report: &mut Report,
    ) -> Result<Plan, Error> {
        let planned = |names: &[Name]| planned(self.recipes, names, self.look, self.facts);
        let error = match planned(names) {
            Err(error) if self.options.keep_going => error,
            other => return other,
        };
        let mut good = Vec::new();
        for name in names.iter() {
            let Err(error) = planned(std::slice::from_ref(name)) else {
                good.push(name.clone());
                continue;
            };
            let kind = self.recipes.recipes[name].kind.name();
            let step = StepName {
                kind,
                subject: name.to_string(),
            };
            self.look.observer.failed(&step, &error);
            report.damage |= is_damage(&error);
            report.failures.push((step, said(&error)));
            artifacts.push(Artifact {
                name: name.clone(),
                kind,
                how: How::Failed,
                made: None,
            });
        }
        if good.is_empty() {
            return Err(error);
        }
        *names = good;
        planned(names)
    }
}

/// The step that was remade, and came out otherwise than before.
fn remade(error: &Error) -> Option<&str> {
    match error {
        Error::NotReproducible { step, .. } => Some(step),
        _ => None,
    }
}

/// Notes the errors of a round; says whether there were any.
fn fail(
    report: &mut Report,
    steps: &BTreeMap<StepId, StepReport>,
    errors: Vec<(StepId, Error)>,
) -> bool {
    let failed = !errors.is_empty();
    for (step, error) in errors {
        report.damage |= is_damage(&error);
        report
            .failures
            .push((steps[&step].name.clone(), said(&error)));
    }
    failed
}
