//! The paths that dependencies name: who owns them is more than primary metadata says.

use std::collections::BTreeSet;

use super::closure::Closure;
use super::formula::Encoder;
use super::rich::Expression;
use super::universe::Universe;
use super::{Question, Request};
use crate::formats::repodata::is_primary;
use crate::formats::rpm::{Dependency, Solvable};

/// The paths that a question turns on, and that primary metadata leaves out.
///
/// Whoever has the lists of files looks up the owners and puts them into [`Question::owners`], also where there are none.
/// Owners may bring more packages into reach: ask again, until nothing is wanted any more.
/// Packages out of reach are not looked at, since the lists of files are long and most questions need none.
pub fn paths(question: &Question) -> BTreeSet<Vec<u8>> {
    let universe = Universe::new(question);
    let mut encoder = Encoder::new(&universe);
    let closure = Closure::new(&universe, &mut encoder, &question.install, question.weak);
    let packages = universe.packages.iter().enumerate();
    let reached = packages
        .filter(|(number, _)| closure.reaches(*number))
        .map(|(_, package)| package.solvable);
    let mut wanted = wanted(&question.install, reached);
    wanted.retain(|path| !is_primary(path) && !question.owners.contains_key(path));
    wanted
}

/// Every path that the requests or the dependencies of these packages name.
pub(super) fn wanted<'a>(
    requests: &[Request],
    solvables: impl Iterator<Item = &'a Solvable>,
) -> BTreeSet<Vec<u8>> {
    let mut wanted: BTreeSet<Vec<u8>> = requests
        .iter()
        .flat_map(Request::paths)
        .map(String::into_bytes)
        .collect();
    let mut want = |name: &str| {
        if name.starts_with('/') && !wanted.contains(name.as_bytes()) {
            wanted.insert(name.as_bytes().to_vec());
        }
    };
    for dependency in solvables.flat_map(dependencies) {
        if !dependency.name.starts_with('(') {
            want(&dependency.name);
        } else if let Ok(expression) = Expression::of(dependency) {
            expression.each_plain(&mut |name, _| want(name));
        }
    }
    wanted
}

/// All dependencies of a package in which a path may stand.
fn dependencies(solvable: &Solvable) -> impl Iterator<Item = &Dependency> {
    solvable
        .requires
        .iter()
        .chain(&solvable.conflicts)
        .chain(&solvable.recommends)
        .chain(&solvable.suggests)
        .chain(&solvable.supplements)
        .chain(&solvable.enhances)
}
