//! Kind `command`: whatever a contained command writes.

use std::collections::BTreeSet;

use super::fields::Fields;
use super::selection::{self, Selection};
use crate::ids::Name;

/// A command that is run in a root of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    pub root: Root,
    /// The program and its arguments.
    pub run: Vec<String>,
    /// Artifacts that it can read, each below `/inputs`.
    pub inputs: BTreeSet<Name>,
    pub limits: Limits,
}

/// What a command finds at `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Root {
    /// Packages, installed for it.
    Packages(Selection),
    /// A tree's packages, or what another command wrote.
    Artifact(Name),
}

/// What a command may use up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub seconds: u64,
    /// Of what it writes; as much again for what it writes to `/tmp`.
    pub mebibytes: u64,
    pub processes: u64,
}

/// Enough for most, and few enough to be noticed.
const LIMITS: Limits = Limits {
    seconds: 3600,
    mebibytes: 1024,
    processes: 1024,
};

/// What runs the text of a script.
const SHELL: [&str; 3] = ["/bin/sh", "-euc", ""];

pub(super) fn read(fields: &Fields) -> Option<Command> {
    let artifact = fields.parsed::<Name>("root", "a recipe's name");
    let root = match fields.has("root") {
        true => {
            fields.forbid(&["from", "install", "weak", "overlay"], "root");
            artifact.map(|found| Root::Artifact(found.value))
        }
        false => Some(Root::Packages(selection::read(fields))),
    };
    let run = run(fields);
    let inputs = fields.set("inputs", "a recipe's name");
    let limits = fields.table("limits").map_or(LIMITS, limits);
    Some(Command {
        root: root?,
        run: run?,
        inputs,
        limits,
    })
}

/// A list is a program with its arguments; a text is a script.
fn run(fields: &Fields) -> Option<Vec<String>> {
    fields.demand("run");
    let (value, _) = fields.raw("run")?;
    let (run, place) = (fields.place("run"), "what is run");
    let words: Vec<String> = if value.as_str().is_some() {
        let script = fields.string("run")?.value;
        let [shell, options, _] = SHELL;
        vec![shell.to_owned(), options.to_owned(), script]
    } else if value.as_array().is_some() {
        let words = fields.list("run").into_iter();
        words.map(|found| found.value).collect()
    } else {
        fields.wrong_type("run", "a list of words, or the text of a script");
        return None;
    };
    let refuse = |reason: &str| fields.invalid(run, &words.join(" "), place, reason);
    match words.first() {
        None => refuse("name a program and its arguments"),
        Some(program) if !program.starts_with('/') => {
            refuse("name the program by its path in the root, as /usr/bin/make");
        }
        _ if words.iter().any(|word| word.contains('\0')) => refuse("it holds a NUL"),
        _ => return Some(words),
    }
    None
}

fn limits(fields: Fields) -> Limits {
    let number = |field, most, otherwise| {
        let found = fields.number(field, most);
        if let Some(found) = &found
            && found.value == 0
        {
            fields.invalid(found.at, "0", "a limit", "nothing could run");
        }
        found.map_or(otherwise, |found| found.value)
    };
    let limits = Limits {
        seconds: number("seconds", 30 * 86_400, LIMITS.seconds),
        mebibytes: number("mebibytes", 1 << 30, LIMITS.mebibytes),
        processes: number("processes", 1 << 20, LIMITS.processes),
    };
    fields.finish();
    limits
}
