//! Where is what can't be installed for want of it? Adding it is a human decision, so this only names it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::holding::Stock;
use super::package::stated;
use super::planner::Planner;
use super::root::Catalogued;
use super::solve::{self, Question};
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

/// More requirements of one package than that say no more.
const MOST_TOLD: usize = 6;

/// A line for each thing to do, with all that it would meet.
pub(super) fn text<'a>(remedies: impl Iterator<Item = &'a Remedy>) -> String {
    let mut lines: Vec<(&Remedy, Vec<&str>)> = Vec::new();
    for remedy in remedies {
        let same = |(other, _): &&mut (&Remedy, _)| {
            (&other.modules, &other.sources) == (&remedy.modules, &remedy.sources)
        };
        match lines.iter_mut().find(same) {
            Some((_, requirements)) => requirements.push(&remedy.requirement),
            None => lines.push((remedy, vec![&remedy.requirement])),
        }
    }
    let lines = lines
        .iter()
        .map(|(remedy, requirements)| format!("\n{}", remedy.line(requirements)));
    lines.collect()
}

impl Remedy {
    fn line(&self, requirements: &[&str]) -> String {
        let more = requirements.len().saturating_sub(MOST_TOLD);
        let mut what = requirements[..requirements.len() - more].join(", ");
        if more > 0 {
            what += &format!(" and {more} more");
        }
        if !self.modules.is_empty() {
            let modules: Vec<&str> = self.modules.iter().map(Name::as_str).collect();
            let is = if requirements.len() == 1 { "is" } else { "are" };
            return format!(
                "{what} {is} in {}: add it to `from` if it belongs",
                modules.join(", ")
            );
        }
        let offers = self.sources.iter();
        let offers: Vec<String> = offers
            .map(|(source, package)| format!("{package} of source {source} does"))
            .collect();
        let line = format!("no module of the recipes provides {what}");
        match offers.is_empty() {
            true => line,
            false => format!(
                "{line}; {}: list that package in a module of `from` if it belongs",
                offers.join(", ")
            ),
        }
    }
}

/// Whether all that is missing could be listed in a module.
pub(super) fn are_of_sources(remedies: &[Remedy]) -> bool {
    let listed = |remedy: &Remedy| remedy.modules.is_empty() && !remedy.sources.is_empty();
    !remedies.is_empty() && remedies.iter().all(listed)
}

/// What would have to be listed, in one line; one package by itself was told of already.
pub(super) fn whole(completion: &[String]) -> String {
    if completion.len() < 2 {
        return String::new();
    }
    let quoted: Vec<String> = completion.iter().map(|item| format!("{item:?}")).collect();
    format!(
        "\nwith these {} listed it can be installed: {}",
        quoted.len(),
        quoted.join(", ")
    )
}

impl Planner<'_> {
    /// The packages of sources with which a question has an answer, as a manifest names them; none where it still has none.
    pub(super) fn completion(&self, question: &Question, known: Catalogued) -> Vec<String> {
        let stocks = self.stocks();
        let mut catalogued: Catalogued<'_> = known;
        let mut wider = Question {
            owners: BTreeMap::new(),
            ..question.clone()
        };
        let own = wider.packages.len();
        let offered = wider.packages.iter().map(|one| &one.solvable.nevra);
        let offered: BTreeSet<_> = offered.map(|nevra| (&nevra.name, &nevra.arch)).collect();
        let mut seen = BTreeSet::new();
        for (source, stock) in &stocks {
            for (digest, solvable) in &stock.packages {
                let nevra = &solvable.nevra;
                // Those of a stream are for a module of that stream.
                let is_modular = !solvable.modularity_labels.is_empty();
                if is_modular
                    || offered.contains(&(&nevra.name, &nevra.arch))
                    || !seen.insert(digest)
                {
                    continue;
                }
                let places = catalogued.entry(*source).or_default();
                places.entry(digest).or_default().push(wider.packages.len());
                let module = None;
                wider.packages.push(solve::Candidate { solvable, module });
            }
        }
        if self.learn_owners(&mut wider, &catalogued).is_err() {
            return Vec::new();
        }
        let Ok(solution) = solve::solve(&wider) else {
            return Vec::new();
        };
        let added = solution.packages.iter().filter(|&&place| place >= own);
        let added = added.map(|&place| &wider.packages[place].solvable.nevra);
        let item = |nevra: &Nevra| match solve::is_foreign(nevra, &question.arch) {
            true => format!("{}.{}", nevra.name, nevra.arch),
            false => nevra.name.clone(),
        };
        added.map(item).collect()
    }

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

    /// The package of a source that meets a requirement; of several the one that a person would rather list.
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
        let arch = &self.recipes.release.arch;
        let order = |a: &&Nevra, b: &&Nevra| solve::rather(a, b, arch);
        found.into_iter().min_by(order).cloned()
    }
}
