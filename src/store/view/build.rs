//! The making of a view: links to objects, to their executable twins, or copies.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::file::{
    DIRECTORY, EXECUTABLE, FILE, Linked, finish, link, mode_of, set_link_time, write_new,
};
use crate::ids::{BlobId, TreeId};
use crate::store::Store;
use crate::store::error::{Error, Result};
use crate::store::layout::Kind;
use crate::store::place::rename_new;
use crate::store::read::exists;
use crate::store::staging::Staging;
use crate::store::stream::hash_file;
use crate::tree::{Content, Leaf, Node};

impl Store {
    pub(super) fn build(
        &self,
        root: TreeId,
        at: &Path,
        staging: &Staging,
        trusting: bool,
    ) -> Result<()> {
        let mut dirs = Vec::new();
        let mut wave = vec![(root, at.to_owned())];
        while !wave.is_empty() {
            // Those of one depth side by side: a tree's view is forty thousand links.
            let below = wave
                .par_iter()
                .map(|(tree, dir)| self.build_directory(*tree, dir, staging, trusting));
            let below: Vec<Vec<(TreeId, PathBuf)>> = below.collect::<Result<_>>()?;
            dirs.extend(wave.into_iter().map(|(_, dir)| dir));
            wave = below.into_iter().flatten().collect();
        }
        // Deepest first; the top stays writable until it is where it belongs.
        dirs.iter()
            .skip(1)
            .rev()
            .try_for_each(|dir| finish(dir, DIRECTORY))
    }

    /// Makes one directory with its files; returns those inside, which are still to be made.
    fn build_directory(
        &self,
        tree: TreeId,
        dir: &Path,
        staging: &Staging,
        trusting: bool,
    ) -> Result<Vec<(TreeId, PathBuf)>> {
        fs::create_dir(dir).map_err(|e| Error::io("making", dir, e))?;
        let mut inside = Vec::new();
        for (name, node) in self.directory(tree)?.entries {
            let path = dir.join(OsStr::from_bytes(&name));
            match node {
                Node::Directory(tree) => inside.push((tree, path)),
                Node::Leaf(leaf) => self.build_leaf(&leaf, &path, staging, trusting)?,
            }
        }
        Ok(inside)
    }

    fn build_leaf(
        &self,
        leaf: &Leaf,
        path: &Path,
        staging: &Staging,
        trusting: bool,
    ) -> Result<()> {
        match &leaf.content {
            Content::File { size: 0, .. } => write_new(path, mode_of(leaf), &mut io::empty()),
            Content::File { blob, .. } if mode_of(leaf) == EXECUTABLE => {
                if !trusting {
                    self.drop_bad_twin(*blob, staging)?;
                }
                self.build_executable(*blob, path, staging)
            }
            Content::File { blob, .. } => {
                let object = self.layout().object(Kind::Blob, blob.0);
                match link(&object, path)? {
                    Linked::Yes => Ok(()),
                    Linked::CanNot | Linked::NoSource => self.write_out(*blob, FILE, path),
                }
            }
            Content::Symlink { target } => {
                symlink(OsStr::from_bytes(target), path)
                    .map_err(|e| Error::io("making the link", path, e))?;
                set_link_time(path)
            }
            Content::Character { .. } | Content::Block { .. } | Content::Fifo | Content::Socket => {
                Ok(())
            }
        }
    }

    /// Links to the executable twin of a blob, which is made where there is none.
    fn build_executable(&self, blob: BlobId, path: &Path, staging: &Staging) -> Result<()> {
        let twin = self.layout().executable(blob.0);
        // A collector may take away a twin that no view uses yet.
        for _ in 0..3 {
            match link(&twin, path)? {
                Linked::Yes => return Ok(()),
                Linked::CanNot => break,
                Linked::NoSource => {}
            }
            let new = staging.path();
            self.write_out(blob, EXECUTABLE, &new)?;
            if let Some(dir) = twin.parent() {
                fs::create_dir_all(dir).map_err(|e| Error::io("making", dir, e))?;
            }
            rename_new(&new, &twin)?;
        }
        self.write_out(blob, EXECUTABLE, path)
    }

    fn drop_bad_twin(&self, blob: BlobId, staging: &Staging) -> Result<()> {
        let twin = self.layout().executable(blob.0);
        if exists(&twin)? && hash_file(&twin)? != blob.0 {
            let to = staging.path();
            fs::rename(&twin, &to).map_err(|e| Error::io("moving away", &twin, e))?;
        }
        Ok(())
    }

    fn write_out(&self, blob: BlobId, mode: u32, path: &Path) -> Result<()> {
        write_new(path, mode, &mut self.read(blob, 0, None)?)
    }
}
