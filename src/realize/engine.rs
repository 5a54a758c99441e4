//! Runs the steps of a plan that have to run.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use super::claims::{Attended, Claims};
use super::course::Course;
use super::drawn::Drawn;
use super::error::Error;
use super::explain::{Called, Names, Previous};
use super::facts::Facts;
use super::forecast;
use super::lacking::lacking;
use super::look::Look;
use super::observe::Observer;
use super::outside::{METADATA, Outside};
use super::report::{How, StepName, StepReport};
use super::schedule::{self, Ended};
use super::workspace::Parts;
use crate::formats::rpm::Record;
use crate::ids::{DerivationKey, EntryId};
use crate::plan::{Derivation, From, Outcome, Plan, StepId};
use crate::store::{self, Batch, Lease, Store};

/// So many objects wait for one group sync.
const GROUP: usize = 20_000;

/// With so many waiting, everybody does too.
const MOST: usize = 5 * GROUP;

/// None waits for longer once a step has ended: who is interrupted loses little.
const LONGEST: Duration = Duration::from_secs(5);

pub(super) struct Engine<'a> {
    pub store: &'a Store,
    pub lease: &'a Lease,
    pub facts: &'a Facts<'a>,
    pub previous: &'a Previous<'a>,
    pub plan: &'a Plan,
    pub(super) drawn: Drawn<'a>,
    pub observer: &'a dyn Observer,
    pub outside: &'a Outside<'a>,
    pub jobs: usize,
    pub keep_going: bool,
    explain: bool,
    pub(super) program: Option<&'a Path>,
    /// Steps that this realize ran before, to learn what it needed to plan.
    earlier: &'a BTreeSet<DerivationKey>,
    states: Vec<Mutex<State<'a>>>,
    /// Entries whose bytes are here: found so while they were held, or made and perhaps not committed yet.
    pub here: Mutex<BTreeSet<EntryId>>,
    /// Where all steps write; committed in groups.
    pub batch: &'a Batch,
    /// When that was done last; held by who does it.
    committed: Mutex<Instant>,
    pub(super) parts: Parts,
    pub(super) course: Course,
    pub(super) claims: &'a Claims,
    /// Held while a step is composed, so that two that need its bytes make them once.
    busy: Vec<Mutex<()>>,
}

#[derive(Default)]
pub(super) struct State<'a> {
    /// Borrowed from the plan where it was known: with its facts it may be large.
    pub(super) outcome: Option<Cow<'a, Outcome>>,
    pub(super) key: Option<DerivationKey>,
    pub(super) how: Option<How>,
    pub(super) took: Duration,
    pub(super) why: String,
    /// Whether the observer was told that it ran.
    pub(super) told: bool,
    pub error: Option<Error>,
}

