//! Whether packages go together, by what their own headers say: what rpm tests before it installs any of them.
//!
//! They were chosen by what a repository's metadata says, or a lock; neither is the package.

use super::Error;
use super::packages::Package;
use crate::formats::rpm::Solvable;
use crate::plan::solve::{self, Candidate, Question, Request};

/// Fails where one requires what none of them provides, or two exclude each other.
pub(super) fn check(packages: &[Package], arch: &str) -> Result<(), Error> {
    let read = |package: &Package| {
        let solvable = Solvable::read(&package.header);
        solvable.map_err(|source| package.malformed(source))
    };
    let solvables = packages.iter().map(read);
    let solvables: Vec<Solvable> = solvables.collect::<Result<_, _>>()?;
    let candidates = solvables.iter().map(|solvable| Candidate {
        solvable,
        module: None,
    });
    let install = packages
        .iter()
        .map(|package| Request::new(package.nevra.to_string()));
    let question = Question {
        packages: candidates.collect(),
        install: install.collect(),
        arch: arch.to_owned(),
        weak: false,
        owners: Default::default(),
    };
    match solve::solve(&question) {
        Ok(_) => Ok(()),
        Err(problem) => Err(Error::Apart {
            problem: Box::new(problem),
        }),
    }
}
