//! Every path of a finished tree, in order.

use super::{Directory, Leaf, Meta, Node};
use crate::ids::{TreeId, TreePath};

/// What a walk meets at a path.
#[derive(Debug)]
pub enum Visit<'a> {
    Directory { id: TreeId, meta: &'a Meta },
    Leaf(&'a Leaf),
}

/// Visits the root and everything below it, parents first, names in the order of their bytes.
pub fn walk<E>(
    id: TreeId,
    read: &impl Fn(TreeId) -> Result<Directory, E>,
    visit: &mut impl FnMut(&TreePath, Visit<'_>) -> Result<(), E>,
) -> Result<(), E> {
    below(&TreePath::root(), id, read, visit)
}

fn below<E>(
    base: &TreePath,
    id: TreeId,
    read: &impl Fn(TreeId) -> Result<Directory, E>,
    visit: &mut impl FnMut(&TreePath, Visit<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let directory = read(id)?;
    visit(
        base,
        Visit::Directory {
            id,
            meta: &directory.meta,
        },
    )?;
    for (name, node) in &directory.entries {
        let path = base
            .join(name)
            .expect("names in a directory were checked when it was read");
        match node {
            Node::Directory(id) => below(&path, *id, read, visit)?,
            Node::Leaf(leaf) => visit(&path, Visit::Leaf(leaf))?,
        }
    }
    Ok(())
}
