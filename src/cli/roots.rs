//! `store roots`

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::exit::{Exit, Failure};
use super::output::{self, time};
use crate::relate::Records;
use crate::relate::Size;

/// Lists what keeps entries alive: each root with its newest generation
#[derive(Args)]
pub struct Arguments {}

#[derive(Serialize)]
struct Document {
    roots: Vec<Root>,
}

#[derive(Serialize)]
struct Root {
    root: String,
    name: String,
    generations: usize,
    newest: u32,
    entry: String,
    time: i64,
    bytes: u64,
}

impl Arguments {
    pub fn run(self, context: &Context) -> Result<Exit, Failure> {
        let store = context.store()?;
        let mut roots = Vec::new();
        for root in store.roots()? {
            let generations = store.generations(&root)?;
            let Some(newest) = generations.last() else {
                continue;
            };
            roots.push(Root {
                root: root.to_string(),
                name: root.name().to_string(),
                generations: generations.len(),
                newest: newest.number,
                entry: newest.entry.to_string(),
                time: newest.time,
                bytes: context.records(&store).size(newest.entry)?,
            });
        }
        if context.global.json {
            output::json("roots", &Document { roots })?;
            return Ok(Exit::Done);
        }
        let width = roots.iter().map(|root| root.root.len()).max().unwrap_or(0);
        let mut text = String::new();
        for root in &roots {
            text.push_str(&format!(
                "{:<width$} @{:<4} {:>8}  {}  {}\n",
                root.root,
                root.newest,
                Size(root.bytes),
                time(root.time),
                &root.entry[..crate::ids::hash::SHORT_LEN],
            ));
        }
        output::print(text)?;
        Ok(Exit::Done)
    }
}
