//! What a plan draws from repositories, held against what the files are that the store has for it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::error::Error;
use super::facts::Facts;
use super::outside::FETCH;
use crate::compose;
use crate::formats::rpm::Brief;
use crate::ids::{Digest, EntryId, Name, Nevra};
use crate::plan::derivation::MAIN;
use crate::plan::{Outcome, Plan, Step, parameters};

/// The sources that each file is drawn from, with what each calls it.
pub(super) struct Drawn<'p>(BTreeMap<&'p Digest, BTreeSet<(&'p Name, &'p Nevra)>>);

impl<'p> Drawn<'p> {
    pub fn of(plan: &'p Plan) -> Self {
        let mut drawn: BTreeMap<&Digest, BTreeSet<(&Name, &Nevra)>> = BTreeMap::new();
        for (source, answers) in &plan.answers {
            for package in answers.values() {
                let names = drawn.entry(&package.digest).or_default();
                names.insert((source, &package.nevra));
            }
        }
        Drawn(drawn)
    }

    /// Whether what a step is known to have brought may be used; `false` where too little of it is at hand to tell.
    pub fn admits(&self, facts: &Facts<'_>, step: &Step, known: &Outcome) -> Result<bool, Error> {
        if step.kind != FETCH {
            return Ok(true);
        }
        let wanted: parameters::Fetch =
            step.params
                .to()
                .map_err(|source| compose::Error::Parameters {
                    kind: FETCH,
                    source,
                })?;
        let rpm = known.outputs[MAIN];
        let brief = match facts.gates.is_empty() {
            true => facts.noted(rpm),
            false => facts.brief(rpm),
        };
        match brief {
            Some(brief) => self.pass(facts, &wanted.digest, &brief, rpm, None),
            None => Ok(facts.gates.is_empty()),
        }
    }

    /// Holds a package against what every source that it is drawn from calls it, and against the keys of each;
    /// `false` where its bytes are nowhere at hand.
    ///
    /// Drawn is what has the digest that a source states: what a package calls itself decides nothing.
    pub fn pass(
        &self,
        facts: &Facts<'_>,
        drawn: &Digest,
        brief: &Brief,
        rpm: EntryId,
        place: Option<&Path>,
    ) -> Result<bool, Error> {
        let mut passed = true;
        for (source, nevra) in self.0.get(drawn).into_iter().flatten() {
            // What was planned and solved was planned with the name in the metadata.
            if **nevra != brief.nevra {
                return Err(Error::Fetched {
                    name: (*source).clone(),
                    package: nevra.to_string(),
                    source: format!("it says that it is {}", brief.nevra).into(),
                });
            }
            if let Some(gate) = facts.gates.get(*source) {
                passed &= gate.admit(brief, rpm, place)?;
            }
        }
        Ok(passed)
    }
}
