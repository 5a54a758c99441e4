//! Why packages can't stand in one root.

use std::fmt;

use super::links::PATH_MAX;
use crate::formats::{rpm, rpmdb};
use crate::ids::path::DEEPEST;
use crate::ids::{EntryId, Nevra, TreePath};
use crate::plan::solve::Problem;

/// Conflicts that a message shows before it only counts.
const SHOWN: usize = 20;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{entry} is not an unpacked package: it has no file \"header\"")]
    NotUnpacked { entry: EntryId },
    #[error("the header of unpacked package {entry} can't be read")]
    Unreadable { entry: EntryId, source: rpm::Error },
    #[error("the header of {nevra} is malformed")]
    Malformed {
        nevra: Box<Nevra>,
        source: rpm::Error,
    },
    #[error("{nevra} is a source package, which can't be installed")]
    Source { nevra: Box<Nevra> },
    #[error("{nevra} can't be installed in a root for {arch}")]
    Architecture { nevra: Box<Nevra>, arch: String },
    #[error("{nevra} is wanted twice, with different content ({first} and {second})")]
    Twice {
        nevra: Box<Nevra>,
        first: EntryId,
        second: EntryId,
    },
    #[error(
        "the packages do not go together, by what they say themselves:\n{problem}\n\
         they were chosen by what the metadata of a source says of them, or by the lock, which are not true of them: \
         `store update --solve` asks again"
    )]
    Apart { problem: Box<Problem> },
    #[error("{nevra} has a file at a bad path")]
    Path {
        nevra: Box<Nevra>,
        source: crate::ids::path::InvalidPath,
    },
    #[error(
        "the symbolic links on the way to {path} are more than 40 or go round in a circle, or lead to a place that can't be"
    )]
    Lost { path: TreePath },
    #[error(
        "the symbolic links on the way to {path} lead to a place more than {DEEPEST} directories deep, or of {PATH_MAX} bytes and more: no system could open it; see where the packages' links lead"
    )]
    TooDeep { path: TreePath },
    #[error("the packages can't be installed together:{}", Listed(conflicts))]
    Conflicts { conflicts: Vec<Conflict> },
    #[error(
        "number {number} in `overlay` has something else at {path} where there is {what} already; write through no link, and remove nothing: lay files over files"
    )]
    Overlay {
        /// Counted from 1, in the order of the recipe: a composer does not know what commands are called.
        number: usize,
        path: TreePath,
        what: &'static str,
    },
    #[error("the package database could not be made")]
    Database(#[from] rpmdb::Error),
}

/// Two packages that want different things at one path. Sorted by path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conflict {
    pub path: TreePath,
    pub first: Nevra,
    pub second: Nevra,
}

struct Listed<'a>(&'a [Conflict]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Conflict {
            path,
            first,
            second,
        } in self.0.iter().take(SHOWN)
        {
            write!(f, "\n  {path} differs in {first} and {second}")?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}
