//! The tree that a command wrote, as it comes from the helper.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use super::error::Error;
use super::message::{Message, unhex};
use crate::compose::{Error as ComposeError, Workspace};
use crate::ids::TreePath;
use crate::tree::{Builder, Child, Leaf, Meta};

/// Everything belongs to root and has no time; modes and user attributes are the command's.
#[derive(Default)]
pub struct Received {
    tree: Builder,
    /// By inode: files that have several names, each with those that it has here.
    links: BTreeMap<u64, (Leaf, Vec<TreePath>)>,
}

impl Received {
    pub fn take(
        &mut self,
        message: Message,
        content: &mut dyn Read,
        workspace: &dyn Workspace,
    ) -> Result<(), ComposeError> {
        match message {
            Message::Directory { path, mode, xattrs } => {
                let path = parse(&path)?;
                self.tree.directory(&path)?.meta = meta(mode, &xattrs)?;
            }
            Message::File {
                path,
                mode,
                inode,
                xattrs,
                ..
            } => {
                let path = parse(&path)?;
                let (blob, size) = workspace.write(content)?;
                let mut leaf = Leaf::file(0, blob, size);
                leaf.meta = meta(mode, &xattrs)?;
                self.tree.insert(&path, Child::Leaf(leaf.clone()))?;
                if let Some(inode) = inode {
                    self.links.insert(inode, (leaf, vec![path]));
                }
            }
            Message::Link { path, inode } => {
                let path = parse(&path)?;
                let unknown = || Error::Talk(io::ErrorKind::InvalidData.into());
                let (leaf, paths) = self.links.get_mut(&inode).ok_or_else(unknown)?;
                self.tree.insert(&path, Child::Leaf(leaf.clone()))?;
                paths.push(path);
            }
            Message::Symlink { path, target } => {
                let target = unhex(&target).map_err(Error::Talk)?;
                let leaf = Leaf::symlink(target);
                self.tree.insert(&parse(&path)?, Child::Leaf(leaf))?;
            }
            _ => {}
        }
        Ok(())
    }

    pub fn finish(self) -> (Builder, BTreeSet<Vec<TreePath>>) {
        let groups = self.links.into_values().map(|(_, paths)| paths);
        let groups = groups.filter(|paths| paths.len() > 1);
        let sorted = |mut paths: Vec<TreePath>| {
            paths.sort();
            paths
        };
        (self.tree, groups.map(sorted).collect())
    }
}

fn parse(path: &str) -> Result<TreePath, ComposeError> {
    Ok(TreePath::parse(unhex(path).map_err(Error::Talk)?)?)
}

fn meta(mode: u32, xattrs: &[(String, String)]) -> Result<Meta, Error> {
    let mut meta = Meta::new(mode & 0o7777);
    for (name, value) in xattrs {
        let read = |text: &String| unhex(text).map_err(Error::Talk);
        meta.xattrs.insert(read(name)?, read(value)?);
    }
    Ok(meta)
}
