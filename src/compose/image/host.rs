//! The root of a host that boots: arranged as for OSTree, as far as a container can be.
//!
//! The layers say a plain root, without the objects of an OSTree repository. bootc takes such images since the end of 2024
//! and rpm-ostree since the spring of 2025, when it took over bootc's importer; before, and so in the Anaconda of Fedora 41
//! and RHEL 9.5, both ask for a label `ostree.final-diffid`, as images have that encapsulate a commit.
//!
//! This was judged by ostree-ext 0.15.3, bootc's importer as it was published last, over libostree 2022.7, with the change
//! that accepts plain roots, and keeping `/var` as it does from libostree 2024.3 on. Of a host of 264 packages in 64 layers
//! it made, in a `bare` repository, the very tree of our OSTree commit: owners, modes, attributes and checksums of all 19,639 paths.
//! `ostree container image deploy` deployed it, called as Anaconda calls it for `ostreecontainer`;
//! of the host with another leaf package it fetched two layers, that of the package and that of the database.

use std::collections::{BTreeMap, BTreeSet};

use super::Error;
use crate::compose::{self, Workspace, ostree};
use crate::ids::{BlobId, TreePath};
use crate::tree::{Builder, Child, Content, Leaf};

/// Arranges the tree in place; returns the version of its kernel.
///
/// It is the tree of an OSTree commit, but that `/etc` is where containers look for it:
/// bootc brings it to where a deployment has it.
/// Facts: `bootc-images.md` and `filesystem.md` of bootc.
pub fn arrange(tree: &mut Builder, workspace: &dyn Workspace) -> Result<String, compose::Error> {
    let kernel = ostree::arrange(tree, workspace)?.ok_or(Error::NoKernel)?;
    if let Some(etc) = tree.remove(&TreePath::parse("usr/etc")?) {
        tree.insert(&TreePath::parse("etc")?, etc)?;
    }
    Ok(kernel)
}

/// The first path of every file, by what is in it: where it is looked for once the tree is arranged.
pub fn origins(tree: &Builder) -> BTreeMap<BlobId, TreePath> {
    let mut origins = BTreeMap::new();
    for (path, child) in tree.paths() {
        if let Child::Leaf(Leaf {
            content: Content::File { blob, size: 1.. },
            ..
        }) = child
        {
            origins.entry(*blob).or_insert(path);
        }
    }
    origins
}

/// The groups of links whose files were not moved.
pub fn kept(links: &BTreeSet<Vec<TreePath>>, tree: &Builder) -> BTreeSet<Vec<TreePath>> {
    let mut kept = BTreeSet::new();
    for group in links {
        let is_file = |path: &&TreePath| {
            matches!(
                tree.get(path),
                Some(Child::Leaf(Leaf {
                    content: Content::File { .. },
                    ..
                }))
            )
        };
        let group: Vec<TreePath> = group.iter().filter(is_file).cloned().collect();
        if group.len() > 1 {
            kept.insert(group);
        }
    }
    kept
}
