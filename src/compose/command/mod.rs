//! `command`: a contained command in a root (role `root`), and what it wrote as a tree.
//!
//! ```text
//! /              the root, read-only            /tmp    its own, gone afterwards
//! /inputs/NAME   an input (role `input/NAME`), read-only    /out    what becomes the tree
//! /proc, /dev    its own processes; null, zero, full, random, urandom
//! ```
//!
//! Three processes do it, for a program may not fork itself safely, and only who is alone may enter a user namespace:
//!
//! ```text
//! composer ── starts ──▶ helper: namespaces, mounts ── starts ──▶ first: pivot, no privileges ── starts ──▶ the command
//!     ▲                    │ when all are dead                     process 1 of its namespace: when it ends, all end
//!     └── tree, as a stream┘
//! ```
//!
//! Directories of root and inputs have their own modes, so that copies can be written to; files have modes and times of views.
//! All of them are root's in there, whoever realizes it: what belongs to another outside is copied. Devices are left out.
//! The command is nobody: an id of its own outside, 0 inside, no capability, no way to get one, no network.
//! Its clock is the machine's, only `SOURCE_DATE_EPOCH` is fixed: times of files are not kept.

mod capture;
mod container;
mod error;
mod first;
mod message;
mod process;
mod received;

use std::collections::BTreeMap;
use std::io::Read;

use super::{Composed, Composer, Output, Workspace};
use crate::ids::{EntryId, TreeId, TreePath};
use crate::plan::{Derivation, parameters};
use crate::tree::{Builder, Child, Node};

pub use error::Error;
use message::{Message, Request};
use process::Contained;
use received::Received;

/// Composes `command` derivations.
pub struct Command;

const KIND: &str = "command";

/// What the program has to be called with to be a helper; nobody types it.
pub const HELPER: &str = "contain-a-command";
/// The same, as the first process in the container.
const FIRST: &str = "contain-a-command-within";

/// Directories of the root that something else is mounted on.
const MOUNTS: [&str; 5] = ["dev", "inputs", "out", "proc", "tmp"];

/// Lines of what a command said that go into the log.
const LOGGED: usize = 200;

/// Runs as one of the helpers, if this process was started as one.
pub fn help(argument: Option<&std::ffi::OsStr>) -> Option<std::process::ExitCode> {
    match argument?.to_str()? {
        HELPER => Some(container::run()),
        FIRST => Some(first::run()),
        _ => None,
    }
}

impl Composer for Command {
    fn version(&self) -> u32 {
        2
    }

    fn compose(
        &self,
        derivation: &Derivation,
        workspace: &dyn Workspace,
    ) -> Result<Composed, super::Error> {
        let params: parameters::Command = super::parameters(KIND, derivation)?;
        let program = workspace.program().ok_or(Error::NoProgram)?;
        let root = super::input(KIND, "root", derivation)?;
        let inputs: BTreeMap<&str, EntryId> = derivation
            .inputs
            .iter()
            .filter_map(|input| Some((input.role.strip_prefix("input/")?, input.entry)))
            .collect();
        let names = inputs.keys().copied();
        let root = with_mounts(workspace.root(root)?, names, workspace)?;
        let owner = process::owner();
        let mut request = Request::new(&params, workspace.lay_out(root, owner)?);
        for (name, entry) in &inputs {
            let at = workspace.lay_out(workspace.root(*entry)?, owner)?;
            request.input(name, &at);
        }
        let mut received = Received::default();
        let log = {
            let mut take = |message: Message, content: &mut dyn Read| {
                received.take(message, content, workspace)
            };
            Contained::start(&program, &request)?.run(&mut take)?
        };
        log.iter()
            .rev()
            .take(LOGGED)
            .rev()
            .for_each(|line| workspace.note(line));
        let (tree, links) = received.finish();
        let mut output = Output::new(KIND, workspace.finish(&tree)?);
        output.links = links;
        Ok(Composed::of(output))
    }
}

/// The root with empty directories where the container mounts something.
fn with_mounts<'a>(
    root: TreeId,
    inputs: impl Iterator<Item = &'a str>,
    workspace: &dyn Workspace,
) -> Result<TreeId, super::Error> {
    let directory = workspace.directory(root)?;
    let mut tree = Builder::default();
    for (name, node) in &directory.entries {
        let child = match node {
            Node::Directory(id) => Child::Finished(*id),
            Node::Leaf(leaf) => Child::Leaf(leaf.clone()),
        };
        tree.children.insert(name.clone(), child);
    }
    for name in MOUNTS {
        let empty = Child::Directory(Builder::default());
        tree.children.insert(name.as_bytes().to_vec(), empty);
    }
    for name in inputs {
        let path = TreePath::parse(MOUNTS[1])?.join(name.as_bytes())?;
        tree.directory(&path)?;
    }
    Ok(workspace.finish(&tree)?)
}
