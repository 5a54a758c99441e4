//! The course of a round of steps: what has begun and ended, what is left, and how long each took.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::forecast::{Forecast, Left};
use crate::plan::{Plan, Step, StepId};
use crate::store::{Store, Took};

pub(super) struct Course {
    begun: Instant,
    forecast: Mutex<Forecast>,
    took: Mutex<Vec<Took>>,
}

impl Course {
    pub fn new() -> Self {
        Course {
            begun: Instant::now(),
            forecast: Mutex::default(),
            took: Mutex::default(),
        }
    }

    fn forecast(&self) -> MutexGuard<'_, Forecast> {
        self.forecast
            .lock()
            .expect("no thread panics while it reckons")
    }

    fn took(&self) -> MutexGuard<'_, Vec<Took>> {
        self.took
            .lock()
            .expect("no thread panics while it notes a time")
    }

    /// Says what lies ahead: steps, and those of them that are to be done.
    pub fn set(
        &self,
        plan: &Plan,
        steps: (&BTreeSet<StepId>, &BTreeSet<StepId>),
        expected: &BTreeMap<StepId, f64>,
        jobs: usize,
        more: bool,
    ) {
        *self.forecast() = Forecast::new(plan, steps, expected, jobs, more);
    }

    /// A step begins; says how long it may take.
    pub fn begin(&self, step: StepId) -> Option<Duration> {
        let mut forecast = self.forecast();
        forecast.begin(step, self.begun.elapsed().as_secs_f64());
        Duration::try_from_secs_f64(forecast.expected(step)?).ok()
    }

    pub fn end(&self, step: StepId) {
        self.forecast().end(step);
    }

    pub fn left(&self) -> Left {
        self.forecast().left(self.begun.elapsed().as_secs_f64())
    }

    /// Notes how long a step took.
    pub fn ran(&self, step: &Step, took: Duration) {
        self.took().push(Took {
            kind: step.kind,
            topic: step.topic.clone(),
            seconds: took.as_secs_f64(),
        });
    }

    /// Keeps what was noted; where it can't be kept, the next estimate is worse, and nothing else.
    pub fn keep(&self, store: &Store) {
        let _ = store.took_put(&std::mem::take(&mut *self.took()));
    }
}
