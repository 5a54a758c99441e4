//! Do the modules of an edition get along?

use std::collections::BTreeMap;

use super::finding::{Finding, Severity};
use super::scene::{Part, Scene};
use crate::formats::modulemd;
use crate::ids::Name;
use crate::plan::streams;
use crate::recipe::{Recipe, Repository};

pub(super) fn check(scene: &Scene) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (recipe, edition) in scene.editions() {
        findings.extend(two_streams(scene, recipe, edition));
        let own = scene.parts(&edition.modules);
        findings.extend(left_out(scene, recipe, "modules", &own, &own));
        let addons = scene.parts(&edition.addons);
        let all: Vec<Part> = own.into_iter().chain(addons.iter().copied()).collect();
        findings.extend(left_out(scene, recipe, "addons", &addons, &all));
    }
    for (recipe, selection) in scene.selections() {
        let modules = scene.recipes.modules_of(&selection.from);
        let parts = scene.parts(modules.keys().copied());
        findings.extend(left_out(scene, recipe, "from", &parts, &parts));
    }
    findings
}

/// An add-on in another stream than the edition's own, which clients take for the same module,
/// or than another add-on, which has the same place. Of the modules themselves that is an error when they are loaded.
fn two_streams(scene: &Scene, recipe: &Recipe, edition: &Repository) -> Vec<Finding> {
    let mut seen: BTreeMap<&Name, Part> = BTreeMap::new();
    let mut findings = Vec::new();
    for part in scene.parts(edition.modules.iter().chain(&edition.addons)) {
        let Some(first) = seen.insert(&part.module.module, part) else {
            continue;
        };
        let (other, name, module) = (&first.recipe.name, &part.recipe.name, &part.module.module);
        let (severity, therefore) = match edition.addons.contains(other) {
            true => (
                Severity::Error,
                "only one of them can be the add-on of that name",
            ),
            false => (
                Severity::Warning,
                "with both at hand, clients hide the packages of one",
            ),
        };
        let message = format!("{other} and {name} are two streams of module {module}: {therefore}");
        let finding = Finding::new(recipe, severity, "two-streams", message);
        findings.push(finding.at(recipe.place("addons", name.as_str())));
    }
    findings
}

/// Modules whose requirements the modules of the same artifact do not meet.
fn left_out(
    scene: &Scene,
    recipe: &Recipe,
    field: &str,
    judged: &[Part],
    all: &[Part],
) -> Vec<Finding> {
    let documents: Vec<&modulemd::Module> = all
        .iter()
        .filter_map(|part| part.holding.document.as_ref())
        .collect();
    let mut findings = Vec::new();
    for (document, requires) in streams::left_out(&documents) {
        let is_it = |part: &&Part| part.stream() == Some(document.name_stream());
        let Some(part) = judged.iter().find(is_it) else {
            continue;
        };
        let name = &part.recipe.name;
        let message = format!(
            "module {} requires {}, which is not among the modules of {}",
            document.name_stream(),
            requires.join(" or "),
            recipe.name
        );
        let finding = Finding::new(recipe, Severity::Error, "requirement-left-out", message)
            .at(recipe.place(field, name.as_str()));
        findings.push(match makers(scene, document) {
            makers if makers.is_empty() => finding,
            makers => finding.hint(format!("add {}", makers.join(" or "))),
        });
    }
    findings
}

/// The recipes of modules that would meet a requirement.
fn makers(scene: &Scene, document: &modulemd::Module) -> Vec<String> {
    let requires = document.requires.iter().flatten();
    let mut makers: Vec<String> = requires
        .flat_map(|(name, wanted)| {
            let modules = scene.holdings.modules.iter();
            let fits = modules.filter(move |(_, holding)| {
                let document = holding.document.as_ref();
                document.is_some_and(|d| d.name == *name && streams::fits(d, wanted))
            });
            fits.map(|(recipe, _)| recipe.to_string())
        })
        .collect();
    makers.sort();
    makers.dedup();
    makers
}
