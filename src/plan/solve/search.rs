//! The search: first what must be, then what is wished for.

use std::collections::{BTreeMap, BTreeSet};

use resolvo::{ConditionalRequirement, Problem, Solver, UnsolvableOrCancelled};

use super::closure::Closure;
use super::demands::Wish;
use super::formula::{Clause, Encoder};
use super::provider::{Form, Provider};
use super::rich::Expression;
use super::universe::Universe;

/// A solver for one question.
pub(super) struct Search<'s, 'a> {
    universe: &'s Universe<'a>,
    closure: &'s Closure,
    solver: Solver<Provider>,
    /// A requirement of each package in reach, to keep what is chosen.
    pins: Vec<Option<ConditionalRequirement>>,
    hopes: Vec<Hope<'s>>,
}

/// Something that is wished for once its time comes.
struct Hope<'s> {
    occasion: Occasion<'s>,
    wish: Wish,
    requirements: Vec<ConditionalRequirement>,
}

enum Occasion<'s> {
    /// This package is chosen, and recommends it.
    Chosen(usize),
    /// One of the expressions that this package supplements is true of what is chosen, by something that is there:
    /// `(a if b)` asks for nothing where neither is.
    Holds {
        package: usize,
        supplemented: &'s [Expression],
    },
}

impl<'s, 'a> Search<'s, 'a> {
    pub fn new(universe: &'s Universe<'a>, closure: &'s Closure) -> Search<'s, 'a> {
        let mut provider = Provider::new(universe, closure, Form::Conditions);
        let mut hopes = Vec::new();
        let mut hope = |provider: &mut Provider, occasion, wish: Wish| {
            hopes.push(Hope {
                occasion,
                requirements: provider.wish(&wish),
                wish,
            });
        };
        for (package, wishes) in closure.wishes.iter().enumerate() {
            for wish in wishes {
                hope(&mut provider, Occasion::Chosen(package), wish.clone());
            }
        }
        for (package, expressions) in &closure.supplements {
            let wish = Wish {
                clauses: vec![Clause::of_package(*package)],
            };
            let occasion = Occasion::Holds {
                package: *package,
                supplemented: expressions,
            };
            hope(&mut provider, occasion, wish);
        }
        let pins = (0..universe.packages.len())
            .map(|package| closure.reaches(package).then(|| provider.pin(package)))
            .collect();
        provider.tie_tags();
        Search {
            universe,
            closure,
            solver: Solver::new(provider),
            pins,
            hopes,
        }
    }

    /// Which packages the requests take; `None` if they can't be fulfilled together.
    pub fn what_must_be(&mut self) -> Option<Vec<bool>> {
        let roots = self.solver.provider().roots.clone();
        self.solve(roots)
    }

    /// What is chosen, with what is wished for beside it.
    ///
    /// Wishes only ever add packages: what is chosen for the requests stays,
    /// and where two wishes exclude each other the earlier one wins.
    pub fn what_is_wished(
        mut self,
        mut chosen: Vec<bool>,
        encoder: &mut Encoder,
        dead: &[bool],
    ) -> Vec<bool> {
        let mut refused = BTreeSet::new();
        loop {
            let mut open: Vec<usize> = (0..self.hopes.len())
                .filter(|place| !refused.contains(place))
                .filter(|place| self.hopes[*place].is_open(encoder, &chosen, dead))
                .collect();
            self.keep_newest(&mut open, &chosen);
            if open.is_empty() {
                return chosen;
            }
            self.grant(&open, &mut chosen, &mut refused);
        }
    }

    /// Of several packages of one name that supplement what is chosen, only the newest has a claim,
    /// and none where one of that name is there already.
    fn keep_newest(&self, open: &mut Vec<usize>, chosen: &[bool]) {
        let mut best: BTreeMap<&str, usize> = BTreeMap::new();
        let name = |package: usize| self.universe.packages[package].solvable.nevra.name.as_str();
        let supplement = |hope: usize| match self.hopes[hope].occasion {
            Occasion::Holds { package, .. } => Some(package),
            Occasion::Chosen(_) => None,
        };
        for package in open.iter().filter_map(|hope| supplement(*hope)) {
            let best = best.entry(name(package)).or_insert(package);
            if self.universe.by_version(package, *best).is_lt() {
                *best = package;
            }
        }
        let there = |package: usize| {
            let twins = self.universe.named(name(package)).iter();
            twins
                .copied()
                .any(|other| chosen[other] && self.universe.exclusive(package, other))
        };
        open.retain(|hope| match supplement(*hope) {
            Some(package) => best[name(package)] == package && !there(package),
            None => true,
        });
    }

    /// Grants as many wishes as can be, in their order: all at once, or else each half on its own.
    fn grant(&mut self, open: &[usize], chosen: &mut Vec<bool>, refused: &mut BTreeSet<usize>) {
        let pinned = self.pins.iter().zip(chosen.iter());
        let mut all: Vec<ConditionalRequirement> = self.solver.provider().roots.clone();
        all.extend(pinned.filter_map(|(pin, chosen)| pin.filter(|_| *chosen)));
        let wished = open.iter().map(|place| &self.hopes[*place].requirements);
        all.extend(wished.flatten().copied());
        match (self.solve(all), open) {
            (Some(more), _) => *chosen = more,
            (None, [hope]) => {
                refused.insert(*hope);
            }
            (None, _) => {
                let (first, second) = open.split_at(open.len() / 2);
                self.grant(first, chosen, refused);
                self.grant(second, chosen, refused);
            }
        }
    }

    fn solve(&mut self, requirements: Vec<ConditionalRequirement>) -> Option<Vec<bool>> {
        let problem = Problem::new().requirements(requirements);
        let solvables = match self.solver.solve(problem) {
            Ok(solvables) => solvables,
            Err(UnsolvableOrCancelled::Unsolvable(_)) => return None,
            Err(UnsolvableOrCancelled::Cancelled(_)) => {
                unreachable!("our provider never cancels")
            }
        };
        let mut chosen = vec![false; self.universe.packages.len()];
        for solvable in solvables {
            if let Some(package) = self.solver.provider().package(solvable, self.universe) {
                debug_assert!(self.closure.reaches(package), "only what is in reach");
                chosen[package] = true;
            }
        }
        Some(chosen)
    }
}

impl Hope<'_> {
    /// Whether its time has come, it is not fulfilled yet, and there is something to fulfil it with.
    fn is_open(&self, encoder: &mut Encoder, chosen: &[bool], dead: &[bool]) -> bool {
        let due = match self.occasion {
            Occasion::Chosen(package) => chosen[package],
            Occasion::Holds { supplemented, .. } => {
                supplemented.iter().any(|e| encoder.speaks(e, chosen))
            }
        };
        let mut open = self.wish.clauses.iter().filter(|c| !c.holds(chosen));
        let possible = |clause: &Clause| clause.any.iter().any(|&p| !dead[p]);
        due && open.clone().next().is_some() && open.all(possible)
    }
}
