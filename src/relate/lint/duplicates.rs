//! Does an edition offer two packages where people expect one?

use std::collections::{BTreeMap, BTreeSet};

use super::finding::{Finding, Severity};
use super::scene::{Member, Scene};
use crate::ids::{Evr, Nevra};
use crate::plan::Held;
use crate::recipe::Recipe;

pub(super) fn check(scene: &Scene) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (recipe, repository) in scene.editions() {
        let parts = scene.parts(repository.modules.iter().chain(&repository.addons));
        let mut by_nevra: BTreeMap<&Nevra, Vec<Member>> = BTreeMap::new();
        let mut by_name: BTreeMap<(&str, &str), BTreeMap<&Evr, Member>> = BTreeMap::new();
        for (part, held) in parts.iter().flat_map(|part| part.members()) {
            let nevra = &held.solvable.nevra;
            by_nevra.entry(nevra).or_default().push((part, held));
            let versions = by_name.entry((&nevra.name, &nevra.arch)).or_default();
            versions.insert(&nevra.evr, (part, held));
        }
        findings.extend(by_nevra.values().filter_map(|same| twice(recipe, same)));
        findings.extend(
            by_name
                .iter()
                .filter_map(|(name, all)| versions(recipe, *name, all)),
        );
    }
    findings
}

/// Packages of one NEVRA with different content: a client takes either, and never sees the other.
fn twice(recipe: &Recipe, same: &[Member]) -> Option<Finding> {
    let (_, first) = same.first()?;
    let (part, other) = same.iter().find(|(_, held)| differ(first, held))?;
    let nevra = &first.solvable.nevra;
    let holders: BTreeSet<&str> = same
        .iter()
        .map(|(part, _)| part.recipe.name.as_str())
        .collect();
    let holders: Vec<&str> = holders.into_iter().collect();
    let message = format!(
        "there are two packages {nevra} with different content (in {})",
        holders.join(", ")
    );
    let finding = Finding::new(recipe, Severity::Error, "duplicate-nevra", message)
        .package(nevra)
        .at(part.place(&other.item))
        .hint("keep one of them, or give the other a release of its own");
    Some(finding)
}

/// Whether two packages of one NEVRA are known to be different files.
fn differ(a: &Held, b: &Held) -> bool {
    let (left, right) = (&a.solvable.digest, &b.solvable.digest);
    // What is not made yet has no digest, but a recipe of its own.
    match left.hex.is_empty() || right.hex.is_empty() {
        true => a.made != b.made,
        false => left.algorithm == right.algorithm && left != right,
    }
}

fn versions(
    recipe: &Recipe,
    (name, arch): (&str, &str),
    all: &BTreeMap<&Evr, Member>,
) -> Option<Finding> {
    let mut versions: Vec<&Evr> = all.keys().copied().collect();
    versions.sort_by(|a, b| a.compare(b));
    versions.dedup_by(|a, b| a.compare(b).is_eq());
    let (newest, older) = versions.split_last()?;
    let (part, held) = all.get(older.first()?)?;
    let older: Vec<String> = older.iter().map(ToString::to_string).collect();
    let older = older.join(", ");
    let message = format!("{name}.{arch} is there in {newest}, and in {older} too");
    let finding = Finding::new(recipe, Severity::Note, "several-versions", message)
        .package(&held.solvable.nevra)
        .at(part.place(&held.item));
    Some(finding)
}
