//! Directory objects, deepest first.

use super::content::{Contents, attributes};
use super::{Error, Files, NamedObjects};
use crate::formats::ostree::directory::{DIRECTORY, Subdirectory};
use crate::formats::ostree::{Checksum, DirMeta, DirTree, Kind};
use crate::ids::TreePath;
use crate::tree::{Builder, Child, Meta};

/// Stores the two objects of every directory; returns those of the top.
pub fn objects(
    tree: &Builder,
    contents: &Contents,
    files: &mut Files<'_>,
) -> Result<Subdirectory, Error> {
    let mut objects = NamedObjects::new();
    let top = below(&TreePath::root(), tree, contents, &mut objects)?;
    files.objects(objects)?;
    Ok(top)
}

fn keep(kind: Kind, bytes: Vec<u8>, objects: &mut NamedObjects) -> Checksum {
    let checksum = Checksum::of(&bytes);
    objects.insert((checksum, kind), bytes);
    checksum
}

fn below(
    base: &TreePath,
    directory: &Builder,
    contents: &Contents,
    objects: &mut NamedObjects,
) -> Result<Subdirectory, Error> {
    let mut tree = DirTree::default();
    for (name, child) in &directory.children {
        let path = base.join(name).expect("children have names");
        let name = String::from_utf8(name.clone()).map_err(|_| Error::Name {
            path: path.to_string(),
        })?;
        match child {
            Child::Directory(directory) => {
                let sub = below(&path, directory, contents, objects)?;
                tree.directories.insert(name, sub);
            }
            Child::Finished(_) => unreachable!("the tree was opened down to its last directory"),
            Child::Leaf(leaf) => {
                if let Some(checksum) = contents.of(&path, leaf)? {
                    tree.files.insert(name, checksum);
                }
            }
        }
    }
    Ok(Subdirectory {
        tree: keep(Kind::DirTree, tree.encode(), objects),
        meta: keep(Kind::DirMeta, meta(&directory.meta).encode(), objects),
    })
}

fn meta(meta: &Meta) -> DirMeta {
    DirMeta {
        uid: meta.uid,
        gid: meta.gid,
        mode: DIRECTORY | meta.mode,
        xattrs: attributes(meta),
    }
}
