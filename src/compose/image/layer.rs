//! `layer`: a tree as a compressed archive, by its digests; a part of `image`.

use super::Error;
use super::archive::Archive;
use super::compress::{Compressed, Summed};
use crate::compose::{self, Composed, Composer, Remembered, Workspace};
use crate::ids::BlobId;
use crate::plan::facts::LayerFacts;
use crate::plan::{Derivation, parameters};

/// Composes `layer` derivations.
pub struct Layer;

const KIND: &str = "layer";

/// A layer, made now or before.
pub fn layer(
    params: &parameters::Layer,
    workspace: &dyn Workspace,
) -> Result<LayerFacts, compose::Error> {
    compose::part(KIND, params, [], workspace)
}

impl Remembered for LayerFacts {
    fn blobs(&self) -> Vec<BlobId> {
        vec![self.blob]
    }
}

impl Composer for Layer {
    fn version(&self) -> u32 {
        1
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
