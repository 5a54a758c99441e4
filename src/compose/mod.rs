//! How does one derivation become a tree?
//!
//! One file a kind, one line in [`composer`] to name it.
//! A composer sees its derivation and a [`Workspace`], nothing else: no clock, no environment, no store.

pub mod command;
mod deflated;
pub mod disk;
mod error;
mod held;
pub mod image;
pub mod import;
mod index;
pub mod installer;
mod loader;
pub mod module;
mod ociarchive;
pub mod ostree;
pub mod package;
pub(crate) mod packages;
mod parts;
pub mod release;
pub mod repository;
pub mod root;
mod scratch;
mod treeinfo;
pub mod unpack;
pub mod workspace;

use std::collections::{BTreeMap, BTreeSet};

pub use error::Error;
pub use workspace::{Workspace, WorkspaceError};

use crate::ids::{BlobId, EntryId, TreeId, TreePath, canonical};
use crate::plan::Derivation;
use crate::plan::derivation::Input;
pub use crate::plan::derivation::MAIN;

/// Makes the outputs of one kind of derivation.
pub trait Composer: Sync {
    /// Raised when the same derivation begins to give other bytes.
    fn version(&self) -> u32;

    fn compose(
        &self,
        derivation: &Derivation,
        workspace: &dyn Workspace,
    ) -> Result<Composed, Error>;
}

/// The composer of a kind of derivation.
pub fn composer(kind: &str) -> Option<&'static dyn Composer> {
    Some(match kind {
        "command" => &command::Command,
        "image" => &image::Image,
        "compose" => &release::Compose,
        "disk" => &disk::Disk,
        "import" => &import::Import,
        "index" => &index::Index,
        "installer" => &installer::Installer,
        "layer" => &image::Layer,
        "module" => &module::Module,
        "objects" => &ostree::Objects,
        "ostree" => &ostree::Ostree,
        "overlay" => &root::Overlay,
        "package" => &package::Package,
        "repository" => &repository::Repository,
        "root" => &root::Root { nodeps: false },
        "squashfs" => &installer::Squashfs,
        "unpack" => &unpack::Unpack,
        _ => return None,
    })
}

/// What came out of a step: one or more outputs, and what is known of them without opening them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Composed {
    pub outputs: BTreeMap<String, Output>,
    /// Facts that planning and comparing need: the record of a package, the list of what a root holds.
    pub facts: Option<canonical::Value>,
}

/// One output, as the entry that it will become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    pub kind: String,
    pub root: TreeId,
    /// Paths that are one file; each group sorted, with two paths or more.
    pub links: BTreeSet<Vec<TreePath>>,
    /// Entries without which these bytes can't be read.
    pub references: BTreeSet<EntryId>,
    /// Media parameters: a volume id, a format.
    pub media: BTreeMap<String, String>,
}

impl Output {
    pub fn new(kind: &str, root: TreeId) -> Self {
        Output {
            kind: kind.to_owned(),
            root,
            links: BTreeSet::new(),
            references: BTreeSet::new(),
            media: BTreeMap::new(),
        }
    }
}

impl Composed {
    /// One output, in the main role.
    pub fn of(output: Output) -> Self {
        Composed {
            outputs: [(MAIN.to_owned(), output)].into(),
            facts: None,
        }
    }

    /// The facts, in the shape that a composer of this kind gives them.
    fn facts_of<T: serde::de::DeserializeOwned>(&self, kind: &'static str) -> Result<T, Error> {
        let facts = self.facts.as_ref().ok_or(Error::Part { kind })?;
        facts.to().map_err(|source| Error::Facts { kind, source })
    }

    pub(crate) fn with_facts(
        mut self,
        kind: &'static str,
        facts: &impl serde::Serialize,
    ) -> Result<Self, Error> {
        self.facts = Some(value(kind, facts)?);
        Ok(self)
    }
}

/// Facts as they are kept.
fn value(kind: &'static str, facts: &impl serde::Serialize) -> Result<canonical::Value, Error> {
    canonical::Value::of(facts).map_err(|source| Error::Facts { kind, source })
}

/// The facts of a part: all that is kept of it, besides the blobs that they name.
trait Remembered: serde::de::DeserializeOwned {
    fn blobs(&self) -> Vec<BlobId>;
}

