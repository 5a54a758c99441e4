//! What the repositories in entries hold: their files, and their modulemd.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Error, Workspace};
use crate::formats::modulemd::{self, Document};
use crate::formats::repodata::Metadata;
use crate::ids::{EntryId, TreeId, TreePath};
use crate::tree::{Content, Directory, Leaf, Node};

/// The modulemd documents of a repository, and the file below `repodata` that they stand in.
pub struct Modules {
    pub file: String,
    pub modules: Vec<modulemd::Module>,
}

/// One directory of a tree, which is an entry or lies in it.
pub fn directory(
    kind: &'static str,
    (entry, root): (EntryId, TreeId),
    path: &str,
    workspace: &dyn Workspace,
) -> Result<Arc<Directory>, Error> {
    let path = TreePath::parse(path)?;
    match workspace.lookup(root, &path)? {
        Some(Node::Directory(id)) => Ok(workspace.directory(id)?),
        _ => Err(Error::InputPath { kind, entry, path }),
    }
}

/// What it has by name, but for directories.
pub fn files(
    kind: &'static str,
    of: (EntryId, TreeId),
    path: &str,
    workspace: &dyn Workspace,
) -> Result<BTreeMap<String, Leaf>, Error> {
    let directory = directory(kind, of, path, workspace)?;
    let leaf = |(name, node): (&Vec<u8>, &Node)| match node {
        Node::Leaf(leaf) => Some((String::from_utf8_lossy(name).into_owned(), leaf.clone())),
        Node::Directory(_) => None,
    };
    Ok(directory.entries.iter().filter_map(leaf).collect())
}

/// The modulemd of a repository; `None` for one that has none. `name` is what it is called.
pub fn modules(
    kind: &'static str,
    name: &str,
    (entry, root): (EntryId, TreeId),
    workspace: &dyn Workspace,
) -> Result<Option<Modules>, Error> {
    let broken = |source: Box<dyn std::error::Error + Send + Sync>| Error::Metadata {
        module: name.to_owned(),
        source,
    };
    let mut metadata = Metadata::default();
    let mut document = None;
    for (file, leaf) in files(kind, (entry, root), "repodata", workspace)? {
        // Packages' indexes are large, and not asked for.
        let modular = file.contains("modules.yaml");
        if let (Content::File { blob, .. }, true) = (leaf.content, modular || file == "repomd.xml")
        {
            metadata.files.insert(file.clone(), workspace.bytes(blob)?);
        }
        if modular {
            document = Some(file);
        }
    }
    let bytes = metadata.get("modules").map_err(|e| broken(e.into()))?;
    let (Some(bytes), Some(file)) = (bytes, document) else {
        return Ok(None);
    };
    let text = String::from_utf8(bytes).map_err(|e| broken(e.into()))?;
    let documents = modulemd::read(&text).map_err(|e| broken(e.into()))?;
    let module = |document| match document {
        Document::Module { module, .. } => Some(*module),
        _ => None,
    };
    let modules = documents.into_iter().filter_map(module).collect();
    Ok(Some(Modules { file, modules }))
}
