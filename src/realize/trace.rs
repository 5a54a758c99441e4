//! Between what a composer returns and what the store records.

use std::collections::{BTreeMap, BTreeSet};

use crate::compose::Composed;
use crate::ids::{DerivationKey, EntryId, TraceId};
use crate::plan::{Derivation, Outcome};
use crate::store::{Entry, Error, Store, Trace, TraceInput};

/// The record of a step, and the entries that it made, by role.
pub fn of(
    derivation: &Derivation,
    composed: Composed,
    log: Vec<String>,
) -> (Trace, BTreeMap<String, Entry>) {
    let entries: BTreeMap<String, Entry> = composed
        .outputs
        .into_iter()
        .map(|(role, output)| {
            let crate::compose::Output {
                kind,
                root,
                links,
                references,
                media,
            } = output;
            (
                role,
                Entry {
                    kind,
                    root,
                    links,
                    references,
                    media,
                },
            )
        })
        .collect();
    let value = derivation.value();
    let trace = Trace {
        key: DerivationKey::of(value.as_bytes()),
        derivation: value,
        inputs: derivation
            .inputs
            .iter()
            .map(|input| TraceInput {
                role: input.role.clone(),
                entry: input.entry,
            })
            .collect(),
        outputs: entries
            .iter()
            .map(|(role, entry)| (role.clone(), entry.id()))
            .collect(),
        facts: composed.facts,
        log,
    };
    (trace, entries)
}

/// The outcome in a trace, whose id was computed before.
pub fn outcome(id: TraceId, trace: Trace) -> Outcome {
    Outcome {
        trace: id,
        outputs: trace.outputs,
        facts: trace.facts,
    }
}

/// Which of several results of one derivation counts: one that is complete here, else the oldest.
///
/// A plan asks once a derivation, so it never mixes two results of one.
pub fn choose(store: &Store, key: DerivationKey) -> Result<Option<Outcome>, Error> {
    let known = store.traces_of(&[key])?.pop().unwrap_or_default();
    chosen(store, known)
}

/// The same, where the traces of the derivation were looked up already.
pub fn chosen(store: &Store, known: Vec<TraceId>) -> Result<Option<Outcome>, Error> {
    let mut traces = store.read_traces(known)?;
    if traces.len() > 1 {
        for at in 0..traces.len() {
            let outputs: Vec<EntryId> = traces[at].1.outputs.values().copied().collect();
            let distinct: BTreeSet<EntryId> = outputs.iter().copied().collect();
            if store.complete(&outputs)? == distinct {
                traces.swap(0, at);
                break;
            }
        }
    }
    let chosen = traces.into_iter().next();
    Ok(chosen.map(|(id, trace)| outcome(id, trace)))
}
