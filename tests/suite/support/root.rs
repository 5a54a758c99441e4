//! Roots under test: composed, looked into, and compared with what rpm installs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use store::compose::root::Conflict;
use store::compose::{Composed, Error, MAIN, Output, Workspace, root};
use store::ids::{EntryId, TreePath};
use store::plan::parameters;
use store::tree::{Content, Leaf, Node};

use super::rpm::{compose_by, enter, try_compose};
use super::rpmbuild::Recipe;
use super::workspace::Memory;

pub const EPOCH: i64 = 1_700_000_000;

pub fn parameters(arch: &str) -> parameters::Root {
    parameters::Root {
        arch: arch.to_owned(),
        epoch: EPOCH,
    }
}

/// A root of whatever packages, though they require others.
pub fn root(memory: &Memory, arch: &str, packages: &[EntryId]) -> Result<Composed, Error> {
    let inputs = packages.iter().map(|&entry| ("package", entry));
    let composer = root::Root { nodeps: true };
    compose_by(&composer, memory, "root", &parameters(arch), inputs)
}

/// A root as the store composes it.
pub fn closed(memory: &Memory, packages: &[EntryId]) -> Result<Composed, Error> {
    let inputs = packages.iter().map(|&entry| ("package", entry));
    try_compose(memory, "root", &parameters("x86_64"), inputs)
}

pub fn unpack(memory: &Memory, rpm: &Path) -> EntryId {
    enter(memory, std::fs::read(rpm).unwrap()).unpacked(memory)
}

/// Builds, unpacks and installs; returns the RPM files too.
pub fn installed(
    memory: &Memory,
    directory: &Path,
    recipes: &[Recipe<'_>],
) -> (Result<Composed, Error>, Vec<PathBuf>) {
    let files: Vec<PathBuf> = recipes
        .iter()
        .map(|recipe| recipe.build(directory))
        .collect();
    let entries: Vec<EntryId> = files.iter().map(|file| unpack(memory, file)).collect();
    (root(memory, "x86_64", &entries), files)
}

pub fn output(composed: &Composed) -> &Output {
    &composed.outputs[MAIN]
}

pub fn at(memory: &Memory, composed: &Composed, path: &str) -> Option<Node> {
    let workspace: &dyn Workspace = memory;
    let path = TreePath::parse(path).unwrap();
    workspace.lookup(output(composed).root, &path).unwrap()
}

pub fn leaf(memory: &Memory, composed: &Composed, path: &str) -> Leaf {
    match at(memory, composed, path) {
        Some(Node::Leaf(leaf)) => leaf,
        other => panic!("{path} is {other:?}"),
    }
}

pub fn text(memory: &Memory, composed: &Composed, path: &str) -> String {
    let workspace: &dyn Workspace = memory;
    let Content::File { blob, .. } = leaf(memory, composed, path).content else {
        panic!("{path} is no file");
    };
    String::from_utf8(workspace.bytes(blob).unwrap()).unwrap()
}

pub fn run(program: &str, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap_or_else(|error| panic!("{program} is not installed: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (
        output.status.success(),
        text + &String::from_utf8_lossy(&output.stderr),
    )
}

pub fn conflicts(result: Result<Composed, Error>) -> Vec<(String, String, String)> {
    match result {
        Err(Error::Root(root::Error::Conflicts { conflicts })) => conflicts
            .into_iter()
            .map(
                |Conflict {
                     path,
                     first,
                     second,
                 }| (path.to_string(), first.name, second.name),
            )
            .collect(),
        other => panic!("no conflict: {other:?}"),
    }
}

pub const fn owns<'a>(name: &'a str, install: &'a str, files: &'a str) -> Recipe<'a> {
    Recipe {
        name,
        install,
        files,
        more: "",
    }
}

/// What both have of the package database lies elsewhere, and the judge's root directory is nobody's.
pub fn without_database(listing: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let own = ["db", "dev", "usr/lib/sysimage", "var/lib/rpm"];
    let kept = listing.into_iter().filter(|(path, _)| {
        !path.is_empty() && path != "var/lib" && !own.iter().any(|own| path.starts_with(own))
    });
    kept.collect()
}
