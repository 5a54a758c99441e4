//! `store add`

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::context::{Context, now};
use super::exit::{Exit, Failure};
use super::output;

/// Takes RPMs, files or directories into the store by hand; prints the entry of each
///
/// An RPM is checked and its record kept. The store never links to the file: it may change afterwards.
/// Nothing keeps what was added alive but what uses it; `store gc` may take it.
#[derive(Args)]
pub struct Arguments {
    /// RPMs, other files, or directories
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

#[derive(Serialize)]
struct Document {
    added: Vec<Added>,
}

#[derive(Serialize)]
struct Added {
    path: String,
    kind: String,
    entry: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    nevra: Option<String>,
}

impl Arguments {
    pub fn run(self, context: &Context) -> Result<Exit, Failure> {
        let store = context.create()?;
        let mut added = Vec::new();
        for path in self.paths {
            let one = crate::realize::add(&store, &path, now())?;
            added.push(Added {
                path: path.display().to_string(),
                kind: one.kind,
                entry: one.entry.to_string(),
                nevra: one.nevra.map(|nevra| nevra.to_string()),
            });
        }
        if context.global.json {
            output::json("add", &Document { added })?;
        } else {
            output::print(
                added
                    .iter()
                    .map(|one| format!("{}\n", one.entry))
                    .collect::<String>(),
            )?;
        }
        Ok(Exit::Done)
    }
}
