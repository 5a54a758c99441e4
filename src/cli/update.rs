//! `store update`

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::context::{Context, network, now};
use super::exit::{Exit, Failure};
use super::output::{self, count};
use super::plan::jobs;
use super::progress::Progress;
use crate::ids::Name;
use crate::realize::{self, Options, Scope, Unsolved, Updated};
use crate::source::{Change, Moved, Of, Writing};

/// How long until it is looked again whether another update ended.
const PATIENCE: Duration = Duration::from_millis(100);

/// Looks at the sources, rewrites the lock, and prints what moved
///
/// This is the only command that looks outside.
/// With a lock, realize takes what the lock names; without one, what lies in the directories.
/// What an artifact is solved to stays as the lock has it, until another question is asked: of other packages, or by its recipe.
#[derive(Args)]
pub struct Arguments {
    /// The sources; all of them if none is named
    #[arg(value_name = "SOURCE")]
    sources: Vec<Name>,
    /// How many packages are read at once [default: one a processor]
    #[arg(short, long, value_name = "N")]
    jobs: Option<usize>,
    /// Look at no source, and answer what the recipes ask now of what is locked of each: after a merge, or for a new name
    #[arg(long, conflicts_with = "sources")]
    keep: bool,
    /// Solve again what can be solved now, also where the lock has the answer to the same question
    #[arg(long)]
    solve: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    lock: String,
    changed: bool,
    sources: Vec<Source>,
    moved: &'a [Moved],
    unsolved: Vec<Missed<'a>>,
}

/// An artifact or a module that was not answered now.
#[derive(Serialize)]
struct Missed<'a> {
    name: &'a str,
    /// What is wrong; none where it is answered when it is realized, or when its source is looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// Whether the lock keeps the answer that it had.
    kept: bool,
}

#[derive(Serialize)]
struct Source {
    name: String,
    packages: usize,
}

impl Arguments {
    pub fn run(self, context: &Context) -> Result<Exit, Failure> {
        let recipes = context.recipes()?;
        let writing = alone(context, &recipes.dir)?;
        let old = context.lock(&recipes)?;
        if self.keep && old.is_none() {
            let nothing = "there is no lock yet, so there is nothing to keep";
            return Err(Failure::new(Exit::Usage, nothing).hint("`store update` makes one"));
        }
        let unknown = |name: &&Name| recipes.source(name).is_none();
        if let Some(name) = self.sources.iter().find(unknown).cloned() {
            return Err(realize::Error::NoSource { name }.into());
        }
        let store = context.create()?;
        let options = Options {
            jobs: jobs(self.jobs)?,
            now: now(),
            network: Some(network()),
            ..Options::default()
        };
        let progress = Progress::new(context.global.quiet, context.global.verbose);
        let scope = Scope {
            names: &self.sources,
            keep: self.keep,
            anew: self.solve,
        };
        let result = realize::update(&store, &recipes, old.as_ref(), scope, &options, &progress);
        progress.finish();
        let updated = result?;
        let changed = old.as_ref() != Some(&updated.lock);
        if changed {
            updated.lock.save(&recipes.dir, &writing)?;
        }
        if context.global.json {
            let sources = updated.lock.sources.iter().map(|(name, source)| Source {
                name: name.to_string(),
                packages: source.packages.len(),
            });
            let lock = recipes
                .dir
                .join(crate::source::lock::FILE)
                .display()
                .to_string();
            let document = Document {
                lock,
                changed,
                sources: sources.collect(),
                moved: &updated.moved,
                unsolved: updated.unsolved.iter().map(Missed::of).collect(),
            };
            output::json("update", &document)?;
            return Ok(ended(&updated));
        }
        // What a module lacks, all that stands on it lacks too.
        let mut told = BTreeSet::new();
        for (name, unsolved) in &updated.unsolved {
            let line = missed(name, unsolved);
            let counts = unsolved.is_failure() || !context.is_quiet();
            if counts && told.insert(line.clone()) {
                output::say(line);
            }
        }
        let (sources, artifacts): (Vec<&Moved>, Vec<&Moved>) = updated
            .moved
            .iter()
            .partition(|moved| matches!(moved.of, Of::Source(_)));
        if !context.is_quiet() {
            let packages = updated.lock.sources.values().map(|one| one.packages.len());
            output::say(format_args!(
                "the lock has {}, {}; {} moved",
                count(updated.lock.sources.len(), "source"),
                count(packages.sum(), "package"),
                sources.len()
            ));
        }
        let lines = sources.iter().map(|moved| format!("{moved}\n"));
        let solved = artifacts.chunk_by(|a, b| a.of == b.of).map(solved);
        output::print(lines.chain(solved).collect::<String>())?;
        Ok(ended(&updated))
    }
}

