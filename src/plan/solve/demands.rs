//! What one package demands of the others, once it is chosen.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::arch::Fit;
use super::formula::{Clause, Encoder};
use super::relation::Written;
use super::rich::Expression;
use super::universe::Universe;
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
        let mut suggested = Suggested::by(number);
        let mut demands = Demands::default();
        for requirement in &solvable.requires {
            if RPMLIB.contains(&requirement.name.as_str()) {
                continue;
            }
            for mut clause in encoder.clauses(requirement, true, Some(number)) {
                suggested.sort(universe, encoder, &mut clause);
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
            let twin = twin(universe, number);
            let is_there = |twin: &Clause| !twin.any.is_empty();
            demands.clauses.extend(twin.filter(is_there));
        }
        demands.clauses.dedup();
        demands
    }

    /// What a package recommends, one wish for each dependency.
    pub fn wishes(universe: &Universe, encoder: &mut Encoder, number: usize) -> Vec<Wish> {
        let solvable = universe.packages[number].solvable;
        let mut suggested = Suggested::by(number);
        solvable
            .recommends
            .iter()
            .filter_map(|recommended| {
                let mut clauses = encoder.clauses(recommended, true, Some(number));
                if clauses.iter().any(|clause| clause.broken.is_some()) {
                    return None;
                }
                for clause in &mut clauses {
                    suggested.sort(universe, encoder, clause);
                }
                Some(Wish { clauses })
            })
            .collect()
    }
}

/// A foreign package that others pull in needs its native twin, of the same version,
/// where that name is there natively at all, since the files that both own have to be the same.
/// As dnf has it, another version only counts where it is in reach; then there is no twin, and the clause is empty.
pub(super) fn twin(universe: &Universe, number: usize) -> Option<Clause> {
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
        conflict: false,
        broken: None,
    })
}

/// The packages that a requirer names as its suggestion, or that name the requirer as what they enhance.
struct Suggested {
    by: usize,
    /// Found when first there is a choice.
    packages: Option<BTreeSet<usize>>,
}

impl Suggested {
    fn by(by: usize) -> Suggested {
        Suggested { by, packages: None }
    }

    fn find(by: usize, universe: &Universe, encoder: &mut Encoder) -> BTreeSet<usize> {
        let solvable = universe.packages[by].solvable;
        let mut packages = universe.speaking_for(by);
        for weak in solvable.recommends.iter().chain(&solvable.suggests) {
            if let Ok(Expression::Plain { name, version }) = Expression::of(weak) {
                packages.extend(encoder.plain(&name, version.as_ref()).iter());
            }
        }
        packages
    }

    /// Where several packages would do, the suggested come first.
    fn sort(&mut self, universe: &Universe, encoder: &mut Encoder, clause: &mut Clause) {
        if clause.any.len() < 2 {
            return;
        }
        let by = self.by;
        let found = || Suggested::find(by, universe, encoder);
        let suggested = self.packages.get_or_insert_with(found);
        let (mut first, mut rest): (Vec<_>, Vec<_>) =
            clause.any.iter().partition(|one| suggested.contains(one));
        if !first.is_empty() && !rest.is_empty() {
            first.append(&mut rest);
            clause.any = first.into();
        }
    }
}
