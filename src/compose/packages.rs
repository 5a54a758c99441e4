//! RPM files as yum repositories hold them: in `Packages/`, by the name that their headers give them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::import::PACKAGE;
use super::{Error, Workspace};
use crate::formats::repodata::{Metadata, Rendered};
use crate::formats::rpm::Record;
use crate::ids::path::{InvalidPath, check_name};
use crate::ids::{BlobId, EntryId, Nevra, TreePath};
use crate::plan::Derivation;
use crate::plan::facts::PackageFacts;
use crate::tree::{Builder, Child, Leaf};

/// The directory of the packages, beside `repodata`.
pub const DIRECTORY: &str = "Packages";

/// One RPM file of a repository: what it says, and where its bytes are.
#[derive(Clone)]
pub struct Package {
    pub entry: EntryId,
    pub record: Arc<Record>,
    pub blob: BlobId,
    pub size: u64,
}

impl Package {
    /// The packages among a step's inputs, sorted by NEVRA, then content.
    pub fn inputs(
        kind: &'static str,
        derivation: &Derivation,
        workspace: &dyn Workspace,
    ) -> Result<Vec<Self>, Error> {
        let mut packages: Vec<Package> = derivation
            .inputs_as("rpm")
            .map(|entry| Package::open(kind, entry, workspace))
            .collect::<Result<_, Error>>()?;
        packages.sort_by(|a, b| a.order().cmp(&b.order()));
        Ok(packages)
    }

    fn open(kind: &'static str, entry: EntryId, workspace: &dyn Workspace) -> Result<Self, Error> {
        let path = TreePath::parse(PACKAGE)?;
        let root = workspace.root(entry)?;
        let (blob, size) = workspace
            .lookup_file(root, &path)?
            .ok_or(Error::InputPath { kind, entry, path })?;
        let record = workspace.record(entry)?;
        Ok(Package {
            entry,
            record,
            blob,
            size,
        })
    }

    fn order(&self) -> (&Nevra, BlobId) {
        (&self.record.nevra, self.blob)
    }

    pub fn facts(&self) -> PackageFacts {
        PackageFacts {
            nevra: self.record.nevra.clone(),
            rpm: self.entry,
            content: self.record.content,
        }
    }
}

/// Puts packages into `Packages/` of a tree, each once; two that would share a name are an error.
pub fn place<'a>(
    tree: &mut Builder,
    packages: impl IntoIterator<Item = &'a Package>,
) -> Result<(), Error> {
    let directory = TreePath::parse(DIRECTORY)?;
    tree.directory(&directory)?;
    let mut placed: BTreeMap<String, &Package> = BTreeMap::new();
    for package in packages {
        let file = package.record.nevra.file_name();
        check_name(file.as_bytes()).map_err(|reason| InvalidPath {
            path: file.clone().into_bytes(),
            reason,
        })?;
        match placed.insert(file.clone(), package) {
            None => {
                let leaf = Leaf::file(0o644, package.blob, package.size);
                tree.insert(&directory.join(file.as_bytes())?, Child::Leaf(leaf))?;
            }
            Some(other) if other.blob == package.blob => {}
            Some(other) => {
                let named = |package: &Package| (package.record.nevra.to_string(), package.entry);
                return Err(Error::SameFile {
                    file,
                    packages: Box::new([named(other), named(package)]),
                });
            }
        }
    }
    Ok(())
}

/// The metadata of packages that lie in `Packages/`.
pub fn index<'a>(
    packages: impl IntoIterator<Item = &'a Package>,
    modules: &str,
    comps: Option<&[u8]>,
    workspace: &dyn Workspace,
) -> Metadata {
    let render = |package: &Package| {
        let href = format!("{DIRECTORY}/{}", package.record.nevra.file_name());
        let rendered = Rendered::of(&package.record, &href);
        rendered.notes.iter().for_each(|note| workspace.note(note));
        rendered
    };
    let rendered: Vec<Rendered> = packages.into_iter().map(render).collect();
    Metadata::write(rendered.iter(), Some(modules), comps)
}

/// Puts metadata into `repodata/` of a tree.
pub fn attach(
    tree: &mut Builder,
    metadata: &Metadata,
    workspace: &dyn Workspace,
) -> Result<(), Error> {
    for (name, bytes) in &metadata.files {
        let path = TreePath::parse(format!("repodata/{name}"))?;
        tree.insert(&path, Child::Leaf(workspace.file(0o644, bytes)?))?;
    }
    Ok(())
}

/// The module that a package says it is of, `NAME:STREAM` of `NAME:STREAM:VERSION:CONTEXT`.
pub fn label(record: &Record) -> Option<String> {
    let mut parts = record.modularity_label.as_deref()?.splitn(3, ':');
    let name = parts.next()?;
    Some(format!("{name}:{}", parts.next().unwrap_or_default()))
}
