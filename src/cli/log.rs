//! `store log`

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::exit::{Exit, Failure};
use super::output;
use crate::relate::{Called, Closure};

/// Prints what the steps below an artifact noted: what was skipped, dropped or assumed
#[derive(Args)]
pub struct Arguments {
    /// NAME, NAME@N, a hash prefix or an entry's path
    subject: String,
}

#[derive(Serialize)]
struct Document {
    entry: String,
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
        let store = context.store()?;
        let subject = context.subject(&store, &self.subject)?;
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
        if context.global.json {
            output::json(
                "log",
                &Document {
                    entry: subject.entry.to_string(),
                    steps,
                },
            )?;
            return Ok(Exit::Done);
        }
        let mut text = String::new();
        for step in &steps {
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
