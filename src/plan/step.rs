//! A step: a derivation whose inputs may still be other steps.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::derivation::{Derivation, Input};
use super::known::{Outcome, SourcePackage};
use super::offer::Offered;
use super::why::Whys;
use crate::formats::modulemd;
use crate::ids::{BlobId, Digest, EntryId, Hash, Name, Nevra, canonical};

/// Number of a step in its plan. Inputs have smaller numbers than what needs them.
pub type StepId = usize;

/// A step is one action of a plan, named by its kind and what it works on.
#[derive(Debug, Clone)]
pub struct Step {
    pub kind: &'static str,
    /// What people call it: a NEVRA, an artifact's name.
    pub subject: String,
    /// What stays the same when the subject's version moves: a package's name, a module with its stream, an artifact's name.
    pub topic: String,
    pub composer: u32,
    pub params: canonical::Value,
    pub inputs: Vec<Needed>,
    /// Bytes that the recipes hold and that the parameters name by blob id.
    pub attachments: BTreeMap<BlobId, Arc<[u8]>>,
    /// Set where the step is known to have been done, with these inputs, by these composers.
    pub outcome: Option<Outcome>,
}

/// One input of a step, in its role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needed {
    pub role: String,
    pub from: From,
}

/// Where an input comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum From {
    /// An output of an earlier step.
    Step(StepId, String),
    /// Something that is there already: a package of a source.
    Entry(EntryId),
}

impl Step {
    /// The derivation, once `resolve` knows every input.
    pub fn derivation(&self, resolve: impl Fn(&From) -> Option<EntryId>) -> Option<Derivation> {
        let mut inputs = Vec::with_capacity(self.inputs.len());
        for Needed { role, from } in &self.inputs {
            inputs.push(Input {
                role: role.clone(),
                entry: resolve(from)?,
            });
        }
        let params = self.params.clone();
        Some(Derivation::with(self.kind, self.composer, params, inputs))
    }

    /// The steps that this one waits for.
    pub fn steps(&self) -> impl Iterator<Item = StepId> + '_ {
        self.inputs.iter().filter_map(|needed| match &needed.from {
            From::Step(step, _) => Some(*step),
            From::Entry(_) => None,
        })
    }
}

/// What is to be done, in an order in which each step comes after its inputs.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    pub steps: Vec<Step>,
    /// The step that makes each artifact asked for, where it could be planned.
    pub artifacts: BTreeMap<Name, StepId>,
    /// Steps whose facts are needed before planning can go on; empty in a finished plan.
    pub waiting: Vec<StepId>,
    /// What the lock has no answer for, and the metadata that it names was asked: modules, and artifacts.
    pub unlocked: BTreeSet<Name>,
    /// What was drawn from each source, by the texts of the manifests that asked for it.
    pub answers: BTreeMap<Name, BTreeMap<String, SourcePackage>>,
    /// What each solved artifact will hold.
    pub solved: BTreeMap<Name, Solved>,
    /// Why what is in each of them is in it, where that was solved now and not told by a lock.
    pub whys: BTreeMap<Name, Whys>,
    /// What each module and edition holds, where nothing is solved: the packages of its modules.
    pub(super) listed: BTreeMap<Name, Vec<Arc<Vec<Offered>>>>,
    /// The modules that each solved artifact is drawn from; its steps name packages only.
    pub drawn: BTreeMap<Name, Vec<Drawn>>,
}

/// The answer to what an artifact's `install` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Solved {
    /// Of all that the answer depends on.
    pub question: Hash,
    /// Sorted; each with the digest of its file.
    pub packages: BTreeSet<(Nevra, Digest)>,
}

/// A module that an artifact is solved in, with those of its packages that go in.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// Without artifacts.
    pub module: modulemd::Module,
    pub packages: Vec<(From, Nevra)>,
}

impl Plan {
    /// The packages of each module and edition, where nothing is solved.
    pub fn listed(&self) -> impl Iterator<Item = (&Name, BTreeSet<&Nevra>)> {
        self.listed.iter().map(|(name, lists)| {
            let packages = lists.iter().flat_map(|list| list.iter());
            (name, packages.map(|package| &package.nevra).collect())
        })
    }

    /// The steps that are there for something: those of the artifacts, and of what planning waits for.
    ///
    /// Others stay unused: a module draws all of its packages, and what is composed of it needs few of them.
    pub fn wanted(&self) -> BTreeSet<StepId> {
        let goals = self.artifacts.values().chain(&self.waiting);
        self.upstream(&goals.copied().collect())
    }

    /// Some steps, with all that they stand on.
    pub fn upstream(&self, goals: &BTreeSet<StepId>) -> BTreeSet<StepId> {
        let mut wanted = goals.clone();
        // Inputs have smaller numbers, so one pass downwards meets every step after what needs it.
        for step in (0..self.steps.len()).rev() {
            if wanted.contains(&step) {
                wanted.extend(self.steps[step].steps());
            }
        }
        wanted
    }

    /// What a step stands on, however far below, that nothing here makes: packages of sources.
    pub fn taken(&self, step: StepId) -> Vec<From> {
        let mut taken = BTreeSet::new();
        let mut seen = BTreeSet::from([step]);
        let mut open = vec![step];
        while let Some(step) = open.pop() {
            for needed in &self.steps[step].inputs {
                match &needed.from {
                    From::Step(input, _) if !self.steps[*input].inputs.is_empty() => {
                        if seen.insert(*input) {
                            open.push(*input);
                        }
                    }
                    from => drop(taken.insert(from.clone())),
                }
            }
        }
        taken.into_iter().collect()
    }

    /// The entry that an input stands for, as far as it is known at plan time.
    pub fn entry(&self, from: &From) -> Option<EntryId> {
        match from {
            From::Entry(entry) => Some(*entry),
            From::Step(step, output) => self.steps[*step]
                .outcome
                .as_ref()?
                .outputs
                .get(output)
                .copied(),
        }
    }
}
