//! `store diff`

use clap::Args;

use super::context::Context;
use super::exit::{Exit, Failure};
use super::output;
use crate::relate::subject::Subject;
use crate::relate::{self, diff};

/// Says what differs between two artifacts: modules, packages, files, bytes
///
/// Everything is read from records and trees: also what was collected can be compared.
#[derive(Args)]
pub struct Arguments {
    /// NAME, NAME@N, NAME@LABEL, a hash prefix or an entry's path
    from: String,
    /// What to compare it with, named in the same way
    to: String,
    /// Exit with 1 if they differ
    #[arg(long)]
    exit_code: bool,
}

impl Arguments {
    pub fn run(self, context: &Context) -> Result<Exit, Failure> {
        let store = context.store()?;
        let [from, to] = [&self.from, &self.to].map(|name| context.subject(&store, name));
        let (from, to) = (from?, to?);
        let releases = [&from, &to].map(|found| Some(found.generation.as_ref()?.0.release()));
        let apart = matches!(releases, [Some(from), Some(to)] if from != to);
        let subject = |found: Subject| diff::Subject {
            name: match &found.generation {
                Some((root, number)) if apart => format!("{root}@{number}"),
                Some((root, number)) => format!("{}@{number}", root.name()),
                None => found.entry.short(),
            },
            entry: found.entry,
            trace: found.trace,
            origin: found.origin,
        };
        let records = context.records(&store);
        let diff = relate::diff(&records, &subject(from), &subject(to))?;
        if context.global.json {
            // The difference carries its schema itself.
            output::document(&diff)?;
        } else {
            output::print(&diff)?;
        }
        Ok(if self.exit_code && !diff.is_empty() {
            Exit::Failed
        } else {
            Exit::Done
        })
    }
}
