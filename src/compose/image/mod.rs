//! `image`: an installed root (role `root`) as a container image in an OCI layout.
//!
//! ```text
//! root ─ host? ─▶ tree ─ difference to the base's ─▶ layers, packed by packages ─▶ archives ─▶ config, manifest, index
//! ```
//!
//! A layer is a step inside this one, known by the tree that it says: a package that changed remakes its layer only,
//! and a changed command none.

mod archive;
mod below;
mod compress;
mod difference;
mod documents;
mod error;
mod host;
mod layer;
mod layers;
mod owners;
mod packing;
mod stretches;
mod user;

pub use error::Error;
pub use layer::Layer;
pub use packing::{Bin, pack};

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::root::Owned;
use super::{Composed, Composer, Output, Workspace};
use crate::formats::oci::{self, LAYOUT, Manifest};
use crate::ids::{BlobId, EntryId, TreePath};
use crate::plan::facts::{ImageFacts, ImageLayer};
use crate::plan::{Derivation, parameters};
use crate::tree::{Builder, Child, Leaf};
use below::Below;
use difference::{Difference, Linked};
use owners::Owners;

pub const KIND: &str = "image";

/// The roles of the installed root, of the image below and its root, and of the packages.
pub const ROOT: &str = "root";
pub const BASE: &str = "base";
pub const BASE_ROOT: &str = "base-root";
pub const PACKAGE: &str = "package";

/// Makes an OCI layout of an installed root.
pub struct Image;

impl Composer for Image {
    fn version(&self) -> u32 {
        5
    }

    fn compose(
        &self,
        derivation: &Derivation,
        workspace: &dyn Workspace,
    ) -> Result<Composed, super::Error> {
        let params: parameters::Image = super::parameters(KIND, derivation)?;
        let new = Root::open(
            super::input(KIND, ROOT, derivation)?,
            params.bootable,
            workspace,
        )?;
        if let Some(user) = &params.config.user {
            let root = super::input(KIND, ROOT, derivation)?;
            user::check(user, workspace.root(root)?, workspace)?;
        }
        let below = match derivation.inputs_as(BASE).next() {
            Some(_) => Some(Below::open(
                super::input(KIND, BASE, derivation)?,
                workspace,
            )?),
            None => None,
        };
        let difference = match &below {
            Some(_) => {
                let old = super::input(KIND, BASE_ROOT, derivation)?;
                let old = Root::open(old, params.bootable, workspace)?;
                Difference::between(old.linked(), new.linked())
            }
            None => Difference::all(&new.tree),
        };
        let owners = match params.layers {
            ..=1 => None,
            _ => {
                let packages = derivation.inputs_as(PACKAGE).collect();
                let owned = Owned::of(packages, &params.arch, workspace)?;
                Some(Owners::new(owned, &new.origins))
            }
        };
        let made = layers::make(
            new.linked(),
            &difference,
            owners.as_ref(),
            &params,
            workspace,
        )?;
        let image = Written {
            params: &params,
            below: below.as_ref(),
            made: &made,
            kernel: new.kernel,
        };
        image.layout(workspace)
    }
}

/// An installed root, as the image has it.
struct Root {
    tree: Builder,
    links: BTreeSet<Vec<TreePath>>,
    /// Where the files of a host lay before they were arranged.
    origins: BTreeMap<BlobId, TreePath>,
    kernel: Option<String>,
}

impl Root {
    fn open(
        entry: EntryId,
        bootable: bool,
        workspace: &dyn Workspace,
    ) -> Result<Root, super::Error> {
        let mut tree = workspace.open(workspace.root(entry)?)?;
        let mut links: BTreeSet<_> = workspace.links(entry)?.into_iter().collect();
        let (mut kernel, mut origins) = (None, BTreeMap::new());
        if bootable {
            origins = host::origins(&tree);
            kernel = Some(host::arrange(&mut tree, workspace)?);
            links = host::kept(&links, &tree);
        }
        Ok(Root {
            tree,
            links,
            origins,
            kernel,
        })
    }

    fn linked(&self) -> Linked<'_> {
        Linked {
            tree: &self.tree,
            links: &self.links,
        }
    }
}

/// An image whose layers are made.
struct Written<'a> {
    params: &'a parameters::Image,
    below: Option<&'a Below>,
    made: &'a [layers::Made],
    kernel: Option<String>,
}

impl Written<'_> {
    fn layout(self, workspace: &dyn Workspace) -> Result<Composed, super::Error> {
        let (params, below, made) = (self.params, self.below, self.made);
        let mut layout = Layout::default();
        for (layer, file) in below.iter().flat_map(|below| &below.layers) {
            if let Some(digest) = oci::parse_digest(&layer.digest) {
                layout.blob(&digest, file.clone())?;
            }
        }
        for layer in made {
            let (blob, size) = (layer.facts.blob, layer.facts.size);
            layout.blob(&layer.facts.digest, Leaf::file(0o644, blob, size))?;
        }
        let kernel = self.kernel.as_deref();
        let config = documents::config(params, below, kernel, made);
        let config = layout.document(Manifest::CONFIG_TYPE, &config, workspace)?;
        let bootable = kernel.is_some();
        let manifest = documents::manifest(params, config.clone(), below, made, bootable);
        let named = layout.document(Manifest::MEDIA_TYPE, &manifest, workspace)?;
        let facts = ImageFacts {
            manifest: named.digest.clone(),
            config: config.digest,
            layers: manifest
                .layers
                .iter()
                .map(|layer| ImageLayer {
                    digest: layer.digest.clone(),
                    size: layer.size,
                })
                .collect(),
            kernel: self.kernel,
        };
        let index = written(&documents::index(params, named));
        layout.file("index.json", workspace.file(0o644, &index)?)?;
        layout.file("oci-layout", workspace.file(0o644, LAYOUT)?)?;
        let mut output = Output::new(KIND, workspace.finish(&layout.tree)?);
        if bootable {
            let kind = ("type".to_owned(), "bootable-container".to_owned());
            output.media.extend([kind]);
        }
        Composed::of(output).with_facts(KIND, &facts)
    }
}

/// The tree of an OCI layout.
#[derive(Default)]
struct Layout {
    tree: Builder,
}

impl Layout {
    fn file(&mut self, path: &str, leaf: Leaf) -> Result<(), super::Error> {
        self.tree
            .insert(&TreePath::parse(path)?, Child::Leaf(leaf))?;
        Ok(())
    }

    /// Two layers may be the same.
    fn blob(&mut self, digest: &[u8; 32], leaf: Leaf) -> Result<(), super::Error> {
        let path = TreePath::parse(oci::blob_path(digest))?;
        self.tree.replace(&path, Child::Leaf(leaf))?;
        Ok(())
    }

    /// Keeps a document as a blob; gives what names it.
    fn document(
        &mut self,
        media_type: &str,
        document: &impl Serialize,
        workspace: &dyn Workspace,
    ) -> Result<oci::Descriptor, super::Error> {
        let bytes = written(document);
        let digest = oci::sha256(&bytes);
        self.blob(&digest, workspace.file(0o644, &bytes)?)?;
        let size = bytes.len() as u64;
        Ok(documents::descriptor(media_type, &digest, size))
    }
}

fn written(document: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(document).expect("text, numbers and maps with text keys are JSON")
}
