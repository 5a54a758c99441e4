//! Where is what an edition lacks? Adding it is a human decision, so this only names it.

use std::collections::{BTreeMap, BTreeSet};

use super::scene::Scene;
use crate::formats::rpm::Solvable;
use crate::ids::{Digest, Name, Nevra};
use crate::plan::solve::{Candidate, Shelf, rather};

/// Who has what is required, among all that the recipes know of.
pub(super) struct Advice<'a> {
    providers: BTreeMap<&'a str, Vec<&'a Solvable>>,
    modules: BTreeMap<Id<'a>, BTreeSet<&'a Name>>,
    sources: BTreeMap<Id<'a>, BTreeSet<&'a Name>>,
}

/// What a package is told apart by.
type Id<'a> = (&'a Nevra, &'a Digest);

impl<'a> Advice<'a> {
    pub fn new(scene: &Scene<'a>, requirements: impl Iterator<Item = &'a str>) -> Self {
        let mut modules: BTreeMap<Id, BTreeSet<&Name>> = BTreeMap::new();
        let mut sources: BTreeMap<Id, BTreeSet<&Name>> = BTreeMap::new();
        let mut solvables: Vec<&Solvable> = Vec::new();
        for (name, holding) in &scene.holdings.modules {
            for held in &holding.packages {
                solvables.push(&held.solvable);
                let holders = modules.entry(held.solvable.identity()).or_default();
                holders.insert(name);
            }
        }
        for (name, stock) in &scene.holdings.sources {
            for solvable in stock.packages.values() {
                solvables.push(solvable);
                let holders = sources.entry(solvable.identity()).or_default();
                holders.insert(name);
            }
        }
        let candidates = solvables.iter().map(|solvable| Candidate {
            solvable,
            module: None,
        });
        let question = scene.question(candidates.collect());
        let shelf = Shelf::new(&question);
        let mut providers = BTreeMap::new();
        for requirement in requirements {
            let found = || -> Vec<&Solvable> {
                let places = shelf.providers(requirement).into_iter();
                let mut found: Vec<&Solvable> = places.map(|place| solvables[place]).collect();
                found.sort_by(|a, b| rather(&a.nevra, &b.nevra, &question.arch));
                found
            };
            providers.entry(requirement).or_insert_with(found);
        }
        Advice {
            providers,
            modules,
            sources,
        }
    }

    /// What to do about a requirement that these modules lack.
    pub fn on(&self, requirement: &str, parts: &BTreeSet<&Name>) -> String {
        let providers = self
            .providers
            .get(requirement)
            .map_or(&[][..], Vec::as_slice);
        let holders = |of: &BTreeMap<Id<'a>, BTreeSet<&'a Name>>| {
            let found = providers.iter().filter_map(|one| of.get(&one.identity()));
            let names: BTreeSet<&Name> = found.flatten().copied().collect();
            let others = names.into_iter().filter(|name| !parts.contains(name));
            others.map(Name::to_string).collect::<Vec<_>>()
        };
        let first = providers.first().map(|solvable| &solvable.nevra);
        match (first, holders(&self.modules), holders(&self.sources)) {
            (Some(_), modules, _) if !modules.is_empty() => {
                let modules = modules.join(", ");
                format!("it is in {modules}: add that to the modules if it belongs")
            }
            (Some(nevra), _, sources) if !sources.is_empty() => {
                let sources = sources.join(", ");
                format!("{nevra} of {sources} has it: list that package in a module if it belongs")
            }
            _ => "no module and no source of the recipes has it".to_owned(),
        }
    }
}
