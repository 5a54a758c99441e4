//! A tree while it is being made: nested, mutable, not yet named.

use std::collections::BTreeMap;

use super::{Directory, Leaf, Meta, Node};
use crate::ids::{TreeId, TreePath};

/// A directory under construction, with everything below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Builder {
    pub meta: Meta,
    pub children: BTreeMap<Vec<u8>, Child>,
}

/// What a name stands for in a directory under construction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Child {
    Directory(Builder),
    /// A finished directory, taken over without being opened.
    Finished(TreeId),
    Leaf(Leaf),
}

/// Something else stands at the path, or on the way to it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path} is taken: {at} is {what}")]
pub struct Occupied {
    pub path: TreePath,
    pub at: TreePath,
    pub what: &'static str,
}

impl Child {
    fn what(&self) -> &'static str {
        match self {
            Child::Directory(_) | Child::Finished(_) => "a directory",
            Child::Leaf(_) => "not a directory",
        }
    }
}

impl Default for Builder {
    fn default() -> Self {
        Builder::new(Meta::new(0o755))
    }
}

impl Builder {
    pub fn new(meta: Meta) -> Self {
        Builder {
            meta,
            children: BTreeMap::new(),
        }
    }

    /// Opens a finished tree for changes, down to its last directory.
    pub fn open<E>(id: TreeId, read: &impl Fn(TreeId) -> Result<Directory, E>) -> Result<Self, E> {
        let Directory { meta, entries } = read(id)?;
        let mut builder = Builder::new(meta);
        for (name, node) in entries {
            let child = match node {
                Node::Directory(id) => Child::Directory(Builder::open(id, read)?),
                Node::Leaf(leaf) => Child::Leaf(leaf),
            };
            builder.children.insert(name, child);
        }
        Ok(builder)
    }

    pub fn get(&self, path: &TreePath) -> Option<&Child> {
        let mut names = path.names();
        let mut child = self.children.get(names.next()?)?;
        for name in names {
            match child {
                Child::Directory(directory) => child = directory.children.get(name)?,
                _ => return None,
            }
        }
        Some(child)
    }

    /// The directory at the path; missing ones on the way are made, 0755 of root.
    pub fn directory(&mut self, path: &TreePath) -> Result<&mut Builder, Occupied> {
        let mut here = self;
        let mut at = TreePath::root();
        for name in path.names() {
            at = at.join(name).expect("a name of a path is a name");
            let child = here.children.entry(name.to_vec());
            match child.or_insert_with(|| Child::Directory(Builder::default())) {
                Child::Directory(directory) => here = directory,
                Child::Finished(_) => {
                    return Err(Occupied {
                        path: path.clone(),
                        at,
                        what: "a finished directory",
                    });
                }
                Child::Leaf(_) => {
                    return Err(Occupied {
                        path: path.clone(),
                        at,
                        what: "not a directory",
                    });
                }
            }
        }
        Ok(here)
    }

    /// Puts something at a path that is free.
    pub fn insert(&mut self, path: &TreePath, child: Child) -> Result<(), Occupied> {
        match self.get(path) {
            Some(taken) => Err(Occupied {
                path: path.clone(),
                at: path.clone(),
                what: taken.what(),
            }),
            None => self.replace(path, child).map(drop),
        }
    }

    /// Puts something at a path, and returns what was there.
    pub fn replace(&mut self, path: &TreePath, child: Child) -> Result<Option<Child>, Occupied> {
        match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) => Ok(self
                .directory(&parent)?
                .children
                .insert(name.to_vec(), child)),
            _ => Err(Occupied {
                path: path.clone(),
                at: path.clone(),
                what: "the root of the tree",
            }),
        }
    }

    /// Takes out what is at a path.
    pub fn remove(&mut self, path: &TreePath) -> Option<Child> {
        let parent = path.parent()?;
        let mut here = self;
        for name in parent.names() {
            match here.children.get_mut(name)? {
                Child::Directory(directory) => here = directory,
                _ => return None,
            }
        }
        here.children.remove(path.file_name()?)
    }

    /// Names every directory, deepest first, handing each to `write`; returns the id of the whole.
    pub fn finish<E>(
        &self,
        write: &mut impl FnMut(&Directory) -> Result<TreeId, E>,
    ) -> Result<TreeId, E> {
        let mut directory = Directory::new(self.meta.clone());
        for (name, child) in &self.children {
            let node = match child {
                Child::Directory(builder) => Node::Directory(builder.finish(write)?),
                Child::Finished(id) => Node::Directory(*id),
                Child::Leaf(leaf) => Node::Leaf(leaf.clone()),
            };
            directory.entries.insert(name.clone(), node);
        }
        write(&directory)
    }

    /// Every path below, parents first, in the order of their names.
    pub fn paths(&self) -> Vec<(TreePath, &Child)> {
        let mut paths = Vec::new();
        self.collect(&TreePath::root(), &mut paths);
        paths
    }

    fn collect<'a>(&'a self, base: &TreePath, paths: &mut Vec<(TreePath, &'a Child)>) {
        for (name, child) in &self.children {
            let path = base.join(name).expect("children have names");
            paths.push((path.clone(), child));
            if let Child::Directory(directory) = child {
                directory.collect(&path, paths);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::BlobId;
    use std::collections::BTreeMap;

    fn path(text: &str) -> TreePath {
        TreePath::parse(text).unwrap()
    }

    #[test]
    fn the_order_of_insertion_does_not_show() {
        let finish = |order: &[&str]| {
            let mut builder = Builder::default();
            for name in order {
                builder
                    .insert(
                        &path(name),
                        Child::Leaf(Leaf::file(0o644, BlobId::of(b""), 0)),
                    )
                    .unwrap();
            }
            builder.finish(&mut |d| Ok::<_, ()>(d.id())).unwrap()
        };
        assert_eq!(finish(&["a/b", "a/c", "d"]), finish(&["d", "a/c", "a/b"]));
    }

    #[test]
    fn a_finished_tree_opens_and_finishes_to_the_same_id() {
        let mut builder = Builder::default();
        builder
            .insert(&path("usr/bin/sh"), Child::Leaf(Leaf::symlink("bash")))
            .unwrap();
        let mut kept = BTreeMap::new();
        let mut keep = |d: &Directory| {
            kept.insert(d.id(), d.clone());
            Ok::<_, ()>(d.id())
        };
        let id = builder.finish(&mut keep).unwrap();
        let opened = Builder::open(id, &|id| kept.get(&id).cloned().ok_or(())).unwrap();
        assert_eq!(opened, builder);
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let mut builder = Builder::default();
        builder
            .insert(&path("etc"), Child::Leaf(Leaf::symlink("usr/etc")))
            .unwrap();
        let error = builder
            .insert(&path("etc/passwd"), Child::Leaf(Leaf::symlink("x")))
            .unwrap_err();
        assert_eq!(error.at, path("etc"));
    }
}
