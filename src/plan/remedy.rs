//! Where is what can't be installed for want of it? Adding it is a human decision, so this only names it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use super::holding::Stock;
use super::package::stated;
use super::planner::Planner;
use super::solve;
use crate::formats::rpm::Solvable;
use crate::ids::{Name, Nevra};
use crate::recipe::Kind;

/// Who would meet a requirement that is not met, among all that the recipes know of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remedy {
    pub requirement: String,
    /// The modules that have it, beyond those drawn from.
    pub modules: Vec<Name>,
    /// Where no module has it: a package of each source that does.
    pub sources: BTreeMap<Name, Nevra>,
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let requirement = &self.requirement;
        if !self.modules.is_empty() {
            let modules: Vec<&str> = self.modules.iter().map(Name::as_str).collect();
            let modules = modules.join(", ");
            return write!(
                f,
                "{requirement} is in {modules}: add it to `from` if it belongs"
            );
        }
        write!(f, "no module of the recipes provides {requirement}")?;
        for (place, (source, package)) in self.sources.iter().enumerate() {
            let before = if place == 0 { "; " } else { ", " };
            write!(f, "{before}{package} of source {source} does")?;
        }
        if !self.sources.is_empty() {
            f.write_str(": list that package in a module of `from` if it belongs")?;
        }
        Ok(())
    }
}

impl Planner<'_> {
    /// For each requirement that is not met, who would meet it.
    pub(super) fn remedies(
        &mut self,
        problem: &solve::Problem,
        from: &BTreeSet<Name>,
    ) -> Vec<Remedy> {
        let recipes = self.recipes;
        let others = recipes.recipes.keys().filter(|name| !from.contains(*name));
        // A module that can't be planned itself is no advice.
        let modules: Vec<(&Name, Vec<Arc<Solvable>>)> = others
            .filter_map(|name| Some((name, self.offered_by(name)?)))
            .collect();
        let mut stocks: Option<Vec<(&Name, Stock)>> = None;
        let mut remedies = Vec::new();
        for requirement in solve::missing(problem) {
            let having = modules
                .iter()
                .filter(|(_, offered)| !solve::providers(&requirement, offered).is_empty());
            let modules: Vec<Name> = having.map(|(name, _)| (*name).clone()).collect();
            let mut sources = BTreeMap::new();
            if modules.is_empty() {
                for (name, stock) in stocks.get_or_insert_with(|| self.stocks()) {
                    let package = self.provider(&requirement, name, stock);
                    sources.extend(package.map(|package| (name.clone(), package)));
                }
            }
            remedies.push(Remedy {
                requirement,
                modules,
                sources,
            });
        }
        remedies
    }

    /// What is known of the packages of a module; of those that are not made yet, what their recipes state.
    fn offered_by(&mut self, name: &Name) -> Option<Vec<Arc<Solvable>>> {
        let recipe = self.recipe(name).ok()?;
        let Kind::Module(module) = &recipe.kind else {
            return None;
        };
        if let Some(offered) = self.offered(recipe, module).ok()? {
            return self.solvables(offered.iter()).ok()?;
        }
        let recipes = self.recipes;
        let packages = module.from.iter().filter_map(|name| recipes.package(name));
        let solvables = packages.map(|package| Arc::new(Solvable::of(&stated(package))));
        Some(solvables.collect())
    }

    fn stocks(&self) -> Vec<(&Name, Stock)> {
        let recipes = self.recipes.recipes.iter();
        recipes
            .filter(|(_, recipe)| matches!(recipe.kind, Kind::Source(_)))
            .map(|(name, _)| (name, self.stock(name)))
            .collect()
    }

    /// The package of a source that meets a requirement: of several the newest of the first name.
    fn provider(&self, requirement: &str, source: &Name, stock: &Stock) -> Option<Nevra> {
        let solvables: Vec<&Arc<Solvable>> = stock.packages.values().collect();
        let places = solve::providers(requirement, &solvables);
        let mut found: Vec<&Nevra> = places.iter().map(|&at| &solvables[at].nevra).collect();
        let owned = if found.is_empty() && requirement.starts_with('/') {
            let path = BTreeSet::from([requirement.as_bytes().to_vec()]);
            let catalog = self.known.catalog(source).ok().flatten();
            catalog.and_then(|catalog| catalog.owners(&path).ok())
        } else {
            None
        };
        let owners = owned.iter().flatten().flat_map(|(_, owners)| owners);
        found.extend(
            owners
                .filter_map(|digest| stock.packages.get(digest))
                .map(|one| &one.nevra),
        );
        let order = |a: &&Nevra, b: &&Nevra| a.name.cmp(&b.name).then_with(|| b.evr.cmp(&a.evr));
        found.into_iter().min_by(order).cloned()
    }
}
