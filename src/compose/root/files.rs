//! The tree of a root, from the winners.

use std::collections::{BTreeMap, BTreeSet};

use super::Package;
use super::accounts::Owners;
use super::claims::{Chosen, Claim};
use super::packages::Shipped;
use crate::compose::Error;
use crate::ids::TreePath;
use crate::tree::{Builder, Child, Meta};

/// Puts every winner at its place; directories that nobody owns are made, 0755 of root and without a time.
pub fn build(
    packages: &[Package],
    chosen: &Chosen,
    owners: &Owners,
    epoch: i64,
) -> Result<Builder, Error> {
    let mut tree = Builder::default();
    for (path, claim) in &chosen.winners {
        let (package, file) = claim.of(packages);
        let (user, group) = package.owner(file);
        let placed = |meta: &Meta| {
            let mut meta = meta.clone();
            owners.own(&mut meta, user, group);
            meta.mtime = meta.mtime.map(|mtime| mtime.min(epoch));
            meta
        };
        match &file.shipped {
            Some(Shipped::Directory(meta)) => tree.directory(path)?.meta = placed(meta),
            Some(Shipped::Leaf(leaf)) => {
                let mut leaf = leaf.clone();
                leaf.meta = placed(&leaf.meta);
                tree.insert(path, Child::Leaf(leaf))?;
            }
            None => {}
        }
    }
    Ok(tree)
}

/// The link groups of the packages at their places, without the members that gave way.
pub fn links(packages: &[Package], chosen: &Chosen) -> BTreeSet<Vec<TreePath>> {
    let mut groups = BTreeSet::new();
    for (number, package) in packages.iter().enumerate() {
        if package.links.is_empty() {
            continue;
        }
        let places = &chosen.places[number];
        let files = package.files.iter().enumerate();
        let spelled: BTreeMap<&TreePath, usize> =
            files.map(|(file, claimed)| (&claimed.path, file)).collect();
        for group in &package.links {
            let won = group.iter().filter_map(|path| {
                let file = *spelled.get(path)?;
                let claim = Claim {
                    package: number,
                    file,
                };
                let place = &places[file];
                (chosen.winners.get(place) == Some(&claim)).then(|| place.clone())
            });
            let won: BTreeSet<TreePath> = won.collect();
            if won.len() > 1 {
                groups.insert(won.into_iter().collect());
            }
        }
    }
    groups
}
