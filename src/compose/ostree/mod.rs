//! `ostree`: an installed root (role `root`) as one commit in an archive repository.
//!
//! ```text
//! root ─ layout ─▶ operating system as OSTree deploys it ─ objects ─▶ commit ─▶ repository
//! ```

pub mod content;
pub mod directories;
mod error;
pub mod kernel;
mod layout;
mod moving;
mod objects;
mod state;
mod toplevel;

pub use error::Error;
pub use layout::arrange;
pub use objects::{Objects, group_ends_with, told};

use std::collections::BTreeMap;

use super::{Composed, Composer, Output, Workspace};
use crate::formats::ostree::gvariant::{Type, Value};
use crate::formats::ostree::repository;
use crate::formats::ostree::{Checksum, Commit, Kind};
use crate::ids::{BlobId, TreePath};
use crate::plan::Derivation;
use crate::plan::facts::OstreeFacts;
use crate::plan::parameters;
use crate::tree::{Builder, Child};

pub const KIND: &str = "ostree";

/// The role of the installed root.
pub const ROOT: &str = "root";

/// Makes an archive repository of an installed root.
pub struct Ostree;

impl Composer for Ostree {
    fn version(&self) -> u32 {
        5
    }

    fn compose(
        &self,
        derivation: &Derivation,
        workspace: &dyn Workspace,
    ) -> Result<Composed, super::Error> {
        let params: parameters::Ostree = super::parameters(KIND, derivation)?;
        let root = super::input(KIND, ROOT, derivation)?;
        let mut tree = workspace.open(workspace.root(root)?)?;
        let kernel = layout::arrange(&mut tree, workspace)?;
        let (repository, facts) = repository(&params, tree, kernel, workspace)?;
        let output = Output::new(KIND, workspace.finish(&repository)?);
        Composed::of(output).with_facts(KIND, &facts)
    }
}

/// The repository, with the arranged tree as its one commit.
fn repository(
    params: &parameters::Ostree,
    tree: Builder,
    kernel: Option<String>,
    workspace: &dyn Workspace,
) -> Result<(Builder, OstreeFacts), super::Error> {
    repository::check_ref(&params.reference).map_err(Error::from)?;
    let mut files = Files::new(repository::CONFIG, workspace)?;
    let contents = content::objects(&tree, workspace)?;
    let root = directories::objects(&tree, &contents, &mut files)?;
    let commit = Commit {
        metadata: metadata(params, kernel.as_deref())?,
        parent: None,
        subject: params.reference.clone(),
        body: String::new(),
        timestamp: u64::try_from(params.epoch).map_err(|_| Error::Epoch(params.epoch))?,
        tree: root.tree,
        meta: root.meta,
    };
    let checksum = files.object(Kind::Commit, &commit.encode())?;
    files.text(
        &repository::ref_path(&params.reference),
        &repository::ref_text(checksum),
    )?;
    let objects = contents.unique();
    for content in objects.values() {
        let path = path(&repository::object_path(content.checksum, Kind::File));
        files
            .repository
            .replace(&path, Child::Leaf(content.leaf.clone()))?;
    }
    let facts = OstreeFacts {
        commit: checksum.to_string(),
        reference: params.reference.clone(),
        version: params.version.clone(),
        kernel,
        files: objects.len() as u64,
    };
    Ok((files.repository, facts))
}

/// What the commit says of itself; keys are those that `ostree` and its clients know.
fn metadata(
    params: &parameters::Ostree,
    kernel: Option<&str>,
) -> Result<BTreeMap<String, Value>, Error> {
    let own = std::iter::once(("version", &params.version));
    let all = params
        .metadata
        .iter()
        .map(|(key, text)| (key.as_str(), text));
    for (key, text) in own.chain(all) {
        if key.contains('\0') || text.contains('\0') {
            let what = format!("{key:?}");
            return Err(Error::Nul { what });
        }
    }
    let reference = vec![Value::text(&params.reference)];
    let mut metadata = BTreeMap::from([
        ("version".to_owned(), Value::text(&params.version)),
        // Written by `ostree commit` too: a commit under another ref than its own is refused by clients.
        (
            "ostree.ref-binding".to_owned(),
            Value::Array(Type::String, reference),
        ),
    ]);
    if let Some(version) = kernel {
        metadata.insert("ostree.bootable".to_owned(), Value::Bool(true));
        metadata.insert("ostree.linux".to_owned(), Value::text(version));
    }
    for (key, text) in &params.metadata {
        if metadata.insert(key.clone(), Value::text(text)).is_some() {
            return Err(Error::Metadata(key.clone()));
        }
    }
    Ok(metadata)
}

/// The bytes of objects, by what they are found by.
type NamedObjects = BTreeMap<(Checksum, Kind), Vec<u8>>;

/// A repository that is being filled.
pub struct Files<'a> {
    workspace: &'a dyn Workspace,
    pub repository: Builder,
}

impl<'a> Files<'a> {
    /// An empty repository, as `ostree init` makes it.
    pub fn new(config: &str, workspace: &'a dyn Workspace) -> Result<Self, Error> {
        let mut files = Files {
            workspace,
            repository: Builder::default(),
        };
        for directory in repository::DIRECTORIES {
            files.repository.directory(&path(directory))?;
        }
        files.text("config", config)?;
        Ok(files)
    }

    pub fn text(&mut self, at: &str, text: &str) -> Result<(), Error> {
        let leaf = self.workspace.file(0o644, text.as_bytes())?;
        self.repository.insert(&path(at), Child::Leaf(leaf))?;
        Ok(())
    }

    /// Keeps an object that is named by its own bytes.
    pub fn object(&mut self, kind: Kind, bytes: &[u8]) -> Result<Checksum, Error> {
        let checksum = Checksum::of(bytes);
        let at = path(&repository::object_path(checksum, kind));
        let leaf = self.workspace.file(0o644, bytes)?;
        self.repository.replace(&at, Child::Leaf(leaf))?;
        Ok(checksum)
    }

    /// Keeps many such objects. Most are those of an earlier tree, and looked up at once.
    fn objects(&mut self, objects: NamedObjects) -> Result<(), Error> {
        let blobs: Vec<BlobId> = objects.values().map(|bytes| BlobId::of(bytes)).collect();
        // Those that are not here are written now.
        let _all_here = self.workspace.hold(&blobs)?;
        for ((_, kind), bytes) in objects {
            self.object(kind, &bytes)?;
        }
        Ok(())
    }
}

fn path(text: &str) -> TreePath {
    TreePath::parse(text)
        .expect("paths in a repository are made of constants, hex and a checked ref")
}
