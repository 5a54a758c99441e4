//! `layer`: a tree as a compressed archive, by its digests; a part of `image`.

use std::collections::BTreeSet;
use std::convert::Infallible;

use super::Error;
use super::archive::{self, Archive, Item};
use super::compress::{Checked, Summed, Zstd};
use super::stretches;
use crate::compose::parts::PartsReader;
use crate::compose::{self, Composed, Composer, Remembered, Workspace};
use crate::formats::deflate;
use crate::ids::{BlobId, TreePath};
use crate::plan::facts::LayerFacts;
use crate::plan::{Derivation, parameters};
use crate::tree::{Builder, Child, Content, Directory};

/// Composes `layer` derivations.
pub struct Layer;

const KIND: &str = "layer";

/// From so many bytes of files on it is worth it to ask first what was deflated before.
const MUCH: u64 = 8 << 20;

/// The layer that a tree is, made now or before; what is in the tree has a time.
/// `tell` finds out what was deflated of the image, and is called before much is.
pub fn layer(
    tree: &Builder,
    links: BTreeSet<Vec<TreePath>>,
    compression: &str,
    workspace: &dyn Workspace,
    tell: &dyn Fn() -> Result<(), compose::Error>,
) -> Result<LayerFacts, compose::Error> {
    let named = |directory: &Directory| Ok::<_, Infallible>(directory.id());
    let Ok(id) = tree.finish(&mut { named });
    let params = parameters::Layer {
        tree: id,
        links,
        compression: compression.to_owned(),
    };
    let provide = || {
        if compression == "gzip" && bytes(tree) >= MUCH {
            tell()?;
        }
        Ok(workspace.finish(tree).map(drop)?)
    };
    compose::part_of(KIND, &params, [], workspace, provide)
}

/// Of all files.
fn bytes(tree: &Builder) -> u64 {
    let files = tree.paths().into_iter().map(|(_, child)| match child {
        Child::Leaf(leaf) => match leaf.content {
            Content::File { size, .. } => size,
            _ => 0,
        },
        _ => 0,
    });
    files.sum()
}

impl Remembered for LayerFacts {
    fn blobs(&self) -> Vec<BlobId> {
        vec![self.blob]
    }
}

impl Composer for Layer {
    fn version(&self) -> u32 {
        5
    }

    fn compose(
        &self,
        derivation: &Derivation,
        workspace: &dyn Workspace,
    ) -> Result<Composed, compose::Error> {
        let params: parameters::Layer = compose::parameters(KIND, derivation)?;
        let entries = archive::entries(params.tree, &params.links, workspace)?;
        let facts = match params.compression.as_str() {
            "gzip" => gzip(entries, workspace)?,
            "zstd" => zstd(entries, workspace)?,
            other => return Err(Error::Compression(other.to_owned()).into()),
        };
        Composed::default().with_facts(KIND, &facts)
    }
}

type Entries = Vec<(TreePath, Item)>;

/// The sums are taken apart from the work, which needs all processors.
fn gzip(entries: Entries, workspace: &dyn Workspace) -> Result<LayerFacts, compose::Error> {
    let stretches = stretches::divide(&entries)?;
    let mut plain = Summed::new(Checked::new(Archive::new(entries, workspace)));
    let (layer, diff_id) = rayon::join(
        || stretches::compress(&stretches, workspace),
        || plain.finish().map_err(Error::Compress),
    );
    let (mut assembly, diff_id) = (layer?, diff_id?);
    let (sum, length) = plain.get_ref().check();
    assembly.say(&deflate::END);
    assembly.say(&deflate::gzip_tail(sum, length));
    let mut bytes = Summed::new(PartsReader::new(&assembly, workspace));
    let (stored, digest) = rayon::join(
        || workspace.assemble(&assembly),
        || bytes.finish().map_err(Error::Compress),
    );
    let (blob, size) = stored?;
    Ok(LayerFacts {
        blob,
        size,
        digest: digest?,
        diff_id,
    })
}

fn zstd(entries: Entries, workspace: &dyn Workspace) -> Result<LayerFacts, compose::Error> {
    let plain = Summed::new(Archive::new(entries, workspace));
    let mut bytes = Summed::new(Zstd::new(plain).map_err(Error::Compress)?);
    let (blob, size) = workspace.write(&mut bytes)?;
    Ok(LayerFacts {
        blob,
        size,
        digest: bytes.sum(),
        diff_id: bytes.get_ref().get_ref().sum(),
    })
}
