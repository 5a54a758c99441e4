//! A tree in a workspace, written out for real tools to look at.

use std::convert::Infallible;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use store::compose::Workspace;
use store::ids::TreeId;
use store::tree::{Content, Directory, Leaf, Visit, walk};

use super::workspace::Memory;

/// Writes files, directories and symbolic links; nothing that needs privileges.
pub fn checkout(memory: &Memory, root: TreeId, target: &Path) {
    let workspace: &dyn Workspace = memory;
    let read = |id| Ok::<_, Infallible>(Directory::clone(&workspace.directory(id).unwrap()));
    walk(root, &read, &mut |path, visit| {
        let at = target.join(std::ffi::OsStr::from_bytes(path.as_bytes()));
        match visit {
            Visit::Directory { .. } => std::fs::create_dir_all(at).unwrap(),
            Visit::Leaf(Leaf { content, .. }) => match content {
                Content::File { blob, .. } => {
                    std::fs::write(at, workspace.bytes(*blob).unwrap()).unwrap()
                }
                Content::Symlink { target } => {
                    symlink(std::ffi::OsStr::from_bytes(target), at).unwrap()
                }
                other => panic!("{path} is {other:?}"),
            },
        }
        Ok(())
    })
    .unwrap();
}
