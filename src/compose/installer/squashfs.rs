//! `squashfs`: an installed root (role `root`) as one SquashFS image, which an installer boots as its second stage.

use std::fs::File;

use super::Error;
use crate::compose::scratch::{Scratch, failed};
use crate::compose::{Composed, Composer, Output, Workspace};
use crate::formats::calendar::Moment;
use crate::formats::squashfs::{self, Compression, Options, holds_xattr};
use crate::ids::TreePath;
use crate::plan::{Derivation, parameters};
use crate::tree::{Builder, Child, Leaf};

/// Composes `squashfs` derivations.
pub struct Squashfs;

const KIND: &str = "squashfs";
/// The one file of its entry.
pub const FILE: &str = "install.img";
/// What says to an installer what it is the installer of.
const STAMP: &str = ".buildstamp";

impl Composer for Squashfs {
    fn version(&self) -> u32 {
        1
    }

    fn compose(
        &self,
        derivation: &Derivation,
        workspace: &dyn Workspace,
    ) -> Result<Composed, crate::compose::Error> {
        let params: parameters::Squashfs = crate::compose::parameters(KIND, derivation)?;
        let root = crate::compose::input(KIND, "root", derivation)?;
        let links = workspace.links(root)?.into_iter().collect();
        let mut tree = workspace.open(workspace.root(root)?)?;
        let stamp = workspace.file(0o644, stamp(&params).as_bytes())?;
        tree.replace(&TreePath::parse(STAMP)?, Child::Leaf(stamp))?;
        note_lost(&tree, workspace);
        let options = Options {
            compression: compression(&params.compression)?,
            time: params.epoch,
        };
        let open = |blob| workspace.read(blob, 0, None).map_err(std::io::Error::other);
        let path = workspace.scratch()?.join(FILE);
        let mut file = File::create(&path).map_err(|e| failed("making", &path, e))?;
        squashfs::write(&tree, &links, &options, &open, &mut file).map_err(Error::from)?;
        let (blob, size) = workspace.write(&mut Scratch::open(&path)?)?;
        let leaf = Leaf::file(0o644, blob, size);
        let output = Output::new(KIND, workspace.single(FILE, leaf)?);
        Ok(Composed::of(output))
    }
}

fn compression(name: &str) -> Result<Compression, Error> {
    match name {
        "gzip" => Ok(Compression::Gzip),
        "xz" => Ok(Compression::Xz),
        "zstd" => Ok(Compression::Zstd),
        other => Err(Error::Compression(other.to_owned())),
    }
}

/// Product, version and time, as Anaconda reads them.
fn stamp(params: &parameters::Squashfs) -> String {
    let (product, version, arch) = (&params.product, &params.version, &params.arch);
    let digits = Moment::of(params.epoch).digits();
    format!(
        "[Main]\nProduct={product}\nVersion={version}\nBugURL=\nIsFinal=True\nUUID={}.{arch}\n",
        &digits[..12]
    )
}

/// Says in the log which attributes SquashFS has no place for.
fn note_lost(tree: &Builder, workspace: &dyn Workspace) {
    for (path, child) in tree.paths() {
        let meta = match child {
            Child::Leaf(leaf) => &leaf.meta,
            Child::Directory(directory) => &directory.meta,
            Child::Finished(_) => continue,
        };
        for name in meta.xattrs.keys().filter(|name| !holds_xattr(name)) {
            let name = String::from_utf8_lossy(name);
            workspace.note(&format!(
                "{path}: SquashFS has no place for the attribute {name}"
            ));
        }
    }
}
