//! How long what is left will take, as far as steps of the same kind were run before.
//!
//! No schedule can be shorter than its longest chain of steps, nor than all work shared evenly.
//! The larger of the two is what is told: with few long steps and many short ones it comes close.

use std::collections::{BTreeMap, BTreeSet};

use super::bring::LANES;
use super::error::Error;
use super::outside;
use crate::plan::{Plan, StepId};
use crate::store::Store;

/// What is left of a round of steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Left {
    /// Steps that have not ended, those that run among them.
    pub steps: usize,
    /// Those of them that may have to run, and of which nothing is known.
    pub unknown: usize,
    /// For all others; `None` where there is nothing to go by.
    pub seconds: Option<f64>,
    /// Whether planning goes on after these steps.
    pub more: bool,
}

/// The seconds that steps may take which are to be done, for those of which something is known.
pub fn expected(
    store: &Store,
    plan: &Plan,
    to_do: &BTreeSet<StepId>,
) -> Result<BTreeMap<StepId, f64>, Error> {
    if to_do.is_empty() {
        return Ok(BTreeMap::new());
    }
    let asked: Vec<(&str, &str)> = to_do
        .iter()
        .map(|&id| (plan.steps[id].kind, plan.steps[id].topic.as_str()))
        .collect();
    let found = store.took_get(&asked)?;
    let known = to_do.iter().zip(found);
    Ok(known
        .filter_map(|(&id, found)| Some((id, found?)))
        .collect())
}

/// A round of steps, and how far it has come.
#[derive(Default)]
pub struct Forecast {
    steps: BTreeMap<StepId, Ahead>,
    running: BTreeSet<StepId>,
    /// Longest chain first; those before `next` have ended.
    chains: Vec<StepId>,
    next: usize,
    /// Of all that has not ended: seconds, by as many hands as there are.
    work: f64,
    left: usize,
    unknown: usize,
    known: usize,
    more: bool,
}

struct Ahead {
    /// Zero for what has its outcome, `None` where nothing is known.
    expected: Option<f64>,
    /// The part of a second of work that a second of this step is.
    share: f64,
    /// Seconds from its beginning to the end of the longest chain that begins with it.
    chain: f64,
    to_do: bool,
    begun: Option<f64>,
    ended: bool,
}

impl Ahead {
    /// How much of it is over, as far as that was expected.
    fn over(&self, now: f64) -> f64 {
        match (self.begun, self.expected) {
            (Some(begun), Some(expected)) => (now - begun).clamp(0.0, expected),
            _ => 0.0,
        }
    }
}

impl Forecast {
    pub fn new(
        plan: &Plan,
        (wanted, to_do): (&BTreeSet<StepId>, &BTreeSet<StepId>),
        expected: &BTreeMap<StepId, f64>,
        jobs: usize,
        more: bool,
    ) -> Self {
        let mut after: BTreeMap<StepId, f64> = BTreeMap::new();
        let mut forecast = Forecast {
            more,
            ..Forecast::default()
        };
        // Inputs have smaller numbers, so what stands on a step was met before it.
        for &id in wanted.iter().rev() {
            let step = &plan.steps[id];
            let to_do = to_do.contains(&id);
            let expected = match to_do {
                true => expected.get(&id).copied(),
                false => Some(0.0),
            };
            let hands = match outside::KINDS.contains(&step.kind) {
                true => LANES,
                false => jobs.max(1),
            };
            let chain = expected.unwrap_or(0.0) + after.get(&id).copied().unwrap_or(0.0);
            for input in step.steps() {
                let longest = after.entry(input).or_default();
                *longest = longest.max(chain);
            }
            let ahead = Ahead {
                expected,
                share: 1.0 / hands as f64,
                chain,
                to_do,
                begun: None,
                ended: false,
            };
            forecast.work += expected.unwrap_or(0.0) * ahead.share;
            forecast.unknown += usize::from(expected.is_none());
            forecast.known += usize::from(to_do && expected.is_some());
            forecast.steps.insert(id, ahead);
            forecast.chains.push(id);
        }
        forecast.left = forecast.steps.len();
        let steps = &forecast.steps;
        let by_chain = |a: &StepId, b: &StepId| steps[b].chain.total_cmp(&steps[a].chain);
        forecast.chains.sort_by(by_chain);
        forecast
    }

    /// What a step was expected to take.
    pub fn expected(&self, step: StepId) -> Option<f64> {
        let ahead = self.steps.get(&step)?;
        ahead.expected.filter(|_| ahead.to_do)
    }

    /// A step begins, `now` seconds after whatever the caller counts from.
    pub fn begin(&mut self, step: StepId, now: f64) {
        if let Some(ahead) = self.steps.get_mut(&step)
            && !ahead.ended
        {
            ahead.begun = Some(now);
            self.running.insert(step);
        }
    }

