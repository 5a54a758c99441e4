//! Can sources be read, and be trusted?

use super::finding::{Finding, Severity};
use super::scene::Scene;
use crate::plan::holding::Gap;
use crate::recipe::{Location, Recipe, Source};

pub(super) fn check(scene: &Scene) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (recipe, source) in scene.sources() {
        let stock = scene.holdings.sources.get(&recipe.name);
        let gap = stock.and_then(|stock| stock.gap.as_ref());
        findings.extend(gap.map(|gap| unread(scene, recipe, gap)));
        findings.extend(untrusted(recipe, source));
    }
    findings
}

/// What is not known of a source, and what could not be checked for that reason.
fn unread(scene: &Scene, recipe: &Recipe, gap: &Gap) -> Finding {
    let name = &recipe.name;
    let (severity, code, why) = match gap {
        Gap::NotLocked => (
            Severity::Warning,
            "not-locked",
            format!("source {name} is a repository, and the lock has none of it"),
        ),
        Gap::NoMetadata => (
            Severity::Warning,
            "no-metadata",
            format!("the metadata of source {name} is not in the store"),
        ),
        Gap::Unreadable { why } => (Severity::Error, "unreadable-source", why.clone()),
    };
    let modules = scene.modules();
    let drawn: Vec<String> = modules
        .filter(|part| part.module.sources.contains(name))
        .map(|part| part.recipe.name.to_string())
        .collect();
    let message = match drawn.is_empty() {
        true => why,
        false => format!("{why}; not checked: what stands on {}", drawn.join(", ")),
    };
    let finding = Finding::new(recipe, severity, code, message);
    match gap {
        Gap::Unreadable { .. } => finding,
        _ => finding.hint(format!("`store update {name}` brings it")),
    }
}

/// Whoever sits on the way may change what comes over HTTP, until a lock has its digests.
fn untrusted(recipe: &Recipe, source: &Source) -> Option<Finding> {
    let (field, url) = match &source.location {
        Location::Url(url) => ("url", url),
        Location::MirrorList(url) => ("mirrorlist", url),
        Location::Metalink(url) => ("metalink", url),
        Location::Path(_) => return None,
    };
    if !url.starts_with("http://") || !source.gpgkeys.is_empty() {
        return None;
    }
    let message = format!(
        "source {} comes over http and names no gpgkeys: when it is locked, nothing tells whether it was changed on the way",
        recipe.name
    );
    let finding = Finding::new(recipe, Severity::Warning, "http-without-keys", message);
    Some(finding.at(recipe.place(field, "")).hint("use https"))
}
