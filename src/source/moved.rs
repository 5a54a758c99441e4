//! What moved between two locks.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use super::lock::{Lock, LockedSource, Solved};
use crate::ids::{Digest, Evr, Name, Nevra};

/// One package that is not what it was, in a source or among those that an artifact is solved to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Moved {
    #[serde(flatten)]
    pub of: Of,
    pub name: String,
    pub arch: String,
    pub change: Change,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "text")]
    pub from: Option<Evr>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "text")]
    pub to: Option<Evr>,
    /// The source that gave the version before, where another one gives it now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Name>,
}

/// Where a package moved.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Of {
    Source(Name),
    Artifact(Name),
}

impl Of {
    pub const fn name(&self) -> &Name {
        let (Of::Source(name) | Of::Artifact(name)) = self;
        name
    }
}

fn text<S: serde::Serializer>(evr: &Option<Evr>, serializer: S) -> Result<S::Ok, S::Error> {
    match evr {
        Some(evr) => serializer.collect_str(evr),
        None => serializer.serialize_none(),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    Added,
    Removed,
    Upgraded,
    Downgraded,
    /// The same version with other content.
    Rebuilt,
}

impl Change {
    pub const fn name(self) -> &'static str {
        match self {
            Change::Added => "added",
            Change::Removed => "removed",
            Change::Upgraded => "upgraded",
            Change::Downgraded => "downgraded",
            Change::Rebuilt => "rebuilt",
        }
    }
}

/// `os: bash.x86_64 upgraded from 5.1-1 to 5.2-1`
impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let change = self.change.name();
        write!(
            f,
            "{}: {}.{} {change}",
            self.of.name(),
            self.name,
            self.arch
        )?;
        match (&self.from, &self.to) {
            (Some(from), Some(to)) if from == to => write!(f, ", {to}"),
            (Some(from), Some(to)) => {
                write!(f, " from {from}")?;
                if let Some(source) = &self.before {
                    write!(f, " of {source}")?;
                }
                write!(f, " to {to}")
            }
            (Some(evr), None) | (None, Some(evr)) => write!(f, ", {evr}"),
            (None, None) => Ok(()),
        }
    }
}

impl Lock {
    /// What moved from `old` to `new`, sorted by source and package, then by artifact and package.
    ///
    /// Where a package lies does not count; an artifact that only one of them has a solution of is left out.
    pub fn changes(old: &Lock, new: &Lock) -> Vec<Moved> {
        let nothing = LockedSource::default();
        let sources: BTreeSet<&Name> = old.sources.keys().chain(new.sources.keys()).collect();
        let mut moved = Vec::new();
        for source in sources {
            let versions = |lock: &Lock| {
                let source = lock.sources.get(source).unwrap_or(&nothing);
                by_name(source.packages.iter().map(|one| (&one.nevra, &one.digest)))
            };
            let of = Of::Source(source.clone());
            differences(&of, &versions(old), &versions(new), &mut moved);
        }
        let mut moved = between_sources(moved);
        for (artifact, before) in &old.solved {
            let Some(after) = new.solved.get(artifact) else {
                continue;
            };
            let versions = |solved: &Solved| {
                by_name(solved.packages.iter().map(|one| (&one.nevra, &one.digest)))
            };
            let of = Of::Artifact(artifact.clone());
            differences(&of, &versions(before), &versions(after), &mut moved);
        }
        moved
    }
}

/// The versions of each package, by name and architecture, each with what it is.
type Versions = BTreeMap<(String, String), BTreeSet<(Evr, Digest)>>;

fn by_name<'a>(packages: impl Iterator<Item = (&'a Nevra, &'a Digest)>) -> Versions {
    let mut versions = Versions::new();
    for (nevra, digest) in packages {
        let key = (nevra.name.clone(), nevra.arch.clone());
        let version = (nevra.evr.clone(), digest.clone());
        versions.entry(key).or_default().insert(version);
    }
    versions
}

fn differences(of: &Of, before: &Versions, after: &Versions, moved: &mut Vec<Moved>) {
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    for key in names {
        let versions = |of: &Versions| of.get(key).cloned().unwrap_or_default();
        for (change, from, to) in compare(versions(before), versions(after)) {
            let (name, arch) = key.clone();
            moved.push(Moved {
                of: of.clone(),
                name,
                arch,
                change,
                from,
                to,
                before: None,
            });
        }
    }
}

/// Makes one of a package that one source gave before, and another gives now in another version.
fn between_sources(moved: Vec<Moved>) -> Vec<Moved> {
    let key = |moved: &Moved| (moved.name.clone(), moved.arch.clone());
    let mut gone: BTreeMap<_, Vec<Moved>> = BTreeMap::new();
    let mut rest = Vec::new();
    for moved in moved {
        match moved.change {
            Change::Removed => gone.entry(key(&moved)).or_default().push(moved),
            _ => rest.push(moved),
        }
    }
    for come in rest.iter_mut().filter(|one| one.change == Change::Added) {
        let gone = gone.get_mut(&key(come));
        let other = gone.and_then(|gone| {
            let place = gone.iter().position(|one| one.from != come.to)?;
            Some(gone.remove(place))
        });
        if let Some(gone) = other {
            come.change = match gone.from < come.to {
                true => Change::Upgraded,
                false => Change::Downgraded,
            };
            come.from = gone.from;
            come.before = Some(gone.of.name().clone());
        }
    }
    rest.extend(gone.into_values().flatten());
    rest.sort();
    rest
}

type Step = (Change, Option<Evr>, Option<Evr>);

/// Pairs what went with what came, the newest with the newest.
fn compare(before: BTreeSet<(Evr, Digest)>, after: BTreeSet<(Evr, Digest)>) -> Vec<Step> {
    let mut gone: Vec<Evr> = before
        .difference(&after)
        .map(|(evr, _)| evr.clone())
        .collect();
    let mut come: Vec<Evr> = after
        .difference(&before)
        .map(|(evr, _)| evr.clone())
        .collect();
    let mut steps = Vec::new();
    gone.retain(|evr| match come.iter().position(|other| other == evr) {
        Some(same) => {
            come.remove(same);
            steps.push((Change::Rebuilt, Some(evr.clone()), Some(evr.clone())));
            false
        }
        None => true,
    });
    loop {
        steps.push(match (gone.pop(), come.pop()) {
            (None, None) => break,
            (Some(from), None) => (Change::Removed, Some(from), None),
            (None, Some(to)) => (Change::Added, None, Some(to)),
            (Some(from), Some(to)) if from < to => (Change::Upgraded, Some(from), Some(to)),
            (Some(from), Some(to)) => (Change::Downgraded, Some(from), Some(to)),
        });
    }
    steps
}
