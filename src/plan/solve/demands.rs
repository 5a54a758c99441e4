//! What one package demands of the others, once it is chosen.

use std::rc::Rc;

use super::arch::Fit;
use super::formula::{Clause, Encoder};
use super::relation::{Written, satisfies};
use super::rich::Expression;
use super::universe::Universe;
use crate::formats::rpm::{Dependency, Solvable};
use crate::ids::Nevra;

/// Features of rpm that packages may ask for, and that composing knows how to handle.
const RPMLIB: &[&str] = &[
    "rpmlib(BuiltinLuaScripts)",
    "rpmlib(CaretInVersions)",
    "rpmlib(CompressedFileNames)",
    "rpmlib(ConcurrentAccess)",
    "rpmlib(DynamicBuildRequires)",
    "rpmlib(ExplicitPackageProvide)",
    "rpmlib(FileCaps)",
    "rpmlib(FileDigests)",
    "rpmlib(HeaderLoadSortsTags)",
    "rpmlib(LargeFiles)",
    "rpmlib(PartialHardlinkSets)",
    "rpmlib(PayloadFilesHavePrefix)",
    "rpmlib(PayloadIsBzip2)",
    "rpmlib(PayloadIsLzma)",
    "rpmlib(PayloadIsUstar)",
    "rpmlib(PayloadIsXz)",
    "rpmlib(PayloadIsZstd)",
    "rpmlib(RichDependencies)",
    "rpmlib(ScriptletExpansion)",
    "rpmlib(ScriptletInterpreterArgs)",
    "rpmlib(TildeInVersions)",
    "rpmlib(VersionedDependencies)",
];

/// Why two packages can't be installed together; words are those of the first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ban {
    Conflicts(Rc<str>),
    Obsoletes(Rc<str>),
    SameName,
}

#[derive(Debug, Default)]
pub(super) struct Demands {
    pub clauses: Vec<Clause>,
    /// Packages that can't come along, and why.
    pub bans: Vec<(usize, Ban)>,
}

/// A clause that need not be fulfilled, but should be.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    pub clauses: Vec<Clause>,
}

impl Demands {
    /// `asked` says that a request names this very package, or what it provides.
    pub fn of(universe: &Universe, encoder: &mut Encoder, number: usize, asked: bool) -> Demands {
        let solvable = universe.packages[number].solvable;
        let mut demands = Demands::default();
        for requirement in &solvable.requires {
            if RPMLIB.contains(&requirement.name.as_str()) {
                continue;
            }
            for mut clause in encoder.clauses(requirement, true, Some(number)) {
                suggested_first(universe, solvable, &mut clause);
                demands.clauses.push(clause);
            }
        }
        for conflict in &solvable.conflicts {
            for clause in encoder.clauses(conflict, false, Some(number)) {
                match (clause.any.is_empty(), clause.when.as_slice()) {
                    (true, [only]) => {
                        let ban = Ban::Conflicts(clause.text.clone());
                        demands
                            .bans
                            .extend(only.iter().map(|&other| (other, ban.clone())));
                    }
                    _ => demands.clauses.push(clause),
                }
            }
        }
        for (victim, obsolete) in universe.obsoleted(number) {
            let ban = Ban::Obsoletes(Written(obsolete).to_string().into());
            demands.bans.push((victim, ban));
        }
        for &other in universe.named(&solvable.nevra.name) {
            if other != number && universe.exclusive(number, other) {
                demands.bans.push((other, Ban::SameName));
            }
        }
        if !asked {
            demands.clauses.extend(twin(universe, number));
        }
        demands.clauses.dedup();
        demands
    }

    /// What a package recommends, one wish for each dependency.
    pub fn wishes(universe: &Universe, encoder: &mut Encoder, number: usize) -> Vec<Wish> {
        let solvable = universe.packages[number].solvable;
        solvable
            .recommends
            .iter()
            .filter_map(|recommended| {
                let mut clauses = encoder.clauses(recommended, true, Some(number));
                if clauses.iter().any(|clause| clause.broken.is_some()) {
                    return None;
                }
                for clause in &mut clauses {
                    suggested_first(universe, solvable, clause);
                }
                Some(Wish { clauses })
            })
            .collect()
    }
}

/// A foreign package that others pull in needs its native twin, of the same version,
/// where that name is there natively at all: as dnf has it, since the files that both own have to be the same.
fn twin(universe: &Universe, number: usize) -> Option<Clause> {
    let package = &universe.packages[number];
    if !package.fit.is_foreign() {
        return None;
    }
    let nevra = &package.solvable.nevra;
    let is_native = |other: &&usize| matches!(universe.packages[**other].fit, Fit::Native(_));
    let natives: Vec<usize> = universe
        .named(&nevra.name)
        .iter()
        .filter(is_native)
        .copied()
        .collect();
    let wanted = Nevra {
        arch: universe.packages[*natives.first()?]
            .solvable
            .nevra
            .arch
            .clone(),
        ..nevra.clone()
    };
    let same = |other: &usize| {
        universe.packages[*other]
            .solvable
            .nevra
            .evr
            .compare(&nevra.evr)
            .is_eq()
    };
    Some(Clause {
        any: natives.into_iter().filter(same).collect(),
        when: Vec::new(),
        text: wanted.to_string().into(),
        broken: None,
    })
}

/// Where several packages would do, those that the requirer names as its suggestion come first,
/// or that name the requirer as what they enhance.
fn suggested_first(universe: &Universe, solvable: &Solvable, clause: &mut Clause) {
    if clause.any.len() < 2 {
        return;
    }
    let suggested = |&number: &usize| {
        let other = universe.packages[number].solvable;
        let names = |list: &[Dependency], of: &Solvable| {
            list.iter().any(|weak| match Expression::of(weak) {
                Ok(Expression::Plain { name, version }) => satisfies(of, &name, version.as_ref()),
                _ => false,
            })
        };
        names(&solvable.recommends, other)
            || names(&solvable.suggests, other)
            || names(&other.supplements, solvable)
            || names(&other.enhances, solvable)
    };
    let (mut first, mut rest): (Vec<_>, Vec<_>) = clause.any.iter().copied().partition(suggested);
    if !first.is_empty() && !rest.is_empty() {
        first.append(&mut rest);
        clause.any = first.into();
    }
}