/// A step inside another one: made only if the workspace does not remember it.
///
/// It has no outputs: whether its blobs stay is for the outer step's output to say.
/// What comes out may depend on the derivation alone, as everywhere;
/// so nobody can tell from the bytes of the outer step which of its parts were remembered.
fn part<F: Remembered>(
    kind: &'static str,
    params: &impl serde::Serialize,
    inputs: impl IntoIterator<Item = Input>,
    workspace: &dyn Workspace,
) -> Result<F, Error> {
    part_of(kind, params, inputs, workspace, || Ok(()))
}

/// The derivation of a step inside another one.
fn inner(
    kind: &'static str,
    params: &impl serde::Serialize,
    inputs: impl IntoIterator<Item = Input>,
) -> Result<Derivation, Error> {
    let composer = composer(kind).ok_or(Error::Part { kind })?;
    let derivation = Derivation::new(kind, composer.version(), params, inputs);
    derivation.map_err(|source| Error::Facts { kind, source })
}

/// What is remembered of a step, if its blobs are here.
fn kept<F: Remembered>(
    kind: &'static str,
    facts: Option<canonical::Value>,
    workspace: &dyn Workspace,
) -> Result<Option<F>, Error> {
    let Some(facts) = facts else { return Ok(None) };
    let facts: F = facts.to().map_err(|source| Error::Facts { kind, source })?;
    Ok(workspace.hold(&facts.blobs())?.then_some(facts))
}

/// The same, of something that is put into the workspace only if the step is made.
fn part_of<F: Remembered>(
    kind: &'static str,
    params: &impl serde::Serialize,
    inputs: impl IntoIterator<Item = Input>,
    workspace: &dyn Workspace,
    provide: impl FnOnce() -> Result<(), Error>,
) -> Result<F, Error> {
    let composer = composer(kind).ok_or(Error::Part { kind })?;
    let derivation = inner(kind, params, inputs)?;
    if let Some(facts) = kept(kind, workspace.recall(&derivation)?, workspace)? {
        return Ok(facts);
    }
    provide()?;
    let composed = composer.compose(&derivation, workspace)?;
    let facts = composed.facts_of(kind)?;
    workspace.remember(&derivation, &composed)?;
    Ok(facts)
}

/// The parameters of a step, in the shape that its composer knows.
pub(crate) fn parameters<T: serde::de::DeserializeOwned>(
    kind: &'static str,
    derivation: &Derivation,
) -> Result<T, Error> {
    let params = derivation.params.to();
    params.map_err(|source| Error::Parameters { kind, source })
}

/// Refuses to answer a step that was planned for records of another meaning.
pub(crate) fn check_record_version(asked: u32) -> Result<(), Error> {
    let known = crate::formats::rpm::record::VERSION;
    if asked == known {
        return Ok(());
    }
    Err(Error::RecordVersion { asked, known })
}

/// The only input in a role.
pub(crate) fn input(
    kind: &'static str,
    role: &'static str,
    derivation: &Derivation,
) -> Result<EntryId, Error> {
    let found = input_if_any(kind, role, derivation)?;
    found.ok_or(Error::Inputs {
        kind,
        role,
        count: 0,
    })
}

/// The only input in a role, where there is any.
pub(crate) fn input_if_any(
    kind: &'static str,
    role: &'static str,
    derivation: &Derivation,
) -> Result<Option<EntryId>, Error> {
    let inputs: Vec<EntryId> = derivation.inputs_as(role).collect();
    match inputs[..] {
        [] => Ok(None),
        [entry] => Ok(Some(entry)),
        _ => {
            let count = inputs.len();
            Err(Error::Inputs { kind, role, count })
        }
    }
}

/// The only file of the only input in a role: its blob and size.
pub(crate) fn input_file(
    kind: &'static str,
    role: &'static str,
    file: &'static str,
    derivation: &Derivation,
    workspace: &dyn Workspace,
) -> Result<(BlobId, u64), Error> {
    let entry = input(kind, role, derivation)?;
    let found = workspace.lookup_file(workspace.root(entry)?, &TreePath::parse(file)?)?;
    found.ok_or(Error::InputFile { kind, role, file })
}
