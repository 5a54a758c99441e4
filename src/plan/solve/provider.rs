//! The question in the terms of the solver library.
//!
//! * A name of the library is a package name with the half of the system that it lives in (native, `noarch`, foreign):
//!   the library chooses at most one solvable of a name. Bans keep `noarch` apart from the other two.
//! * A clause is a union of version sets; a version set is an explicit list of solvables of one name,
//!   cut where the library's own sorting would upset the order of preference.
//! * A condition becomes a *tag*: a solvable under a name of its own that each package of the condition requires.
//!   The library then sees a condition without a complement, which alone it represents exactly.
//! * "Not all of these" is a conditional requirement of a solvable that is excluded.
//! * [`Form::Choices`] says the same without conditions, as the library explains no conflict that has some:
//!   beside each tag, under its name, is its opposite, and `¬a ∨ b` is a choice of that or `b`.
//!   It finds the same problems, but not the same solutions: it would rather decide against `a` than wait for it.
//! * A wish is a requirement of the root, beside a pin for each package that is chosen already. The library's own soft
//!   requirements give up when the first choice fails.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use resolvo::{
    Candidates, Condition, ConditionId, ConditionalRequirement, Dependencies, DependencyProvider,
    HintDependenciesAvailable, Interner, KnownDependencies, LogicalOperator, NameId, Requirement,
    SolvableId, SolverCache, StringId, VersionSetId, VersionSetUnionId,
};

use super::closure::Closure;
use super::demands::{Demands, Wish};
use super::formula::{Clause, Set};
use super::universe::Universe;

/// How conditions are put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Conditions,
    Choices,
}

/// Tables that answer what the library asks; numbers are places in them.
pub(super) struct Provider {
    /// Name of each solvable: packages by their number, then what is made up.
    name_of: Vec<u32>,
    /// Rank of each solvable within its name: newest first.
    rank: Vec<u32>,
    members: Vec<Vec<SolvableId>>,
    dependencies: Vec<Option<KnownDependencies>>,
    sets: Vec<(u32, Vec<u32>)>,
    set_numbers: BTreeMap<(u32, Vec<u32>), u32>,
    unions: Vec<Vec<VersionSetId>>,
    union_numbers: BTreeMap<Vec<VersionSetId>, u32>,
    conditions: Vec<Condition>,
    form: Form,
    /// Conditions on sets of packages, and the tag that stands for each, with its opposite.
    tags: BTreeMap<Set, (VersionSetId, VersionSetId)>,
    opposites: BTreeSet<u32>,
    impossible: Option<u32>,
    pub roots: Vec<ConditionalRequirement>,
}

impl Provider {
    pub fn new(universe: &Universe, closure: &Closure, form: Form) -> Provider {
        let mut provider = Provider {
            name_of: Vec::new(),
            rank: Vec::new(),
            members: Vec::new(),
            dependencies: Vec::new(),
            sets: Vec::new(),
            set_numbers: BTreeMap::new(),
            unions: Vec::new(),
            union_numbers: BTreeMap::new(),
            conditions: Vec::new(),
            form,
            tags: BTreeMap::new(),
            opposites: BTreeSet::new(),
            impossible: None,
            roots: Vec::new(),
        };
        provider.name_packages(universe);
        for (number, demands) in closure.demands() {
            provider.dependencies[number] = Some(provider.known(demands, closure));
        }
        provider.roots = closure
            .roots
            .iter()
            .map(|root| provider.requirement(&root.clause))
            .collect();
        provider
    }

    fn name_packages(&mut self, universe: &Universe) {
        let mut names: BTreeMap<(&str, u8), Vec<usize>> = BTreeMap::new();
        for (number, package) in universe.packages.iter().enumerate() {
            let half = match package.fit {
                super::arch::Fit::Native(_) => 0,
                super::arch::Fit::Any => 1,
                super::arch::Fit::Foreign(_) => 2,
            };
            names
                .entry((&package.solvable.nevra.name, half))
                .or_default()
                .push(number);
        }
        let count = universe.packages.len();
        self.name_of = vec![0; count];
        self.rank = vec![0; count];
        self.dependencies = vec![Some(KnownDependencies::default()); count];
        for mut members in names.into_values() {
            members.sort_by(|a, b| universe.by_version(*a, *b));
            let name = index(self.members.len());
            for (rank, &member) in members.iter().enumerate() {
                self.name_of[member] = name;
                self.rank[member] = index(rank);
            }
            self.members
                .push(members.into_iter().map(solvable).collect());
        }
    }

