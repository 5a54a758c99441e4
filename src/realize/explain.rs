//! Why a step has to run: its derivation held against the one that made the newest generation.
//!
//! ```text
//! newest generation of NAME ── its trace ── in which role? ──▶ input of the same artifact, or of another
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::OnceLock;

use super::facts::Facts;
use crate::ids::{EntryId, Name, Nevra, TraceId};
use crate::plan::{Derivation, Input, Plan, Step, StepId};
use crate::recipe::{Command, CommandRoot, Kind, Recipes};
use crate::store::{Store, Trace};

/// The derivations that the newest generations of some artifacts were made by.
pub(super) struct Previous<'a> {
    store: &'a Store,
    facts: &'a Facts<'a>,
    recipes: &'a Recipes,
    names: &'a [Name],
    /// Without the steps that made packages, and with them.
    derivations: [OnceLock<Derivations>; 2],
}

/// By kind and topic. Several, where something else gave the same: which of them was meant, no record says.
type Derivations = BTreeMap<(String, String), Vec<Derivation>>;

impl<'a> Previous<'a> {
    pub fn new(
        store: &'a Store,
        facts: &'a Facts<'a>,
        recipes: &'a Recipes,
        names: &'a [Name],
    ) -> Self {
        Previous {
            store,
            facts,
            recipes,
            names,
            derivations: Default::default(),
        }
    }

