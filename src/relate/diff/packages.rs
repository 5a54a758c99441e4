//! Which packages and modules differ: by name first, then by version, then by content.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::formats::modulemd;
use crate::formats::rpm::Record;
use crate::ids::{BlobId, EntryId, Evr};
use crate::plan::facts::OriginFacts;

/// How a package or module differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    Added,
    Removed,
    Upgraded,
    Downgraded,
    /// A module that another stream was chosen of; which of two streams is the newer, nobody can say.
    Switched,
    /// The same version with other content.
    Rebuilt,
    /// The same header and payload under another signature; counts only where the file itself is shipped.
    /// In JSON it is `rebuilt`, since the file is the same version with other content, and [`Package::resigned`].
    #[serde(rename = "rebuilt")]
    Resigned,
}

/// A package that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Package {
    pub name: String,
    pub arch: String,
    pub change: Change,
    #[serde(serialize_with = "text")]
    pub from: Option<Evr>,
    #[serde(serialize_with = "text")]
    pub to: Option<Evr>,
    /// By how much the bytes grew; negative where they shrank.
    pub bytes: i64,
    /// Whether only the signature is another.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub resigned: bool,
}

/// A module that differs; versions are `STREAM:VERSION`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Module {
    pub name: String,
    pub change: Change,
    pub from: Option<String>,
    pub to: Option<String>,
}

fn text<S: serde::Serializer>(evr: &Option<Evr>, serializer: S) -> Result<S::Ok, S::Error> {
    match evr {
        Some(evr) => serializer.collect_str(evr),
        None => serializer.serialize_none(),
    }
}

/// A package as it stands in one closure. Sorted by version first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Held {
    evr: Evr,
    content: BlobId,
    /// The file, where that is what is shipped.
    file: Option<BlobId>,
    size: u64,
}

impl Held {
    /// As a file in a repository.
    pub fn shipped(record: &Record) -> Self {
        Held {
            evr: record.nevra.evr.clone(),
            content: record.content,
            file: Some(record.file),
            size: record.file_size,
        }
    }

    /// As files in a tree.
    pub fn installed(record: &Record) -> Self {
        Held {
            file: None,
            size: record.installed_size,
            ..Held::shipped(record)
        }
    }
}

/// Packages by name and architecture; several versions of one may stand side by side.
pub(super) type Packages = BTreeMap<(String, String), BTreeSet<Held>>;

pub(super) fn between(from: &Packages, to: &Packages) -> Vec<Package> {
    let none = BTreeSet::new();
    let keys: BTreeSet<_> = from.keys().chain(to.keys()).collect();
    let mut differing = Vec::new();
    for key in keys {
        let from = from.get(key).unwrap_or(&none);
        let to = to.get(key).unwrap_or(&none);
        for (from, to) in pairs(from, to) {
            let change = change(from, to);
            differing.push(Package {
                name: key.0.clone(),
                arch: key.1.clone(),
                change,
                from: from.map(|held| held.evr.clone()),
                to: to.map(|held| held.evr.clone()),
                bytes: bytes(to) - bytes(from),
                resigned: change == Change::Resigned,
            });
        }
    }
    differing
}

fn bytes(held: Option<&Held>) -> i64 {
    held.map_or(0, |held| i64::try_from(held.size).unwrap_or(i64::MAX / 2))
}

/// Who became whom: equal ones fall out, then the same version finds itself, then the newest meet the newest.
///
/// Turning the sides around turns the pairs around, and nothing else.
fn pairs<'a>(
    from: &'a BTreeSet<Held>,
    to: &'a BTreeSet<Held>,
) -> Vec<(Option<&'a Held>, Option<&'a Held>)> {
    let mut old: Vec<&Held> = from.difference(to).collect();
    let mut new: Vec<&Held> = to.difference(from).collect();
    let mut pairs = Vec::new();
    for same in [
        |a: &Held, b: &Held| a.content == b.content,
        |a: &Held, b: &Held| a.evr == b.evr,
    ] {
        old.retain(|a| match new.iter().position(|b| same(a, b)) {
            Some(at) => {
                pairs.push((Some(*a), Some(new.remove(at))));
                false
            }
            None => true,
        });
    }
    for _ in 0..old.len().max(new.len()) {
        pairs.push((old.pop(), new.pop()));
    }
    pairs
}

