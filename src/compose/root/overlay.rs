//! `overlay`: an installed root (role `root`) with the files of other trees laid over it (roles `overlay-000` …, in their order).
//!
//! What packages leave to their scriptlets, a command can make: an initial RAM disk, lists of modules and libraries.
//! A file takes the place of the one that is there; a directory that is there keeps its owner and mode.

use std::collections::{BTreeMap, BTreeSet};

use super::{Error, KIND as ROOT};
use crate::compose::{self, Composed, Composer, Output, Workspace};
use crate::ids::{EntryId, TreePath};
use crate::plan::Derivation;
use crate::tree::{Builder, Child};

/// Composes kind `overlay`.
pub struct Overlay;

const KIND: &str = "overlay";
const ROLE: &str = "overlay-";

impl Composer for Overlay {
    fn version(&self) -> u32 {
        1
    }

    fn compose(
        &self,
        derivation: &Derivation,
        workspace: &dyn Workspace,
    ) -> Result<Composed, compose::Error> {
        let root = compose::input(KIND, ROOT, derivation)?;
        let mut tree = workspace.open(workspace.root(root)?)?;
        let mut links = Links::default();
        links.add(workspace.links(root)?);
        let inputs = derivation.inputs.iter();
        let overlays = inputs.filter(|input| input.role.starts_with(ROLE));
        // By role, so in the order of the recipe.
        let overlays: BTreeMap<&str, EntryId> = overlays
            .map(|input| (input.role.as_str(), input.entry))
            .collect();
        for (number, entry) in (1..).zip(overlays.into_values()) {
            let above = workspace.open(workspace.root(entry)?)?;
            let refused = |(path, what)| Error::Overlay { number, path, what };
            lay(&mut tree, above, &TreePath::root(), &mut links).map_err(refused)?;
            links.add(workspace.links(entry)?);
        }
        let mut output = Output::new(ROOT, workspace.finish(&tree)?);
        output.links = links.groups();
        Ok(Composed::of(output))
    }
}

/// Puts what is in one directory over another. Fails where that can't be, with what is there already.
fn lay(
    tree: &mut Builder,
    above: Builder,
    path: &TreePath,
    links: &mut Links,
) -> Result<(), (TreePath, &'static str)> {
    for (name, child) in above.children {
        let path = path.join(&name).expect("children have names");
        match (tree.children.get_mut(&name), child) {
            (Some(Child::Directory(below)), Child::Directory(above)) => {
                lay(below, above, &path, links)?;
            }
            (Some(Child::Directory(_)), _) => return Err((path, "a directory")),
            (Some(Child::Leaf(_)), Child::Directory(_)) => return Err((path, "a file or link")),
            (_, child) => {
                if matches!(child, Child::Leaf(_)) {
                    links.replaced(&path);
                }
                tree.children.insert(name, child);
            }
        }
    }
    Ok(())
}

/// Groups of paths that are one file, while some of them become others.
#[derive(Default)]
struct Links {
    groups: Vec<BTreeSet<TreePath>>,
    of: BTreeMap<TreePath, usize>,
}

impl Links {
    fn add(&mut self, groups: impl IntoIterator<Item = Vec<TreePath>>) {
        for group in groups {
            let number = self.groups.len();
            self.of
                .extend(group.iter().cloned().map(|path| (path, number)));
            self.groups.push(group.into_iter().collect());
        }
    }

    fn replaced(&mut self, path: &TreePath) {
        if let Some(number) = self.of.remove(path) {
            self.groups[number].remove(path);
        }
    }

    fn groups(self) -> BTreeSet<Vec<TreePath>> {
        let groups = self.groups.into_iter().filter(|group| group.len() > 1);
        groups.map(|group| group.into_iter().collect()).collect()
    }
}
