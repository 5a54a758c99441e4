//! Which of several packages is taken: those that what is chosen speaks for go before others.
//!
//! ```text
//! 0  with it another one can be spared: see `spare`
//! 1  it is asked for, or required where there is no choice: whoever requires one of several has it already
//! 2  something chosen recommends it, or it supplements something chosen
//! 3  something chosen suggests it, or it enhances something chosen
//! 4  all others
//! ```
//!
//! So `glibc` gets the language pack of the languages that are asked for, whether weak dependencies come along or not,
//! and whoever takes any Java takes the one that another package names.
//! Who speaks for whom is known only when something is chosen, so a question is answered, looked at, and answered again.

use std::collections::BTreeSet;

use super::closure::Closure;
use super::formula::{Clause, Encoder};
use super::rich::Expression;
use super::universe::Universe;
use crate::formats::rpm::Dependency;

/// A question whose answer speaks for another one again and again is left as it is after so many.
pub(super) const MOST_ROUNDS: usize = 4;

const PREFERRED: u8 = 0;
const SURE: u8 = 1;
const RECOMMENDED: u8 = 2;
const SUGGESTED: u8 = 3;
const OTHER: u8 = 4;

/// What is chosen, as it speaks for the packages in reach.
pub(super) struct Favour {
    ranks: Vec<u8>,
    /// Whether something chosen recommends it, or it supplements something chosen.
    recommended: Vec<bool>,
}

impl Favour {
    pub fn of(
        universe: &Universe,
        encoder: &mut Encoder,
        closure: &Closure,
        chosen: &[bool],
        preferred: &BTreeSet<usize>,
    ) -> Favour {
        let mut ranks = vec![OTHER; universe.packages.len()];
        for by in (0..ranks.len()).filter(|&by| chosen[by]) {
            let solvable = universe.packages[by].solvable;
            for (list, rank) in [
                (&solvable.recommends, RECOMMENDED),
                (&solvable.suggests, SUGGESTED),
            ] {
                for weak in list {
                    for clause in encoder.clauses(weak, true, Some(by)) {
                        if clause.applies(chosen) {
                            clause
                                .any
                                .iter()
                                .for_each(|&p| ranks[p] = ranks[p].min(rank));
                        }
                    }
                }
            }
        }
        for package in (0..ranks.len()).filter(|&package| closure.reaches(package)) {
            let solvable = universe.packages[package].solvable;
            let mut speaks = |list: &[Dependency]| {
                list.iter()
                    .any(|weak| Expression::of(weak).is_ok_and(|weak| encoder.holds(&weak, chosen)))
            };
            if ranks[package] > RECOMMENDED && speaks(&solvable.supplements) {
                ranks[package] = RECOMMENDED;
            } else if ranks[package] > SUGGESTED && speaks(&solvable.enhances) {
                ranks[package] = SUGGESTED;
            }
        }
        // Of one name the newest is taken, whatever is said of the others.
        for (rank, package) in ranks.iter_mut().zip(&universe.packages) {
            if !package.newest {
                *rank = OTHER;
            }
        }
        let recommended = ranks.iter().map(|rank| *rank == RECOMMENDED).collect();
        let mut favour = Favour { ranks, recommended };
        favour.mark_sure(universe, closure, chosen);
        for &package in preferred {
            favour.ranks[package] = PREFERRED;
        }
        favour
    }

    /// What is asked for, and what follows from that without a choice between packages of several names.
    fn mark_sure(&mut self, universe: &Universe, closure: &Closure, chosen: &[bool]) {
        let mut queue: Vec<usize> = Vec::new();
        let asked = closure.roots.iter().flat_map(|root| &*root.clause.any);
        for &package in asked.filter(|&&package| chosen[package]) {
            self.ranks[package] = SURE;
            queue.push(package);
        }
        while let Some(package) = queue.pop() {
            let clauses = closure.of(package).into_iter().flat_map(|d| &d.clauses);
            self.find_sure(universe, clauses, chosen, &mut queue);
        }
    }

    fn find_sure<'c>(
        &mut self,
        universe: &Universe,
        clauses: impl Iterator<Item = &'c Clause>,
        chosen: &[bool],
        queue: &mut Vec<usize>,
    ) {
        for clause in clauses.filter(|clause| clause.applies(chosen)) {
            let key = |&package: &usize| {
                let foreign = universe.packages[package].fit.is_foreign();
                (foreign, self.ranks[package].clamp(RECOMMENDED, SUGGESTED))
            };
            let Some(best) = clause.any.iter().map(key).min() else {
                continue;
            };
            let left = clause.any.iter().copied().filter(|p| key(p) == best);
            let left: Vec<usize> = left.collect();
            let name = |package: usize| &universe.packages[package].solvable.nevra.name;
            if left.iter().any(|&package| name(package) != name(left[0])) {
                continue;
            }
            for package in left {
                if chosen[package] && self.ranks[package] != SURE {
                    self.ranks[package] = SURE;
                    queue.push(package);
                }
            }
        }
    }

    /// Whether the first is no worse a choice than the second. What is suggested, and versions, are only an order.
    pub fn as_good(&self, universe: &Universe, first: usize, second: usize) -> bool {
        let class = |package: usize| {
            let foreign = universe.packages[package].fit.is_foreign();
            (foreign, !self.recommended[package])
        };
        class(first) <= class(second)
    }

    /// Puts the packages of a clause in order; whether another is first now.
    pub fn sort(&self, universe: &Universe, clause: &mut Clause) -> bool {
        let key = |&package: &usize| {
            let foreign = universe.packages[package].fit.is_foreign();
            (foreign, self.ranks[package])
        };
        if clause.any.is_sorted_by_key(key) {
            return false;
        }
        let mut any = clause.any.to_vec();
        any.sort_by_key(key);
        let moved = any.first() != clause.any.first();
        clause.any = any.into();
        moved
    }
}
