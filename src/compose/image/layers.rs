//! A tree divided into layers, each a tree of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use rayon::prelude::*;

use super::Error;
use super::difference::{Difference, Linked};
use super::layer;
use super::owners::{Owners, file};
use super::packing::{Bin, pack};
use crate::compose::ostree::content;
use crate::compose::{self, Workspace};
use crate::formats::oci::{OPAQUE, WHITEOUT};
use crate::formats::tar;
use crate::ids::TreePath;
use crate::plan::facts::LayerFacts;
use crate::plan::parameters;
use crate::tree::{Builder, Child, Content, Leaf, Meta};

/// A layer that was made, with the packages that it holds something of.
pub struct Made {
    pub facts: LayerFacts,
    pub packages: BTreeSet<String>,
}

/// Makes the layers that say a difference, lowest first.
pub fn make(
    new: Linked<'_>,
    difference: &Difference,
    owners: Option<&Owners<'_>>,
    params: &parameters::Image,
    workspace: &dyn Workspace,
) -> Result<Vec<Made>, compose::Error> {
    let bins = Bins::of(new.tree, difference, owners, params.layers);
    let mut layers: BTreeMap<Bin, Layer> = BTreeMap::new();
    for path in &difference.changed {
        let (bin, package) = bins.of_path(path);
        let layer = layers.entry(bin).or_insert_with(|| Layer::new(new.tree));
        layer.packages.extend(package.cloned());
        layer.place(new.tree, path, workspace)?;
    }
    let gone = difference.gone.iter();
    let gone = gone.map(|path| (path.parent().unwrap_or_default(), whiteout(path)));
    let emptied = difference.emptied.iter();
    let emptied = emptied.map(|path| (path.clone(), OPAQUE.to_vec()));
    for (directory, name) in gone.chain(emptied) {
        let layer = layers.entry(bins.gone.clone());
        let layer = layer.or_insert_with(|| Layer::new(new.tree));
        let mark = Child::Leaf(workspace.file(0, b"")?);
        layer
            .directory(new.tree, &directory)
            .children
            .insert(name, mark);
    }
    let layers: Vec<Layer> = layers.into_values().collect();
    // Once, and by one thread: another that waits for it must not be one that it waits for.
    let told = Mutex::new(false);
    let tell = || {
        let mut told = told.lock().expect("no thread panics while it tells");
        match std::mem::replace(&mut *told, true) {
            true => Ok(()),
            false => content::tell(new.tree, workspace),
        }
    };
    let made = layers.into_par_iter().map(|mut layer| {
        settle(&mut layer.tree, params.epoch);
        let links = within(new.links, &layer.tree);
        Ok(Made {
            facts: layer::layer(&layer.tree, links, &params.compression, workspace, &tell)?,
            packages: layer.packages,
        })
    });
    made.collect()
}

/// Which path lies in which layer.
struct Bins<'a> {
    owners: Option<&'a Owners<'a>>,
    tree: &'a Builder,
    /// By source.
    bins: BTreeMap<String, Bin>,
    /// Where it lies that something is gone.
    gone: Bin,
}

impl<'a> Bins<'a> {
    fn of(
        tree: &'a Builder,
        difference: &Difference,
        owners: Option<&'a Owners<'a>>,
        layers: u32,
    ) -> Self {
        let mut bins = Bins {
            owners,
            tree,
            bins: BTreeMap::new(),
            gone: Bin::Top,
        };
        let Some(owners) = owners else {
            return bins;
        };
        let mut sizes: BTreeMap<String, u64> = BTreeMap::new();
        for path in &difference.changed {
            if let Some(owner) = owners.of(tree, path) {
                let size = file(tree.get(path)).map_or(0, |(_, size)| size);
                *sizes.entry(owner.source.clone()).or_default() += size;
            }
        }
        let mut left = layers.saturating_sub(1);
        if left > 0 && !(difference.gone.is_empty() && difference.emptied.is_empty()) {
            bins.gone = Bin::Gone;
            left -= 1;
        }
        bins.bins = pack(&sizes, left);
        bins
    }

    /// The bin of a path, and the package that has it.
    fn of_path(&self, path: &TreePath) -> (Bin, Option<&'a String>) {
        let owner = self.owners.and_then(|owners| owners.of(self.tree, path));
        let Some(owner) = owner else {
            return (Bin::Top, None);
        };
        let bin = self.bins.get(&owner.source).cloned();
        (bin.unwrap_or(Bin::Top), Some(&owner.name))
    }
}

/// A layer under construction.
struct Layer {
    tree: Builder,
    packages: BTreeSet<String>,
}

impl Layer {
    fn new(whole: &Builder) -> Self {
        Layer {
            tree: Builder::new(whole.meta.clone()),
            packages: BTreeSet::new(),
        }
    }

    /// Takes over what the whole tree has at a path.
    fn place(
        &mut self,
        whole: &Builder,
        path: &TreePath,
        workspace: &dyn Workspace,
    ) -> Result<(), Error> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Ok(());
        };
        if name.starts_with(WHITEOUT) {
            return Err(Error::Whiteout(path.clone()));
        }
        match whole.get(path) {
            Some(Child::Leaf(Leaf {
                content: Content::Socket,
                ..
            })) => workspace.note(&format!("{path} dropped: a layer can't hold a socket")),
            Some(Child::Leaf(leaf)) => {
                tar::check(path, &leaf.meta)?;
                let leaf = Child::Leaf(leaf.clone());
                let directory = self.directory(whole, &parent);
                directory.children.insert(name.to_vec(), leaf);
            }
            _ => tar::check(path, &self.directory(whole, path).meta)?,
        }
        Ok(())
    }

    /// A directory of the layer, with all above it as the whole tree has them.
    fn directory(&mut self, whole: &Builder, path: &TreePath) -> &mut Builder {
        let mut here = &mut self.tree;
        let mut there = Some(whole);
        for name in path.names() {
            there = match there.and_then(|there| there.children.get(name)) {
                Some(Child::Directory(directory)) => Some(directory),
                _ => None,
            };
            let meta = there.map_or(Meta::new(0o755), |there| there.meta.clone());
            let child = here.children.entry(name.to_vec());
            let child = child.or_insert_with(|| Child::Directory(Builder::new(meta)));
            let Child::Directory(directory) = child else {
                unreachable!("a layer has directories where the tree has them")
            };
            here = directory;
        }
        here
    }
}

fn whiteout(path: &TreePath) -> Vec<u8> {
    [WHITEOUT, path.file_name().unwrap_or_default()].concat()
}

/// The groups of links of which a layer has all.
fn within(links: &BTreeSet<Vec<TreePath>>, tree: &Builder) -> BTreeSet<Vec<TreePath>> {
    let here = |group: &&Vec<TreePath>| group.iter().all(|path| tree.get(path).is_some());
    links.iter().filter(here).cloned().collect()
}

/// Gives a time to everything: what has none is as old as the release, a directory as the newest thing in it.
///
/// The header of one package must not show in the layers of all others, as the time of `/usr` would.
fn settle(tree: &mut Builder, epoch: i64) -> i64 {
    let mut newest = None;
    for child in tree.children.values_mut() {
        let time = match child {
            Child::Directory(directory) => settle(directory, epoch),
            Child::Leaf(leaf) => *leaf.meta.mtime.get_or_insert(epoch),
            Child::Finished(_) => continue,
        };
        newest = newest.max(Some(time));
    }
    let time = newest.or(tree.meta.mtime).unwrap_or(epoch);
    tree.meta.mtime = Some(time);
    time
}
