//! The static manifest of a module, held against what there is to draw from.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::known::SourcePackage;
use super::offer::Offered;
use super::solve::newest;
use crate::ids::{Digest, Name, Nevra};

/// How a module names its packages.
pub(super) enum Manifest {
    /// `NAME` or `NAME.ARCH`; or `NAME-VERSION-RELEASE`, that one and no newer.
    Names(BTreeSet<String>),
    /// `NAME-EPOCH:VERSION-RELEASE.ARCH`, just those; of source packages none, and none is missed.
    /// Nor is one for debugging: distributions list them, and have them in a repository of their own.
    Artifacts(BTreeSet<String>),
}

/// A package that a manifest may name.
#[derive(Debug, Clone, Copy)]
pub(super) enum Candidate<'a> {
    /// Made of a recipe.
    Made(&'a Offered),
    /// Of a source of the module's.
    Listed(&'a Name, &'a SourcePackage),
}

/// What a manifest came to.
#[derive(Default)]
pub(super) struct Selected<'a> {
    /// By the text that each is the answer to.
    pub chosen: BTreeMap<String, Candidate<'a>>,
    /// Texts without an answer.
    pub missing: Vec<String>,
}

impl<'a> Candidate<'a> {
    pub fn nevra(self) -> &'a Nevra {
        match self {
            Candidate::Made(package) => &package.nevra,
            Candidate::Listed(_, package) => &package.nevra,
        }
    }

    fn digest(self) -> &'a Digest {
        match self {
            Candidate::Made(package) => &package.digest,
            Candidate::Listed(_, package) => &package.digest,
        }
    }

    /// The modules that it says it is of.
    pub fn labels(self) -> Vec<&'a str> {
        match self {
            Candidate::Made(package) => package.label().into_iter().collect(),
            Candidate::Listed(_, package) => package.labels.iter().map(String::as_str).collect(),
        }
    }

    /// Whether it may stand in a module: packages of another one are hidden from its names.
    pub fn belongs(self, own: &str) -> bool {
        self.labels().is_empty() || self.is_labelled(own)
    }

    /// Whether it says that it is of this module.
    fn is_labelled(self, own: &str) -> bool {
        let labels = self.labels().into_iter();
        let mut rests = labels.filter_map(|label| label.strip_prefix(own));
        rests.any(|rest| rest.is_empty() || rest.starts_with(':'))
    }
}

