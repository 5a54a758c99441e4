//! What is judged: the recipes in question, with what their modules hold.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{Digest, Name};
use crate::plan::solve::{Candidate, Question};
use crate::plan::{Held, Holding, Holdings};
use crate::recipe::{Kind, Module, Place, Recipe, Recipes, Repository, Selection, Source};

/// The recipes in question, with what their modules hold.
pub(super) struct Scene<'a> {
    pub recipes: &'a Recipes,
    pub holdings: &'a Holdings,
    /// Those named, with all that they are made of.
    scope: BTreeSet<&'a Name>,
    /// Whether every recipe is in question.
    pub whole: bool,
}

/// A module of an artifact, with what it holds.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub recipe: &'a Recipe,
    pub module: &'a Module,
    pub holding: &'a Holding,
}

/// A package, with the module that holds it.
pub(super) type Member<'a> = (Part<'a>, &'a Held);

/// Packages of several modules, and the question about them; a package has the same place in both.
pub(super) struct Offer<'a> {
    pub packages: Vec<Member<'a>>,
    pub question: Question<'a>,
}

impl<'a> Scene<'a> {
    pub fn new(recipes: &'a Recipes, names: &[Name], holdings: &'a Holdings) -> Self {
        let mut scope = BTreeSet::new();
        let mut open: Vec<Name> = match names {
            [] => recipes.recipes.keys().cloned().collect(),
            names => names.to_vec(),
        };
        while let Some(name) = open.pop() {
            if let Some((name, recipe)) = recipes.recipes.get_key_value(&name)
                && scope.insert(name)
            {
                open.extend(recipe.uses());
            }
        }
        Scene {
            recipes,
            holdings,
            scope,
            whole: names.is_empty(),
        }
    }

    /// The recipes in question.
    pub fn judged(&self) -> impl Iterator<Item = &'a Recipe> {
        let recipes = self.recipes;
        self.scope.iter().filter_map(|name| recipes.get(name))
    }

    pub fn sources(&self) -> impl Iterator<Item = (&'a Recipe, &'a Source)> {
        self.judged().filter_map(|recipe| match &recipe.kind {
            Kind::Source(source) => Some((recipe, source)),
            _ => None,
        })
    }

    pub fn modules(&self) -> impl Iterator<Item = Part<'a>> {
        self.judged().filter_map(|recipe| self.part(&recipe.name))
    }

    pub fn editions(&self) -> impl Iterator<Item = (&'a Recipe, &'a Repository)> {
        self.judged().filter_map(|recipe| match &recipe.kind {
            Kind::Repository(repository) => Some((recipe, repository)),
            _ => None,
        })
    }

    /// What has packages installed, and which.
    pub fn selections(&self) -> impl Iterator<Item = (&'a Recipe, Selection)> {
        self.judged().filter_map(|recipe| {
            let selection = self.recipes.selection(&recipe.name)?;
            Some((recipe, selection))
        })
    }

    /// A module, if the name is one of a module.
    pub fn part(&self, name: &Name) -> Option<Part<'a>> {
        let recipe = self.recipes.get(name)?;
        Some(Part {
            recipe,
            module: self.recipes.module(name)?,
            holding: self.holdings.modules.get(name)?,
        })
    }

    pub fn parts<'n>(&self, names: impl IntoIterator<Item = &'n Name>) -> Vec<Part<'a>> {
        let names = names.into_iter();
        names.filter_map(|name| self.part(name)).collect()
    }

    /// Whether it is known what all of these modules hold.
    pub fn knows(&self, parts: &[Part]) -> bool {
        let known = |part: &Part| self.holdings.knows(&part.recipe.name, part.module);
        parts.iter().all(known)
    }

    /// All that modules offer together.
    pub fn offer(&self, parts: &[Part<'a>]) -> Offer<'a> {
        let packages: Vec<Member> = parts.iter().flat_map(|part| part.members()).collect();
        let candidates = packages.iter().map(|(part, held)| Candidate {
            solvable: &held.solvable,
            module: Some(part.recipe.name.as_str()),
        });
        let question = self.question(candidates.collect());
        Offer { packages, question }
    }

    /// A question about packages that asks for nothing yet.
    pub fn question(&self, packages: Vec<Candidate<'a>>) -> Question<'a> {
        let mut owners: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
        if !self.holdings.owners.is_empty() {
            let mut places: BTreeMap<&Digest, Vec<usize>> = BTreeMap::new();
            for (place, candidate) in packages.iter().enumerate() {
                let places = places.entry(&candidate.solvable.digest).or_default();
                places.push(place);
            }
            for (path, digests) in &self.holdings.owners {
                let found = digests.iter().filter_map(|digest| places.get(digest));
                owners.insert(path.clone(), found.flatten().copied().collect());
            }
        }
        Question {
            packages,
            install: Vec::new(),
            arch: self.recipes.release.arch.clone(),
            weak: false,
            owners,
        }
    }

    /// Where a package comes in: the recipe that makes it, else the line of the manifest.
    pub fn place(&self, part: Part, held: &Held, requirement: &str) -> Place {
        match held.made.as_ref().and_then(|name| self.recipes.get(name)) {
            Some(maker) => maker.place("requires", requirement),
            None => part.place(&held.item),
        }
    }
}

impl<'a> Part<'a> {
    /// The packages of the module.
    pub fn members(self) -> impl Iterator<Item = Member<'a>> {
        let packages = self.holding.packages.iter();
        packages.map(move |held| (self, held))
    }

    /// The line of the manifest that an item stands in, or of the document that lists it.
    pub fn place(&self, item: &str) -> Place {
        let places = &self.recipe.places;
        let known = places.of("packages", item).or(places.of("modulemd", ""));
        let known = known.or(places.of("from", item)).cloned();
        known.unwrap_or_else(|| Place::start(&self.recipe.file))
    }

    /// `NAME:STREAM`, as far as the document is known.
    pub fn stream(&self) -> Option<String> {
        Some(self.holding.document.as_ref()?.name_stream())
    }
}
