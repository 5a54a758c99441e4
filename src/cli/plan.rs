//! `store plan`

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::exit::{Exit, Failure};
use super::output::{self, count};
use super::plan_why;
use super::progress::{Progress, WORTH_TELLING, estimate, unknown};
use crate::ids::{Name, Nevra};
use crate::plan::{Plan, StepId};
use crate::realize::{self, Forecast, Planned};
use crate::recipe::{Kind, Recipes};

/// Prints what a realize would do, and why; does nothing
#[derive(Args)]
pub struct Arguments {
    /// The artifacts, by the names of their recipes
    #[arg(required = true, value_name = "NAME")]
    names: Vec<Name>,
    /// Print the packages that each artifact would hold: solved, or those of a module or an edition
    #[arg(long)]
    packages: bool,
    /// Print why a package would be in an artifact: who requires it, back to what was asked for
    #[arg(long, value_name = "PACKAGE", conflicts_with = "packages")]
    why: Option<String>,
    /// How many packages are read at once [default: one a processor]
    #[arg(short, long, value_name = "N")]
    jobs: Option<usize>,
}

#[derive(Serialize)]
struct Document {
    steps: Vec<Step>,
    packages: BTreeMap<String, Vec<String>>,
    /// Whether planning has to go on after steps that produce facts.
    complete: bool,
    expected: Expected,
}

/// How long the steps to do may take, as far as such steps were run before.
#[derive(Serialize)]
struct Expected {
    /// With as many at once as asked for; `null` if nothing is known.
    seconds: Option<f64>,
    /// Steps to do of which nothing is known.
    unknown: usize,
}

#[derive(Serialize)]
struct Step {
    kind: &'static str,
    subject: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<String>,
    /// What it may take, as far as such steps were run before.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
}

impl Arguments {
    pub fn run(self, context: &Context) -> Result<Exit, Failure> {
        let jobs = jobs(self.jobs)?;
        match &self.why {
            Some(package) => plan_why::show(context, &self.names, jobs, package),
            None => show(context, &self.names, jobs, self.packages),
        }
    }
}

/// The number of things to do at once.
pub fn jobs(wanted: Option<usize>) -> Result<usize, Failure> {
    match wanted {
        Some(0) => Err(Failure::new(
            Exit::Usage,
            "--jobs 0 would do nothing; use 1 or more",
        )),
        Some(jobs) => Ok(jobs),
        None => Ok(std::thread::available_parallelism().map_or(1, usize::from)),
    }
}