impl Manifest {
    fn texts(&self) -> Box<dyn Iterator<Item = &String> + '_> {
        match self {
            Manifest::Names(names) => Box::new(names.iter()),
            Manifest::Artifacts(nevras) => Box::new(
                nevras
                    .iter()
                    .filter(|nevra| !nevra.ends_with(".src") && !nevra.ends_with(".nosrc")),
            ),
        }
    }

    /// Whether nobody misses what a text means, where a source has no such package.
    fn is_optional(&self, text: &str) -> bool {
        let name = text.rsplitn(3, '-').nth(2).unwrap_or(text);
        let for_debugging = name.ends_with("-debuginfo") || name.ends_with("-debugsource");
        matches!(self, Manifest::Artifacts(_)) && for_debugging
    }

    /// The packages of repositories that a lock has as answers; `None` if these themselves have to be asked.
    ///
    /// What is at hand answers what the lock has no answer to.
    pub fn answered<'a>(
        &self,
        at_hand: &Selected,
        answers: impl Fn(&str) -> Vec<Candidate<'a>>,
    ) -> Option<Vec<Candidate<'a>>> {
        // What may be lacking is taken for that where the rest was asked for.
        if self.texts().all(|text| self.is_optional(text)) && self.texts().next().is_some() {
            return None;
        }
        let mut found = Vec::new();
        for text in self.texts() {
            let answers = answers(text);
            let is_at_hand = at_hand.chosen.contains_key(text);
            if answers.is_empty() && !is_at_hand && !self.is_optional(text) {
                return None;
            }
            found.extend(answers);
        }
        Some(found)
    }

    /// The packages that the manifest of module `own` means, on a system of this architecture.
    pub fn select<'a>(&self, candidates: &[Candidate<'a>], own: &str, arch: &str) -> Selected<'a> {
        let mut by_name: HashMap<&str, Vec<Candidate>> = HashMap::new();
        for candidate in candidates {
            by_name
                .entry(&candidate.nevra().name)
                .or_default()
                .push(*candidate);
        }
        let mut selected = Selected::default();
        for text in self.texts() {
            let named = names(text).filter_map(|name| by_name.get(name));
            let named = named.map(|named| match self {
                Manifest::Names(_) => named.clone(),
                Manifest::Artifacts(_) => {
                    let is_it = |one: &&Candidate| one.nevra().with_epoch() == *text;
                    named.iter().filter(is_it).copied().collect()
                }
            });
            let named: Vec<Candidate> = named.flat_map(|named| in_sight(named, own)).collect();
            match self.answer(text, &named, arch) {
                Some(candidate) => drop(selected.chosen.insert(text.clone(), candidate)),
                None if self.is_optional(text) => {}
                None => selected.missing.push(text.clone()),
            }
        }
        selected
    }

    fn answer<'a>(
        &self,
        text: &str,
        candidates: &[Candidate<'a>],
        arch: &str,
    ) -> Option<Candidate<'a>> {
        let place = match self {
            Manifest::Names(_) => {
                let packages: Vec<_> = candidates.iter().map(|c| (c.nevra(), c.digest())).collect();
                newest(text, arch, &packages)?
            }
            Manifest::Artifacts(_) => candidates
                .iter()
                .position(|candidate| candidate.nevra().with_epoch() == text)?,
        };
        Some(candidates[place])
    }
}

/// Of packages of one name those that module `own` sees: its own ones, as an active stream hides packages of its names
/// that are of no module, be they newer; else those of no module; else those that it may not have, to be told of.
fn in_sight<'a>(named: Vec<Candidate<'a>>, own: &str) -> Vec<Candidate<'a>> {
    let rank = |candidate: Candidate| match candidate {
        candidate if candidate.is_labelled(own) => 0,
        candidate if candidate.belongs(own) => 1,
        _ => 2,
    };
    let best = named.iter().map(|&candidate| rank(candidate)).min();
    let named = named.into_iter();
    named
        .filter(|&candidate| Some(rank(candidate)) == best)
        .collect()
}

/// Leaves of what several sources list the same of only that of the first.
pub(super) fn first_of_each(candidates: &mut Vec<Candidate>, sources: &[Name]) {
    if sources.len() < 2 {
        return;
    }
    candidates.sort_by_key(|candidate| match candidate {
        Candidate::Made(_) => None,
        Candidate::Listed(source, _) => sources.iter().position(|one| one == *source),
    });
    let mut first: HashMap<&Nevra, &Name> = HashMap::new();
    candidates.retain(|candidate| match candidate {
        Candidate::Made(_) => true,
        Candidate::Listed(source, package) => {
            first.entry(&package.nevra).or_insert(source) == source
        }
    });
}

/// The names that a text may stand for, in a manifest of either form.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let before_arch = text.rsplit_once('.').map(|(name, _)| name);
    let mut parts = text.rsplitn(3, '-').skip(2);
    let before_version = parts.next();
    let all = [Some(text), before_arch, before_version];
    all.into_iter().flatten()
}

/// Names that are close to one that is missing, or that very name for another architecture.
pub(super) fn nearest(missing: &str, candidates: &[Candidate]) -> Option<String> {
    let nevras = || candidates.iter().map(|candidate| candidate.nevra());
    if let Some(nevra) = nevras().find(|nevra| nevra.name == missing) {
        return Some(format!("{missing}.{}, of another architecture", nevra.arch));
    }
    nevras()
        .map(|nevra| nevra.name.as_str())
        .map(|name| (strsim::damerau_levenshtein(missing, name), name))
        .filter(|(distance, _)| *distance <= 1 + missing.len() / 4)
        .min()
        .map(|(_, name)| name.to_owned())
}