impl<'a> Engine<'a> {
    pub fn new(
        batch: &'a Batch,
        claims: &'a Claims,
        previous: &'a Previous<'a>,
        plan: &'a Plan,
        look: &'a Look<'a>,
        options: &'a super::Options,
        earlier: &'a BTreeSet<DerivationKey>,
    ) -> Self {
        let state = |outcome: &'a Option<Outcome>| {
            Mutex::new(State {
                outcome: outcome.as_ref().map(Cow::Borrowed),
                ..State::default()
            })
        };
        let states = plan.steps.iter().map(|step| state(&step.outcome)).collect();
        Engine {
            store: previous.store(),
            lease: batch.lease(),
            facts: previous.facts(),
            previous,
            plan,
            drawn: Drawn::of(plan),
            observer: look.observer,
            outside: look
                .outside
                .expect("a realize has a way outside, be it closed"),
            jobs: options.jobs,
            keep_going: options.keep_going,
            explain: options.explain,
            program: options.program.as_deref(),
            earlier,
            busy: plan.steps.iter().map(|_| Mutex::default()).collect(),
            states,
            here: Mutex::default(),
            batch,
            committed: Mutex::new(Instant::now()),
            parts: Parts::default(),
            course: Course::new(),
            claims,
        }
    }

    /// Brings the goals about: their outcomes, and with `bytes` their entries too. Returns how each step went.
    pub fn run(
        &self,
        goals: &BTreeSet<StepId>,
        bytes: bool,
    ) -> Result<BTreeMap<StepId, StepReport>, Error> {
        let wanted = self.plan.upstream(goals);
        let numbers: BTreeMap<StepId, usize> = wanted
            .iter()
            .enumerate()
            .map(|(number, &step)| (step, number))
            .collect();
        let steps: Vec<StepId> = wanted.iter().copied().collect();
        let dependencies: Vec<BTreeSet<usize>> = steps
            .iter()
            .map(|&step| {
                self.plan.steps[step]
                    .steps()
                    .map(|input| numbers[&input])
                    .collect()
            })
            .collect();
        self.observer.planned(steps.len());
        self.foresee(&wanted, !bytes)?;
        self.hold_known(&steps)?;
        let suffering = match bytes {
            true => self.store.suffering()?,
            false => BTreeSet::new(),
        };
        let work = |number: usize| {
            let step = steps[number];
            // Of what planning waits for, metadata is read, and of the rest only what is known of it.
            let read = bytes || self.plan.steps[step].kind == METADATA;
            self.work(step, read && goals.contains(&step), &suffering)
        };
        let over = AtomicBool::new(false);
        let (ended, attended) = thread::scope(|scope| {
            let attending = scope.spawn(|| self.attend(&over));
            let until = Attended {
                over: &over,
                attending: attending.thread().clone(),
            };
            let brought = self.bring_unknown(&wanted);
            let ended = brought.map(|()| {
                schedule::run(&dependencies, self.jobs, self.keep_going, self.stop(), work)
            });
            drop(until);
            (ended, attending.join().expect("it passes errors on"))
        });
        attended.map_err(|error| self.first(error))?;
        self.commit(true).map_err(|error| self.first(error))?;
        let ended = ended?;
        self.course.keep(self.store);
        let report = |(number, &step): (usize, &StepId)| {
            let state = self.state(step);
            let how = match ended[number] {
                Ended::Well => state.how.unwrap_or(How::Reused),
                Ended::Failed => How::Failed,
                Ended::Skipped => How::Skipped,
            };
            let report = StepReport {
                name: self.name(step),
                how,
                key: state.key,
                seconds: state.took.as_secs_f64(),
                why: state.why.clone(),
            };
            (step, report)
        };
        Ok(steps.iter().enumerate().map(report).collect())
    }

    /// Whether nothing more is to be begun.
    pub(super) fn stop(&self) -> impl Fn() -> bool + Sync {
        || self.observer.is_stopped()
    }

    pub fn outcome(&self, step: StepId) -> Option<Outcome> {
        self.state(step).outcome.as_deref().cloned()
    }

    pub(super) fn outputs(&self, step: StepId) -> Option<BTreeMap<String, EntryId>> {
        let state = self.state(step);
        Some(state.outcome.as_deref()?.outputs.clone())
    }

    /// Holds what the plan knows already, all at once.
    fn hold_known(&self, steps: &[StepId]) -> Result<(), Error> {
        let known = steps
            .iter()
            .filter_map(|&step| self.plan.steps[step].outcome.as_ref());
        let entries: Vec<EntryId> = known
            .flat_map(|outcome| outcome.outputs.values().copied())
            .collect();
        Ok(self.lease.hold(&entries)?)
    }

    /// The errors of the steps that failed.
    pub fn take_errors(&self) -> Vec<(StepId, Error)> {
        (0..self.states.len())
            .filter_map(|step| Some((step, self.state(step).error.take()?)))
            .collect()
    }

    /// Where nothing could be stored any more, why that began.
    fn first(&self, error: Error) -> Error {
        let unfinished = |e: &Error| matches!(e, Error::Store(store::Error::Unfinished));
        if !unfinished(&error) {
            return error;
        }
        let mut errors = self.take_errors().into_iter().map(|(_, error)| error);
        errors.find(|e| !unfinished(e)).unwrap_or(error)
    }

    pub(super) fn name(&self, step: StepId) -> StepName {
        StepName::of(&self.plan.steps[step])
    }

    pub(super) fn state(&self, step: StepId) -> std::sync::MutexGuard<'_, State<'a>> {
        self.states[step]
            .lock()
            .expect("a step that panics ends the process")
    }

    /// One step: known, or run. Says whether it went well.
    pub(super) fn work(&self, step: StepId, bytes: bool, suffering: &BTreeSet<EntryId>) -> bool {
        if self.state(step).error.is_some() {
            return false;
        }
        let name = self.name(step);
        let result = self.resolve(step).and_then(|()| {
            if bytes {
                self.ensure(step, None)
            } else {
                self.mend(step, suffering);
                Ok(())
            }
        });
        match result {
            Ok(()) => {
                let (how, took, told) = {
                    let state = self.state(step);
                    (state.how.unwrap_or(How::Reused), state.took, state.told)
                };
                // One that ran earlier was told of then.
                let how = if how == How::Composed {
                    How::Reused
                } else {
                    how
                };
                if !told {
                    self.course.end(step);
                    self.observer.finished(&name, how, took, &[]);
                }
                true
            }
            Err(error) => self.fail(step, error),
        }
    }

    /// Notes that a step failed, and tells of it.
    pub(super) fn fail(&self, step: StepId, error: Error) -> bool {
        self.course.end(step);
        self.observer.left(&self.course.left());
        match &error {
            // Who asked for it knows.
            Error::Stopped => {}
            // What stands on it is planned anew.
            Error::NotReproducible { .. } => self.observer.warning(&error.to_string()),
            _ => self.observer.failed(&self.name(step), &error),
        }
        self.state(step).error = Some(error);
        false
    }

    /// Held while a step is composed.
    pub(super) fn busy(&self, step: StepId) -> std::sync::MutexGuard<'_, ()> {
        self.busy[step]
            .lock()
            .expect("a step that panics ends the process")
    }

    /// Finds the outcome of a step, running it if no trace has it.
    fn resolve(&self, step: StepId) -> Result<(), Error> {
        let derivation = self.plan.steps[step]
            .derivation(|from| self.entry(from))
            .expect("a step is begun when its inputs are known");
        let key = derivation.key();
        self.state(step).key = Some(key);
        if self.state(step).how.is_some() {
            return Ok(());
        }
        let known = self.state(step).outcome.clone();
        let known = match known {
            Some(outcome) => Some(outcome),
            None => self.facts.known_outcome(&derivation)?.map(Cow::Owned),
        };
        match known {
            Some(outcome) => {
                let remade = |input: StepId| matches!(self.state(input).how, Some(How::Composed));
                let below = self.plan.steps[step].steps().any(remade);
                // Those that the plan knew are held already.
                if let Cow::Owned(outcome) = &outcome {
                    self.hold(outcome)?;
                }
                let mut state = self.state(step);
                state.outcome = Some(outcome);
                if self.earlier.contains(&key) {
                    state.how = Some(How::Composed);
                    state.why = "not seen before".to_owned();
                } else {
                    state.how = Some(if below { How::CutOff } else { How::Reused });
                }
                Ok(())
            }
            None => {
                let why = self.reason(step, &derivation);
                let _busy = self.busy(step);
                self.compose_as(step, &derivation, &why)
            }
        }
    }

    /// Makes sure that the bytes of a step's output are here.
    pub(super) fn ensure(&self, step: StepId, output: Option<&str>) -> Result<(), Error> {
        let known = self
            .outputs(step)
            .expect("an input is resolved before it is used");
        let outputs: Vec<EntryId> = match output {
            Some(output) => known.get(output).copied().into_iter().collect(),
            None => known.values().copied().collect(),
        };
        self.lease.hold(&outputs)?;
        let _busy = self.busy(step);
        if !self.missing(&outputs)?.is_empty() {
            let why = match self.state(step).how {
                Some(How::Composed) => "not seen before",
                _ => "known, but its bytes are not in the store",
            };
            self.compose(step, why)?;
            let again = self.outputs(step).expect("a composed step has an outcome");
            if again != known {
                return Err(Error::NotReproducible {
                    step: self.name(step).to_string(),
                    old: shown(&known),
                    new: shown(&again),
                });
            }
        }
        Ok(())
    }

    /// Makes anew what was found damaged, though nobody reads it now.
    ///
    /// What can't be made again stays damaged, and `verify` goes on saying so: the goals don't need it.
    fn mend(&self, step: StepId, suffering: &BTreeSet<EntryId>) {
        if suffering.is_empty() {
            return;
        }
        for needed in &self.plan.steps[step].inputs {
            if let From::Entry(entry) = &needed.from
                && suffering.contains(entry)
            {
                let _ = self.take(*entry);
            }
        }
        let outputs = self.outputs(step);
        if outputs.is_some_and(|o| o.values().any(|entry| suffering.contains(entry))) {
            let _ = self.ensure(step, None);
        }
    }

    pub(super) fn hold(&self, outcome: &Outcome) -> Result<(), Error> {
        let entries: Vec<EntryId> = outcome.outputs.values().copied().collect();
        Ok(self.lease.hold(&entries)?)
    }

    pub(super) fn is_here(&self, entry: EntryId) -> Result<bool, Error> {
        Ok(self.missing(&[entry])?.is_empty())
    }

    /// Those of some entries, which are held, whose bytes are not here.
    pub(super) fn missing(&self, entries: &[EntryId]) -> Result<Vec<EntryId>, Error> {
        let here = || {
            self.here
                .lock()
                .expect("no thread panics while it holds the list")
        };
        let known = here();
        let unknown = entries.iter().filter(|entry| !known.contains(entry));
        let unknown: Vec<EntryId> = unknown.copied().collect();
        drop(known);
        let complete = self.store.complete(&unknown)?;
        let missing = unknown.into_iter();
        let missing = missing.filter(|entry| !complete.contains(entry)).collect();
        here().extend(complete);
        Ok(missing)
    }

    /// Why a step runs, if that is asked: what made the last generation may be large, and is read for it.
    fn reason(&self, step: StepId, derivation: &Derivation) -> String {
        if !self.explain {
            return String::new();
        }
        let names = self.names(step);
        self.previous
            .reason(&self.plan.steps[step], derivation, &names)
    }

    /// What the plan calls the inputs of a step.
    fn names(&self, step: StepId) -> Names {
        let called = |from: &From| match from {
            From::Step(input, _) => Some((self.entry(from)?, self.called(*input))),
            From::Entry(_) => None,
        };
        self.plan.steps[step]
            .inputs
            .iter()
            .filter_map(|needed| called(&needed.from))
            .collect()
    }

    fn called(&self, step: StepId) -> Called {
        let plan = &self.plan.steps[step];
        let record = match plan.kind {
            "import" => self
                .outcome(step)
                .and_then(|outcome| outcome.facts::<Record>()),
            // What a package is says the step that imported it.
            "unpack" => {
                return plan
                    .steps()
                    .next()
                    .map_or_else(|| self.other(step), |import| self.called(import));
            }
            _ => None,
        };
        record.map_or_else(|| self.other(step), |record| Called::Package(record.nevra))
    }

    fn other(&self, step: StepId) -> Called {
        Called::Other(self.plan.steps[step].subject.clone())
    }

    /// The entry that an input stands for.
    pub fn entry(&self, from: &From) -> Option<EntryId> {
        match from {
            From::Entry(entry) => Some(*entry),
            From::Step(step, output) => self
                .state(*step)
                .outcome
                .as_ref()?
                .outputs
                .get(output)
                .copied(),
        }
    }

    /// Says how long a round will take, if anything is to be done in it.
    fn foresee(&self, wanted: &BTreeSet<StepId>, more: bool) -> Result<(), Error> {
        let unknown = |step: &StepId| self.plan.steps[*step].outcome.is_none();
        let mut to_do: BTreeSet<StepId> = wanted.iter().copied().filter(unknown).collect();
        to_do.extend(lacking(self.store, self.plan)?.intersection(wanted));
        let expected = forecast::expected(self.store, self.plan, &to_do)?;
        self.course
            .set(self.plan, (wanted, &to_do), &expected, self.jobs, more);
        if !to_do.is_empty() {
            self.observer.left(&self.course.left());
        }
        Ok(())
    }

    /// Makes finished steps durable: when there are enough of them, or some have waited for long, or all.
    pub(super) fn commit(&self, all: bool) -> Result<(), Error> {
        let staged = self.batch.staged();
        if all || staged >= MOST {
            self.flush()?;
        } else if staged >= GROUP {
            // While one group is placed and named, others go on.
            self.batch.flush_or_leave()?;
        } else if let Ok(mut committed) = self.committed.try_lock()
            && committed.elapsed() >= LONGEST
        {
            self.flush()?;
            *committed = Instant::now();
        }
        Ok(())
    }

    /// What ended is durable then, and whoever waits for it can have it.
    fn flush(&self) -> Result<(), Error> {
        let ended = self.claims.ended();
        self.batch.flush()?;
        drop(ended);
        Ok(())
    }
}

fn shown(outputs: &BTreeMap<String, EntryId>) -> String {
    let ids: Vec<String> = outputs.values().map(EntryId::short).collect();
    ids.join(", ")
}
