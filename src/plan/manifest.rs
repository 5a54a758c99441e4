//! The static manifest of a module, held against what its source offers.

use std::collections::{BTreeMap, BTreeSet};

use super::planner::Offered;
use super::solve::newest;
use crate::formats::rpm::Solvable;

/// The packages that a manifest names, and the names that nothing answers to.
pub(super) fn select<'a>(
    names: impl IntoIterator<Item = &'a str>,
    offered: &[Offered],
    system: &str,
) -> (Vec<Offered>, Vec<String>) {
    let mut by_name: BTreeMap<&str, Vec<&Offered>> = BTreeMap::new();
    for package in offered {
        by_name
            .entry(&package.record.nevra.name)
            .or_default()
            .push(package);
    }
    let mut chosen: Vec<Offered> = Vec::new();
    let mut missing = Vec::new();
    for text in names {
        let before_arch = text.rsplit_once('.').map(|(name, _)| name);
        let named = [Some(text), before_arch].into_iter().flatten();
        let candidates: Vec<&Offered> = named
            .filter_map(|name| by_name.get(name))
            .flatten()
            .copied()
            .collect();
        let solvables: Vec<Solvable> = candidates
            .iter()
            .map(|package| Solvable::of(&package.record))
            .collect();
        match newest(text, system, &solvables) {
            Some(place) => chosen.push(candidates[place].clone()),
            None => missing.push(text.to_owned()),
        }
    }
    chosen.sort_by(|a, b| (&a.record.nevra, a.record.file).cmp(&(&b.record.nevra, b.record.file)));
    chosen.dedup_by(|a, b| a.record.file == b.record.file);
    (chosen, missing)
}

/// The packages with just these NEVRAs; of source packages none, and none is missed.
pub(super) fn exact(nevras: &BTreeSet<String>, offered: &[Offered]) -> (Vec<Offered>, Vec<String>) {
    let by_nevra: BTreeMap<String, &Offered> = offered
        .iter()
        .map(|package| (package.record.nevra.with_epoch(), package))
        .collect();
    let mut chosen = Vec::new();
    let mut missing = Vec::new();
    for nevra in nevras
        .iter()
        .filter(|nevra| !nevra.ends_with(".src") && !nevra.ends_with(".nosrc"))
    {
        match by_nevra.get(nevra) {
            Some(package) => chosen.push(Offered::clone(package)),
            None => missing.push(nevra.clone()),
        }
    }
    (chosen, missing)
}

/// Names that are close to one that is missing, or that very name for another architecture.
pub(super) fn nearest(missing: &str, offered: &[Offered]) -> Option<String> {
    let same = offered
        .iter()
        .map(|candidate| &candidate.record.nevra)
        .find(|nevra| nevra.name == missing);
    if let Some(nevra) = same {
        return Some(format!("{missing}.{}, of another architecture", nevra.arch));
    }
    offered
        .iter()
        .map(|candidate| candidate.record.nevra.name.as_str())
        .map(|name| (strsim::damerau_levenshtein(missing, name), name))
        .filter(|(distance, _)| *distance <= 1 + missing.len() / 4)
        .min()
        .map(|(_, name)| name.to_owned())
}