    pub fn store(&self) -> &'a Store {
        self.store
    }

    pub fn facts(&self) -> &'a Facts<'a> {
        self.facts
    }

    /// Says what changed since the newest generation.
    pub fn reason(&self, step: &Step, derivation: &Derivation, names: &Names) -> String {
        // An edition has ten thousand packages, and few of them are made here.
        let packages = step.kind == "package";
        let known = self.derivations[usize::from(packages)].get_or_init(|| self.gather(packages));
        let known = known.get(&(step.kind.to_owned(), step.topic.clone()));
        let known = known.into_iter().flatten();
        let Some(old) = known.min_by_key(|old| distance(old, derivation)) else {
            return "never made before".to_owned();
        };
        let mut reasons = Vec::new();
        if (old.composer, old.schema) != (derivation.composer, derivation.schema) {
            reasons.push(format!("the composer of {} changed", step.kind));
        }
        let changed = old.params.differences(&derivation.params);
        if !changed.is_empty() {
            reasons.push(format!("the recipe changed: {}", some(changed)));
        }
        let before: BTreeSet<_> = old.inputs.iter().collect();
        let after: BTreeSet<_> = derivation.inputs.iter().collect();
        let called = |inputs: Vec<&Input>| -> BTreeSet<Called> {
            inputs
                .into_iter()
                .map(|input| self.called(&input.role, input.entry, names))
                .collect()
        };
        let gone = called(before.difference(&after).copied().collect());
        let come = called(after.difference(&before).copied().collect());
        reasons.extend(differences(gone, come));
        if reasons.is_empty() {
            "the same was made before, but no record of it is left".to_owned()
        } else {
            reasons.join("; ")
        }
    }

    fn gather(&self, packages: bool) -> Derivations {
        let mut derivations = Derivations::new();
        let (mut seen, mut asked) = (BTreeSet::new(), BTreeSet::new());
        let mut queue = self.newest();
        while let Some((trace, name)) = queue.pop() {
            if !seen.insert((trace, name.clone())) {
                continue;
            }
            let Ok(trace) = self.store.trace_head(trace) else {
                continue;
            };
            if let Ok(derivation) = trace.derivation.to::<Derivation>()
                && let Some(topic) = topic(&derivation, name.as_ref())
            {
                let known = derivations.entry((derivation.kind.clone(), topic));
                known.or_default().push(derivation);
            }
            let inputs = trace.inputs.iter();
            let inputs = inputs.filter(|input| packages || input.role != "rpm");
            let inputs = inputs.map(|input| {
                let name = name.as_ref();
                let whose = name.and_then(|name| whose(self.recipes, name, &input.role));
                (input.entry, whose)
            });
            let inputs: Vec<_> = inputs.filter(|input| asked.insert(input.clone())).collect();
            let entries: Vec<EntryId> = inputs.iter().map(|(entry, _)| *entry).collect();
            let made = self.store.made_each(&entries).unwrap_or_default();
            for ((_, name), traces) in inputs.into_iter().zip(made) {
                // The newest is met first.
                let traces = traces.into_iter().rev();
                queue.extend(traces.map(|trace| (trace, name.clone())));
            }
        }
        derivations
    }

    /// What made the newest generation of each artifact; of one that has none, those of what it was made a part of.
    fn newest(&self) -> Vec<(TraceId, Option<Name>)> {
        let mut newest = Vec::new();
        let mut names: Vec<&Name> = self.names.iter().collect();
        let mut seen = BTreeSet::new();
        while let Some(name) = names.pop() {
            if !seen.insert(name) {
                continue;
            }
            let root = super::root_name(self.recipes, name);
            let generations = root
                .ok()
                .and_then(|root| self.store.generations(&root).ok());
            match generations.iter().flatten().last() {
                Some(last) => newest.extend(last.trace.map(|trace| (trace, Some(name.clone())))),
                None => {
                    let all = self.recipes.recipes.iter();
                    let holders = all.filter(|(_, recipe)| recipe.uses().contains(name));
                    names.extend(holders.map(|(holder, _)| holder));
                }
            }
        }
        newest
    }

    fn maker(&self, entry: EntryId) -> Option<Trace> {
        let traces = self.store.made(entry).ok()?;
        self.store.trace(*traces.first()?).ok()
    }

    /// What people call an input: the package in it, or its role.
    fn called(&self, role: &str, entry: EntryId, names: &Names) -> Called {
        // Modules are called by their roles, which stay when their content changes.
        if let Some(Called::Package(nevra)) = names.get(&entry) {
            return Called::Package(nevra.clone());
        }
        let rpm = match role {
            "rpm" => Some(entry),
            "package" => self
                .maker(entry)
                .and_then(|unpack| self.maker(unpack.inputs.first()?.entry))
                .and_then(|import| Some(import.inputs.first()?.entry)),
            _ => None,
        };
        match rpm.and_then(|rpm| self.facts.brief(rpm)) {
            Some(brief) => Called::Package(brief.nevra.clone()),
            None => Called::Other(role.to_owned()),
        }
    }
}

/// What the plan calls the entries that its steps made.
pub(super) type Names = BTreeMap<EntryId, Called>;

/// An input by the name that people have for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Called {
    Package(Nevra),
    Other(String),
}

impl fmt::Display for Called {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Called::Package(nevra) => nevra.fmt(f),
            Called::Other(name) => f.write_str(name),
        }
    }
}

/// What went and what came, with what is on both sides told in one.
fn differences(mut gone: BTreeSet<Called>, mut come: BTreeSet<Called>) -> Vec<String> {
    let mut moved = Vec::new();
    let mut other = Vec::new();
    for old in gone.clone() {
        // Under one name on both sides: the same thing with other content.
        if come.remove(&old) {
            gone.remove(&old);
            other.push(old.to_string());
        } else if let Called::Package(was) = &old
            && let Some(new) = come.iter().find(|new| succeeds(new, was)).cloned()
            && let Called::Package(is) = &new
        {
            moved.push(format!("{} {} → {}", was.name, was.evr, is.evr));
            gone.remove(&old);
            come.remove(&new);
        }
    }
    let mut texts = Vec::new();
    if !moved.is_empty() {
        texts.push(some(moved));
    }
    let text = |called: BTreeSet<Called>| called.iter().map(Called::to_string).collect();
    for (what, names) in [
        ("new content of", other),
        ("added", text(come)),
        ("removed", text(gone)),
    ] {
        if !names.is_empty() {
            texts.push(format!("{what} {}", some(names)));
        }
    }
    texts
}

