//! `store verify`

use std::collections::BTreeSet;
use std::fmt;

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::exit::{Exit, Failure};
use super::output::{self, count};
use crate::ids::EntryId;
use crate::store::{self, Needed, VerifyOptions};

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

/// What to do about damage, in the order in which it is told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Advice {
    Realize,
    RealizeAsThen,
    Drop,
    RestoreRoot,
    RebuildIndex,
    MoveAway,
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Advice::Realize => "realizing again repairs what can be made again",
            Advice::RealizeAsThen => {
                "what tells of collected bytes only is repaired by realizing with the recipes and the lock that it was made by"
            }
            Advice::Drop => "what no generation was made of is dropped by `store gc`",
            Advice::RestoreRoot => {
                "a root that can't be read is brought back from a copy, or removed to give up its generation"
            }
            Advice::RebuildIndex => "`store verify --rebuild-index` makes the index anew",
            Advice::MoveAway => "what the store did not write stays; move it away",
        })
    }
}

fn advice(damage: &store::Damage) -> Advice {
    match (damage.what, damage.needed) {
        (store::What::Index, _) => Advice::RebuildIndex,
        (store::What::Foreign, _) => Advice::MoveAway,
        // One that was read tells which entry it names; so does a view of the store's.
        (store::What::Root, _) if damage.entries.is_empty() => Advice::RestoreRoot,
        (store::What::View, _) if damage.entries.is_empty() => Advice::MoveAway,
        (_, Needed::ByKept) => Advice::Realize,
        (_, Needed::ByHistory) => Advice::RealizeAsThen,
        (_, Needed::ByNothing) => Advice::Drop,
    }
}

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
            let report = store::Store::rebuild_index(context.directory(), &|_| {})?;
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
        let told = report.damaged.iter().chain(&lost).map(advice);
        let told: BTreeSet<Advice> = told.collect();
        let advice: String = told.iter().map(|advice| format!("; {advice}")).collect();
        let checked = count(report.checked as usize, "object");
        let all = report.damaged.iter().chain(&lost);
        let foreign = all.filter(|damage| damage.what == store::What::Foreign);
        let foreign = foreign.count();
        text.push_str(&match (damaged.len() - foreign, foreign) {
            (0, 0) => format!("{checked} checked, all well\n"),
            (0, foreign) => format!(
                "{checked} checked; {} beside them{advice}\n",
                count(foreign, "foreign file")
            ),
            (damaged, 0) => format!("{checked} checked, {damaged} damaged{advice}\n"),
            (damaged, foreign) => format!(
                "{checked} checked, {damaged} damaged, {} beside them{advice}\n",
                count(foreign, "foreign file")
            ),
        });
        output::print(text)?;
        Ok(exit)
    }
}
