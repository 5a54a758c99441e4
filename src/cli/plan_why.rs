//! `store plan --why`: what brought a package into an artifact.

use std::collections::BTreeMap;

use serde::Serialize;

use super::context::Context;
use super::exit::{Exit, Failure};
use super::output;
use super::progress::Progress;
use crate::ids::{Name, Nevra};
use crate::plan::{Plan, Why};
use crate::realize;
use crate::recipe::{Kind, Recipes};
use crate::source::Lock;

#[derive(Serialize)]
struct Document {
    /// By artifact: of each package that is called so, the way back to what was asked for.
    why: BTreeMap<String, Vec<Vec<Link>>>,
}

#[derive(Serialize)]
struct Link {
    package: String,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// The words by which it was wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<String>,
}

impl Link {
    fn of((package, why): &(&Nevra, &Why)) -> Self {
        let (reason, words) = match why {
            Why::Asked { request, .. } => ("asked", Some(request)),
            Why::Required { requirement, .. } => ("required", Some(requirement)),
            Why::Recommended { requirement, .. } => ("recommended", Some(requirement)),
            Why::Supplements => ("supplements", None),
        };
        let by = match why {
            Why::Asked { origin, .. } => origin.clone(),
            why => why.by().map(Nevra::to_string),
        };
        Link {
            package: package.to_string(),
            reason,
            by,
            words: words.cloned(),
        }
    }
}

/// Prints why packages of a name are in some artifacts.
pub fn show(
    context: &Context,
    names: &[Name],
    jobs: usize,
    package: &str,
) -> Result<Exit, Failure> {
    let recipes = context.recipes()?;
    let lock = context.lock(&recipes)?;
    let store = context.store()?;
    let progress = Progress::new(context.global.quiet, context.global.verbose);
    let plan = realize::whys(&store, &recipes, lock.as_ref(), names, jobs, &progress);
    progress.finish();
    let plan = plan?;
    let (mut document, mut text) = (BTreeMap::new(), String::new());
    for name in names {
        let whys = plan
            .whys
            .get(name)
            .ok_or_else(|| unsolved(&recipes, &plan, name))?;
        if lock
            .as_ref()
            .is_some_and(|lock| has_another(lock, &plan, name))
        {
            output::say(format_args!(
                "{name} is solved to something else now than the lock has; what follows is of the answer now"
            ));
        }
        let ways: Vec<_> = whys.called(package).map(|nevra| whys.way(nevra)).collect();
        for way in &ways {
            if names.len() > 1 {
                text.push_str(&format!("# {name}\n"));
            }
            let lines = way.iter().map(|(nevra, why)| format!("{nevra} {why}\n"));
            text.extend(lines);
        }
        let links = ways.iter().map(|way| way.iter().map(Link::of).collect());
        document.insert(name.to_string(), links.collect());
    }
    if document.values().all(Vec::is_empty) {
        let names: Vec<&str> = names.iter().map(Name::as_str).collect();
        let error = format!("no package {package} would be in {}", names.join(", "));
        let hint = "NAME or NAME.ARCH of a package; `store plan NAME --packages` lists them";
        return Err(Failure::new(Exit::NotFound, error).hint(hint));
    }
    match context.global.json {
        true => output::json("plan", &Document { why: document })?,
        false => output::print(text)?,
    }
    Ok(Exit::Done)
}

/// Why nothing is known of an artifact's packages.
fn unsolved(recipes: &Recipes, plan: &Plan, name: &Name) -> Failure {
    let recipe = recipes.get(name).filter(|one| one.selection().is_none());
    if let Some(recipe) = recipe {
        let why = match &recipe.kind {
            Kind::Module(_) => "its recipe lists them".to_owned(),
            Kind::Repository(_) => "the modules that its recipe lists have them".to_owned(),
            _ => {
                let uses: Vec<String> = recipe.uses().iter().map(Name::to_string).collect();
                let none = format!("{name} holds no packages of its own");
                return match uses.is_empty() {
                    true => Failure::new(Exit::Usage, none),
                    false => Failure::new(Exit::Usage, none)
                        .hint(format!("ask for what it is made of: {}", uses.join(", "))),
                };
            }
        };
        let error = format!("the packages of {name} are not solved: {why}");
        return Failure::new(Exit::Usage, error);
    }
    let waits = plan.waiting.first().map(|&step| &plan.steps[step]);
    let waits = waits.map_or_else(String::new, |step| {
        format!(": it waits for {} {}", step.kind, step.subject)
    });
    Failure::new(Exit::NotFound, format!("{name} is not solved yet{waits}"))
        .hint(format!("`store realize {name}` brings that about"))
}

fn has_another(lock: &Lock, plan: &Plan, name: &Name) -> bool {
    let (Some(locked), Some(solved)) = (lock.solved.get(name), plan.solved.get(name)) else {
        return false;
    };
    let locked_digests = locked.packages.iter().map(|one| &one.digest);
    let digests = solved.packages.iter().map(|(_, digest)| digest);
    locked.question == solved.question && !locked_digests.eq(digests)
}
