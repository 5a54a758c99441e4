//! Where two trees begin to differ.

use std::collections::BTreeSet;
use std::fmt;

use super::{Content, Directory, Leaf, Node};
use crate::ids::{BlobId, TreeId, TreePath};

/// What is other in the second of two trees than in the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    Added,
    Removed,
    Kind,
    Meta,
    Bytes([BlobId; 2]),
    /// Where a link points to, or which device it is.
    Content,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Difference::Added => "is there, and was not",
            Difference::Removed => "is missing",
            Difference::Kind => "is another kind of file",
            Difference::Meta => "has another mode, owner, time or attribute",
            Difference::Bytes(_) => "has other bytes",
            Difference::Content => "points elsewhere",
        })
    }
}

/// The first path that differs, parents first, names in the order of their bytes; `None` where nothing does.
pub fn first<E>(
    ids: [TreeId; 2],
    read: &impl Fn(TreeId) -> Result<Directory, E>,
) -> Result<Option<(TreePath, Difference)>, E> {
    below(&TreePath::root(), ids, read)
}

fn below<E>(
    base: &TreePath,
    [old, new]: [TreeId; 2],
    read: &impl Fn(TreeId) -> Result<Directory, E>,
) -> Result<Option<(TreePath, Difference)>, E> {
    if old == new {
        return Ok(None);
    }
    let (old, new) = (read(old)?, read(new)?);
    if old.meta != new.meta {
        return Ok(Some((base.clone(), Difference::Meta)));
    }
    let names: BTreeSet<&Vec<u8>> = old.entries.keys().chain(new.entries.keys()).collect();
    for name in names {
        let path = base
            .join(name)
            .expect("names in a directory were checked when it was read");
        let difference = match (old.entries.get(name), new.entries.get(name)) {
            (Some(Node::Directory(old)), Some(Node::Directory(new))) => {
                match below(&path, [*old, *new], read)? {
                    None => continue,
                    found => return Ok(found),
                }
            }
            (Some(Node::Leaf(old)), Some(Node::Leaf(new))) => match of_leaves(old, new) {
                None => continue,
                Some(difference) => difference,
            },
            (None, _) => Difference::Added,
            (_, None) => Difference::Removed,
            _ => Difference::Kind,
        };
        return Ok(Some((path, difference)));
    }
    Ok(None)
}

fn of_leaves(old: &Leaf, new: &Leaf) -> Option<Difference> {
    let kind = std::mem::discriminant::<Content>;
    match (&old.content, &new.content) {
        (a, b) if kind(a) != kind(b) => Some(Difference::Kind),
        (Content::File { blob: a, .. }, Content::File { blob: b, .. }) if a != b => {
            Some(Difference::Bytes([*a, *b]))
        }
        (a, b) if a != b => Some(Difference::Content),
        _ => (old.meta != new.meta).then_some(Difference::Meta),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::tree::Meta;

    #[test]
    fn the_first_difference_is_named_wherever_it_is() {
        let mut trees = BTreeMap::new();
        let mut tree = |entries: Vec<(&str, Node)>, mode: u32| {
            let mut directory = Directory::new(Meta::new(mode));
            let entries = entries.into_iter();
            directory.entries = entries.map(|(n, node)| (n.into(), node)).collect();
            let id = TreeId::of(&directory.encode());
            trees.insert(id, directory);
            id
        };
        let file = |bytes: &str| {
            Node::Leaf(Leaf::file(
                0o644,
                BlobId::of(bytes.as_bytes()),
                bytes.len() as u64,
            ))
        };
        let link = |target: &str| {
            let mut node = Leaf::file(0o644, BlobId::of(b""), 0);
            node.content = Content::Symlink {
                target: target.into(),
            };
            Node::Leaf(node)
        };
        let mut top = |name: &str, node: Node| {
            let sub = tree(vec![("same", file("x")), (name, node)], 0o755);
            tree(vec![("a", file("a")), ("sub", Node::Directory(sub))], 0o755)
        };
        let old = top("it", file("1"));
        let others = [
            ("/sub/it", top("it", file("2")), "has other bytes"),
            ("/sub/it", top("it", link("1")), "is another kind of file"),
            ("/sub/is", top("is", file("1")), "is there, and was not"),
            ("/sub/it", top("zz", file("1")), "is missing"),
        ];
        let sub = tree(vec![("same", file("x")), ("it", file("1"))], 0o700);
        let meta = tree(vec![("a", file("a")), ("sub", Node::Directory(sub))], 0o755);
        let read = |id: TreeId| Ok::<_, ()>(trees[&id].clone());
        let last = ("/sub", meta, "has another mode, owner, time or attribute");
        for (path, new, says) in others.into_iter().chain([last]) {
            let (at, what) = first([old, new], &read).unwrap().unwrap();
            assert_eq!(
                (at.to_string().as_str(), what.to_string().as_str()),
                (path, says)
            );
        }
        assert_eq!(first([old, old], &read), Ok(None));
    }
}
