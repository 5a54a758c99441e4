//! The image that another one stands on, as its entry has it.

use serde::de::DeserializeOwned;

use super::Error;
use crate::compose::{self, Workspace};
use crate::formats::oci::{self, Config, Descriptor, Index, Manifest};
use crate::ids::{EntryId, TreeId, TreePath};
use crate::tree::{Content, Leaf, Node};

/// An image that layers are put on.
pub struct Below {
    /// Of its manifest.
    pub digest: String,
    pub config: Config,
    /// Its layers, each with its file in the layout.
    pub layers: Vec<(Descriptor, Leaf)>,
}

impl Below {
    /// Reads the only image of a layout.
    pub fn open(entry: EntryId, workspace: &dyn Workspace) -> Result<Below, compose::Error> {
        let layout = Layout {
            entry,
            root: workspace.root(entry)?,
            workspace,
        };
        let index: Index = layout.document("index.json")?;
        let [image] = &index.manifests[..] else {
            let count = index.manifests.len();
            return Err(layout.unfit(format!("it holds {count} images, not one")));
        };
        let manifest: Manifest = layout.document(&layout.blob(&image.digest)?)?;
        let config: Config = layout.document(&layout.blob(&manifest.config.digest)?)?;
        if config.rootfs.diff_ids.len() != manifest.layers.len() {
            return Err(layout.unfit("manifest and configuration differ in their layers".into()));
        }
        let mut layers = Vec::new();
        for layer in manifest.layers {
            let file = layout.file(&layout.blob(&layer.digest)?)?;
            layers.push((layer, file));
        }
        Ok(Below {
            digest: image.digest.clone(),
            config,
            layers,
        })
    }
}

struct Layout<'a> {
    entry: EntryId,
    root: TreeId,
    workspace: &'a dyn Workspace,
}

impl Layout<'_> {
    fn unfit(&self, problem: String) -> compose::Error {
        let entry = self.entry;
        Error::Base { entry, problem }.into()
    }

    fn blob(&self, digest: &str) -> Result<String, compose::Error> {
        match oci::parse_digest(digest) {
            Some(digest) => Ok(oci::blob_path(&digest)),
            None => Err(self.unfit(format!("{digest:?} is no SHA-256"))),
        }
    }

    fn file(&self, path: &str) -> Result<Leaf, compose::Error> {
        match self.workspace.lookup(self.root, &TreePath::parse(path)?)? {
            Some(Node::Leaf(leaf)) => Ok(leaf),
            _ => Err(self.unfit(format!("it has no file {path}"))),
        }
    }

    fn document<T: DeserializeOwned>(&self, path: &str) -> Result<T, compose::Error> {
        let Content::File { blob, .. } = self.file(path)?.content else {
            return Err(self.unfit(format!("{path} is no regular file")));
        };
        let bytes = self.workspace.bytes(blob)?;
        serde_json::from_slice(&bytes).map_err(|error| self.unfit(format!("{path}: {error}")))
    }
}
