//! The tree that a command wrote, as it comes from the helper.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use super::error::Error;
use super::message::{Message, unhex};
use crate::compose::{Error as ComposeError, Workspace};
use crate::ids::TreePath;
use crate::tree::{Builder, Child, Leaf, Meta};

/// Everything belongs to root and has no time; modes and user attributes are the command's.
#[derive(Default)]
pub struct Received {
    tree: Builder,
    /// By inode.
    links: BTreeMap<u64, Vec<TreePath>>,
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
                self.tree.insert(&path, Child::Leaf(leaf))?;
                if let Some(inode) = inode {
                    self.links.entry(inode).or_default().push(path);
                }
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
        let groups = self.links.into_values().filter(|paths| paths.len() > 1);
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
