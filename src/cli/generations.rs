//! `store generations`

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::exit::{Exit, Failure};
use super::output::{self, time};
use crate::ids::EntryId;
use crate::relate::Records;
use crate::relate::Size;
use crate::relate::subject;

/// Lists the generations of an artifact, oldest first
#[derive(Args)]
pub struct Arguments {
    /// The artifact: NAME, or RELEASE/NAME
    name: String,
}

#[derive(Serialize)]
struct Document {
    root: String,
    generations: Vec<Generation>,
}

#[derive(Serialize)]
struct Generation {
    number: u32,
    entry: String,
    trace: Option<String>,
    label: Option<String>,
    time: i64,
    complete: bool,
    /// Whether it waits for a collector, and can be brought back.
    condemned: bool,
    bytes: u64,
}

impl Arguments {
    pub fn run(self, context: &Context) -> Result<Exit, Failure> {
        let store = context.store()?;
        let release = context.release();
        let root = subject::root(&store, &self.name, release.as_deref())?;
        let Some(root) = root else {
            // The search for a subject knows what is near.
            subject::find(&store, &self.name, release.as_deref())?;
            return Err(Failure::new(
                Exit::NotFound,
                format!("{} is an entry, not a root", self.name),
            ));
        };
        let mut generations = Vec::new();
        let all = store.generations(&root)?;
        let entries: Vec<EntryId> = all.iter().map(|one| one.entry).collect();
        let condemned = store.condemned(&entries)?;
        for generation in all {
            generations.push(Generation {
                number: generation.number,
                entry: generation.entry.to_string(),
                trace: generation.trace.map(|trace| trace.to_string()),
                label: generation.label,
                time: generation.time,
                complete: store.is_complete(generation.entry)?,
                condemned: condemned.contains(&generation.entry),
                bytes: context.records(&store).size(generation.entry)?,
            });
        }
        if context.global.json {
            output::json(
                "generations",
                &Document {
                    root: root.to_string(),
                    generations,
                },
            )?;
            return Ok(Exit::Done);
        }
        let mut text = String::new();
        for generation in &generations {
            text.push_str(&format!(
                "{:>4}  {}  {:>8}  {}{}{}\n",
                generation.number,
                &generation.entry[..crate::ids::hash::SHORT_LEN],
                Size(generation.bytes),
                time(generation.time),
                generation
                    .label
                    .as_ref()
                    .map(|label| format!("  {label}"))
                    .unwrap_or_default(),
                output::gone(generation.complete, generation.condemned),
            ));
        }
        output::print(text)?;
        Ok(Exit::Done)
    }
}