fn change(from: Option<&Held>, to: Option<&Held>) -> Change {
    match (from, to) {
        (None, _) => Change::Added,
        (_, None) => Change::Removed,
        (Some(from), Some(to)) => match to.evr.cmp(&from.evr) {
            Ordering::Greater => Change::Upgraded,
            Ordering::Less => Change::Downgraded,
            Ordering::Equal if from.content == to.content => Change::Resigned,
            Ordering::Equal => Change::Rebuilt,
        },
    }
}

/// Modules by name and stream, each with its version and what it is beyond that.
pub(super) type Modules = BTreeMap<String, BTreeMap<String, (u64, Content)>>;

/// What tells two modules of one version apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// A module that is part of the artifact.
    Whole(EntryId),
    /// Those of its packages that an artifact took, by name and architecture, and by what is in them.
    Taken(BTreeMap<(String, String), BTreeSet<BlobId>>),
}

impl Content {
    /// All of a module and a part of one say nothing of each other; nor do two parts, where they have nothing in common.
    ///
    /// That more of its packages were taken, or fewer, changes no module.
    fn differs(&self, other: &Self) -> bool {
        match (self, other) {
            (Content::Whole(a), Content::Whole(b)) => a != b,
            (Content::Taken(a), Content::Taken(b)) => a.iter().any(|(package, here)| {
                let there = b.get(package);
                there.is_some_and(|there| !here.is_subset(there) && !there.is_subset(here))
            }),
            _ => false,
        }
    }
}

pub(super) fn hold(modules: &mut Modules, module: modulemd::Module, entry: EntryId) {
    let streams = modules.entry(module.name).or_default();
    streams.insert(module.stream, (module.version, Content::Whole(entry)));
}

/// Holds the modules that an artifact was solved in.
pub(super) fn hold_origin(modules: &mut Modules, origin: OriginFacts) {
    for module in origin.modules {
        let mut taken: BTreeMap<_, BTreeSet<BlobId>> = BTreeMap::new();
        for package in module.packages {
            let key = (package.nevra.name, package.nevra.arch);
            taken.entry(key).or_default().insert(package.content);
        }
        let streams = modules.entry(module.name).or_default();
        let streams = streams.entry(module.stream);
        streams.or_insert((module.version, Content::Taken(taken)));
    }
}

pub(super) fn modules_between(from: &Modules, to: &Modules) -> Vec<Module> {
    let none = BTreeMap::new();
    let names: BTreeSet<_> = from.keys().chain(to.keys()).collect();
    let mut differing = Vec::new();
    for name in names {
        let from = from.get(name).unwrap_or(&none);
        let to = to.get(name).unwrap_or(&none);
        let mut differ = |change, from: Option<(&String, u64)>, to: Option<(&String, u64)>| {
            let shown = |(stream, version)| format!("{stream}:{version}");
            differing.push(Module {
                name: name.clone(),
                change,
                from: from.map(shown),
                to: to.map(shown),
            });
        };
        for (stream, (old, old_content)) in from {
            let Some((new, new_content)) = to.get(stream) else {
                continue;
            };
            let change = match new.cmp(old) {
                Ordering::Greater => Change::Upgraded,
                Ordering::Less => Change::Downgraded,
                Ordering::Equal if !old_content.differs(new_content) => continue,
                Ordering::Equal => Change::Rebuilt,
            };
            differ(change, Some((stream, *old)), Some((stream, *new)));
        }
        let mut old = from.iter().filter(|(stream, _)| !to.contains_key(*stream));
        let mut new = to.iter().filter(|(stream, _)| !from.contains_key(*stream));
        loop {
            let pair = (
                old.next().map(|(stream, held)| (stream, held.0)),
                new.next().map(|(stream, held)| (stream, held.0)),
            );
            match pair {
                (None, None) => break,
                (None, to) => differ(Change::Added, None, to),
                (from, None) => differ(Change::Removed, from, None),
                (from, to) => differ(Change::Switched, from, to),
            }
        }
    }
    differing
}
