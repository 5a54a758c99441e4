//! File objects: every regular file and symbolic link of a tree, hashed and compressed once.

use std::collections::{BTreeMap, HashMap, HashSet};

use rayon::prelude::*;

use super::Error;
use super::objects;
use crate::compose::Workspace;
use crate::formats::ostree::file::{REGULAR, SYMLINK};
use crate::formats::ostree::{Checksum, FileHeader, Xattrs};
use crate::ids::{BlobId, TreePath};
use crate::tree::{Builder, Child, Content, Leaf, Meta};

/// What decides an object: its header, and the bytes behind it where there are any.
pub type Source = (FileHeader, Option<(BlobId, u64)>);

/// A file object, stored.
#[derive(Debug, Clone)]
pub struct Object {
    pub checksum: Checksum,
    /// The object's own file in the repository.
    pub leaf: Leaf,
}

/// The objects of a tree, by what they were made from.
#[derive(Debug, Default)]
pub struct Contents(HashMap<Source, Object>);

impl Contents {
    /// The object of a leaf that was in the tree; `None` for what OSTree does not keep.
    pub fn of(&self, path: &TreePath, leaf: &Leaf) -> Result<Option<Checksum>, Error> {
        let source = source(path, leaf)?;
        Ok(source
            .and_then(|source| self.0.get(&source))
            .map(|object| object.checksum))
    }

    pub fn unique(&self) -> BTreeMap<Checksum, &Object> {
        let named = self.0.values().map(|object| (object.checksum, object));
        named.collect()
    }
}

/// Stores the objects of all leaves, many at a time; what OSTree does not keep is dropped, and said so.
///
/// Neighbours are made in one step, and what is remembered of it spares reading them again.
pub fn objects(
    tree: &Builder,
    workspace: &dyn Workspace,
) -> Result<Contents, crate::compose::Error> {
    let groups = groups(tree, &mut |path, leaf| {
        workspace.note(&format!(
            "{path} dropped: it is a {}, and OSTree keeps only files, directories and symbolic links",
            special(&leaf.content)
        ));
    })?;
    let made: Vec<Vec<Object>> = groups
        .par_iter()
        .map(|group| objects::group(group, workspace))
        .collect::<Result<_, _>>()?;
    let sources = groups.into_iter().flatten();
    Ok(Contents(sources.zip(made.into_iter().flatten()).collect()))
}

/// Tells what is remembered of the objects that a repository of this tree has, or of much the same.
pub fn tell(tree: &Builder, workspace: &dyn Workspace) -> Result<(), crate::compose::Error> {
    // A tree that no repository can hold is in none.
    let groups = groups(tree, &mut |_, _| ()).unwrap_or_default();
    let mut groups = groups.iter();
    groups.try_for_each(|group| objects::tell(group, workspace))
}

/// What the objects of a tree are made from, each once, in groups that are made in one step.
fn groups(
    tree: &Builder,
    dropped: &mut dyn FnMut(&TreePath, &Leaf),
) -> Result<Vec<Vec<Source>>, Error> {
    let mut seen = HashSet::new();
    let mut groups: Vec<Vec<Source>> = vec![Vec::new()];
    for (path, child) in tree.paths() {
        let Child::Leaf(leaf) = child else { continue };
        let Some(source) = source(&path, leaf)? else {
            dropped(&path, leaf);
            continue;
        };
        if !seen.insert(source.clone()) {
            continue;
        }
        if let Some(group) = groups.last_mut() {
            group.push(source);
        }
        if objects::group_ends_with(&path) {
            groups.push(Vec::new());
        }
    }
    groups.retain(|group| !group.is_empty());
    Ok(groups)
}

fn source(path: &TreePath, leaf: &Leaf) -> Result<Option<Source>, Error> {
    let (kind, target, content) = match &leaf.content {
        Content::File { size, blob } => (REGULAR, String::new(), Some((*blob, *size))),
        Content::Symlink { target } => {
            let text = std::str::from_utf8(target).ok();
            let target = text.filter(|text| !text.contains('\0'));
            let target = target.map(str::to_owned).ok_or_else(|| Error::Target {
                path: path.to_string(),
            })?;
            (SYMLINK, target, None)
        }
        _ => return Ok(None),
    };
    let header = FileHeader {
        target,
        ..header(kind, &leaf.meta)
    };
    Ok(Some((header, content)))
}

/// The header of a regular file's object.
pub fn regular(meta: &Meta) -> FileHeader {
    header(REGULAR, meta)
}

fn header(kind: u32, meta: &Meta) -> FileHeader {
    FileHeader {
        uid: meta.uid,
        gid: meta.gid,
        mode: kind | meta.mode,
        target: String::new(),
        xattrs: attributes(meta),
    }
}

/// The extended attributes that an object says: `ostree` reads none that are empty,
/// so objects that say one look damaged to it once they are checked out.
pub fn attributes(meta: &Meta) -> Xattrs {
    let mut xattrs = meta.xattrs.clone();
    xattrs.retain(|name, value| !name.is_empty() && !name.contains(&0) && !value.is_empty());
    xattrs
}

/// What a leaf is that OSTree does not keep.
pub fn special(content: &Content) -> &'static str {
    match content {
        Content::File { .. } => "file",
        Content::Symlink { .. } => "symbolic link",
        Content::Character { .. } => "character device",
        Content::Block { .. } => "block device",
        Content::Fifo => "fifo",
        Content::Socket => "socket",
    }
}
