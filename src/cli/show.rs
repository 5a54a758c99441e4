//! `store show`

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::exit::{Exit, Failure};
use super::output::{self, count};
use crate::ids::Name;
use crate::plan::Derivation;
use crate::relate::subject::Subject;
use crate::relate::{Closure, Records, Size};
use crate::store::Entry;

/// Shows one entry: its kind and size, and the derivation that made it
#[derive(Args)]
pub struct Arguments {
    /// NAME, NAME@N, a hash prefix or an entry's path
    subject: String,
    /// Lay it out as files, if it is not, and print only where
    #[arg(long)]
    path: bool,
}

#[derive(Serialize)]
struct Document {
    entry: String,
    kind: String,
    root: String,
    generation: Option<String>,
    label: Option<String>,
    complete: bool,
    bytes: u64,
    references: Vec<String>,
    hard_links: usize,
    media: BTreeMap<String, String>,
    /// Of what was solved: the modules that offered its packages, each `NAME:STREAM:VERSION`.
    modules: Vec<String>,
    traces: Vec<Trace>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<PathBuf>,
}

#[derive(Serialize)]
struct Trace {
    trace: String,
    key: String,
    derivation: String,
    outputs: BTreeMap<String, String>,
    log_lines: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    facts: Option<String>,
}

impl Arguments {
    pub fn run(self, context: &Context) -> Result<Exit, Failure> {
        let store = context.store()?;
        let subject = context.subject(&store, &self.subject)?;
        let entry = store.entry(subject.entry)?;
        let path = match self.path {
            true => {
                let view = store.view(subject.entry, &self.name(&subject, &entry)?);
                Some(view.map_err(|error| context.no_bytes(&subject, error))?)
            }
            false => None,
        };
        if let (Some(path), false) = (&path, context.global.json) {
            output::paths([path.as_path()])?;
            return Ok(Exit::Done);
        }
        let mut traces = Vec::new();
        let mut names = BTreeMap::new();
        for id in store.made(subject.entry)? {
            let trace = store.trace(id)?;
            if !context.global.json {
                let records = context.records(&store);
                let closure = Closure::of(&records, subject.entry, Some(id))?;
                for input in &trace.inputs {
                    if let Some(name) = closure.name(&records, input.entry)? {
                        names.insert(input.entry.to_string(), name);
                    }
                }
            }
            let derivation = match trace.derivation.to::<Derivation>() {
                Ok(derivation) => derivation.to_string(),
                Err(_) => trace.derivation.to_string(),
            };
            traces.push(Trace {
                trace: id.to_string(),
                key: trace.key.to_string(),
                derivation,
                outputs: trace
                    .outputs
                    .iter()
                    .map(|(role, entry)| (role.clone(), entry.to_string()))
                    .collect(),
                log_lines: trace.log.len(),
                facts: trace.facts.as_ref().map(ToString::to_string),
            });
        }
        let origin = match subject.origin {
            Some(origin) => context.records(&store).origin(origin)?,
            None => None,
        };
        let modules = origin.map_or_else(Vec::new, |origin| origin.modules);
        let document = Document {
            entry: subject.entry.to_string(),
            kind: entry.kind,
            root: entry.root.to_string(),
            generation: subject
                .generation
                .map(|(root, number)| format!("{root}@{number}")),
            label: subject.label,
            complete: store.is_complete(subject.entry)?,
            bytes: context.records(&store).size(subject.entry)?,
            references: entry.references.iter().map(ToString::to_string).collect(),
            hard_links: entry.links.len(),
            media: entry.media,
            modules: modules.iter().map(ToString::to_string).collect(),
            traces,
            path,
        };
        if context.global.json {
            output::json("show", &document)?;
        } else {
            output::print(text(&document, &names))?;
        }
        Ok(Exit::Done)
    }
}

impl Arguments {
    /// What a view is called: as the artifact, as the path that was given, or else by its kind.
    fn name(&self, subject: &Subject, entry: &Entry) -> Result<Name, Failure> {
        if let Some((root, _)) = &subject.generation {
            return Ok(root.name().clone());
        }
        let id = subject.entry.to_string();
        let mut given = self.subject.split('/').filter_map(|part| {
            let (hash, name) = part.split_once('-')?;
            id.starts_with(hash).then_some(name)
        });
        let name = given.next().unwrap_or(&entry.kind);
        name.parse().map_err(|e| Failure::new(Exit::Usage, e))
    }
}

/// `names` are those of inputs, by their entries: a person knows packages by them.
fn text(document: &Document, names: &BTreeMap<String, String>) -> String {
    let mut text = format!(
        "entry       {}\nkind        {}\n",
        document.entry, document.kind
    );
    if let Some(generation) = &document.generation {
        let label = document.label.iter();
        let label: String = label.map(|label| format!(" ({label})")).collect();
        text.push_str(&format!("generation  {generation}{label}\n"));
    }
    text.push_str(&format!("tree        {}\n", document.root));
    let state = if document.complete {
        ""
    } else {
        ", not all of them in the store"
    };
    text.push_str(&format!("bytes       {}{state}\n", Size(document.bytes)));
    if document.hard_links > 0 {
        text.push_str(&format!(
            "hard links  {}\n",
            count(document.hard_links, "group")
        ));
    }
    for reference in &document.references {
        text.push_str(&format!("needs       {reference}\n"));
    }
    for (name, value) in &document.media {
        text.push_str(&format!("media       {name} = {value}\n"));
    }
    for module in &document.modules {
        text.push_str(&format!("module      {module}\n"));
    }
    for trace in &document.traces {
        text.push_str(&format!(
            "\ntrace       {}\nkey         {}\n",
            trace.trace, trace.key
        ));
        for line in trace.derivation.lines() {
            let entry = line.rsplit(' ').next().unwrap_or_default();
            let name = names.get(entry).map(|name| format!("  {name}"));
            text.push_str(&format!("  {line}{}\n", name.unwrap_or_default()));
        }
        if trace.log_lines > 0 {
            text.push_str(&format!("log         {}\n", count(trace.log_lines, "line")));
        }
    }
    text
}
