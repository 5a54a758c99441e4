//! What people mean when they name an artifact: `server`, `server@3`, `server@RC1`, a hash prefix, a path.

use crate::ids::{BlobId, EntryId, Name, TraceId};
use crate::store::{self, Generation, LEAST_PREFIX, RootName, Store};

/// Something that somebody named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    pub entry: EntryId,
    /// The record that made it, as far as one is known.
    pub trace: Option<TraceId>,
    /// The root and generation, where it was named by one.
    pub generation: Option<(RootName, u32)>,
    /// What that generation was labelled as.
    pub label: Option<String>,
    /// What is recorded of where it was drawn from, beside a generation that names it.
    pub origin: Option<BlobId>,
}

/// Nothing, or too much, goes by that name.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("there is no artifact {text:?} in the store{}", hint(text, near))]
    Unknown { text: String, near: Vec<String> },
    #[error("{root} has no generation {wanted:?}; it has {have}")]
    NoGeneration {
        root: RootName,
        wanted: String,
        have: String,
    },
    #[error(
        "{name} is in several releases: {}; use the full name of one",
        listed(roots)
    )]
    Several { name: Name, roots: Vec<RootName> },
}

fn hint(text: &str, near: &[String]) -> String {
    if near.is_empty() {
        let of_a_hash = |char| matches!(char, 'a'..='z' | '2'..='7');
        let short = if text.len() < LEAST_PREFIX && text.chars().all(of_a_hash) {
            format!("; a hash is named by {LEAST_PREFIX} of its characters or more")
        } else {
            String::new()
        };
        format!("; `store roots` lists those that are{short}")
    } else {
        format!("; near to it: {}", near.join(", "))
    }
}

fn listed(roots: &[RootName]) -> String {
    roots
        .iter()
        .map(RootName::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

/// Finds the subject of a name. `release` (`SHORT-VERSION-ARCH`) is that of the recipes in use, if any.
pub fn find(store: &Store, text: &str, release: Option<&str>) -> Result<Subject, Error> {
    let (name, wanted) = match text.rsplit_once('@') {
        Some((name, wanted)) => (name, Some(wanted)),
        None => (text, None),
    };
    if let Some(root) = root(store, name, release)? {
        let generations = store.generations(&root)?;
        let chosen = match wanted {
            None => generations.last(),
            Some(wanted) => choose(&generations, wanted),
        };
        let Some(chosen) = chosen else {
            let have: Vec<String> = generations.iter().map(shown).collect();
            let (wanted, have) = (wanted.unwrap_or_default().to_owned(), have.join(", "));
            return Err(Error::NoGeneration { root, wanted, have });
        };
        return Ok(Subject {
            entry: chosen.entry,
            trace: chosen.trace,
            generation: Some((root, chosen.number)),
            label: chosen.label.clone(),
            origin: chosen.origin,
        });
    }
    match store.resolve_prefix(text) {
        Ok(entry) => {
            let trace = store.made(entry)?.first().copied();
            Ok(Subject {
                entry,
                trace,
                generation: None,
                label: None,
                origin: origin(store, entry)?,
            })
        }
        Err(store::Error::NoSuchEntry { .. } | store::Error::NotAPrefix { .. }) => {
            Err(Error::Unknown {
                text: text.to_owned(),
                near: near(store, name)?,
            })
        }
        Err(error) => Err(error.into()),
    }
}

/// The root of a name: full, or short where one release has it.
pub fn root(store: &Store, name: &str, release: Option<&str>) -> Result<Option<RootName>, Error> {
    let roots = store.roots()?;
    if let Some(full) = roots.iter().find(|root| root.to_string() == name) {
        return Ok(Some(full.clone()));
    }
    let mut same: Vec<RootName> = roots
        .into_iter()
        .filter(|root| root.name().as_str() == name)
        .collect();
    if let Some(ours) = same.iter().find(|root| Some(root.release()) == release) {
        return Ok(Some(ours.clone()));
    }
    match same.len() {
        0 => Ok(None),
        1 => Ok(same.pop()),
        _ => Err(Error::Several {
            name: same[0].name().clone(),
            roots: same,
        }),
    }
}

/// The newest origin beside any generation of an entry.
fn origin(store: &Store, entry: EntryId) -> Result<Option<BlobId>, Error> {
    let mut newest = None;
    for root in store.roots()? {
        for generation in store.generations(&root)? {
            if generation.entry == entry && generation.origin.is_some() {
                newest = newest.max(Some((generation.time, generation.origin)));
            }
        }
    }
    Ok(newest.and_then(|(_, origin)| origin))
}

fn choose<'a>(generations: &'a [Generation], wanted: &str) -> Option<&'a Generation> {
    let number = wanted.parse().ok();
    generations
        .iter()
        .find(|generation| Some(generation.number) == number)
        // Of several generations with one label the newest counts.
        .or_else(|| {
            generations
                .iter()
                .rev()
                .find(|generation| generation.label.as_deref() == Some(wanted))
        })
}

fn shown(generation: &Generation) -> String {
    match &generation.label {
        Some(label) => format!("{} ({label})", generation.number),
        None => generation.number.to_string(),
    }
}

fn near(store: &Store, name: &str) -> Result<Vec<String>, Error> {
    let short = name.rsplit('/').next().unwrap_or(name);
    let mut near: Vec<(usize, String)> = store
        .roots()?
        .into_iter()
        .map(|root| {
            (
                strsim::damerau_levenshtein(short, root.name().as_str()),
                root.name().to_string(),
            )
        })
        .filter(|(distance, _)| *distance <= 1 + short.len() / 4)
        .collect();
    near.sort();
    near.dedup();
    Ok(near.into_iter().map(|(_, name)| name).take(3).collect())
}