    /// Makes up a solvable under a name of its own; without dependencies it can never be chosen.
    fn make_up(&mut self, dependencies: Option<KnownDependencies>) -> u32 {
        let number = self.name_of.len();
        self.name_of.push(index(self.members.len()));
        self.rank.push(0);
        self.members.push(vec![solvable(number)]);
        self.dependencies.push(dependencies);
        index(number)
    }

    /// The requirements that a wish stands for.
    pub fn wish(&mut self, wish: &Wish) -> Vec<ConditionalRequirement> {
        wish.clauses.iter().map(|c| self.requirement(c)).collect()
    }

    /// A requirement of this very package.
    pub fn pin(&mut self, package: usize) -> ConditionalRequirement {
        self.version_set(self.name_of[package], vec![index(package)])
            .into()
    }

    /// Makes every package of a condition require the tag of that condition. To be called last.
    pub fn tie_tags(&mut self) {
        for (set, (tag, _)) in std::mem::take(&mut self.tags) {
            for &package in set.iter() {
                if let Some(known) = &mut self.dependencies[package] {
                    known.requirements.push(tag.into());
                }
            }
        }
    }

    /// The number of a package, if the solvable is one.
    pub fn package(&self, solvable: SolvableId, universe: &Universe) -> Option<usize> {
        let number = solvable.into_raw() as usize;
        (number < universe.packages.len()).then_some(number)
    }

    /// Whether the solvable stands for "none of these", in [`Form::Choices`].
    pub fn is_opposite(&self, solvable: SolvableId) -> bool {
        self.opposites.contains(&solvable.into_raw())
    }

    fn known(&mut self, demands: &Demands, closure: &Closure) -> KnownDependencies {
        let requirements = demands
            .clauses
            .iter()
            .map(|clause| self.requirement(clause))
            .collect();
        let mut banned: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
        for (other, _) in &demands.bans {
            if closure.reaches(*other) {
                banned
                    .entry(self.name_of[*other])
                    .or_default()
                    .insert(index(*other));
            }
        }
        let constrains = banned
            .into_iter()
            .map(|(name, banned)| {
                let allowed = self.members[name as usize]
                    .iter()
                    .map(|member| member.into_raw())
                    .filter(|member| !banned.contains(member))
                    .collect();
                self.version_set(name, allowed)
            })
            .collect();
        KnownDependencies {
            requirements,
            constrains,
        }
    }

    fn requirement(&mut self, clause: &Clause) -> ConditionalRequirement {
        let tags: Vec<_> = clause.when.iter().map(|set| self.tag(set)).collect();
        if self.form == Form::Choices {
            let mut sets = self.runs(&clause.any);
            sets.extend(tags.into_iter().map(|(_, opposite)| opposite));
            return self.union(sets).into();
        }
        let requirement = match clause.any.is_empty() && !tags.is_empty() {
            true => self.nothing(),
            false => {
                let sets = self.runs(&clause.any);
                self.union(sets)
            }
        };
        let mut condition = None;
        for (tag, _) in tags {
            let this = self.condition(Condition::Requirement(tag));
            condition = Some(match condition {
                None => this,
                Some(before) => {
                    self.condition(Condition::Binary(LogicalOperator::And, before, this))
                }
            });
        }
        ConditionalRequirement {
            condition,
            requirement,
        }
    }

    /// Version sets that hold these packages, one after the other, the first preferred.
    fn runs(&mut self, packages: &[usize]) -> Vec<VersionSetId> {
        let mut runs: Vec<(u32, Vec<u32>)> = Vec::new();
        for &package in packages {
            let name = self.name_of[package];
            let fits = runs.last().is_some_and(|(last, run)| {
                let before = run.last().map(|p| self.rank[*p as usize]);
                *last == name && before < Some(self.rank[package])
            });
            match (fits, runs.last_mut()) {
                (true, Some((_, run))) => run.push(index(package)),
                _ => runs.push((name, vec![index(package)])),
            }
        }
        runs.into_iter()
            .map(|(name, run)| self.version_set(name, run))
            .collect()
    }

    fn union(&mut self, sets: Vec<VersionSetId>) -> Requirement {
        if let [single] = sets.as_slice() {
            return (*single).into();
        }
        let number = match self.union_numbers.get(&sets) {
            Some(number) => *number,
            None => {
                let number = index(self.unions.len());
                self.unions.push(sets.clone());
                self.union_numbers.insert(sets, number);
                number
            }
        };
        VersionSetUnionId(number).into()
    }

