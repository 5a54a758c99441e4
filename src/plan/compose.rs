//! Planning a compose: its artifacts, and then one step that only arranges them.

use std::collections::{BTreeMap, BTreeSet};

use super::derivation::MAIN;
use super::error::Error;
use super::parameters;
use super::planner::{Planner, named};
use super::step::{From, Needed, StepId};
use crate::formats::rpm::record;
use crate::recipe::{Compose, Date, Recipe};

impl Planner<'_> {
    /// The step that makes a release directory; `None` until all of its artifacts can be planned.
    pub(super) fn compose(
        &mut self,
        recipe: &Recipe,
        compose: &Compose,
    ) -> Result<Option<StepId>, Error> {
        let mut inputs = Vec::new();
        let mut packages = BTreeSet::new();
        let mut complete = true;
        for (variant, names) in &compose.variants {
            for name in names {
                let Some(step) = self.artifact(name)? else {
                    complete = false;
                    continue;
                };
                let kind = self.recipe(name)?.kind.name();
                inputs.push(Needed {
                    role: format!("{variant}/{kind}/{name}"),
                    from: From::Step(step, MAIN.to_owned()),
                });
                // The metadata says of each package what only its record does.
                let needed = self.plan.steps[step].inputs.iter();
                let rpms = needed.filter(|needed| kind == "repository" && needed.role == "rpm");
                packages.extend(rpms.map(|needed| needed.from.clone()));
            }
        }
        if !complete {
            return Ok(None);
        }
        inputs.extend(packages.into_iter().map(|from| Needed {
            role: "rpm".to_owned(),
            from,
        }));
        let release = parameters::Release::from(&self.recipes.release);
        let params = parameters::Compose {
            record: record::VERSION,
            date: Date::of(release.epoch).compact(),
            release,
            purpose: compose.purpose.clone(),
            respin: compose.respin,
            label: compose.label.clone(),
        };
        self.step("compose", named(recipe), &params, inputs, BTreeMap::new())
            .map(Some)
    }
}
