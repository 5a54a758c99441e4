//! All that could play a part: what the requests reach, directly or through others.

use std::collections::BTreeSet;

use super::arch::Fit;
use super::demands::{Demands, Wish, twin};
use super::favour::Favour;
use super::formula::{Clause, Encoder};
use super::request::Request;
use super::rich::Expression;
use super::universe::Universe;

/// A clause of a request.
pub(super) struct Root {
    /// Its place among the requests.
    pub request: usize,
    pub clause: Clause,
}

/// The packages in reach with their demands.
pub(super) struct Closure {
    pub roots: Vec<Root>,
    demands: Vec<Option<Demands>>,
    /// What each package recommends; empty unless weak dependencies count.
    pub wishes: Vec<Vec<Wish>>,
    /// Packages that want to come along as soon as something else is there.
    pub supplements: Vec<(usize, Vec<Expression>)>,
}

impl Closure {
    pub fn new(
        universe: &Universe,
        encoder: &mut Encoder,
        requests: &[Request],
        weak: bool,
    ) -> Closure {
        let roots: Vec<Root> = requests
            .iter()
            .enumerate()
            .flat_map(|(request, asked)| {
                let clauses = asked.clauses(universe, encoder);
                clauses
                    .into_iter()
                    .map(move |clause| Root { request, clause })
            })
            .collect();
        let mut closure = Closure {
            roots,
            demands: Vec::new(),
            wishes: Vec::new(),
            supplements: Vec::new(),
        };
        closure
            .demands
            .resize_with(universe.packages.len(), || None);
        closure
            .wishes
            .resize_with(universe.packages.len(), Vec::new);
        let mut queue: Vec<usize> = closure
            .roots
            .iter()
            .flat_map(|root| root.clause.any.iter().copied())
            .collect();
        let asked: BTreeSet<usize> = queue.iter().copied().collect();
        if weak {
            closure.collect_supplements(universe);
            queue.extend(closure.supplements.iter().map(|(package, _)| *package));
        }
        while let Some(package) = queue.pop() {
            if closure.demands[package].is_some() {
                continue;
            }
            let demands = Demands::of(universe, encoder, package, asked.contains(&package));
            queue.extend(demands.clauses.iter().flat_map(|c| c.any.iter().copied()));
            closure.demands[package] = Some(demands);
            if weak {
                let wishes = Demands::wishes(universe, encoder, package);
                let clauses = wishes.iter().flat_map(|wish| &wish.clauses);
                queue.extend(clauses.flat_map(|c| c.any.iter().copied()));
                closure.wishes[package] = wishes;
            }
        }
        closure.keep_versions_apart(universe, &asked);
        closure
    }

    /// Rules out foreign packages without a native twin where that name is in reach in another version.
    fn keep_versions_apart(&mut self, universe: &Universe, asked: &BTreeSet<usize>) {
        let is_native = |other: usize| matches!(universe.packages[other].fit, Fit::Native(_));
        for number in 0..universe.packages.len() {
            if asked.contains(&number) || !self.reaches(number) {
                continue;
            }
            let name = &universe.packages[number].solvable.nevra.name;
            let mut others = universe.named(name).iter().copied();
            if others.any(|other| is_native(other) && self.reaches(other)) {
                let twin = twin(universe, number).filter(|twin| twin.any.is_empty());
                let demands = self.demands[number].as_mut();
                demands.expect("it is in reach").clauses.extend(twin);
            }
        }
    }

    /// A foreign package is never pulled in by what it supplements.
    fn collect_supplements(&mut self, universe: &Universe) {
        for (number, package) in universe.packages.iter().enumerate() {
            if package.fit.is_foreign() {
                continue;
            }
            let expressions: Vec<Expression> = package
                .solvable
                .supplements
                .iter()
                .filter_map(|supplemented| Expression::of(supplemented).ok())
                .collect();
            if !expressions.is_empty() {
                self.supplements.push((number, expressions));
            }
        }
    }

    /// Has what some packages speak for go first in every clause; whether that is another one
    /// in any clause of what is chosen, or asked for.
    pub fn favour(&mut self, universe: &Universe, favour: &Favour, chosen: &[bool]) -> bool {
        let mut moved = false;
        for root in &mut self.roots {
            moved |= favour.sort(universe, &mut root.clause);
        }
        for (demands, &chosen) in self.demands.iter_mut().zip(chosen) {
            for clause in demands.iter_mut().flat_map(|demands| &mut demands.clauses) {
                moved |= favour.sort(universe, clause) && chosen;
            }
        }
        for wish in self.wishes.iter_mut().flatten() {
            for clause in &mut wish.clauses {
                favour.sort(universe, clause);
            }
        }
        moved
    }

    pub fn reaches(&self, package: usize) -> bool {
        self.demands[package].is_some()
    }

    /// What a package demands, if it is in reach.
    pub fn of(&self, package: usize) -> Option<&Demands> {
        self.demands[package].as_ref()
    }

    /// In canonical order.
    pub fn demands(&self) -> impl Iterator<Item = (usize, &Demands)> {
        self.demands
            .iter()
            .enumerate()
            .filter_map(|(number, demands)| Some((number, demands.as_ref()?)))
    }
}
