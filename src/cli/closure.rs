//! `store closure`

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::exit::{Exit, Failure};
use super::output;
use crate::ids::EntryId;
use crate::relate::{Called, Closure, Records};
use crate::store::Store;

/// Lists what an artifact is made of, down to the packages; known also when the bytes are gone
#[derive(Args)]
pub struct Arguments {
    /// NAME, NAME@N, a hash prefix or an entry's path
    subject: String,
    /// Only the packages, by NEVRA
    #[arg(long)]
    packages: bool,
}

#[derive(Serialize)]
struct Document {
    entry: String,
    /// Those that trees in it were drawn from: they are made of packages, and no module is a node of theirs.
    modules: Vec<String>,
    nodes: Vec<Node>,
    edges: Vec<Edge>,
}

/// With `--packages`.
#[derive(Serialize)]
struct Packages {
    entry: String,
    packages: Vec<String>,
}

#[derive(Serialize)]
struct Node {
    entry: String,
    kind: Option<String>,
    step: Option<String>,
    name: Option<String>,
    trace: Option<String>,
    complete: bool,
    /// Whether it waits for a collector, and can be brought back.
    condemned: bool,
}

#[derive(Serialize)]
struct Edge {
    from: String,
    role: Option<String>,
    to: String,
}

impl Arguments {
    pub fn run(self, context: &Context) -> Result<Exit, Failure> {
        let store = context.store()?;
        let subject = context.subject(&store, &self.subject)?;
        let closure = Closure::of(&context.records(&store), subject.entry, subject.trace)?;
        if self.packages {
            return packages(context, &store, &closure);
        }
        let generation = subject.generation.as_ref();
        let name = generation.map(|(root, _)| root.name().to_string());
        let called = Called::of(&store, &closure, name)?;
        let entries: Vec<EntryId> = closure.nodes.keys().copied().collect();
        let condemned = store.condemned(&entries)?;
        let mut nodes = Vec::new();
        for (entry, node) in &closure.nodes {
            nodes.push(Node {
                entry: entry.to_string(),
                kind: node.kind.clone(),
                step: node.step().map(str::to_owned),
                name: match generation {
                    Some((root, number)) if *entry == subject.entry => {
                        Some(format!("{}@{number}", root.name()))
                    }
                    _ => called.name(&context.records(&store), &closure, *entry)?,
                },
                trace: node.trace.map(|trace| trace.to_string()),
                complete: store.is_complete(*entry)?,
                condemned: condemned.contains(entry),
            });
        }
        let drawn = match subject.origin {
            Some(origin) => context.records(&store).origin(origin)?,
            None => None,
        };
        let drawn = drawn.map_or_else(Vec::new, |drawn| drawn.modules);
        nodes.sort_by(|a, b| (&a.kind, &a.name, &a.entry).cmp(&(&b.kind, &b.name, &b.entry)));
        if context.global.json {
            let edges = closure.edges.iter().map(|edge| Edge {
                from: edge.from.to_string(),
                role: edge.role.clone(),
                to: edge.to.to_string(),
            });
            let document = Document {
                entry: subject.entry.to_string(),
                modules: drawn.iter().map(ToString::to_string).collect(),
                nodes,
                edges: edges.collect(),
            };
            output::json("closure", &document)?;
            return Ok(Exit::Done);
        }
        let mut text = String::new();
        for module in &drawn {
            let from = "drawn from";
            let width = crate::ids::hash::SHORT_LEN;
            text.push_str(&format!("{:<11} {from:<width$}  {module}\n", "module"));
        }
        for node in &nodes {
            let kind = node.kind.as_deref().unwrap_or("?");
            let name = node
                .name
                .as_ref()
                .map(|name| format!("  {name}"))
                .unwrap_or_default();
            let gone = output::gone(node.complete, node.condemned);
            let short = &node.entry[..crate::ids::hash::SHORT_LEN];
            text.push_str(&format!("{kind:<11} {short}{name}{gone}\n"));
        }
        output::print(text)?;
        Ok(Exit::Done)
    }
}

/// The packages alone, each a line or a text.
fn packages(context: &Context, store: &Store, closure: &Closure) -> Result<Exit, Failure> {
    let found = closure.packages(&context.records(store))?;
    let packages: Vec<String> = found
        .values()
        .flatten()
        .map(|record| record.nevra.to_string())
        .collect();
    if context.global.json {
        let entry = closure.entry.to_string();
        output::json("closure", &Packages { entry, packages })?;
    } else {
        let lines = packages.iter().map(|nevra| format!("{nevra}\n"));
        output::print(lines.collect::<String>())?;
    }
    Ok(Exit::Done)
}
