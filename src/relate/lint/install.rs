//! Can what a tree, an image, an installer or the root of a command installs be installed from the modules that it names, beside what its base has?

use std::collections::BTreeMap;

use super::finding::{Finding, Severity};
use super::scene::{Member, Part, Scene};
use crate::ids::{Digest, Nevra};
use crate::plan::solve::{Candidate, Cause, Request, solve};
use crate::recipe::{Install, Kind, Recipe, Selection};

pub(super) fn check(scene: &Scene) -> Vec<Finding> {
    let judged = scene.judged();
    let found = judged.filter_map(|recipe| installed(scene, recipe).err());
    found.flatten().collect()
}

/// The packages that a recipe has installed; none where it installs nothing, or that is not known.
fn installed<'a>(scene: &Scene<'a>, recipe: &Recipe) -> Result<Vec<Member<'a>>, Vec<Finding>> {
    let recipes = scene.recipes;
    let (Some(own), Some(whole)) = (recipe.selection(), recipes.selection(&recipe.name)) else {
        return Ok(Vec::new());
    };
    let image = match &recipe.kind {
        Kind::Image(image) => Some(image),
        _ => None,
    };
    let parts = scene.parts(recipes.modules_of(&whole.from).keys().copied());
    if !scene.knows(&parts) {
        return Ok(Vec::new());
    }
    let mut kept = Vec::new();
    let bases = image.map_or_else(Vec::new, |image| recipes.bases(image));
    if bases.iter().any(|(base, _)| **base == recipe.name) {
        return Ok(Vec::new());
    }
    if let (Some(image), Some((base, _))) = (image, bases.first())
        && let Some(base) = recipes.get(base)
    {
        // What is wrong with a base is said of the base.
        kept = installed(scene, base).unwrap_or_default();
        if kept.is_empty() {
            return Ok(kept);
        }
        let may_go = |nevra: &Nevra| image.replace.iter().any(|text| nevra.is_called(text));
        kept.retain(|(_, held)| !may_go(&held.solvable.nevra));
    }
    let named = |nevra: &Nevra| format!("{}.{}", nevra.name, nevra.arch);
    let kept: BTreeMap<String, (&Nevra, &Digest)> = kept
        .iter()
        .map(|(_, held)| (named(&held.solvable.nevra), held.solvable.identity()))
        .collect();
    let members: Vec<Member> = parts
        .iter()
        .flat_map(|part| part.members())
        .filter(|(_, held)| {
            let fixed = kept.get(&named(&held.solvable.nevra));
            fixed.is_none_or(|fixed| *fixed == held.solvable.identity())
        })
        .collect();
    let candidates = members.iter().map(|(part, held)| Candidate {
        solvable: &held.solvable,
        module: Some(part.recipe.name.as_str()),
    });
    let mut question = scene.question(candidates.collect());
    question.weak = own.weak;
    let mut origins = BTreeMap::new();
    let asked = requests(recipe, own, &parts, &mut origins).map_err(|finding| vec![*finding])?;
    question.install = kept
        .keys()
        .map(|name| Request::of(name, "its base"))
        .collect();
    question.install.extend(asked);
    match solve(&question) {
        Ok(solution) => {
            let packages = solution.packages.into_iter();
            Ok(packages.map(|package| members[package]).collect())
        }
        Err(problem) => {
            let causes = problem.causes.iter();
            Err(causes
                .map(|cause| unsolvable(recipe, &origins, cause))
                .collect())
        }
    }
}

/// What is asked for, with the item of the recipe that each request stands for.
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
                    Box::new(finding.at(recipe.place(recipe.wanted(), &item)))
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
    let place = match origins.get(asked) {
        Some(item) => recipe.place(recipe.wanted(), item),
        None => recipe.place("base", ""),
    };
    let mut finding =
        Finding::new(recipe, Severity::Error, "unsolvable", cause.to_string()).at(place);
    if let Cause::Unmet { requirement, .. } = cause {
        finding.requirement = Some(requirement.clone());
    }
    let name = &recipe.name;
    finding.hint(format!(
        "`store plan {name}` names the modules that would help"
    ))
}