    fn nothing(&mut self) -> Requirement {
        let number = match self.impossible {
            Some(number) => number,
            None => self.make_up(None),
        };
        self.impossible = Some(number);
        self.version_set(self.name_of[number as usize], vec![number])
            .into()
    }

    /// The tag of a condition, and its opposite.
    fn tag(&mut self, set: &Set) -> (VersionSetId, VersionSetId) {
        if let Some(tag) = self.tags.get(set) {
            return *tag;
        }
        let number = self.make_up(Some(KnownDependencies::default()));
        let name = self.name_of[number as usize];
        let tag = self.version_set(name, vec![number]);
        let mut opposite = tag;
        if self.form == Form::Choices {
            let number = self.name_of.len();
            self.name_of.push(name);
            self.rank.push(1);
            self.members[name as usize].push(solvable(number));
            self.dependencies.push(Some(KnownDependencies::default()));
            self.opposites.insert(index(number));
            opposite = self.version_set(name, vec![index(number)]);
        }
        self.tags.insert(set.clone(), (tag, opposite));
        (tag, opposite)
    }

    fn condition(&mut self, condition: Condition) -> ConditionId {
        self.conditions.push(condition);
        ConditionId::new(index(self.conditions.len() - 1))
    }

    fn version_set(&mut self, name: u32, members: Vec<u32>) -> VersionSetId {
        let key = (name, members);
        if let Some(number) = self.set_numbers.get(&key) {
            return VersionSetId(*number);
        }
        let number = index(self.sets.len());
        self.sets.push(key.clone());
        self.set_numbers.insert(key, number);
        VersionSetId(number)
    }
}

fn index(number: usize) -> u32 {
    u32::try_from(number).expect("no distribution has four billion packages")
}

fn solvable(number: usize) -> SolvableId {
    SolvableId::from_raw(index(number))
}

/// Display goes to the library's own messages and logs only; ours come from `explain`.
impl Interner for Provider {
    type NameId = NameId;
    type SolvableId = SolvableId;

    fn display_solvable(&self, solvable: SolvableId) -> impl Display + '_ {
        solvable.into_raw()
    }

    fn display_name(&self, name: NameId) -> impl Display + '_ {
        name.into_raw()
    }

    fn display_version_set(&self, set: VersionSetId) -> impl Display + '_ {
        set.0
    }

    fn display_string(&self, _: StringId) -> impl Display + '_ {
        "excluded"
    }

    fn version_set_name(&self, set: VersionSetId) -> NameId {
        NameId::from_raw(self.sets[set.0 as usize].0)
    }

    fn solvable_name(&self, solvable: SolvableId) -> NameId {
        NameId::from_raw(self.name_of[solvable.into_raw() as usize])
    }

    fn version_sets_in_union(
        &self,
        union: VersionSetUnionId,
    ) -> impl Iterator<Item = VersionSetId> {
        self.unions[union.0 as usize].iter().copied()
    }

    fn resolve_condition(&self, condition: ConditionId) -> Condition {
        self.conditions[condition.as_u32() as usize].clone()
    }
}

impl DependencyProvider for Provider {
    async fn filter_candidates(
        &self,
        candidates: &[SolvableId],
        set: VersionSetId,
        inverse: bool,
    ) -> Vec<SolvableId> {
        let members = &self.sets[set.0 as usize].1;
        candidates
            .iter()
            .copied()
            .filter(|candidate| members.contains(&candidate.into_raw()) != inverse)
            .collect()
    }

    async fn get_candidates(&self, name: NameId) -> Option<Candidates<SolvableId>> {
        Some(Candidates {
            candidates: self.members[name.into_raw() as usize].clone(),
            hint_dependencies_available: HintDependenciesAvailable::All,
            ..Candidates::default()
        })
    }

    async fn sort_candidates(&self, _: &SolverCache<Self>, solvables: &mut [SolvableId]) {
        solvables.sort_by_key(|s| self.rank[s.into_raw() as usize]);
    }

    async fn get_dependencies(&self, solvable: SolvableId) -> Dependencies {
        match &self.dependencies[solvable.into_raw() as usize] {
            Some(known) => Dependencies::Known(known.clone()),
            None => Dependencies::Unknown(StringId(0)),
        }
    }
}
