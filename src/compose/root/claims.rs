//! Who gets a path that packages claim: one package, several with the same file, or nobody.
//!
//! The rule is rpm's (`rpmfilesCompare`, `handleColorConflict`): files and directories may be shared when type, mode,
//! owner, group and content are equal; of two ELF files the 64-bit one is preferred where both can run;
//! a ghost gives way to anything.

use std::collections::{BTreeMap, BTreeSet};

use super::links::DirectoryLinks;
use super::packages::{File, Shipped};
use super::{Conflict, Error, Package};
use crate::ids::TreePath;
use crate::tree::{Content, Leaf};

/// 64 bits: `%_prefer_color`.
const PREFERRED: u32 = 2;

/// Of a mode: what kind of file it is, and what a symbolic link is.
const TYPE: u32 = 0o170_000;
const LINK: u32 = 0o120_000;

/// Which file stands at each path.
pub struct Chosen {
    /// Parents before what is in them.
    pub winners: BTreeMap<TreePath, Claim>,
    /// Files that gave way to one of a preferred colour.
    pub wrong_color: BTreeSet<Claim>,
    /// The real place of each file, by package, in the order of the header.
    pub places: Vec<Vec<TreePath>>,
}

/// One file of one package, by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    pub package: usize,
    pub file: usize,
}

impl Claim {
    pub fn of<'a>(&self, packages: &'a [Package]) -> (&'a Package, &'a File) {
        let package = &packages[self.package];
        (package, &package.files[self.file])
    }
}

/// Settles every path; all conflicts are found before any is reported.
pub fn choose(packages: &[Package], links: &DirectoryLinks, colors: u32) -> Result<Chosen, Error> {
    let mut chosen = Chosen {
        winners: BTreeMap::new(),
        wrong_color: BTreeSet::new(),
        places: Vec::with_capacity(packages.len()),
    };
    let mut conflicts = Vec::new();
    for (number, package) in packages.iter().enumerate() {
        let mut places = Vec::with_capacity(package.files.len());
        for (file, claimed) in package.files.iter().enumerate() {
            let place = links.place(&claimed.path)?;
            let claim = Claim {
                package: number,
                file,
            };
            if claimed.shipped.is_some()
                && let Some(other) = chosen.settle(&place, claim, packages, colors)
            {
                conflicts.push(Conflict {
                    path: place.clone(),
                    first: packages[other.package].nevra.clone(),
                    second: package.nevra.clone(),
                });
            }
            places.push(place);
        }
        chosen.places.push(places);
    }
    conflicts.extend(chosen.below_leaves(packages));
    conflicts.sort();
    conflicts.dedup();
    match conflicts.is_empty() {
        true => Ok(chosen),
        false => Err(Error::Conflicts { conflicts }),
    }
}

impl Chosen {
    /// Enters a claim, or returns the one that it can't live with.
    fn settle(
        &mut self,
        place: &TreePath,
        claim: Claim,
        packages: &[Package],
        colors: u32,
    ) -> Option<Claim> {
        let Some(&other) = self.winners.get(place) else {
            self.winners.insert(place.clone(), claim);
            return None;
        };
        let (theirs, ours) = (other.of(packages).1, claim.of(packages).1);
        if same(theirs, ours) {
            // As in an installation, the last one stays.
            self.winners.insert(place.clone(), claim);
            return None;
        }
        let color = |file: &File| file.listed.color & colors;
        let (their_color, our_color) = (color(theirs), color(ours));
        if their_color == 0 || our_color == 0 || their_color == our_color {
            return Some(other);
        }
        if our_color & PREFERRED != 0 {
            self.winners.insert(place.clone(), claim);
            self.wrong_color.insert(other);
        } else if their_color & PREFERRED != 0 {
            self.wrong_color.insert(claim);
        } else {
            return Some(other);
        }
        None
    }

    /// Conflicts of what is a file to one package and a directory to another.
    fn below_leaves(&self, packages: &[Package]) -> Vec<Conflict> {
        let mut conflicts = Vec::new();
        for (path, &claim) in &self.winners {
            let mut above = path.parent();
            while let Some(at) = above {
                // What lies above an owned directory was looked at with that.
                if let Some(&owner) = self.winners.get(&at) {
                    if let Some(Shipped::Leaf(_)) = owner.of(packages).1.shipped {
                        conflicts.push(Conflict {
                            path: at,
                            first: packages[owner.package].nevra.clone(),
                            second: packages[claim.package].nevra.clone(),
                        });
                    }
                    break;
                }
                above = at.parent();
            }
        }
        conflicts
    }

    /// The file that stands at a path, if it is not a directory.
    pub fn leaf<'a>(&self, packages: &'a [Package], path: &TreePath) -> Option<&'a Leaf> {
        match &self.winners.get(path)?.of(packages).1.shipped {
            Some(Shipped::Leaf(leaf)) => Some(leaf),
            _ => None,
        }
    }
}

fn same(a: &File, b: &File) -> bool {
    let owner = |file: &File| (file.listed.user.clone(), file.listed.group.clone());
    // The permissions of a symbolic link mean nothing.
    let mode = |file: &File| match file.listed.mode & TYPE {
        LINK => LINK,
        _ => file.listed.mode,
    };
    if mode(a) != mode(b) || owner(a) != owner(b) {
        return false;
    }
    match (&a.shipped, &b.shipped) {
        (Some(Shipped::Directory(_)), Some(Shipped::Directory(_))) => true,
        (Some(Shipped::Leaf(a)), Some(Shipped::Leaf(b))) => same_content(a, b),
        _ => false,
    }
}

fn same_content(a: &Leaf, b: &Leaf) -> bool {
    match (&a.content, &b.content) {
        (Content::File { blob: a, .. }, Content::File { blob: b, .. }) => a == b,
        (a, b) => a == b,
    }
}
