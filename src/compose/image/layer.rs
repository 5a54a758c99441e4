//! `layer`: a tree as a compressed archive, by its digests; a part of `image`.

use std::collections::BTreeSet;
use std::convert::Infallible;

use super::Error;
use super::archive::Archive;
use super::compress::{Compressed, Summed};
use crate::compose::{self, Composed, Composer, Remembered, Workspace};
use crate::ids::{BlobId, TreePath};
use crate::plan::facts::LayerFacts;
use crate::plan::{Derivation, parameters};
use crate::tree::{Builder, Directory};

/// Composes `layer` derivations.
pub struct Layer;

const KIND: &str = "layer";

/// The layer that a tree is, made now or before; what is in the tree has a time.
pub fn layer(
    tree: &Builder,
    links: BTreeSet<Vec<TreePath>>,
    compression: &str,
    workspace: &dyn Workspace,
) -> Result<LayerFacts, compose::Error> {
    let named = |directory: &Directory| Ok::<_, Infallible>(directory.id());
    let Ok(id) = tree.finish(&mut { named });
    let params = parameters::Layer {
        tree: id,
        links,
        compression: compression.to_owned(),
    };
    let provide = || Ok(workspace.finish(tree).map(drop)?);
    compose::part_of(KIND, &params, [], workspace, provide)
}

impl Remembered for LayerFacts {
    fn blobs(&self) -> Vec<BlobId> {
        vec![self.blob]
    }
}

impl Composer for Layer {
    fn version(&self) -> u32 {
        2
    }

    fn compose(
        &self,
        derivation: &Derivation,
        workspace: &dyn Workspace,
    ) -> Result<Composed, compose::Error> {
        let params: parameters::Layer = compose::parameters(KIND, derivation)?;
        let archive = Archive::of(params.tree, &params.links, workspace)?;
        let compressed = Compressed::new(Summed::new(archive), &params.compression)
            .ok_or_else(|| Error::Compression(params.compression.clone()))?
            .map_err(Error::Compress)?;
        let mut bytes = Summed::new(compressed);
        let (blob, size) = workspace.write(&mut bytes)?;
        let facts = LayerFacts {
            blob,
            size,
            digest: bytes.sum(),
            diff_id: bytes.get_ref().get_ref().sum(),
        };
        Composed::default().with_facts(KIND, &facts)
    }
}
