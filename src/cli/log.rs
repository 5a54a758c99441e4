//! `store log`

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::exit::{Exit, Failure};
use super::output;
use super::progress::Progress;
use crate::ids::Name;
use crate::realize::Planned;
use crate::relate::{Called, Closure};

/// Prints what the steps below an artifact noted: what was skipped, dropped or assumed
#[derive(Args)]
pub struct Arguments {
    /// NAME, NAME@N, a hash prefix or an entry's path
    subject: String,
    /// Of the artifact NAME as its recipe is now, finished or not: what those of its steps noted that are done
    #[arg(long)]
    planned: bool,
}

#[derive(Serialize)]
struct Document {
    /// `null` for what is only planned.
    entry: Option<String>,
    steps: Vec<Step>,
}

#[derive(Serialize)]
struct Step {
    kind: String,
    subject: Option<String>,
    entry: String,
    lines: Vec<String>,
}

impl Arguments {
    pub fn run(self, context: &Context) -> Result<Exit, Failure> {
        let document = match self.planned {
            false => made(context, &self.subject)?,
            true => planned(context, &self.subject)?,
        };
        if context.global.json {
            output::json("log", &document)?;
            return Ok(Exit::Done);
        }
        let mut text = String::new();
        for step in &document.steps {
            let called = step
                .subject
                .iter()
                .map(|name| format!(" {}", output::part(name)));
            let called: String = called.collect();
            let short = &step.entry[..crate::ids::hash::SHORT_LEN];
            text.push_str(&format!("{}{called} {short}\n", step.kind));
            text.extend(
                step.lines
                    .iter()
                    .map(|line| format!("  {}\n", output::part(line))),
            );
        }
        output::print(text)?;
        Ok(Exit::Done)
    }
}

/// What was noted while something in the store was made.
fn made(context: &Context, subject: &str) -> Result<Document, Failure> {
    let store = context.store()?;
    let subject = context.subject(&store, subject)?;
    let mut steps = Vec::new();
    let closure = Closure::of(&context.records(&store), subject.entry, subject.trace)?;
    let name = subject.generation.as_ref();
    let name = name.map(|(root, _)| root.name().to_string());
    let called = Called::of(&store, &closure, name)?;
    for (entry, node) in &closure.nodes {
        let Some(trace) = node.trace else { continue };
        let trace = store.trace(trace)?;
        if !trace.log.is_empty() {
            let kind = node.step().unwrap_or("?").to_owned();
            steps.push(Step {
                kind,
                subject: called.name(&context.records(&store), &closure, *entry)?,
                entry: entry.to_string(),
                lines: trace.log,
            });
        }
    }
    Ok(Document {
        entry: Some(subject.entry.to_string()),
        steps,
    })
}

/// What the steps of a plan noted that have their outcome.
fn planned(context: &Context, name: &str) -> Result<Document, Failure> {
    let name: Name = name.parse().map_err(|error| {
        Failure::new(Exit::Usage, error).hint("--planned takes the name of a recipe")
    })?;
    let recipes = context.recipes()?;
    let lock = context.lock(&recipes)?;
    let store = context.store()?;
    let progress = Progress::new(true, false);
    let jobs = super::plan::jobs(None)?;
    let names = [name];
    let planned = crate::realize::plan(&store, &recipes, lock.as_ref(), &names, jobs, &progress);
    progress.finish();
    let Planned { plan, wanted, .. } = planned?;
    let mut steps = Vec::new();
    for step in wanted.iter().map(|&step| &plan.steps[step]) {
        let Some(outcome) = &step.outcome else {
            continue;
        };
        let Some(entry) = outcome.outputs.values().next() else {
            continue;
        };
        let trace = store.trace(outcome.trace)?;
        if !trace.log.is_empty() {
            steps.push(Step {
                kind: step.kind.to_owned(),
                subject: Some(step.subject.clone()),
                entry: entry.to_string(),
                lines: trace.log,
            });
        }
    }
    Ok(Document { entry: None, steps })
}
