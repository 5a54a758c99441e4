//! Looking up what packages fulfil, without a request: which requirements of which of them nothing here meets.

use std::collections::{BTreeMap, BTreeSet};

use super::Question;
use super::formula::{Clause, Encoder};
use super::paths;
use super::problem::Unmet;
use super::relation::satisfies;
use super::rich::{self, Expression};
use super::universe::Universe;
use crate::formats::repodata::is_primary;
use crate::formats::rpm::Solvable;

/// The packages of a question, to be looked through as a whole.
pub struct Shelf<'a> {
    universe: Universe<'a>,
}

/// A requirement that no package fulfils, so that the package that has it can't be installed whatever else is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lack {
    /// Its place in the question.
    pub package: usize,
    /// As the package states it.
    pub requirement: String,
    pub unmet: Unmet,
}

/// The paths that dependencies of these packages name, and that primary metadata leaves out.
///
/// Who owns them, as file lists tell, belongs into [`Question::owners`] before a shelf is looked through.
pub fn named_paths<'a>(solvables: impl Iterator<Item = &'a Solvable>) -> BTreeSet<Vec<u8>> {
    let mut named = paths::wanted(&[], solvables);
    named.retain(|path| !is_primary(path));
    named
}

impl<'a> Shelf<'a> {
    pub fn new(question: &'a Question<'a>) -> Self {
        Shelf {
            universe: Universe::new(question),
        }
    }

    /// What the packages that are to be judged lack, each with the whole shelf to lean on.
    ///
    /// Packages exclude each other as they like: it is enough that somebody provides what is required.
    /// Those that the system can't run neither give nor lack anything, nor do source packages.
    pub fn lacks(&self, judged: impl Fn(usize) -> bool) -> Vec<Lack> {
        let mut encoder = Encoder::new(&self.universe);
        let mut known: BTreeMap<String, Unmet> = BTreeMap::new();
        let mut lacks = BTreeSet::new();
        for (number, package) in self.universe.packages.iter().enumerate() {
            if !judged(package.asked) {
                continue;
            }
            for requirement in &package.solvable.requires {
                if requirement.rpmlib || requirement.name.starts_with("rpmlib(") {
                    continue;
                }
                for clause in encoder.clauses(requirement, true, Some(number)) {
                    if !clause.any.is_empty() || !clause.when.is_empty() {
                        continue;
                    }
                    let requirement = clause.text.to_string();
                    let unmet = known
                        .entry(requirement.clone())
                        .or_insert_with(|| self.unmet(&clause));
                    lacks.insert(Lack {
                        package: package.asked,
                        requirement,
                        unmet: unmet.clone(),
                    });
                }
            }
        }
        lacks.into_iter().collect()
    }

    /// The packages that fulfil a requirement, or any plain part of a rich one, by their places in the question.
    pub fn providers(&self, requirement: &str) -> Vec<usize> {
        let Ok(expression) = rich::parse(requirement) else {
            return Vec::new();
        };
        let mut places = BTreeSet::new();
        expression.each_plain(&mut |name, range| {
            let numbers = self.universe.providers(name, range);
            places.extend(numbers.iter().map(|&n| self.universe.packages[n].asked));
        });
        places.into_iter().collect()
    }

    fn unmet(&self, clause: &Clause) -> Unmet {
        if let Some(reason) = &clause.broken {
            return Unmet::Malformed {
                reason: reason.to_string(),
            };
        }
        let Ok(Expression::Plain { name, version }) = rich::parse(&clause.text) else {
            return Unmet::NothingProvides;
        };
        let fits = |solvable: &&&Solvable| satisfies(solvable, &name, version.as_ref());
        if let Some(solvable) = self.universe.unfit.iter().find(fits) {
            return Unmet::WrongArch {
                package: solvable.nevra.clone(),
            };
        }
        let others = self.universe.providers(&name, None);
        let nevra = |&number: &usize| self.universe.packages[number].solvable.nevra.clone();
        match others.is_empty() {
            true => Unmet::NothingProvides,
            false => Unmet::WrongVersion {
                packages: others.iter().map(nevra).collect(),
            },
        }
    }
}
