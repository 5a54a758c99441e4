//! Can what a tree installs be installed from the modules that it names?

use std::collections::BTreeMap;

use super::finding::{Finding, Severity};
use super::scene::{Part, Scene};
use crate::plan::solve::{Cause, Request, solve};
use crate::recipe::{Install, Recipe, Selection};

pub(super) fn check(scene: &Scene) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (recipe, selection) in scene.selections() {
        let modules = scene.recipes.modules_of(&selection.from);
        let parts = scene.parts(modules.keys().copied());
        if !scene.knows(&parts) {
            continue;
        }
        let mut offer = scene.offer(&parts);
        offer.question.weak = selection.weak;
        let mut origins = BTreeMap::new();
        match requests(recipe, &selection, &parts, &mut origins) {
            Ok(requests) => offer.question.install = requests,
            Err(finding) => {
                findings.push(*finding);
                continue;
            }
        }
        if let Err(problem) = solve(&offer.question) {
            let causes = problem.causes.iter();
            findings.extend(causes.map(|cause| unsolvable(recipe, &origins, cause)));
        }
    }
    findings
}

/// What the tree asks for, with the item of `install` that each request stands for.
fn requests(
    recipe: &Recipe,
    selection: &Selection,
    parts: &[Part],
    origins: &mut BTreeMap<String, String>,
) -> Result<Vec<Request>, Box<Finding>> {
    let mut requests = Vec::new();
    for wanted in &selection.install {
        let item = wanted.to_string();
        let names = match wanted {
            Install::Package(name) => vec![name.clone()],
            Install::Profile { module, profile } => {
                let documents = parts
                    .iter()
                    .filter_map(|part| part.holding.document.as_ref());
                let mut documents = documents.filter(|document| document.name == module.as_str());
                let packages = documents.find_map(|document| document.profiles.get(profile));
                packages.cloned().ok_or_else(|| {
                    let message = format!("module {module} has no profile {profile}");
                    let finding = Finding::new(recipe, Severity::Error, "no-profile", message);
                    Box::new(finding.at(recipe.place("install", &item)))
                })?
            }
        };
        for name in names {
            origins.entry(name.clone()).or_insert(item.clone());
            requests.push(Request::of(name, item.clone()));
        }
    }
    Ok(requests)
}

fn unsolvable(recipe: &Recipe, origins: &BTreeMap<String, String>, cause: &Cause) -> Finding {
    let asked = match cause {
        Cause::Unmet { chain, .. } | Cause::Beside { chain, .. } => &chain.request,
        Cause::Clash { chains, .. } => &chains.0.request,
        Cause::Together { requests } => requests.first().map_or("", String::as_str),
    };
    let item = origins.get(asked).map_or(asked, String::as_str);
    let mut finding = Finding::new(recipe, Severity::Error, "unsolvable", cause.to_string())
        .at(recipe.place("install", item));
    if let Cause::Unmet { requirement, .. } = cause {
        finding.requirement = Some(requirement.clone());
    }
    let name = &recipe.name;
    finding.hint(format!(
        "`store plan {name}` names the modules that would help"
    ))
}
