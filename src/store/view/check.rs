//! Is a view what its tree says?

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::file::{DIRECTORY, EXECUTABLE, mode_of};
use crate::ids::TreeId;
use crate::store::Store;
use crate::store::error::{Error, Result};
use crate::store::layout::{Kind, Twin};
use crate::store::stream::hash_file;
use crate::tree::{Content, Leaf, Node};

impl Store {
    /// What is wrong with a view; `full` also reads the files that share no storage with objects.
    pub(in crate::store) fn view_problem(
        &self,
        root: TreeId,
        at: &Path,
        full: bool,
    ) -> Result<Option<String>> {
        let mut queue = vec![(root, at.to_owned())];
        while let Some((tree, dir)) = queue.pop() {
            let problem = |what: &str| Ok(Some(format!("{} {what}", dir.display())));
            match fs::symlink_metadata(&dir) {
                Ok(m) if !m.is_dir() => return problem("is not a directory"),
                // The top is made read-only last, where it is: that may be happening now.
                Ok(m) if m.mode() & 0o7777 != DIRECTORY && dir != at && self.able().modes => {
                    return problem("has a wrong mode");
                }
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::NotFound => return problem("is missing"),
                Err(e) => return Err(Error::io("reading", dir, e)),
            }
            let mut names = names(&dir)?;
            for (name, node) in self.directory(tree)?.entries {
                let path = dir.join(OsStr::from_bytes(&name));
                let was_there = names.remove(&name);
                match node {
                    Node::Directory(tree) => queue.push((tree, path)),
                    Node::Leaf(leaf) => {
                        if let Some(what) = self.leaf_problem(&leaf, &path, was_there, full)? {
                            return Ok(Some(format!("{} {what}", path.display())));
                        }
                    }
                }
            }
            if let Some(name) = names.first() {
                let path = dir.join(OsStr::from_bytes(name));
                return Ok(Some(format!("{} does not belong there", path.display())));
            }
        }
        Ok(None)
    }

    fn leaf_problem(
        &self,
        leaf: &Leaf,
        path: &Path,
        there: bool,
        full: bool,
    ) -> Result<Option<&'static str>> {
        let (size, blob) = match &leaf.content {
            Content::File { size, blob } => (*size, blob.0),
            Content::Symlink { target } => {
                let good = fs::read_link(path)
                    .is_ok_and(|found| found.as_os_str().as_bytes() == target.as_slice());
                return Ok((!good).then_some("is not the right link"));
            }
            _ => return Ok(there.then_some("does not belong there")),
        };
        if !there {
            return Ok(Some("is missing"));
        }
        let found = fs::symlink_metadata(path).map_err(|e| Error::io("reading", path, e))?;
        if !found.is_file() || found.len() != size {
            return Ok(Some("has a wrong size"));
        }
        if found.mode() & 0o7777 != mode_of(leaf) && self.able().modes {
            return Ok(Some("has a wrong mode"));
        }
        if size == 0 {
            return Ok(None);
        }
        let layout = self.layout();
        let own = match mode_of(leaf) {
            EXECUTABLE => None,
            _ => fs::symlink_metadata(layout.object(Kind::Blob, blob)).ok(),
        };
        let is_object = own.is_some();
        let twin = match mode_of(leaf) {
            EXECUTABLE => Twin::Executable,
            _ => Twin::Assembled,
        };
        let original = own.map_or_else(|| fs::symlink_metadata(layout.twin(twin, blob)), Ok);
        let shared = original.as_ref().is_ok_and(|o| same_inode(o, &found));
        // The bytes of a shared file are those of its object, but nobody checks the twins elsewhere.
        if shared && (is_object || !full) {
            return Ok(None);
        }
        // A file that could be a link and is none had an object that was replaced: it is not to be trusted.
        // A copy on another file system, or on one without links, or one whose twin is gone, is, unless all is checked.
        let apart = original.map_or(true, |o| o.dev() != found.dev());
        if !full && found.nlink() == 1 && (apart || !self.able().links) {
            return Ok(None);
        }
        Ok((hash_file(path)? != blob).then_some("has wrong bytes"))
    }
}

fn same_inode(a: &Metadata, b: &Metadata) -> bool {
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

pub(super) fn names(dir: &Path) -> Result<BTreeSet<Vec<u8>>> {
    let name = |item: io::Result<fs::DirEntry>| Ok(item?.file_name().into_encoded_bytes());
    let read = || fs::read_dir(dir)?.map(name).collect::<io::Result<_>>();
    read().map_err(|e| Error::io("reading", dir, e))
}
