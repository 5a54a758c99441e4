//! Which packages does an `install` list mean, with all that they need?
//!
//! ```text
//! Question → Universe (indexed) → Closure (clauses) → solver → Solution, or Problem
//!                                    ▲                   │
//!                                    └───── Favour ◀─────┘  until what is chosen speaks for nothing else,
//!                                                            and nothing can be spared
//! ```
//!
//! A pure function: the same packages in any order give the same answer.
//! The rules are RPM's, the search is a solver library's, and the preferences are those that dnf shows:
//! see `Universe::alternatives` and `Favour` for which of several packages is taken.

mod arch;
mod closure;
mod demands;
mod explain;
mod favour;
mod formula;
mod hopeless;
mod modular;
mod paths;
mod problem;
mod provider;
mod relation;
mod request;
mod rich;
mod search;
mod shelf;
mod spare;
mod universe;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::formats::rpm::Solvable;
pub use arch::{is_foreign, rather};
use closure::Closure;
use favour::{Favour, MOST_ROUNDS};
use formula::Encoder;
pub use modular::{Modularity, Refused};
pub use paths::paths;
pub use problem::{Cause, Chain, Clash, Link, Problem, Unmet, missing};
pub use request::{Request, newest, providers};
use search::Search;
pub use shelf::{Lack, Shelf, named_paths};
use spare::MOST_SPARED;
use universe::Universe;

/// What is to be installed, and what there is to install it from.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    pub packages: Vec<Candidate<'a>>,
    pub install: Vec<Request>,
    /// Of the system: `x86_64`, `armv7l`.
    pub arch: String,
    /// Whether what is recommended, or supplements what is chosen, comes along where it can.
    pub weak: bool,
    /// Who owns a path, as places in the question, beyond what the packages list themselves: see [`paths`].
    pub owners: BTreeMap<Vec<u8>, Vec<usize>>,
}

/// A package that may be chosen. Source packages never are.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    pub solvable: &'a Solvable,
    /// The module that offers it.
    pub module: Option<&'a str>,
}

/// What is installed. Packages are named by their places in the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Solution {
    /// Sorted by NEVRA.
    pub packages: Vec<usize>,
    /// Why each of them is there: the shortest way to a request.
    pub why: BTreeMap<usize, Reason>,
}

/// Why a package was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// A request asks for it.
    Asked { request: usize },
    /// Another package requires it.
    Required { by: usize, requirement: String },
    /// Another package recommends it.
    Recommended { by: usize, requirement: String },
    /// It supplements packages that are there.
    Supplements,
}

/// Chooses the packages that the requests ask for, with all that they require.
pub fn solve(question: &Question) -> Result<Solution, Problem> {
    let universe = Universe::new(question);
    let mut encoder = Encoder::new(&universe);
    let mut closure = Closure::new(&universe, &mut encoder, &question.install, question.weak);
    let dead = hopeless::dead(&universe, &closure);
    if let Some(problem) = hopeless::problem(&universe, &closure, &question.install, &dead) {
        return Err(problem);
    }
    let mut preferred = BTreeSet::new();
    let mut chosen = Vec::new();
    for _ in 0..=MOST_SPARED {
        let asked = &question.install;
        let (must, favour) = settle(&universe, &mut encoder, &mut closure, asked, &preferred)?;
        chosen = must.clone();
        if question.weak {
            let search = Search::new(&universe, &closure);
            chosen = search.what_is_wished(chosen, &mut encoder, &dead);
        }
        if !spare::prefer(&universe, &closure, &favour, &chosen, &mut preferred) {
            break;
        }
        let favour = Favour::of(&universe, &mut encoder, &closure, &must, &preferred);
        closure.favour(&universe, &favour, &must);
    }
    Ok(answer(&universe, &closure, &chosen))
}

/// Chooses what must be, until what is chosen speaks for nothing else.
fn settle(
    universe: &Universe,
    encoder: &mut Encoder,
    closure: &mut Closure,
    requests: &[Request],
    preferred: &BTreeSet<usize>,
) -> Result<(Vec<bool>, Favour), Problem> {
    let mut rounds = 0;
    loop {
        let Some(chosen) = Search::new(universe, closure).what_must_be() else {
            return Err(explain::conflict(universe, closure, requests));
        };
        let favour = Favour::of(universe, encoder, closure, &chosen, preferred);
        rounds += 1;
        if !closure.favour(universe, &favour, &chosen) || rounds == MOST_ROUNDS {
            return Ok((chosen, favour));
        }
    }
}

/// Puts the chosen packages in the words of the question.
fn answer(universe: &Universe, closure: &Closure, chosen: &[bool]) -> Solution {
    let asked = |package: usize| universe.packages[package].asked;
    let mut why = BTreeMap::new();
    let mut queue = VecDeque::new();
    let visit = |why: &mut BTreeMap<usize, Reason>,
                 queue: &mut VecDeque<usize>,
                 package: usize,
                 reason: &dyn Fn() -> Reason| {
        if chosen[package] && !why.contains_key(&asked(package)) {
            why.insert(asked(package), reason());
            queue.push_back(package);
        }
    };
    for root in &closure.roots {
        for &package in root.clause.any.iter() {
            let reason = || Reason::Asked {
                request: root.request,
            };
            visit(&mut why, &mut queue, package, &reason);
        }
    }
    let supplements = closure.supplements.iter().map(|(package, _)| *package);
    let mut supplements = supplements.collect::<VecDeque<_>>();
    loop {
        let Some(by) = queue.pop_front() else {
            // Only what nothing else explains is there for its own supplements.
            match supplements.pop_front() {
                Some(package) => visit(&mut why, &mut queue, package, &|| Reason::Supplements),
                None => break,
            }
            continue;
        };
        let applies = |clause: &&formula::Clause| clause.applies(chosen);
        let required = closure.of(by).into_iter().flat_map(|d| &d.clauses);
        for clause in required.filter(applies) {
            for &package in clause.any.iter() {
                let reason = || Reason::Required {
                    by: asked(by),
                    requirement: clause.text.to_string(),
                };
                visit(&mut why, &mut queue, package, &reason);
            }
        }
        let wished = closure.wishes[by].iter().flat_map(|wish| &wish.clauses);
        for clause in wished.filter(applies) {
            for &package in clause.any.iter() {
                let reason = || Reason::Recommended {
                    by: asked(by),
                    requirement: clause.text.to_string(),
                };
                visit(&mut why, &mut queue, package, &reason);
            }
        }
    }
    // What nothing asks for any more, after a change of mind, stays out.
    let numbers = (0..chosen.len()).map(asked);
    Solution {
        packages: numbers.filter(|number| why.contains_key(number)).collect(),
        why,
    }
}
