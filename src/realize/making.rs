//! One step, run: its inputs brought about, its composer called, what came out recorded and told of.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::engine::Engine;
use super::error::Error;
use super::report::How;
use super::workspace::{Parts, StoreWorkspace};
use super::{outside, trace};
use crate::compose;
use crate::plan::{Derivation, From, Outcome, StepId};
use crate::store::{Batch, Entry, Trace};

impl Engine<'_> {
    /// Tells that a step begins.
    pub(super) fn begin(&self, step: StepId) {
        let expected = self.course.begin(step);
        self.observer.started(&self.name(step), expected);
        self.observer.left(&self.course.left());
    }

    /// Runs a step whose inputs are known.
    pub(super) fn compose(&self, id: StepId, why: &str) -> Result<(), Error> {
        let step = &self.plan.steps[id];
        let derivation = step
            .derivation(|from| self.entry(from))
            .expect("its inputs were resolved before it is run");
        self.compose_as(id, &derivation, why)
    }

    /// The same, with its derivation, which may name ten thousand packages.
    pub(super) fn compose_as(
        &self,
        id: StepId,
        derivation: &Derivation,
        why: &str,
    ) -> Result<(), Error> {
        let step = &self.plan.steps[id];
        if outside::KINDS.contains(&step.kind) {
            return self.bring(id, why);
        }
        self.gather(id)?;
        if !self.claim(id, derivation)? {
            return Ok(());
        }
        let made = self.make(id, derivation, why);
        self.claims.end(id, made.is_ok());
        made
    }

    /// Makes sure that all that a step reads is here.
    pub(super) fn gather(&self, id: StepId) -> Result<(), Error> {
        let step = &self.plan.steps[id];
        self.bring_inputs(id)?;
        for needed in &step.inputs {
            if let From::Step(input, output) = &needed.from {
                self.ensure(*input, Some(output))?;
            }
        }
        self.take_all(step)
    }

    /// Runs a step that is this process's to make, and all of whose inputs are here.
    fn make(&self, id: StepId, derivation: &Derivation, why: &str) -> Result<(), Error> {
        self.begin(id);
        let begun = Instant::now();
        let batch = self.batch;
        let (trace, entries) = self.composed(id, derivation, (batch, &self.parts))?;
        let log = trace.log.clone();
        let outcome = trace::outcome(batch.made(entries.values(), &trace)?, trace);
        self.hold(&outcome)?;
        self.came(outcome.outputs.values());
        self.commit(false)?;
        let took = begun.elapsed();
        self.ran(id, How::Composed, took, outcome, why, &log);
        Ok(())
    }

    /// What the composer of a step makes of its inputs, into a batch: that of all, or another one, to see it come out again.
    pub(super) fn composed(
        &self,
        id: StepId,
        derivation: &Derivation,
        (batch, parts): (&Batch, &Parts),
    ) -> Result<(Trace, BTreeMap<String, Entry>), Error> {
        let step = &self.plan.steps[id];
        let composer = compose::composer(step.kind).ok_or_else(|| Error::NoComposer {
            kind: step.kind.to_owned(),
        })?;
        for bytes in step.attachments.values() {
            batch.blob(&mut &bytes[..])?;
        }
        let workspace = StoreWorkspace {
            store: self.store,
            batch,
            facts: self.facts,
            parts,
            notes: Mutex::default(),
            again: !std::ptr::eq(batch, self.batch),
            program: self.program,
        };
        let composed = composer.compose(derivation, &workspace)?;
        let notes = workspace
            .notes
            .into_inner()
            .expect("no thread panics while it notes a line");
        Ok(trace::of(derivation, composed, notes))
    }

    /// Notes what a step gave, and tells of it.
    pub(super) fn ran(
        &self,
        id: StepId,
        how: How,
        took: Duration,
        outcome: Outcome,
        why: &str,
        log: &[String],
    ) {
        {
            let mut state = self.state(id);
            state.outcome = Some(Cow::Owned(outcome));
            state.how = Some(how);
            state.took = took;
            state.why = why.to_owned();
            state.told = true;
        }
        let step = &self.plan.steps[id];
        self.course.ran(step, took);
        self.course.end(id);
        self.observer.left(&self.course.left());
        let name = self.name(id);
        self.observer.finished(&name, how, took, log);
    }
}
