//! Is everything there that a module names?

use super::finding::{Finding, Severity};
use super::scene::{Part, Scene};
use crate::ids::Name;
use crate::plan::{Error, not_offered};
use crate::recipe::Location;

pub(super) fn check(scene: &Scene) -> Vec<Finding> {
    let mut findings = Vec::new();
    for part in scene.modules() {
        if let Some(problem) = &part.holding.problem {
            findings.push(unreadable(part, problem));
            continue;
        }
        findings.extend(missing(scene, part));
        if scene.knows(&[part]) {
            findings.extend(profiles(part));
        }
    }
    findings
}

fn unreadable(part: Part, problem: &Error) -> Finding {
    let code = "unreadable-module";
    let finding = Finding::new(part.recipe, Severity::Error, code, problem.to_string());
    finding.at(part.place(""))
}

/// Names of the manifest that nobody answers.
fn missing<'a>(scene: &Scene<'a>, part: Part<'a>) -> impl Iterator<Item = Finding> + 'a {
    let origin = not_offered(&part.module.sources);
    let is_url = |name: &&Name| {
        let source = scene.recipes.source(name);
        source.is_some_and(|source| !matches!(source.location, Location::Path(_)))
    };
    let repositories = part.module.sources.iter().filter(is_url);
    let repositories: Vec<&str> = repositories.map(Name::as_str).collect();
    let again = match repositories.is_empty() {
        true => String::new(),
        false => format!(
            "; `store update {}` sees whether it is there now",
            repositories.join(" ")
        ),
    };
    part.holding.missing.iter().map(move |(item, nearest)| {
        let message = format!("module {} lists {item}, which {origin}", part.recipe.name);
        let finding = Finding::new(part.recipe, Severity::Error, "not-offered", message);
        let finding = finding.at(part.place(item));
        finding.hint(match nearest {
            Some(nearest) => format!("near to it: {nearest}{again}"),
            None => format!("take it out, or draw from another source{again}"),
        })
    })
}

/// Names of profiles that are outside the manifest; of recipes' own profiles that is an error when they are loaded.
fn profiles<'a>(part: Part<'a>) -> Vec<Finding> {
    let Some(document) = &part.holding.document else {
        return Vec::new();
    };
    let holds = |name: &str| {
        part.holding.packages.iter().any(|held| {
            let nevra = &held.solvable.nevra;
            nevra.name == name || format!("{}.{}", nevra.name, nevra.arch) == name
        })
    };
    let mut findings = Vec::new();
    for (profile, packages) in &document.profiles {
        for package in packages.iter().filter(|name| !holds(name)) {
            // Told already, as missing.
            if part.holding.missing.contains_key(package) {
                continue;
            }
            let message = format!(
                "profile {profile} of module {} installs {package}, which is not in its manifest",
                part.recipe.name
            );
            let code = "profile-outside-manifest";
            let finding = Finding::new(part.recipe, Severity::Warning, code, message);
            findings.push(finding.at(part.place("")));
        }
    }
    findings
}
