//! Dependencies as clauses over packages: what the solver is asked in the end.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use super::relation::{Range, Written};
use super::rich::Expression;
use super::universe::Universe;
use crate::formats::rpm::Dependency;

/// A rich dependency that would need more clauses than this is refused; RPM's own packages need below ten.
const MOST_CLAUSES: usize = 512;

/// Nor may it have more parts than this, once each `else` has written out its condition twice.
const MOST_PARTS: usize = 4096;

/// Packages, the preferred first, none twice.
pub(super) type Set = Rc<[usize]>;

/// "One of `any`, as soon as each set of `when` has something chosen."
///
/// Negations of a dependency become conditions: `¬a ∨ b` is `b` when `a`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Clause {
    pub any: Set,
    pub when: Vec<Set>,
    /// The dependency as its package states it.
    pub text: Rc<str>,
    /// Whether its package states it as a conflict.
    pub conflict: bool,
    /// Why the dependency can't be read, where it can't. Then `any` is empty.
    pub broken: Option<Rc<str>>,
}

impl Clause {
    /// This very package.
    pub fn of_package(package: usize) -> Clause {
        Clause {
            any: [package].into(),
            when: Vec::new(),
            text: "".into(),
            conflict: false,
            broken: None,
        }
    }

    /// Whether its conditions are true of the chosen packages.
    pub fn applies(&self, chosen: &[bool]) -> bool {
        self.when.iter().all(|set| set.iter().any(|&p| chosen[p]))
    }

    /// Whether it is fulfilled by the chosen packages.
    pub fn holds(&self, chosen: &[bool]) -> bool {
        !self.applies(chosen) || self.any.iter().any(|&p| chosen[p])
    }
}

/// Negation normal form: sets and their negations under "all" and "any".
enum Formula {
    Literal { set: Set, holds: bool },
    All(Vec<Formula>),
    Any(Vec<Formula>),
}

struct Literal {
    set: Set,
    holds: bool,
}

/// What an expression is of some packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Truth {
    False,
    /// It is true, and would be of nothing at all: `(a if b)` without either.
    Vacuous,
    /// One of the packages makes it so.
    Told,
}

impl Truth {
    fn and(self, other: Truth) -> Truth {
        match self.min(other) {
            Truth::False => Truth::False,
            _ => self.max(other),
        }
    }
}

/// Turns dependencies into clauses, and remembers the packages behind each plain one.
pub(super) struct Encoder<'u, 'a> {
    universe: &'u Universe<'a>,
    sets: HashMap<Dependency, Set>,
    /// Of the dependency at hand, so far.
    parts: usize,
}

impl<'u, 'a> Encoder<'u, 'a> {
    pub fn new(universe: &'u Universe<'a>) -> Self {
        Encoder {
            universe,
            sets: HashMap::new(),
            parts: 0,
        }
    }

    /// What `dependency` (or, with `holds` false, its opposite) demands on behalf of package `by`.
    ///
    /// A package satisfies its own requirements, and never conflicts with itself.
    pub fn clauses(
        &mut self,
        dependency: &Dependency,
        holds: bool,
        by: Option<usize>,
    ) -> Vec<Clause> {
        let text: Rc<str> = Written(dependency).to_string().into();
        match Expression::of(dependency) {
            Ok(expression) => self.of_expression(&expression, text, holds, by),
            Err(reason) => vec![broken(text, !holds, &reason)],
        }
    }

    pub fn of_expression(
        &mut self,
        expression: &Expression,
        text: Rc<str>,
        holds: bool,
        by: Option<usize>,
    ) -> Vec<Clause> {
        self.parts = 0;
        let lists = match self
            .formula(expression, holds)
            .and_then(|formula| conjunction(&formula))
        {
            Ok(lists) => lists,
            Err(reason) => return vec![broken(text, !holds, &reason)],
        };
        // Which alternative a package writes first says nothing; what a person asks for is meant as it is written.
        let any_order = by.is_some() && expression.is_choice();
        let sorted = |clause: Clause| match any_order {
            true => Clause {
                any: self.universe.alternatives(clause.any.iter().copied()),
                ..clause
            },
            false => clause,
        };
        lists
            .into_iter()
            .filter_map(|literals| clause(literals, &text, by, !holds))
            .map(sorted)
            .collect()
    }

    /// Whether the expression is true of the chosen packages.
    pub fn holds(&mut self, expression: &Expression, chosen: &[bool]) -> bool {
        self.truth(expression, chosen)
            .is_ok_and(|truth| truth != Truth::False)
    }

