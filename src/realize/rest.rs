//! Realizing in a store that one may only read: where nothing is to be done, what is there is named.
//!
//! Nothing is held meanwhile, for that takes writing: who owns the store may collect it.

use std::time::Duration;

use super::drawn::Drawn;
use super::error::Error;
use super::facts::Facts;
use super::look::Look;
use super::outside::FETCH;
use super::report::{Artifact, How, Made, Report, StepName, StepReport};
use super::{Options, planned, root_name, sources, tell_unlocked};
use crate::ids::{DerivationKey, EntryId, Name};
use crate::plan::derivation::MAIN;
use crate::plan::{Outcome, Plan, StepId};
use crate::recipe::Recipes;

/// What a realize finds done; fails at the first thing that is not.
pub(super) fn report(
    look: &Look<'_>,
    recipes: &Recipes,
    names: &[Name],
    options: &Options,
) -> Result<Report, Error> {
    let facts = look.at(&sources(recipes, names))?;
    let plan = planned(recipes, names, look, &facts)?;
    let rest = Rest {
        facts: &facts,
        look,
        recipes,
        options,
        plan: &plan,
    };
    if let Some(&step) = plan.waiting.first() {
        return Err(rest.refused(format!("{} is to be done", rest.name(step))));
    }
    tell_unlocked(&plan, look.observer);
    let mut report = Report::default();
    let steps = rest.steps()?;
    report.add(steps.iter());
    let artifacts = names.iter().map(|name| rest.artifact(name));
    report.artifacts = artifacts.collect::<Result<_, _>>()?;
    Ok(report)
}

struct Rest<'a> {
    facts: &'a Facts<'a>,
    look: &'a Look<'a>,
    recipes: &'a Recipes,
    options: &'a Options,
    plan: &'a Plan,
}

impl Rest<'_> {
    fn name(&self, step: StepId) -> StepName {
        StepName::of(&self.plan.steps[step])
    }

    fn refused(&self, what: String) -> Error {
        let path = self.look.store.dir().to_owned();
        Error::OnlyRead { path, what }
    }

    fn outcome(&self, step: StepId) -> Result<&Outcome, Error> {
        let outcome = self.plan.steps[step].outcome.as_ref();
        outcome.ok_or_else(|| self.refused(format!("{} is to be done", self.name(step))))
    }

    /// What the artifacts stand on, all of it known.
    fn steps(&self) -> Result<Vec<StepReport>, Error> {
        let wanted = self.plan.wanted();
        self.look.observer.planned(wanted.len());
        let known = wanted.iter().filter_map(|&step| {
            let step = &self.plan.steps[step];
            let known = step.outcome.as_ref().filter(|_| step.kind == FETCH)?;
            known.outputs.get(MAIN).copied()
        });
        self.facts.gather(&known.collect::<Vec<_>>())?;
        let drawn = Drawn::of(self.plan);
        let mut reports = Vec::with_capacity(wanted.len());
        for step in wanted {
            let known = self.outcome(step)?;
            let name = self.name(step);
            if !drawn.admits(self.facts, &self.plan.steps[step], known)? {
                return Err(self.refused(format!("{name} is to be checked with other keys")));
            }
            let observer = self.look.observer;
            observer.finished(&name, How::Reused, Duration::ZERO, &[]);
            reports.push(StepReport {
                name,
                how: How::Reused,
                key: Some(self.key(step)),
                seconds: 0.0,
                why: String::new(),
            });
        }
        Ok(reports)
    }

    /// Of a step whose outcome is known.
    fn key(&self, step: StepId) -> DerivationKey {
        let derivation = self.plan.steps[step].derivation(|from| self.plan.entry(from));
        let derivation = derivation.expect("its outcome is known, so its inputs are");
        derivation.key()
    }

    fn artifact(&self, name: &Name) -> Result<Artifact, Error> {
        let store = self.look.store;
        let step = self.plan.artifacts[name];
        let entry = self.outcome(step)?.outputs[MAIN];
        if !store.is_complete(entry)? {
            return Err(self.refused(format!("{name} is known, but its bytes are gone")));
        }
        if !store.view_path(entry, name).exists() {
            return Err(self.refused(format!("{name} is there, but was never laid out as files")));
        }
        let made = Made {
            key: self.key(step),
            entry,
            path: Some(store.view(entry, name)?),
            generation: match self.options.no_root {
                true => None,
                false => Some(self.generation(name, entry)?),
            },
        };
        Ok(Artifact {
            name: name.clone(),
            kind: self.recipes.recipes[name].kind.name(),
            how: How::Reused,
            made: Some(made),
        })
    }

    fn generation(&self, name: &Name, entry: EntryId) -> Result<u32, Error> {
        let root = root_name(self.recipes, name)?;
        let label = self.options.label.as_deref();
        let stands = self.look.store.stands(&root, entry, label)?;
        stands.ok_or_else(|| self.refused(format!("{name} is to become a new generation")))
    }
}
