//! The packages that a question is about, indexed by what they provide.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, HashMap, HashSet};

use super::Candidate;
use super::arch::{Fit, fit};
use super::relation::{Range, holds, overlap};
use super::rich::Expression;
use crate::formats::rpm::{Dependency, Record, Sense};
use crate::ids::Evr;

/// A package that could be installed. Its number is its place in [`Universe::packages`].
pub(super) struct Package<'a> {
    /// Its place in the question.
    pub asked: usize,
    pub record: &'a Record,
    pub fit: Fit,
    /// No newer package of its name fits as well.
    pub newest: bool,
}

/// Packages in canonical order: by NEVRA, then by content, so that the order of the question never matters.
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
    /// Of architectures that the system does not run; kept to explain.
    pub unfit: Vec<&'a Record>,
}

impl<'a> Universe<'a> {
    /// `named` are paths that the question itself asks for.
    pub fn new(candidates: &[Candidate<'a>], arch: &str, named: &[String]) -> Universe<'a> {
        let mut unfit = Vec::new();
        let mut packages = Vec::new();
        for (asked, candidate) in candidates.iter().enumerate() {
            let record = candidate.record;
            match fit(&record.nevra.arch, arch) {
                _ if record.source => {}
                Some(fit) => packages.push((candidate.module, asked, record, fit)),
                None => unfit.push(record),
            }
        }
        packages.sort_by_key(|&(module, asked, record, _)| {
            (&record.nevra, record.content, record.file, module, asked)
        });
        unfit.sort_by(|a, b| a.nevra.cmp(&b.nevra));
        // The same package offered by two modules is one package.
        packages.dedup_by(|b, a| {
            a.2.nevra == b.2.nevra && a.2.content == b.2.content && a.2.file == b.2.file
        });
        let packages = packages
            .into_iter()
            .map(|(_, asked, record, fit)| Package {
                asked,
                record,
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
            unfit,
        };
        universe.index();
        universe.index_files(named);
        universe.index_obsoletes();
        universe
    }

    fn index(&mut self) {
        for (number, package) in self.packages.iter().enumerate() {
            let record = package.record;
            self.by_name
                .entry(&record.nevra.name)
                .or_default()
                .push(number);
            for provided in &record.provides {
                self.provides
                    .entry(&provided.name)
                    .or_default()
                    .push((number, provided));
            }
        }
        for number in 0..self.packages.len() {
            let (record, fit) = (self.packages[number].record, self.packages[number].fit);
            let newest = !self.named(&record.nevra.name).iter().any(|&other| {
                let other = &self.packages[other];
                other.fit.is_foreign() == fit.is_foreign()
                    && other.record.nevra.evr.compare(&record.nevra.evr) == Ordering::Greater
            });
            self.packages[number].newest = newest;
        }
    }

    fn index_files(&mut self, named: &[String]) {
        let mut wanted: HashSet<Vec<u8>> = HashSet::new();
        for path in named {
            wanted.insert(path.clone().into_bytes());
        }
        for package in &self.packages {
            for dependency in dependencies(package.record) {
                if dependency.name.starts_with('/') {
                    wanted.insert(dependency.name.clone().into_bytes());
                } else if dependency.name.starts_with('(')
                    && let Ok(expression) = Expression::of(dependency)
                {
                    expression.each_plain(&mut |name, _| {
                        if name.starts_with('/') {
                            wanted.insert(name.as_bytes().to_vec());
                        }
                    });
                }
            }
        }
        for (number, package) in self.packages.iter().enumerate() {
            for file in &package.record.files {
                if wanted.contains(file.path.as_slice()) {
                    let owners = self.files.entry(file.path.as_slice()).or_default();
                    if owners.last() != Some(&number) {
                        owners.push(number);
                    }
                }
            }
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

    /// Packages of this very name, in canonical order.
    pub fn named(&self, name: &str) -> &[usize] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }

    /// What a package obsoletes, by name and never by what others provide, and with which words.
    pub fn obsoleted(&self, number: usize) -> Vec<(usize, &'a Dependency)> {
        let record = self.packages[number].record;
        let mut victims = Vec::new();
        for obsolete in &record.obsoletes {
            for &victim in self.named(&obsolete.name) {
                let other = &self.packages[victim].record.nevra;
                if other.name != record.nevra.name && holds(obsolete.version.as_ref(), &other.evr) {
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
    ///
    /// Preferred is, in this order: native over foreign; the package of that name; the newest of a name;
    /// one that no other of them obsoletes; a higher version of the capability;
    /// then the name, the version (newest first), the architecture.
    pub fn providers(&self, name: &str, range: Range) -> Vec<usize> {
        let mut found: BTreeMap<usize, Option<(&Evr, Sense)>> = BTreeMap::new();
        for &number in self.named(name) {
            let own = (Sense::Eq, self.packages[number].record.nevra.evr.clone());
            if overlap(Some(&own), range) {
                found.insert(number, None);
            }
        }
        for &(number, provided) in self.provides.get(name).map_or(&[][..], Vec::as_slice) {
            if overlap(provided.version.as_ref(), range) {
                let version = provided.version.as_ref().map(|(sense, evr)| (evr, *sense));
                let best = found.entry(number).or_insert(version);
                *best = (*best).max(version);
            }
        }
        for &number in self
            .files
            .get(name.as_bytes())
            .map_or(&[][..], Vec::as_slice)
        {
            found.entry(number).or_insert(None);
        }
        let members: Vec<usize> = found.keys().copied().collect();
        let mut ranked: Vec<_> = found
            .iter()
            .map(|(&number, &version)| {
                let package = &self.packages[number];
                let named = package.record.nevra.name == name;
                let obsolete = self.obsoleted_by[number]
                    .iter()
                    .any(|by| members.binary_search(by).is_ok());
                let rank = (
                    package.fit.is_foreign(),
                    !named,
                    !package.newest,
                    obsolete,
                    Reverse(version.filter(|_| !named)),
                    &package.record.nevra.name,
                );
                (rank, number)
            })
            .collect();
        ranked.sort_by(|(a_rank, a), (b_rank, b)| {
            a_rank.cmp(b_rank).then_with(|| self.by_version(*a, *b))
        });
        ranked.into_iter().map(|(_, number)| number).collect()
    }

    /// Newest first, then the better architecture, then canonical order.
    pub fn by_version(&self, a: usize, b: usize) -> Ordering {
        let (left, right) = (&self.packages[a], &self.packages[b]);
        let (old, new) = (&left.record.nevra.evr, &right.record.nevra.evr);
        new.compare(old)
            .then_with(|| left.fit.cmp(&right.fit))
            .then(a.cmp(&b))
    }
}

/// All dependencies of a package in which a path may stand.
fn dependencies(record: &Record) -> impl Iterator<Item = &Dependency> {
    record
        .requires
        .iter()
        .chain(&record.conflicts)
        .chain(&record.recommends)
        .chain(&record.suggests)
        .chain(&record.supplements)
        .chain(&record.enhances)
}