fn succeeds(new: &Called, was: &Nevra) -> bool {
    matches!(new, Called::Package(is) if is.name == was.name && is.arch == was.arch)
}

/// How much differs between two derivations: the composer, what was asked for, inputs.
fn distance(old: &Derivation, new: &Derivation) -> usize {
    let composer = (old.composer, old.schema) != (new.composer, new.schema);
    let before: BTreeSet<_> = old.inputs.iter().collect();
    let after: BTreeSet<_> = new.inputs.iter().collect();
    let inputs = before.symmetric_difference(&after).count();
    usize::from(composer) + old.params.differences(&new.params).len() + inputs
}

/// Of which artifact's steps an input in this role is; `None` for packages, which are nobody's.
fn whose(recipes: &Recipes, of: &Name, role: &str) -> Option<Name> {
    let recipe = recipes.get(of)?;
    let name = match (&recipe.kind, role) {
        (_, "package" | "rpm") => return None,
        (Kind::Image(image), "base" | "base-root") => image.base.as_ref()?,
        (Kind::Installer(installer), "payload") => installer.payload.as_ref()?,
        (Kind::Installer(installer), "repository") => installer.repository.as_ref()?,
        (Kind::Disk(disk), "payload" | "root") => &disk.payload,
        (
            Kind::Command(Command {
                root: CommandRoot::Artifact(name),
                ..
            }),
            "root",
        ) => name,
        (_, role) => match (role.strip_prefix("overlay-"), role.rsplit_once('/')) {
            (Some(place), _) => {
                let place: usize = place.parse().ok()?;
                recipe.selection()?.overlay.get(place)?
            }
            // `input/NAME`, `VARIANT/KIND/NAME`
            (None, Some((_, name))) => return name.parse().ok(),
            (None, None) => of,
        },
    };
    Some(name.clone())
}

/// What a derivation of an earlier plan worked on; none for those that are not worth comparing.
fn topic(derivation: &Derivation, artifact: Option<&Name>) -> Option<String> {
    match derivation.kind.as_str() {
        "package" => derivation
            .params
            .text(&["nevra", "name"])
            .map(str::to_owned),
        "module" => {
            let text = |field| derivation.params.text(&["module", field]);
            Some(format!("{}:{}", text("name")?, text("stream")?))
        }
        "repository" | "root" | "overlay" | "ostree" | "image" | "squashfs" | "installer"
        | "disk" | "compose" | "command" => artifact.map(Name::to_string),
        _ => None,
    }
}

fn some(names: Vec<String>) -> String {
    const SHOWN: usize = 4;
    let more = names.len().saturating_sub(SHOWN);
    let mut text = names.into_iter().take(SHOWN).collect::<Vec<_>>().join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

/// For every step of a plan that is not known: why it has to run, or what it waits for.
pub fn explain(
    store: &Store,
    facts: &Facts<'_>,
    plan: &Plan,
    recipes: &Recipes,
    names: &[Name],
) -> BTreeMap<StepId, String> {
    let previous = Previous::new(store, facts, recipes, names);
    let mut reasons = BTreeMap::new();
    for (id, step) in plan.steps.iter().enumerate() {
        if step.outcome.is_some() {
            continue;
        }
        let reason = match step.derivation(|from| plan.entry(from)) {
            Some(derivation) => previous.reason(step, &derivation, &Names::new()),
            None => {
                let unknown: Vec<String> = step
                    .steps()
                    .filter(|&input| plan.steps[input].outcome.is_none())
                    .map(|input| {
                        format!("{} {}", plan.steps[input].kind, plan.steps[input].subject)
                    })
                    .collect();
                format!("after {}", some(unknown))
            }
        };
        reasons.insert(id, reason);
    }
    reasons
}
