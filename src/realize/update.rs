//! Looking at the sources, for the lock.

use std::collections::BTreeSet;
use std::path::Path;

use super::error::Error;
use super::facts::{Facts, Look};
use super::observe::Observer;
use crate::ids::Name;
use crate::plan::{self, Solved};
use crate::recipe::{Kind, Location, Recipes, Source};
use crate::source::{self, Lock, LockedPackage, LockedSource, Moved, SolvedPackage};
use crate::store::Store;

/// A lock made anew, and what moved.
#[derive(Debug)]
pub struct Updated {
    pub lock: Lock,
    pub moved: Vec<Moved>,
    /// Artifacts without an answer in the lock, and why: they stand on packages that are made when they are realized,
    /// or what was asked has none.
    pub unsolved: Vec<(Name, Option<plan::Error>)>,
}

/// Looks at sources (all, if none is named), and at what the artifacts are solved to then.
///
/// Sources that are not named stay as they were locked.
pub fn update(
    store: &Store,
    recipes: &Recipes,
    old: Option<&Lock>,
    names: &[Name],
    jobs: usize,
    now: i64,
    observer: &dyn Observer,
) -> Result<Updated, Error> {
    let mut sources = Vec::new();
    for (name, recipe) in &recipes.recipes {
        if let Kind::Source(source) = &recipe.kind {
            sources.push((name, source));
        }
    }
    for name in names {
        if !sources.iter().any(|(source, _)| *source == name) {
            return Err(Error::NoSource { name: name.clone() });
        }
    }
    let looked: Vec<(&Name, &Source)> = sources
        .iter()
        .filter(|(name, _)| names.is_empty() || names.contains(name))
        .copied()
        .collect();
    let look = Look {
        store,
        lock: None,
        now,
        jobs,
        observer,
        keep: true,
    };
    let facts = look.at(&looked)?;
    let mut lock = Lock::default();
    for (name, source) in &sources {
        let kept = old.and_then(|old| old.sources.get(*name));
        let locked = if looked.iter().any(|(looked, _)| looked == name) {
            locked(&facts, name, source)?
        } else if let Some(kept) = kept {
            kept.clone()
        } else {
            continue;
        };
        lock.sources.insert((*name).clone(), locked);
    }
    let look = Look {
        lock: Some(&lock),
        ..look
    };
    let facts = look.at(&sources
        .iter()
        .copied()
        .filter(|(name, _)| lock.sources.contains_key(*name))
        .collect::<Vec<_>>())?;
    let mut unsolved = Vec::new();
    let mut solved = Vec::new();
    for (name, recipe) in &recipes.recipes {
        if !matches!(recipe.kind, Kind::Ostree(_)) {
            continue;
        }
        // One that has no answer must not keep the others, or the sources, from being locked.
        match plan::plan(recipes, std::slice::from_ref(name), &facts) {
            Ok(mut plan) => match plan.solved.remove(name) {
                Some(answer) => solved.push((name.clone(), answer)),
                None => unsolved.push((name.clone(), None)),
            },
            Err(error) => unsolved.push((name.clone(), Some(error))),
        }
    }
    for (name, Solved { question, packages }) in solved {
        let packages = packages
            .into_iter()
            .map(|(nevra, digest)| SolvedPackage { nevra, digest })
            .collect();
        lock.solved
            .insert(name, source::Solved { question, packages });
    }
    let empty = Lock::default();
    let moved = Lock::changes(old.unwrap_or(&empty), &lock);
    Ok(Updated {
        lock,
        moved,
        unsolved,
    })
}

fn locked(facts: &Facts<'_>, name: &Name, source: &Source) -> Result<LockedSource, Error> {
    let Location::Path(directory) = &source.location else {
        return Err(Error::Remote { name: name.clone() });
    };
    let mut packages = BTreeSet::new();
    for package in facts.packages(name) {
        let Some(rpm) = package.rpm else {
            continue;
        };
        let record = facts.record(rpm).ok_or_else(|| Error::Lost {
            package: package.nevra.to_string(),
        })?;
        let place = facts
            .place(rpm)
            .expect("a package that was looked at has a place");
        packages.insert(LockedPackage {
            nevra: package.nevra.clone(),
            digest: package.digest.clone(),
            size: package.size,
            location: relative(name, place, directory)?,
            file: Some(record.file),
            asked: BTreeSet::new(),
        });
    }
    Ok(LockedSource {
        packages,
        ..LockedSource::default()
    })
}

/// Where a package lies in its source, as the lock writes it.
fn relative(name: &Name, path: &Path, directory: &Path) -> Result<String, Error> {
    let inside = path.strip_prefix(directory).unwrap_or(path);
    let text = inside.to_str().ok_or_else(|| Error::Unnamable {
        name: name.clone(),
        path: path.to_owned(),
    })?;
    Ok(text.to_owned())
}
