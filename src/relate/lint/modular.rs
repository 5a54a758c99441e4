//! Is every modular package in the module that it says it is of?
//!
//! A client refuses a package with a module's label where that module's own metadata is missing,
//! and hides it where another stream is chosen.

use std::collections::BTreeSet;

use super::finding::{Finding, Severity};
use super::scene::{Part, Scene};
use crate::plan::{self, Held};

pub(super) fn check(scene: &Scene) -> Vec<Finding> {
    let mut findings = Vec::new();
    for part in scene.modules() {
        let Some(own) = part.stream() else {
            continue;
        };
        for held in &part.holding.packages {
            let labels = &held.solvable.modularity_labels;
            let is_own = labels.iter().any(|label| name_stream(label) == own);
            if let Some(label) = labels.first().filter(|_| !is_own) {
                findings.push(mislabelled(scene, part, held, label));
            }
        }
    }
    findings
}

/// The first two parts of `NAME:STREAM:VERSION:CONTEXT`.
fn name_stream(label: &str) -> &str {
    let ends = label.match_indices(':').nth(1);
    ends.map_or(label, |(end, _)| &label[..end])
}

fn mislabelled(scene: &Scene, part: Part, held: &Held, label: &str) -> Finding {
    let wanted = name_stream(label);
    let nevra = &held.solvable.nevra;
    let (module, _) = wanted.split_once(':').unwrap_or((wanted, ""));
    let same_name = part
        .holding
        .document
        .as_ref()
        .is_some_and(|d| d.name == module);
    let code = match same_name {
        true => "other-stream",
        false => "orphaned-modular-package",
    };
    let mut message = format!(
        "module {} lists {nevra}, {}",
        part.recipe.name,
        plan::of_module(&held.listed, wanted)
    );
    let without = editions_without(scene, part, wanted);
    if !without.is_empty() {
        message.push_str(&format!(", and {} lacks that one", without.join(", ")));
    }
    let makers: Vec<String> = scene
        .holdings
        .modules
        .keys()
        .filter_map(|name| scene.part(name))
        .filter(|other| other.stream().as_deref() == Some(wanted))
        .map(|other| other.recipe.name.to_string())
        .collect();
    let hint = match makers.is_empty() {
        true => format!("make a module {wanted}, and list the package there"),
        false => format!("list the package in {} instead", makers.join(", ")),
    };
    Finding::new(part.recipe, Severity::Error, code, message)
        .package(nevra)
        .at(part.place(&held.item))
        .hint(hint)
}

/// The editions that have the module in question, and not the stream that is wanted.
fn editions_without(scene: &Scene, part: Part, wanted: &str) -> Vec<String> {
    let editions = scene.editions().filter(|(_, edition)| {
        let names: BTreeSet<_> = edition.modules.iter().chain(&edition.addons).collect();
        let has = |other: &Part| other.stream().as_deref() == Some(wanted);
        names.contains(&part.recipe.name) && !scene.parts(names).iter().any(has)
    });
    editions
        .map(|(recipe, _)| recipe.name.to_string())
        .collect()
}
