//! Directory objects, deepest first.

use super::content::{Contents, attributes};
use super::{Error, Files};
use crate::formats::ostree::directory::{DIRECTORY, Subdirectory};
use crate::formats::ostree::{DirMeta, DirTree, Kind};
use crate::ids::TreePath;
use crate::tree::{Builder, Child, Meta};

/// Stores the two objects of every directory; returns those of the top.
pub fn objects(
    tree: &Builder,
    contents: &Contents,
    files: &mut Files<'_>,
) -> Result<Subdirectory, Error> {
    below(&TreePath::root(), tree, contents, files)
}

fn below(
    base: &TreePath,
    directory: &Builder,
    contents: &Contents,
    files: &mut Files<'_>,
) -> Result<Subdirectory, Error> {
    let mut tree = DirTree::default();
    for (name, child) in &directory.children {
        let path = base.join(name).expect("children have names");
        let name = String::from_utf8(name.clone()).map_err(|_| Error::Name {
            path: path.to_string(),
        })?;
        match child {
            Child::Directory(directory) => {
                let sub = below(&path, directory, contents, files)?;
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
        tree: files.object(Kind::DirTree, &tree.encode())?,
        meta: files.object(Kind::DirMeta, &meta(&directory.meta).encode())?,
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
