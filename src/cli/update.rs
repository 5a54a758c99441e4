//! `store update`

use clap::Args;
use serde::Serialize;

use super::context::{Context, network, now};
use super::exit::{Exit, Failure};
use super::output::{self, count};
use super::plan::jobs;
use super::progress::Progress;
use crate::ids::Name;
use crate::realize::Options;

/// Looks at the sources, rewrites the lock, and prints what moved
///
/// This is the only command that looks outside.
/// With a lock, realize takes what the lock names; without one, what lies in the directories.
#[derive(Args)]
pub struct Arguments {
    /// The sources; all of them if none is named
    #[arg(value_name = "SOURCE")]
    sources: Vec<Name>,
    /// How many packages are read at once [default: one a processor]
    #[arg(short, long, value_name = "N")]
    jobs: Option<usize>,
}

#[derive(Serialize)]
struct Document<'a> {
    lock: String,
    changed: bool,
    sources: Vec<Source>,
    moved: &'a [crate::source::Moved],
}

#[derive(Serialize)]
struct Source {
    name: String,
    packages: usize,
}

impl Arguments {
    pub fn run(self, context: &Context) -> Result<Exit, Failure> {
        let recipes = context.recipes()?;
        let old = context.lock(&recipes)?;
        let unknown = |name: &&Name| recipes.source(name).is_none();
        if let Some(name) = self.sources.iter().find(unknown).cloned() {
            return Err(crate::realize::Error::NoSource { name }.into());
        }
        let store = context.create()?;
        let options = Options {
            jobs: jobs(self.jobs)?,
            now: now(),
            network: Some(network()),
            ..Options::default()
        };
        let progress = Progress::new(context.global.quiet, context.global.verbose);
        let result = crate::realize::update(
            &store,
            &recipes,
            old.as_ref(),
            &self.sources,
            &options,
            &progress,
        );
        progress.finish();
        let updated = result?;
        let changed = old.as_ref() != Some(&updated.lock);
        if changed {
            updated.lock.save(&recipes.dir)?;
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
            };
            output::json("update", &document)?;
            return Ok(Exit::Done);
        }
        if !context.is_quiet() {
            for (name, problem) in &updated.unsolved {
                match problem {
                    None => output::say(format_args!(
                        "{name} is solved when it is realized: it stands on packages that are made then"
                    )),
                    Some(problem) => output::say(format_args!("warning: not locked: {problem}")),
                }
            }
            let packages: usize = updated
                .lock
                .sources
                .values()
                .map(|source| source.packages.len())
                .sum();
            let sources = count(updated.lock.sources.len(), "source");
            let moved = updated.moved.len();
            output::say(format_args!(
                "the lock has {sources}, {}; {moved} moved",
                count(packages, "package")
            ));
        }
        output::print(
            updated
                .moved
                .iter()
                .map(|moved| format!("{moved}\n"))
                .collect::<String>(),
        )?;
        Ok(Exit::Done)
    }
}