    /// Whether it is true of them by something that is there, not only for want of a condition.
    pub fn speaks(&mut self, expression: &Expression, chosen: &[bool]) -> bool {
        self.truth(expression, chosen) == Ok(Truth::Told)
    }

    /// Looks at every part, each once: one that can't be read counts wherever it stands.
    fn truth(&mut self, expression: &Expression, chosen: &[bool]) -> Result<Truth, String> {
        let mut part = |part: &Expression| self.truth(part, chosen);
        Ok(match expression {
            Expression::Plain { .. } | Expression::With(_) | Expression::Without(..) => {
                match self.set(expression)?.iter().any(|&p| chosen[p]) {
                    true => Truth::Told,
                    false => Truth::False,
                }
            }
            Expression::And(list) => {
                let parts = list.iter().map(part).collect::<Result<Vec<_>, _>>()?;
                parts.into_iter().fold(Truth::Vacuous, Truth::and)
            }
            Expression::Or(list) => {
                let parts = list.iter().map(part).collect::<Result<Vec<_>, _>>()?;
                parts.into_iter().fold(Truth::False, Truth::max)
            }
            Expression::If(then, condition, otherwise) => {
                let (then, condition) = (part(then)?, part(condition)?);
                let otherwise = otherwise.as_deref().map(part).transpose()?;
                match condition {
                    Truth::False => otherwise.unwrap_or(then.max(Truth::Vacuous)),
                    condition => condition.and(then),
                }
            }
            Expression::Unless(then, condition, otherwise) => {
                let (then, condition) = (part(then)?, part(condition)?);
                let otherwise = otherwise.as_deref().map_or(Ok(Truth::False), part)?;
                match condition {
                    Truth::False => then,
                    condition => condition.and(otherwise),
                }
            }
        })
    }

    fn formula(&mut self, expression: &Expression, holds: bool) -> Result<Formula, String> {
        self.parts += 1;
        if self.parts > MOST_PARTS {
            return Err(format!("it unfolds to more than {MOST_PARTS} parts"));
        }
        Ok(match expression {
            Expression::Plain { .. } | Expression::With(_) | Expression::Without(..) => {
                let set = self.set(expression)?;
                Formula::Literal { set, holds }
            }
            Expression::And(list) => self.many(list, holds, holds)?,
            Expression::Or(list) => self.many(list, !holds, holds)?,
            Expression::If(then, condition, Some(otherwise)) => {
                self.branch(condition, then, otherwise, holds)?
            }
            Expression::Unless(then, condition, Some(otherwise)) => {
                self.branch(condition, otherwise, then, holds)?
            }
            Expression::If(then, condition, None) => {
                let parts = vec![self.formula(then, holds)?, self.formula(condition, !holds)?];
                join(!holds, parts)
            }
            Expression::Unless(then, condition, None) => {
                let parts = vec![self.formula(then, holds)?, self.formula(condition, !holds)?];
                join(holds, parts)
            }
        })
    }

    /// `then` where the condition holds, `otherwise` where not; its opposite is the opposite of either branch.
    fn branch(
        &mut self,
        condition: &Expression,
        then: &Expression,
        otherwise: &Expression,
        holds: bool,
    ) -> Result<Formula, String> {
        let then = vec![self.formula(then, holds)?, self.formula(condition, false)?];
        let otherwise = vec![
            self.formula(otherwise, holds)?,
            self.formula(condition, true)?,
        ];
        Ok(Formula::All(vec![
            Formula::Any(then),
            Formula::Any(otherwise),
        ]))
    }

    fn many(&mut self, list: &[Expression], all: bool, holds: bool) -> Result<Formula, String> {
        let parts = list
            .iter()
            .map(|part| self.formula(part, holds))
            .collect::<Result<_, _>>()?;
        Ok(join(all, parts))
    }

    /// The packages that satisfy an expression each on its own: what `with` and `without` work on.
    fn set(&mut self, expression: &Expression) -> Result<Set, String> {
        match expression {
            Expression::Plain { name, version } => Ok(self.plain(name, version.as_ref())),
            Expression::With(list) => {
                let mut sets = list.iter().map(|part| self.set(part));
                let first = sets.next().expect("the parser gives at least two")?;
                let others = sets.collect::<Result<Vec<_>, _>>()?;
                let in_all = |p: &&usize| others.iter().all(|other| other.contains(p));
                Ok(first.iter().filter(in_all).copied().collect())
            }
            Expression::Without(keep, drop) => {
                let (keep, drop) = (self.set(keep)?, self.set(drop)?);
                Ok(keep.iter().filter(|p| !drop.contains(p)).copied().collect())
            }
            Expression::Or(list) => {
                let sets = list
                    .iter()
                    .map(|part| self.set(part))
                    .collect::<Result<Vec<_>, _>>()?;
                Ok(union(sets.iter()))
            }
            _ => Err("`with` and `without` take no `and`, `if` or `unless`".to_owned()),
        }
    }

