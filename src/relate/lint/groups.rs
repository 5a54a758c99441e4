//! Are the groups of editions a comps document?

use super::finding::{Finding, Severity};
use super::scene::Scene;
use crate::formats::comps;

pub(super) fn check(scene: &Scene) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (recipe, edition) in scene.editions() {
        let Some(body) = &edition.comps else {
            continue;
        };
        let Err(error) = comps::check(&body.bytes) else {
            continue;
        };
        let (file, name) = (body.path.display(), &recipe.name);
        let mut message = format!("{file} can't be the groups of edition {name}: {error}");
        if let comps::Error::Syntax { source, .. } = &error {
            message.push_str(&format!(": {source}"));
        }
        let finding = Finding::new(recipe, Severity::Error, "bad-comps", message);
        findings.push(finding.at(recipe.place("comps", "")));
    }
    findings
}
