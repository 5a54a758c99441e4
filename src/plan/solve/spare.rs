//! What is chosen of several packages, and can be spared since another of them comes along anyway.
//!
//! `app` requires `backend`, which `backend-full` and `backend-mini` provide. The first of them is chosen,
//! and requires the other, with which alone `app` would have what it requires. That is seen only when all is chosen;
//! then the other one is preferred, and the question answered once more.
//! One choice after the other, since what came for the sake of one goes with it: first where another is needed
//! whatever is chosen here, then the nearest to the requests.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::closure::Closure;
use super::favour::Favour;
use super::formula::Clause;
use super::universe::Universe;

/// A question whose answer could spare more than this, one after the other, is left as it is after so many.
pub(super) const MOST_SPARED: usize = 16;

/// Nor is it tried of more packages than this whether they can be spared.
const MOST_TRIED: usize = 1024;

/// A clause that counts, given what is chosen.
struct Use<'c> {
    /// Whose it is; `None` for a request.
    by: Option<usize>,
    clause: &'c Clause,
    wish: bool,
    /// Those of its packages that are chosen, and as good as the one that was taken; that one is the first.
    takes: Vec<usize>,
}

/// All clauses that count, the nearest to the requests first.
struct Uses<'c> {
    chosen: &'c [bool],
    all: Vec<Use<'c>>,
    /// The places of those that take a package.
    of: BTreeMap<usize, Vec<usize>>,
    reached: BTreeSet<usize>,
    /// Packages that no clause takes: they are there for what they supplement.
    unasked: BTreeSet<usize>,
}

/// Looks for a package that can be spared, and has those preferred that come anyway; whether there was one.
pub(super) fn prefer(
    universe: &Universe,
    closure: &Closure,
    favour: &Favour,
    chosen: &[bool],
    preferred: &mut BTreeSet<usize>,
) -> bool {
    let uses = Uses::of(universe, closure, favour, chosen);
    let firm = uses.firm();
    let is_settled = |one: &&Use| one.takes.iter().skip(1).any(|other| firm.contains(other));
    let mut tried = BTreeSet::new();
    for one in uses.all.iter().filter(is_settled).chain(&uses.all) {
        let [taken, _, ..] = one.takes[..] else {
            continue;
        };
        if tried.len() == MOST_TRIED || !tried.insert(taken) {
            continue;
        }
        let Some(gone) = uses.gone_with(taken) else {
            continue;
        };
        let instead = uses.instead_of(&gone);
        if !instead.is_subset(preferred) {
            preferred.retain(|package| !gone.contains(package));
            preferred.extend(instead);
            return true;
        }
    }
    false
}

impl<'c> Uses<'c> {
    fn of(
        universe: &Universe,
        closure: &'c Closure,
        favour: &Favour,
        chosen: &'c [bool],
    ) -> Uses<'c> {
        let mut uses = Uses {
            chosen,
            all: Vec::new(),
            of: BTreeMap::new(),
            reached: BTreeSet::new(),
            unasked: BTreeSet::new(),
        };
        let as_good = |one: usize, taken: usize| favour.as_good(universe, one, taken);
        let mut queue = VecDeque::new();
        for root in &closure.roots {
            queue.extend(uses.add(None, &root.clause, false, &as_good));
        }
        let mut supplements = closure.supplements.iter().map(|(package, _)| *package);
        loop {
            let Some(package) = queue.pop_front() else {
                let Some(package) = supplements.find(|package| uses.is_new(*package)) else {
                    return uses;
                };
                uses.unasked.insert(package);
                queue.push_back(package);
                continue;
            };
            for clause in closure.of(package).into_iter().flat_map(|d| &d.clauses) {
                queue.extend(uses.add(Some(package), clause, false, &as_good));
            }
            for clause in closure.wishes[package].iter().flat_map(|w| &w.clauses) {
                queue.extend(uses.add(Some(package), clause, true, &as_good));
            }
        }
    }

    /// Takes a clause in if it counts; the packages that it is the first to ask for.
    fn add(
        &mut self,
        by: Option<usize>,
        clause: &'c Clause,
        wish: bool,
        as_good: &impl Fn(usize, usize) -> bool,
    ) -> Vec<usize> {
        if !clause.applies(self.chosen) {
            return Vec::new();
        }
        let there = clause.any.iter().copied();
        let there: Vec<usize> = there.filter(|&one| self.chosen[one]).collect();
        let takes = there.iter().filter(|one| as_good(**one, there[0]));
        let takes: Vec<usize> = takes.copied().collect();
        for &package in &takes {
            self.of.entry(package).or_default().push(self.all.len());
        }
        self.all.push(Use {
            by,
            clause,
            wish,
            takes,
        });
        let new = there.into_iter().filter(|package| self.is_new(*package));
        new.collect()
    }

    /// Whether it is chosen, and met for the first time.
    fn is_new(&mut self, package: usize) -> bool {
        self.chosen[package] && self.reached.insert(package)
    }

    /// What is needed where there is no other to choose, all the way from the requests.
    fn firm(&self) -> BTreeSet<usize> {
        let mut sole: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
        for one in &self.all {
            if let [only] = one.takes[..] {
                sole.entry(one.by).or_default().push(only);
            }
        }
        let mut firm = BTreeSet::new();
        let mut queue = vec![None];
        while let Some(by) = queue.pop() {
            let needed = sole.get(&by).into_iter().flatten();
            let new = needed.filter(|package| firm.insert(**package));
            queue.extend(new.map(|package| Some(*package)));
        }
        firm
    }

    fn applies(&self, one: &Use, gone: &BTreeSet<usize>) -> bool {
        let there = |package: &usize| self.chosen[*package] && !gone.contains(package);
        let stays = one.by.is_none_or(|by| !gone.contains(&by));
        stays && one.clause.when.iter().all(|set| set.iter().any(there))
    }

    /// A package and those that can't be without it; `None` where something that is asked for,
    /// or wished for, would be among them.
    fn gone_with(&self, package: usize) -> Option<BTreeSet<usize>> {
        let mut gone = BTreeSet::from([package]);
        let mut queue = vec![package];
        while let Some(package) = queue.pop() {
            for &place in self.of.get(&package).into_iter().flatten() {
                let one = &self.all[place];
                if one.takes.iter().any(|p| !gone.contains(p)) || !self.applies(one, &gone) {
                    continue;
                }
                let by = one
                    .by
                    .filter(|by| !one.wish && !self.unasked.contains(by))?;
                gone.insert(by);
                queue.push(by);
            }
        }
        Some(gone)
    }

    /// What is left for the clauses that took one of those that are gone.
    fn instead_of(&self, gone: &BTreeSet<usize>) -> BTreeSet<usize> {
        let places = gone.iter().filter_map(|package| self.of.get(package));
        let uses = places.flatten().map(|&place| &self.all[place]);
        let took = uses.filter(|one| gone.contains(&one.takes[0]) && self.applies(one, gone));
        let left = took.filter_map(|one| one.takes.iter().find(|p| !gone.contains(p)));
        left.copied().collect()
    }
}
