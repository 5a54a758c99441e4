//! The packages that a question is about, indexed by what they provide.

use std::cell::RefCell;
use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use super::Question;
use super::arch::{Fit, fit};
use super::paths;
use super::relation::{Range, holds, overlap};
use super::rich::Expression;
use crate::formats::rpm::{Dependency, Sense, Solvable};
use crate::ids::Evr;

/// A package that could be installed. Its number is its place in [`Universe::packages`].
pub(super) struct Package<'a> {
    /// Its place in the question.
    pub asked: usize,
    pub solvable: &'a Solvable,
    pub fit: Fit,
    /// No newer package of its name fits as well.
    pub newest: bool,
}

/// A package, and the versions that it speaks for.
type Speaker = (usize, Option<(Sense, Evr)>);

/// Packages in canonical order: by NEVRA, then by digest, so that the order of the question never matters.
///
/// The maps are for looking up only; nothing iterates over them.
pub(super) struct Universe<'a> {
    pub packages: Vec<Package<'a>>,
    by_name: HashMap<&'a str, Vec<usize>>,
    provides: HashMap<&'a str, Vec<(usize, &'a Dependency)>>,
    /// Only of paths that some dependency names.
    files: HashMap<&'a [u8], Vec<usize>>,
    /// Which packages obsolete this one.
    obsoleted_by: Vec<Vec<usize>>,
    /// What packages supplement or enhance, and which do, of those that name nothing else with it.
    spoken_for: HashMap<String, Vec<Speaker>>,
    /// What packages have in common, once it was looked for.
    common: RefCell<HashMap<Vec<usize>, Option<&'a str>>>,
    /// Of architectures that the system does not run; kept to explain.
    pub unfit: Vec<&'a Solvable>,
}