    /// A step is over, well or not; once more changes nothing.
    pub fn end(&mut self, step: StepId) {
        self.running.remove(&step);
        let Some(ahead) = self.steps.get_mut(&step).filter(|ahead| !ahead.ended) else {
            return;
        };
        ahead.ended = true;
        self.left -= 1;
        match ahead.expected {
            Some(expected) => {
                self.work -= expected * ahead.share;
                self.known -= usize::from(ahead.to_do);
            }
            None => self.unknown -= 1,
        }
    }

    pub fn left(&mut self, now: f64) -> Left {
        while let Some(first) = self.chains.get(self.next)
            && self.steps[first].ended
        {
            self.next += 1;
        }
        let mut work = self.work;
        let mut chain = 0.0f64;
        for step in &self.running {
            let ahead = &self.steps[step];
            let over = ahead.over(now);
            work -= over * ahead.share;
            chain = chain.max(ahead.chain - over);
        }
        let mut waiting = self.chains[self.next..].iter().map(|id| &self.steps[id]);
        if let Some(first) = waiting.find(|ahead| !ahead.ended && ahead.begun.is_none()) {
            chain = chain.max(first.chain);
        }
        let nothing = self.unknown > 0 && self.known == 0;
        Left {
            steps: self.left,
            unknown: self.unknown,
            seconds: (!nothing).then(|| work.max(chain)),
            more: self.more,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::canonical;
    use crate::plan::{From, Needed, Step};

    /// Steps of a kind, each with the steps that it stands on.
    fn plan(steps: &[&[StepId]]) -> Plan {
        let step = |inputs: &&[StepId]| Step {
            kind: "root",
            subject: "x".into(),
            topic: "x".into(),
            composer: 1,
            params: canonical::Value::of(&1u32).unwrap(),
            inputs: inputs
                .iter()
                .map(|input| Needed {
                    role: "in".into(),
                    from: From::Step(*input, "out".into()),
                })
                .collect(),
            attachments: BTreeMap::new(),
            outcome: None,
        };
        let mut plan = Plan::default();
        plan.steps.extend(steps.iter().map(step));
        plan
    }

    fn forecast(plan: &Plan, expected: &[(StepId, f64)], jobs: usize) -> Forecast {
        let wanted: BTreeSet<StepId> = (0..plan.steps.len()).collect();
        let unknown = |step: &StepId| plan.steps[*step].outcome.is_none();
        let to_do = wanted.iter().copied().filter(unknown).collect();
        let expected = expected.iter().copied().collect();
        Forecast::new(plan, (&wanted, &to_do), &expected, jobs, false)
    }

    #[test]
    fn what_is_left_is_the_longest_chain_or_the_work_shared_whichever_is_more() {
        let expected = [(0, 4.0), (1, 4.0), (2, 4.0), (3, 2.0)];
        let apart = plan(&[&[], &[], &[], &[0]]);
        let left = |jobs| forecast(&apart, &expected, jobs).left(0.0).seconds;
        assert_eq!(left(1), Some(14.0));
        assert_eq!(left(2), Some(7.0));
        assert_eq!(left(8), Some(6.0));
        let chained = plan(&[&[], &[0], &[1], &[2]]);
        assert_eq!(
            forecast(&chained, &expected, 8).left(0.0).seconds,
            Some(14.0)
        );
    }

    #[test]
    fn it_shrinks_while_steps_run_and_a_slow_one_makes_it_wait() {
        let plan = plan(&[&[], &[0]]);
        let mut forecast = forecast(&plan, &[(0, 4.0), (1, 3.0)], 2);
        forecast.begin(0, 10.0);
        assert_eq!(forecast.left(11.0).seconds, Some(6.0));
        // Longer than expected: what comes after it is still to come.
        assert_eq!(forecast.left(20.0).seconds, Some(3.0));
        forecast.end(0);
        forecast.end(0);
        let left = forecast.left(20.0);
        assert_eq!((left.steps, left.seconds), (1, Some(3.0)));
        forecast.end(1);
        let left = forecast.left(21.0);
        assert_eq!((left.steps, left.seconds), (0, Some(0.0)));
    }

    #[test]
    fn without_anything_known_there_is_no_estimate_and_with_some_there_is_for_those() {
        let plan = plan(&[&[], &[0]]);
        let mut none = forecast(&plan, &[], 2);
        let left = none.left(0.0);
        assert_eq!((left.unknown, left.seconds), (2, None));
        let mut some = forecast(&plan, &[(0, 4.0)], 2);
        let left = some.left(0.0);
        assert_eq!((left.unknown, left.seconds), (1, Some(4.0)));
        some.end(0);
        assert_eq!(some.left(5.0).seconds, None);
    }
}
