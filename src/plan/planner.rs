//! The plan while it is being made.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::derivation::Derivation;
use super::error::Error;
use super::known::{Known, Outcome};
use super::offer::Offered;
use super::root::Installed;
use super::step::{From, Needed, Plan, Step, StepId};
use crate::ids::{BlobId, Hash, Name, canonical};
use crate::recipe::{Kind, Recipe, Recipes};

/// Plans the artifacts with these names, and whatever they stand on.
pub fn plan(recipes: &Recipes, names: &[Name], known: &dyn Known) -> Result<Plan, Error> {
    let mut planner = Planner::new(recipes, known);
    for name in names {
        if let Some(step) = planner.artifact(name)? {
            planner.plan.artifacts.insert(name.clone(), step);
        }
    }
    planner.plan.waiting.sort();
    planner.plan.waiting.dedup();
    Ok(planner.plan)
}

/// Whether all of these can be planned at all, by their names.
pub fn check(recipes: &Recipes, names: &[Name]) -> Result<(), Error> {
    for name in names {
        match recipes.recipes.get(name).map(|recipe| &recipe.kind) {
            Some(Kind::Source(_)) => return Err(Error::SourceIsNoArtifact { name: name.clone() }),
            Some(_) => {}
            None => {
                return Err(Error::UnknownArtifact {
                    name: name.clone(),
                    nearest: nearest(recipes, name),
                });
            }
        }
    }
    Ok(())
}

pub(super) struct Planner<'a> {
    pub recipes: &'a Recipes,
    pub known: &'a dyn Known,
    pub plan: Plan,
    /// Steps by their kind, parameters and inputs, so that two artifacts share what they have in common.
    index: BTreeMap<Hash, StepId>,
    /// The packages of each module that was planned; `None` where facts are missing.
    pub offered: BTreeMap<Name, Option<Arc<Vec<Offered>>>>,
    /// The images that were planned, each with its root: others stand on them.
    pub images: BTreeMap<Name, (StepId, Installed)>,
    /// The trees that were planned, each with its root: disks stand on both.
    pub trees: BTreeMap<Name, (StepId, From)>,
}

impl<'a> Planner<'a> {
    pub fn new(recipes: &'a Recipes, known: &'a dyn Known) -> Self {
        Planner {
            recipes,
            known,
            plan: Plan::default(),
            index: BTreeMap::new(),
            offered: BTreeMap::new(),
            images: BTreeMap::new(),
            trees: BTreeMap::new(),
        }
    }

    /// The step that makes an artifact; `None` where facts are missing.
    pub fn artifact(&mut self, name: &Name) -> Result<Option<StepId>, Error> {
        let recipe = self.recipe(name)?;
        match &recipe.kind {
            Kind::Source(_) => Err(Error::SourceIsNoArtifact { name: name.clone() }),
            Kind::Package(package) => self.package(package).map(Some),
            Kind::Module(module) => self.module(recipe, module),
            Kind::Repository(repository) => self.repository(recipe, repository),
            Kind::Ostree(ostree) => self.ostree(recipe, ostree),
            Kind::Image(image) => self.image(recipe, image),
            Kind::Compose(compose) => self.compose(recipe, compose),
            Kind::Command(command) => self.command(recipe, command),
            Kind::Installer(installer) => self.installer(recipe, installer),
            Kind::Disk(disk) => self.disk(recipe, disk),
        }
    }

    pub fn recipe(&self, name: &Name) -> Result<&'a Recipe, Error> {
        self.recipes
            .recipes
            .get(name)
            .ok_or_else(|| Error::UnknownArtifact {
                name: name.clone(),
                nearest: nearest(self.recipes, name),
            })
    }

    /// Adds a step, or finds the one that does the same already.
    ///
    /// The subject comes with its topic: what of it stays the same when its version moves.
    pub fn step(
        &mut self,
        kind: &'static str,
        named: (String, &str),
        params: &impl Serialize,
        inputs: Vec<Needed>,
        attachments: BTreeMap<BlobId, Arc<[u8]>>,
    ) -> Result<StepId, Error> {
        let step = self.unplaced(kind, named, params, inputs, attachments)?;
        Ok(self.steps(vec![step])[0])
    }

    /// A step that is not part of the plan yet.
    pub fn unplaced(
        &self,
        kind: &'static str,
        (subject, topic): (String, &str),
        params: &impl Serialize,
        inputs: Vec<Needed>,
        attachments: BTreeMap<BlobId, Arc<[u8]>>,
    ) -> Result<Step, Error> {
        let params = canonical::Value::of(params).map_err(|source| Error::Parameters {
            subject: subject.clone(),
            source,
        })?;
        Ok(Step {
            kind,
            subject,
            topic: topic.to_owned(),
            composer: self.known.composer(kind),
            params,
            inputs,
            attachments,
            outcome: None,
        })
    }

    /// Adds many steps, none of which needs another of them: what they gave is looked up at once.
    pub fn steps(&mut self, steps: Vec<Step>) -> Vec<StepId> {
        let first = self.plan.steps.len();
        let mut ids = Vec::with_capacity(steps.len());
        for step in steps {
            let next = self.plan.steps.len();
            let id = *self.index.entry(identity(&step)).or_insert(next);
            if id == next {
                self.plan.steps.push(step);
            }
            ids.push(id);
        }
        let news = first..self.plan.steps.len();
        let derivation = |id: StepId| {
            let step = &self.plan.steps[id];
            Some((id, step.derivation(|from| self.plan.entry(from))?))
        };
        let (steps, derivations): (Vec<StepId>, Vec<Derivation>) =
            news.filter_map(derivation).unzip();
        let outcomes = self.known.outcomes(&derivations);
        for (step, outcome) in steps.into_iter().zip(outcomes) {
            self.plan.steps[step].outcome = outcome;
        }
        ids
    }

    pub fn outcome(&self, step: StepId) -> Option<&Outcome> {
        self.plan.steps[step].outcome.as_ref()
    }
}

/// What tells a step from all others of its plan.
fn identity(step: &Step) -> Hash {
    let mut hasher = blake3::Hasher::new();
    let mut part = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    part(step.kind.as_bytes());
    part(&step.params.encode());
    for Needed { role, from } in &step.inputs {
        part(role.as_bytes());
        match from {
            From::Entry(entry) => part(entry.0.as_bytes()),
            From::Step(step, output) => {
                part(&step.to_le_bytes());
                part(output.as_bytes());
            }
        }
    }
    Hash::from_bytes(*hasher.finalize().as_bytes())
}

/// Subject and topic of a step that is named after a recipe.
pub(super) fn named(recipe: &Recipe) -> (String, &str) {
    (recipe.name.to_string(), recipe.name.as_str())
}

fn nearest(recipes: &Recipes, name: &Name) -> Option<String> {
    recipes
        .recipes
        .keys()
        .map(|other| {
            (
                strsim::damerau_levenshtein(name.as_str(), other.as_str()),
                other,
            )
        })
        .filter(|(distance, other)| *distance <= 1 + other.as_str().len() / 4)
        .min()
        .map(|(_, other)| other.to_string())
}
