//! What can't be installed whatever else is, since something it needs is not there at all.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::closure::Closure;
use super::formula::Clause;
use super::problem::{Cause, Chain, Link, Problem, Unmet};
use super::relation::satisfies;
use super::request::Request;
use super::rich::{self, Expression};
use super::universe::Universe;
use crate::formats::rpm::Solvable;

/// Finds requests that fail because something they need, near or far, is not there at all.
pub(super) fn problem(
    universe: &Universe,
    closure: &Closure,
    requests: &[Request],
    dead: &[bool],
) -> Option<Problem> {
    let fails = |clause: &Clause| clause.when.is_empty() && clause.any.iter().all(|&p| dead[p]);
    let mut seen = BTreeSet::new();
    let mut queue = VecDeque::new();
    let mut causes = BTreeMap::new();
    let mut look = |clause: &Clause, chain: &Chain, queue: &mut VecDeque<(usize, Chain)>| {
        if !fails(clause) {
            return;
        }
        // The preferred package stands for all: its own trouble is the one to mend.
        match clause.any.first() {
            Some(&package) if seen.insert(package) => {
                let mut chain = chain.clone();
                chain.links.push(link(universe, package, clause));
                queue.push_back((package, chain));
            }
            Some(_) => {}
            None => {
                causes.entry(clause.text.to_string()).or_insert_with(|| {
                    let unmet = unmet(universe, clause);
                    Cause::Unmet {
                        requirement: clause.text.to_string(),
                        unmet,
                        chain: chain.clone(),
                    }
                });
            }
        }
    };
    for root in &closure.roots {
        look(
            &root.clause,
            &Chain::of(&requests[root.request]),
            &mut queue,
        );
    }
    while let Some((package, chain)) = queue.pop_front() {
        for clause in closure.of(package).into_iter().flat_map(|d| &d.clauses) {
            look(clause, &chain, &mut queue);
        }
    }
    // A circle of packages that need each other and nothing else is never dead, so there is a cause.
    let causes: Vec<Cause> = causes.into_values().collect();
    (!causes.is_empty()).then_some(Problem { causes })
}

/// Which packages can never be installed, whatever else is:
/// one of their requirements has none but dead packages to choose from.
pub(super) fn dead(universe: &Universe, closure: &Closure) -> Vec<bool> {
    let mut dead = vec![false; universe.packages.len()];
    let mut users: Vec<Vec<(usize, usize)>> = vec![Vec::new(); universe.packages.len()];
    let mut alive: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    let mut queue = Vec::new();
    for (number, demands) in closure.demands() {
        for (place, clause) in demands.clauses.iter().enumerate() {
            if !clause.when.is_empty() {
                continue;
            }
            for &package in clause.any.iter() {
                users[package].push((number, place));
            }
            alive.insert((number, place), clause.any.len());
            if clause.any.is_empty() {
                queue.push(number);
            }
        }
    }
    while let Some(package) = queue.pop() {
        if std::mem::replace(&mut dead[package], true) {
            continue;
        }
        for user in &users[package] {
            let left = alive.get_mut(user).expect("every clause has its count");
            *left -= 1;
            if *left == 0 {
                queue.push(user.0);
            }
        }
    }
    dead
}

/// The package, and the words for which it is wanted.
pub(super) fn link(universe: &Universe, package: usize, clause: &Clause) -> Link {
    Link {
        package: universe.packages[package].solvable.nevra.clone(),
        requirement: clause.text.to_string(),
    }
}

/// In which way a clause that has no package at all is unmet.
pub(super) fn unmet(universe: &Universe, clause: &Clause) -> Unmet {
    if clause.conflict {
        let broken = clause.broken.as_ref().map(ToString::to_string);
        return Unmet::Conflict { broken };
    }
    if let Some(reason) = &clause.broken {
        return Unmet::Malformed {
            reason: reason.to_string(),
        };
    }
    if clause.text.starts_with("rpmlib(") {
        return Unmet::UnknownFeature;
    }
    let Ok(Expression::Plain { name, version }) = rich::parse(&clause.text) else {
        return Unmet::NothingProvides;
    };
    let named = |solvable: &Solvable| {
        solvable.nevra.to_string() == name || satisfies(solvable, &name, None)
    };
    let na =
        |solvable: &Solvable| format!("{}.{}", solvable.nevra.name, solvable.nevra.arch) == name;
    let fits = |solvable: &Solvable| satisfies(solvable, &name, version.as_ref());
    let mut unfit = universe.unfit.iter();
    if let Some(solvable) = unfit.find(|r| fits(r) || na(r) || r.nevra.to_string() == name) {
        return Unmet::WrongArch {
            package: solvable.nevra.clone(),
        };
    }
    let packages: Vec<_> = universe
        .packages
        .iter()
        .filter(|package| named(package.solvable))
        .map(|package| package.solvable.nevra.clone())
        .collect();
    match packages.is_empty() {
        true => Unmet::NothingProvides,
        false => Unmet::WrongVersion { packages },
    }
}
