//! `store verify`

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::exit::{Exit, Failure};
use super::output::{self, count};
use crate::ids::EntryId;
use crate::store::{Needed, VerifyOptions};

/// Checks that the store holds what it says
///
/// Quick by default: everything is there, with the right size. What is wrong is named with the entries it touches.
#[derive(Args)]
pub struct Arguments {
    /// Only these: NAME, NAME@N, a hash prefix or an entry's path
    subjects: Vec<String>,
    /// Read everything, and hash it again
    #[arg(long)]
    full: bool,
    /// Make the index anew from the files of the store
    #[arg(long)]
    rebuild_index: bool,
}

#[derive(Serialize)]
struct Document {
    full: bool,
    checked: u64,
    /// Those that were asked for and are not all here any more.
    collected: Vec<String>,
    damaged: Vec<Damage>,
}

const KEPT: &str = "kept";
const HISTORY: &str = "history";
const NOTHING: &str = "nothing";

#[derive(Serialize)]
struct Damage {
    kind: String,
    id: Option<String>,
    lost: bool,
    path: String,
    problem: String,
    entries: Vec<String>,
    /// `kept`, `history` or `nothing`.
    needed_by: &'static str,
}

impl Arguments {
    pub fn run(self, context: &Context) -> Result<Exit, Failure> {
        let mut lost = Vec::new();
        if self.rebuild_index {
            let report = crate::store::Store::rebuild_index(context.directory(), &|_| {})?;
            lost = report.damaged;
            if !context.is_quiet() {
                output::say("the index was made anew");
            }
        }
        let store = context.store()?;
        if !context.directory().exists() && !context.is_quiet() {
            let directory = context.directory().display();
            output::say(format_args!("warning: there is no {directory}"));
        }
        let mut only: Vec<EntryId> = Vec::new();
        let mut collected = Vec::new();
        for subject in &self.subjects {
            let entry = context.subject(&store, subject)?.entry;
            only.push(entry);
            if !store.is_complete(entry)? {
                collected.push(subject.clone());
            }
        }
        let only = (!only.is_empty()).then_some(only);
        let report = store.verify(
            &VerifyOptions {
                full: self.full,
                only,
            },
            &|_| {},
        )?;
        // What the new index does not know at all, only its making can tell.
        lost.retain(|one| report.damaged.iter().all(|other| other.path != one.path));
        let damaged: Vec<Damage> = report
            .damaged
            .iter()
            .chain(&lost)
            .map(|damage| Damage {
                kind: damage.what.to_string(),
                id: damage.id.map(|id| id.to_string()),
                lost: damage.lost,
                path: damage.path.display().to_string(),
                problem: damage.problem.clone(),
                entries: damage.entries.iter().map(ToString::to_string).collect(),
                needed_by: match damage.needed {
                    Needed::ByKept => KEPT,
                    Needed::ByHistory => HISTORY,
                    Needed::ByNothing => NOTHING,
                },
            })
            .collect();
        let exit = if damaged.is_empty() {
            Exit::Done
        } else {
            Exit::Damaged
        };
        if context.global.json {
            output::json(
                "verify",
                &Document {
                    full: self.full,
                    checked: report.checked,
                    collected,
                    damaged,
                },
            )?;
            return Ok(exit);
        }
        let mut text = String::new();
        for damage in &damaged {
            // Roots and views have no hash of their own.
            let id = damage
                .id
                .as_ref()
                .map(|id| format!(" {id}"))
                .unwrap_or_default();
            let Damage {
                kind,
                problem,
                path,
                ..
            } = damage;
            text.push_str(&format!("{kind}{id}: {problem} ({path})\n"));
            for entry in &damage.entries {
                text.push_str(&format!(
                    "  touches entry {}\n",
                    &entry[..crate::ids::hash::SHORT_LEN]
                ));
            }
            text.push_str(match damage.needed_by {
                HISTORY => "  only tells of what was collected\n",
                NOTHING => "  no generation was made of it\n",
                _ => "",
            });
        }
        for subject in &collected {
            text.push_str(&format!(
                "{subject}: not all of its bytes are in the store; what is not was not checked\n"
            ));
        }
        let any = |needed: &str| damaged.iter().any(|damage| damage.needed_by == needed);
        let advice = [
            (KEPT, "realizing again repairs what can be made again"),
            (
                HISTORY,
                "what tells of collected bytes only is repaired by realizing with the recipes and the lock that it was made by",
            ),
            (
                NOTHING,
                "what no generation was made of is dropped by `store gc`",
            ),
        ];
        let advice = advice.iter().filter(|(needed, _)| any(needed));
        let advice: String = advice.map(|(_, advice)| format!("; {advice}")).collect();
        let checked = count(report.checked as usize, "object");
        text.push_str(&match damaged.len() {
            0 => format!("{checked} checked, all well\n"),
            damaged => format!("{checked} checked, {damaged} damaged{advice}\n"),
        });
        output::print(text)?;
        Ok(exit)
    }
}
