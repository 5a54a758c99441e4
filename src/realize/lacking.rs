//! Steps whose outcome is known and whose bytes are needed and not here: the collector took them,
//! or a file of a source was looked at and never taken in. They run again.

use std::collections::{BTreeMap, BTreeSet};

use super::error::Error;
use crate::ids::EntryId;
use crate::plan::{From, Plan, StepId};
use crate::store::Store;

/// Those of a plan: of what was asked for, of what a step that has to run reads, and of what these read in turn.
pub(super) fn lacking(store: &Store, plan: &Plan) -> Result<BTreeSet<StepId>, Error> {
    let mut needed: BTreeMap<EntryId, StepId> = BTreeMap::new();
    for &goal in plan.artifacts.values() {
        let outputs = plan.steps[goal].outcome.iter().flat_map(|o| &o.outputs);
        needed.extend(outputs.map(|(_, &entry)| (entry, goal)));
    }
    for (id, step) in plan.steps.iter().enumerate() {
        if step.outcome.is_none() {
            needed.extend(read_by(plan, id));
        }
    }
    let (mut seen, mut lacking) = (BTreeSet::new(), BTreeSet::new());
    while !needed.is_empty() {
        let entries: Vec<EntryId> = needed.keys().copied().collect();
        let complete = store.complete(&entries)?;
        seen.extend(entries);
        let gone = needed.into_iter().filter(|(e, _)| !complete.contains(e));
        let gone: BTreeSet<StepId> = gone.map(|(_, step)| step).collect();
        let fresh: Vec<StepId> = gone.difference(&lacking).copied().collect();
        lacking.extend(gone);
        needed = fresh.iter().flat_map(|&id| read_by(plan, id)).collect();
        needed.retain(|entry, _| !seen.contains(entry));
    }
    Ok(lacking)
}

/// What a step reads of others that are known, by entry.
fn read_by(plan: &Plan, id: StepId) -> Vec<(EntryId, StepId)> {
    let inputs = plan.steps[id].inputs.iter();
    let read = inputs.filter_map(|needed| match &needed.from {
        From::Step(step, _) => Some((plan.entry(&needed.from)?, *step)),
        From::Entry(_) => None,
    });
    read.collect()
}