impl<'a> Universe<'a> {
    pub fn new(question: &'a Question<'a>) -> Universe<'a> {
        let mut unfit = Vec::new();
        let mut packages = Vec::new();
        for (asked, candidate) in question.packages.iter().enumerate() {
            let solvable = candidate.solvable;
            match fit(&solvable.nevra.arch, &question.arch) {
                _ if solvable.source => {}
                Some(fit) => packages.push((candidate.module, asked, solvable, fit)),
                None => unfit.push(solvable),
            }
        }
        packages.sort_by_key(|&(module, asked, solvable, _)| (solvable.identity(), module, asked));
        unfit.sort_by(|a, b| a.nevra.cmp(&b.nevra));
        // The same package offered by two modules is one package.
        packages.dedup_by(|b, a| a.2.identity() == b.2.identity());
        let packages = packages
            .into_iter()
            .map(|(_, asked, solvable, fit)| Package {
                asked,
                solvable,
                fit,
                newest: true,
            })
            .collect();
        let mut universe = Universe {
            packages,
            by_name: HashMap::new(),
            provides: HashMap::new(),
            files: HashMap::new(),
            obsoleted_by: Vec::new(),
            spoken_for: HashMap::new(),
            common: RefCell::new(HashMap::new()),
            unfit,
        };
        universe.index();
        universe.index_files(question);
        universe.index_obsoletes();
        universe.index_weak();
        universe
    }

    fn index(&mut self) {
        for (number, package) in self.packages.iter().enumerate() {
            let solvable = package.solvable;
            self.by_name
                .entry(&solvable.nevra.name)
                .or_default()
                .push(number);
            for provided in &solvable.provides {
                self.provides
                    .entry(&provided.name)
                    .or_default()
                    .push((number, provided));
            }
        }
        for number in 0..self.packages.len() {
            let (solvable, fit) = (self.packages[number].solvable, self.packages[number].fit);
            let newest = !self.named(&solvable.nevra.name).iter().any(|&other| {
                let other = &self.packages[other];
                other.fit.is_foreign() == fit.is_foreign()
                    && other.solvable.nevra.evr.compare(&solvable.nevra.evr) == Ordering::Greater
            });
            self.packages[number].newest = newest;
        }
    }

    fn index_files(&mut self, question: &'a Question) {
        let solvables = self.packages.iter().map(|package| package.solvable);
        let wanted: HashSet<Vec<u8>> = paths::wanted(&question.install, solvables)
            .into_iter()
            .collect();
        for (number, package) in self.packages.iter().enumerate() {
            for path in &package.solvable.paths {
                if wanted.contains(path.as_slice()) {
                    let owners = self.files.entry(path).or_default();
                    if owners.last() != Some(&number) {
                        owners.push(number);
                    }
                }
            }
        }
        for (path, owners) in &question.owners {
            let numbers = owners
                .iter()
                .filter_map(|&asked| self.number(question.packages.get(asked)?.solvable));
            let numbers: Vec<usize> = numbers.collect();
            let known = self.files.entry(path).or_default();
            known.extend(numbers);
            known.sort_unstable();
            known.dedup();
        }
    }

    fn index_obsoletes(&mut self) {
        let mut obsoleted_by = vec![Vec::new(); self.packages.len()];
        for number in 0..self.packages.len() {
            for (victim, _) in self.obsoleted(number) {
                obsoleted_by[victim].push(number);
            }
        }
        self.obsoleted_by = obsoleted_by;
    }

    fn index_weak(&mut self) {
        for (number, package) in self.packages.iter().enumerate() {
            let solvable = package.solvable;
            for weak in solvable.supplements.iter().chain(&solvable.enhances) {
                if let Ok(Expression::Plain { name, version }) = Expression::of(weak) {
                    let speakers = self.spoken_for.entry(name).or_default();
                    speakers.push((number, version));
                }
            }
        }
    }

    /// The packages that supplement or enhance this one, by a capability of its.
    pub fn speaking_for(&self, number: usize) -> BTreeSet<usize> {
        let solvable = self.packages[number].solvable;
        let own = Some((Sense::Eq, solvable.nevra.evr.clone()));
        let mut speaking = BTreeSet::new();
        let mut look = |name: &str, has: Range| {
            let speakers = self.spoken_for.get(name).into_iter().flatten();
            let fitting = speakers.filter(|(_, range)| overlap(has, range.as_ref()));
            speaking.extend(fitting.map(|(speaker, _)| *speaker));
        };
        look(&solvable.nevra.name, own.as_ref());
        for provided in &solvable.provides {
            look(&provided.name, provided.version.as_ref());
        }
        for path in &solvable.paths {
            if let Ok(path) = std::str::from_utf8(path) {
                look(path, None);
            }
        }
        speaking
    }

    /// Which package this is; `None` for one of a foreign architecture, and for a source package.
    fn number(&self, solvable: &Solvable) -> Option<usize> {
        self.packages
            .binary_search_by(|package| package.solvable.identity().cmp(&solvable.identity()))
            .ok()
    }

    /// Packages of this very name, in canonical order.
    pub fn named(&self, name: &str) -> &[usize] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }

    /// What a package obsoletes, by name and never by what others provide, and with which words.
    pub fn obsoleted(&self, number: usize) -> Vec<(usize, &'a Dependency)> {
        let solvable = self.packages[number].solvable;
        let mut victims = Vec::new();
        for obsolete in &solvable.obsoletes {
            for &victim in self.named(&obsolete.name) {
                let other = &self.packages[victim].solvable.nevra;
                if other.name != solvable.nevra.name && holds(obsolete.version.as_ref(), &other.evr)
                {
                    victims.push((victim, obsolete));
                }
            }
        }
        victims
    }

    /// Whether two packages of one name exclude each other: all but a native one and its foreign twin.
    pub fn exclusive(&self, a: usize, b: usize) -> bool {
        self.packages[a].fit.is_foreign() == self.packages[b].fit.is_foreign()
            || self.packages[a].fit == Fit::Any
            || self.packages[b].fit == Fit::Any
    }

    /// Every package that satisfies a plain dependency, the preferred first.
    pub fn providers(&self, name: &str, range: Range) -> Rc<[usize]> {
        let named = self.named(name).iter().copied().filter(|&number| {
            let own = (Sense::Eq, self.packages[number].solvable.nevra.evr.clone());
            overlap(Some(&own), range)
        });
        let provides = self.provides.get(name).map_or(&[][..], Vec::as_slice);
        let fits =
            |(_, provided): &&(usize, &Dependency)| overlap(provided.version.as_ref(), range);
        let provide = provides.iter().filter(fits).map(|&(number, _)| number);
        let files = self.files.get(name.as_bytes());
        let own = files.into_iter().flatten().copied();
        let all: BTreeSet<usize> = named.chain(provide).chain(own).collect();
        self.in_order(all, Some(name))
    }

    /// Any packages, the preferred first.
    ///
    /// Preferred is, in this order: native over foreign; the newest of a name; one that no other of them obsoletes;
    /// the higher version of a capability that all of them provide, of what is asked for if they do; then the name,
    /// the version (newest first), the architecture. So it is with dnf, where packages of a repository lie in the order of their names.
    pub fn alternatives(&self, packages: impl IntoIterator<Item = usize>) -> Rc<[usize]> {
        self.in_order(packages, None)
    }

    fn in_order(
        &self,
        packages: impl IntoIterator<Item = usize>,
        asked: Option<&str>,
    ) -> Rc<[usize]> {
        let mut packages: Vec<usize> = packages.into_iter().collect();
        if packages.len() < 2 {
            return packages.into();
        }
        packages.sort_unstable();
        let common = self.in_common(&packages, asked);
        let obsolete = |by: &usize| packages.binary_search(by).is_ok();
        let rank = |&number: &usize| {
            let package = &self.packages[number];
            let obsolete = self.obsoleted_by[number].iter().any(obsolete);
            let version = common.and_then(|name| self.stated(number, name));
            let name = &package.solvable.nevra.name;
            let foreign = package.fit.is_foreign();
            (foreign, !package.newest, obsolete, Reverse(version), name)
        };
        let mut ranked: Vec<_> = packages.iter().map(|one| (rank(one), *one)).collect();
        ranked.sort_by(|(a_rank, a), (b_rank, b)| {
            a_rank.cmp(b_rank).then_with(|| self.by_version(*a, *b))
        });
        ranked.into_iter().map(|(_, number)| number).collect()
    }

    /// A capability that the newest of all names have in a version: what is asked for, else the first of the first package.
    fn in_common<'s>(&'s self, packages: &[usize], asked: Option<&'s str>) -> Option<&'s str> {
        let is_best = |package: &Package| package.newest && !package.fit.is_foreign();
        let newest = packages.iter().copied();
        let newest: Vec<usize> = newest.filter(|&n| is_best(&self.packages[n])).collect();
        let (&first, _) = newest.split_first()?;
        let by_all = |name: &&str| newest.iter().all(|&n| self.stated(n, name).is_some());
        if let Some(asked) = asked.filter(by_all) {
            return Some(asked);
        }
        let mut known = self.common.borrow_mut();
        if let Some(name) = known.get(&newest) {
            return *name;
        }
        let provides = self.packages[first].solvable.provides.iter();
        let versioned = provides.filter(|provided| provided.version.is_some());
        let mut names = versioned.map(|provided| provided.name.as_str());
        let mut seen = HashSet::new();
        let name = names.find(|name| seen.insert(*name) && by_all(name));
        known.insert(newest, name);
        name
    }

    /// The version in which a package provides something.
    fn stated(&self, number: usize, name: &str) -> Option<(&'a Evr, Sense)> {
        let all = self.provides.get(name).map_or(&[][..], Vec::as_slice);
        // They lie in the order of the packages.
        let from = all.partition_point(|(package, _)| *package < number);
        let own = all[from..].iter().take_while(|(one, _)| *one == number);
        let versions = own.filter_map(|(_, provided)| provided.version.as_ref());
        versions.map(|(sense, evr)| (evr, *sense)).max()
    }

    /// The packages of other names that obsolete any of these, in canonical order.
    pub fn obsoleting(&self, packages: &[usize]) -> Vec<usize> {
        let all = packages.iter().flat_map(|&one| &self.obsoleted_by[one]);
        all.copied().collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Newest first, then the better architecture, then canonical order.
    pub fn by_version(&self, a: usize, b: usize) -> Ordering {
        let (left, right) = (&self.packages[a], &self.packages[b]);
        let (old, new) = (&left.solvable.nevra.evr, &right.solvable.nevra.evr);
        new.compare(old)
            .then_with(|| left.fit.cmp(&right.fit))
            .then(a.cmp(&b))
    }
}