    /// The packages that satisfy a plain dependency, the preferred first.
    pub fn plain(&mut self, name: &str, range: Range) -> Set {
        let key = Dependency {
            name: name.to_owned(),
            version: range.cloned(),
            pre: false,
            rpmlib: false,
        };
        if let Some(set) = self.sets.get(&key) {
            return set.clone();
        }
        let set: Set = self.universe.providers(name, range);
        self.sets.insert(key, set.clone());
        set
    }
}

fn join(all: bool, parts: Vec<Formula>) -> Formula {
    match all {
        true => Formula::All(parts),
        false => Formula::Any(parts),
    }
}

/// Conjunctive normal form, exactly: by distribution, without helper variables.
fn conjunction(formula: &Formula) -> Result<Vec<Vec<Literal>>, String> {
    let copy = |literals: &[Literal]| -> Vec<Literal> {
        literals
            .iter()
            .map(|l| Literal {
                set: l.set.clone(),
                holds: l.holds,
            })
            .collect()
    };
    match formula {
        Formula::Literal { set, holds } => Ok(vec![vec![Literal {
            set: set.clone(),
            holds: *holds,
        }]]),
        Formula::All(parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.append(&mut conjunction(part)?);
                within_bounds(all.len())?;
            }
            Ok(all)
        }
        Formula::Any(parts) => {
            let mut product: Vec<Vec<Literal>> = vec![Vec::new()];
            for part in parts {
                let clauses = conjunction(part)?;
                if let [only] = clauses.as_slice() {
                    product
                        .iter_mut()
                        .for_each(|list| list.append(&mut copy(only)));
                    continue;
                }
                within_bounds(product.len().saturating_mul(clauses.len()))?;
                let mut next = Vec::with_capacity(product.len() * clauses.len());
                for left in &product {
                    for right in &clauses {
                        let mut literals = copy(left);
                        literals.append(&mut copy(right));
                        next.push(literals);
                    }
                }
                product = next;
            }
            Ok(product)
        }
    }
}

fn within_bounds(clauses: usize) -> Result<(), String> {
    match clauses > MOST_CLAUSES {
        true => Err(format!(
            "it unfolds to more than {MOST_CLAUSES} alternatives"
        )),
        false => Ok(()),
    }
}

/// One clause; `None` where it is true whatever is chosen.
fn clause(
    mut literals: Vec<Literal>,
    text: &Rc<str>,
    by: Option<usize>,
    conflict: bool,
) -> Option<Clause> {
    let own = |set: &Set| by.is_some_and(|by| set.contains(&by));
    if literals.iter().any(|l| l.holds && own(&l.set)) {
        return None;
    }
    let alone = |l: &Literal| {
        if l.holds {
            l.set.is_empty()
        } else {
            own(&l.set)
        }
    };
    if conflict && literals.iter().any(|l| !l.holds) && literals.iter().all(alone) {
        // Nothing but the package itself is needed for it, and with itself it does not conflict:
        // it does with each of the others that match a part of it as well.
        let others = union(literals.iter().map(|l| &l.set));
        let others = others.iter().copied().filter(|p| Some(*p) != by);
        literals = vec![Literal {
            set: others.collect(),
            holds: false,
        }];
    }
    // What the package itself fulfils is no condition any more.
    literals.retain(|l| l.holds || !own(&l.set));
    let (positive, negative): (Vec<_>, Vec<_>) = literals.into_iter().partition(|l| l.holds);
    let any = match positive.as_slice() {
        [only] => only.set.clone(),
        several => union(several.iter().map(|l| &l.set)),
    };
    let mut when: Vec<Set> = negative.into_iter().map(|l| l.set).collect();
    if when.iter().any(|set| set.is_empty()) {
        return None;
    }
    when.sort();
    when.dedup();
    Some(Clause {
        any,
        when,
        text: text.clone(),
        conflict,
        broken: None,
    })
}

fn broken(text: Rc<str>, conflict: bool, reason: &str) -> Clause {
    Clause {
        any: Rc::new([]),
        when: Vec::new(),
        text,
        conflict,
        broken: Some(reason.into()),
    }
}

/// All packages of the sets, each where it comes first.
fn union<'s>(sets: impl Iterator<Item = &'s Set>) -> Set {
    let mut seen = BTreeSet::new();
    sets.flat_map(|set| set.iter().copied())
        .filter(|&package| seen.insert(package))
        .collect()
}
