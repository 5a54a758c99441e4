//! What a layer has to say so that one tree becomes another.

use std::collections::BTreeSet;

use crate::ids::TreePath;
use crate::tree::{Builder, Child, Meta};

/// The paths at which two trees differ.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// What the new tree has otherwise, or what the old one has not.
    pub changed: BTreeSet<TreePath>,
    /// What the new tree has not.
    pub gone: BTreeSet<TreePath>,
    /// Directories of both trees that keep nothing of what the old one has in them.
    pub emptied: BTreeSet<TreePath>,
}

/// A tree with its groups of hard links.
#[derive(Clone, Copy)]
pub struct Linked<'a> {
    pub tree: &'a Builder,
    pub links: &'a BTreeSet<Vec<TreePath>>,
}

impl Difference {
    pub fn between(old: Linked<'_>, new: Linked<'_>) -> Difference {
        let mut difference = Difference::default();
        difference.directory(&TreePath::root(), old.tree, new.tree);
        difference.links(old.links, new);
        difference
    }

    /// All of a tree, its root too: an image without any file has a layer.
    pub fn all(tree: &Builder) -> Difference {
        let mut difference = Difference::default();
        difference.changed.insert(TreePath::root());
        difference.add(&TreePath::root(), tree);
        difference
    }

    fn add(&mut self, base: &TreePath, tree: &Builder) {
        for (name, child) in &tree.children {
            let path = base.join(name).expect("children have names");
            if let Child::Directory(directory) = child {
                self.add(&path, directory);
            }
            self.changed.insert(path);
        }
    }

    fn directory(&mut self, base: &TreePath, old: &Builder, new: &Builder) {
        if !same(&old.meta, &new.meta) {
            self.changed.insert(base.clone());
        }
        let kept = |name| new.children.contains_key(name);
        if !old.children.is_empty() && !old.children.keys().any(kept) {
            self.emptied.insert(base.clone());
        } else {
            let gone = old.children.keys().filter(|name| !kept(*name));
            let gone = gone.map(|name| base.join(name).expect("children have names"));
            self.gone.extend(gone);
        }
        for (name, child) in &new.children {
            let path = base.join(name).expect("children have names");
            match (old.children.get(name), child) {
                (Some(Child::Directory(old)), Child::Directory(new)) => {
                    self.directory(&path, old, new);
                }
                (Some(old), new) if old == new => {}
                (_, Child::Directory(new)) => {
                    self.add(&path, new);
                    self.changed.insert(path);
                }
                _ => drop(self.changed.insert(path)),
            }
        }
    }

    /// A file of several names is said as a whole: a link into a layer below would be a file of its own.
    fn links(&mut self, old: &BTreeSet<Vec<TreePath>>, new: Linked<'_>) {
        for group in new.links {
            if !old.contains(group) || group.iter().any(|path| self.changed.contains(path)) {
                self.changed.extend(group.iter().cloned());
            }
        }
        // What was one file with others, and is not any more, is said again too.
        let apart = old.iter().filter(|group| !new.links.contains(*group));
        let here = apart.flatten().filter(|path| new.tree.get(path).is_some());
        self.changed.extend(here.cloned());
    }
}

/// The time of a directory is that of what lies in it.
fn same(old: &Meta, new: &Meta) -> bool {
    let timeless = |meta: &Meta| Meta {
        mtime: None,
        ..meta.clone()
    };
    timeless(old) == timeless(new)
}
