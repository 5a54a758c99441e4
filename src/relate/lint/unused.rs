//! Is there a recipe that nothing uses?

use std::collections::BTreeSet;

use super::finding::{Finding, Severity};
use super::scene::Scene;
use crate::ids::Name;
use crate::recipe::Kind;

/// Only where all recipes are in question: of a few, the others' uses say nothing.
pub(super) fn check(scene: &Scene) -> Vec<Finding> {
    if !scene.whole {
        return Vec::new();
    }
    let used: BTreeSet<Name> = scene.judged().flat_map(|recipe| recipe.uses()).collect();
    let unused = scene.judged().filter(|recipe| !used.contains(&recipe.name));
    let findings = unused.filter_map(|recipe| {
        let (by, field) = match &recipe.kind {
            Kind::Source(_) => ("no module draws from it", "source"),
            Kind::Package(_) => ("no module has it", "from"),
            Kind::Module(_) => ("no edition, tree, image or installer has it", "modules"),
            Kind::Repository(_)
            | Kind::Ostree(_)
            | Kind::Image(_)
            | Kind::Installer(_)
            | Kind::Disk(_)
            | Kind::Compose(_)
            | Kind::Command(_) => {
                return None;
            }
        };
        let (kind, name) = (recipe.kind.name(), &recipe.name);
        let message = format!("{kind} {name} is unused: {by}");
        let finding = Finding::new(recipe, Severity::Warning, "unused", message);
        Some(finding.hint(format!(
            "name it in `{field}`, or remove {}",
            recipe.file.display()
        )))
    });
    findings.collect()
}