/// Waits until no other process writes the lock of these recipes.
fn alone(context: &Context, recipes: &Path) -> Result<Writing, Failure> {
    let mut told = context.is_quiet();
    loop {
        if let Some(writing) = Writing::of(recipes)? {
            return Ok(writing);
        }
        if !std::mem::replace(&mut told, true) {
            output::say("waiting for another update of these recipes to end");
        }
        std::thread::sleep(PATIENCE);
    }
}

/// One that could not be locked is a failure, though all others are.
fn ended(updated: &Updated) -> Exit {
    match updated.unsolved.iter().any(|(_, one)| one.is_failure()) {
        true => Exit::Failed,
        false => Exit::Done,
    }
}

/// What stands in the way of an answer, where something has to be done about it.
fn problem(unsolved: &Unsolved) -> Option<String> {
    match unsolved {
        Unsolved::Later { .. } => None,
        Unsolved::Unread { source, partly, .. } => partly.then(|| unread(source)),
        Unsolved::Lacking { source, .. } => Some(format!(
            "what draws from source {source}, whose metadata can't be had as the lock names it; \
             `store update {source}` looks at what it has now"
        )),
        Unsolved::Failed { problem, .. } => Some(problem.to_string()),
    }
}

fn unread(source: &Name) -> String {
    format!("what draws from source {source}, which was never looked at: `store update {source}`")
}

fn missed(name: &Name, unsolved: &Unsolved) -> String {
    if let Some(problem) = problem(unsolved) {
        return format!("error: not locked: {problem}");
    }
    match unsolved {
        Unsolved::Unread { source, .. } => format!("not locked: {}", unread(source)),
        _ if unsolved.is_kept() => format!(
            "{name} keeps the answer that the lock has: it stands on packages that are not made here yet"
        ),
        _ => format!(
            "{name} is solved when it is realized: it stands on packages that are made then"
        ),
    }
}

/// What an artifact is solved to now, as a line: what came and what went by name.
///
/// `host: 12 upgraded, added libnew.x86_64 1-1, removed libold.x86_64 1-1`
fn solved(moved: &[&Moved]) -> String {
    let mut parts = Vec::new();
    for change in [Change::Upgraded, Change::Downgraded, Change::Rebuilt] {
        match moved.iter().filter(|one| one.change == change).count() {
            0 => {}
            number => parts.push(format!("{number} {}", change.name())),
        }
    }
    for one in moved {
        let (Change::Added | Change::Removed, Some(evr)) =
            (one.change, one.from.as_ref().or(one.to.as_ref()))
        else {
            continue;
        };
        let Moved { name, arch, .. } = one;
        parts.push(format!("{} {name}.{arch} {evr}", one.change.name()));
    }
    let artifact = moved[0].of.name();
    format!("{artifact}: {}\n", parts.join(", "))
}

impl<'a> Missed<'a> {
    fn of((name, unsolved): &'a (Name, Unsolved)) -> Self {
        Missed {
            name: name.as_str(),
            problem: problem(unsolved),
            kept: unsolved.is_kept(),
        }
    }
}