/// Prints the plan of some artifacts.
pub fn show(
    context: &Context,
    names: &[Name],
    jobs: usize,
    packages: bool,
) -> Result<Exit, Failure> {
    let recipes = context.recipes()?;
    let lock = context.lock(&recipes)?;
    let store = context.store()?;
    let progress = Progress::new(context.global.quiet, context.global.verbose);
    let result = crate::realize::plan(&store, &recipes, lock.as_ref(), names, jobs, &progress);
    progress.finish();
    let Planned {
        plan,
        wanted,
        mut reasons,
    } = result?;
    let to_do: BTreeSet<StepId> = reasons.keys().copied().collect();
    let took = crate::realize::expected(&store, &plan, &to_do)?;
    let left = Forecast::new(&plan, (&wanted, &to_do), &took, jobs, false).left(0.0);
    let steps: Vec<Step> = wanted
        .iter()
        .map(|&id| (id, &plan.steps[id]))
        .map(|(id, step)| Step {
            kind: step.kind,
            subject: step.subject.clone(),
            status: if to_do.contains(&id) { "to do" } else { "held" },
            why: reasons.remove(&id),
            key: step
                .derivation(|from| plan.entry(from))
                .map(|derivation| derivation.key().to_string()),
            entry: step
                .outcome
                .as_ref()
                .and_then(|outcome| Some(outcome.outputs.values().next()?.to_string())),
            seconds: took.get(&id).copied(),
        })
        .collect();
    if context.global.json {
        output::json(
            "plan",
            &Document {
                steps,
                packages: held(&plan, names),
                complete: plan.waiting.is_empty(),
                expected: Expected {
                    seconds: left.seconds,
                    unknown: left.unknown,
                },
            },
        )?;
        return Ok(Exit::Done);
    }
    if packages {
        let waiting = plan.waiting.iter().map(|&step| &plan.steps[step]);
        let (metadata, made): (Vec<_>, Vec<_>) =
            waiting.partition(|step| step.kind == realize::METADATA);
        if !made.is_empty() {
            output::say(
                "packages that recipes make are not made yet: what needs them is not solved",
            );
        }
        for step in metadata {
            output::say(format_args!(
                "the metadata of source {0} is not in this store: what needs it is not solved; \
                 `store update {0}` looks at it, and realize fetches what the lock has",
                step.topic
            ));
        }
        let mut text = String::new();
        let packages = held(&plan, names);
        for name in names {
            let kind = recipes.get(name).map(|recipe| &recipe.kind);
            if let Some(Kind::Compose(_) | Kind::Disk(_) | Kind::Package(_)) = kind {
                output::say(format_args!(
                    "{name} holds no packages of its own; ask for what it is made of"
                ));
            }
        }
        for (name, nevras) in packages {
            if names.len() > 1 {
                text.push_str(&format!("# {name}\n"));
            }
            text.extend(nevras.iter().map(|nevra| format!("{nevra}\n")));
        }
        output::print(text)?;
        return Ok(Exit::Done);
    }
    let mut text = String::new();
    let mut held = 0;
    for step in &steps {
        match &step.why {
            Some(why) => {
                let worth = |seconds: &f64| *seconds >= WORTH_TELLING;
                let took = estimate(step.seconds.filter(worth));
                let took = took.map_or_else(String::new, |took| format!(" ({took})"));
                text.push_str(&format!(
                    "{:<10} {}: {why}{took}\n",
                    step.kind, step.subject
                ));
            }
            None => held += 1,
        }
    }
    let to_do = steps.len() - held;
    text.push_str(&format!("{} to do, {held} held", count(to_do, "step")));
    if to_do > 0 {
        text.push_str(&match estimate(left.seconds) {
            None => "; no estimate yet".to_owned(),
            Some(took) if left.unknown > 0 => format!("; {took} and {}", unknown(left.unknown)),
            Some(took) => format!("; {took}"),
        });
    }
    text.push('\n');
    if !plan.waiting.is_empty() {
        let then = later(&recipes, names, &plan);
        let is_metadata = |step: &usize| plan.steps[*step].kind == realize::METADATA;
        let when = match plan.waiting.iter().all(is_metadata) {
            true => "that metadata is here",
            false => "these packages are made",
        };
        text.push_str(&format!("then, planned when {when}: {}\n", then.join(", ")));
    }
    output::print(text)?;
    Ok(Exit::Done)
}

/// What is not in a plan yet, since it waits for packages to be made: each artifact after those that it stands on.
fn later(recipes: &Recipes, names: &[Name], plan: &Plan) -> Vec<String> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    let mut queue: VecDeque<Name> = names.iter().cloned().collect();
    while let Some(name) = queue.pop_front() {
        let Some(recipe) = recipes.get(&name).filter(|_| seen.insert(name.clone())) else {
            continue;
        };
        queue.extend(recipe.uses());
        let kind = recipe.kind.name();
        let mut steps = plan.steps.iter();
        let planned = steps.any(|step| step.kind == kind && step.subject == name.as_str());
        if !planned && !matches!(recipe.kind, Kind::Source(_) | Kind::Package(_)) {
            found.push(format!("{kind} {name}"));
        }
    }
    found.reverse();
    found
}

/// The packages of each of some artifacts that has any, solved or listed.
fn held(plan: &Plan, names: &[Name]) -> BTreeMap<String, Vec<String>> {
    let text = |nevra: &Nevra| nevra.to_string();
    let solved = plan.solved.iter().map(|(name, solved)| {
        let nevras = solved.packages.iter().map(|(nevra, _)| text(nevra));
        (name, nevras.collect())
    });
    let listed = plan.listed();
    let listed = listed.map(|(name, nevras)| (name, nevras.into_iter().map(text).collect()));
    let all = solved
        .chain(listed)
        .filter(|(name, _)| names.contains(name));
    all.map(|(name, nevras)| (name.to_string(), nevras))
        .collect()
}
