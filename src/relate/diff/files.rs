//! Which paths differ between two trees.
//!
//! Two directories with one id are equal down to the last byte below, so neither is opened;
//! of files only the names of their bytes are compared.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use crate::ids::{TreeId, TreePath};
use crate::relate::{Error, Records};
use crate::store::Entry;
use crate::tree::{Content, Directory, Leaf, Meta, Node};

/// The paths that differ, with how many of each sort.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Files {
    pub added: u64,
    pub removed: u64,
    pub changed: u64,
    /// Sorted by path.
    pub list: Vec<File>,
}

/// A path that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct File {
    #[serde(flatten)]
    pub path: ShownPath,
    pub change: FileChange,
    /// What it is now, or was when it is gone.
    pub kind: FileKind,
    /// For a changed path, in which respects.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub what: BTreeSet<Aspect>,
    /// By how much the bytes grew; negative where they shrank.
    pub bytes: i64,
}

/// A path as JSON has it: text, and the bytes in hexadecimal where they are not UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ShownPath {
    pub path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_hex: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FileChange {
    Added,
    Removed,
    Changed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FileKind {
    Directory,
    File,
    Symlink,
    Character,
    Block,
    Fifo,
    Socket,
}

/// In which respect a path differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Aspect {
    /// What it is: a file became a link.
    Type,
    Content,
    /// Where a link points to.
    Target,
    /// Which device a device file stands for.
    Device,
    Mode,
    /// User or group.
    Owner,
    Xattrs,
    Mtime,
    /// Which other paths are the same file.
    Links,
}

impl From<&TreePath> for ShownPath {
    fn from(path: &TreePath) -> Self {
        let bytes = path.as_bytes();
        match std::str::from_utf8(bytes) {
            Ok(text) => ShownPath {
                path: text.to_owned(),
                path_hex: None,
            },
            Err(_) => ShownPath {
                path: String::from_utf8_lossy(bytes).into_owned(),
                path_hex: Some(data_encoding::HEXLOWER.encode(bytes)),
            },
        }
    }
}

/// One side of a path: what stands there, directories opened.
enum Side {
    Directory(Arc<Directory>),
    Leaf(Leaf),
}

impl Side {
    fn kind(&self) -> FileKind {
        match self {
            Side::Directory(_) => FileKind::Directory,
            Side::Leaf(leaf) => match leaf.content {
                Content::File { .. } => FileKind::File,
                Content::Symlink { .. } => FileKind::Symlink,
                Content::Character { .. } => FileKind::Character,
                Content::Block { .. } => FileKind::Block,
                Content::Fifo => FileKind::Fifo,
                Content::Socket => FileKind::Socket,
            },
        }
    }

    fn meta(&self) -> &Meta {
        match self {
            Side::Directory(directory) => &directory.meta,
            Side::Leaf(leaf) => &leaf.meta,
        }
    }

    fn bytes(&self) -> i64 {
        match self {
            Side::Leaf(Leaf {
                content: Content::File { size, .. },
                ..
            }) => i64::try_from(*size).unwrap_or(i64::MAX),
            _ => 0,
        }
    }

    fn children(&self) -> impl Iterator<Item = (&Vec<u8>, &Node)> {
        let directory = match self {
            Side::Directory(directory) => Some(directory),
            Side::Leaf(_) => None,
        };
        directory.into_iter().flat_map(|d| &d.entries)
    }
}

/// Compares the trees of two entries, but for paths that `skip` names, with what is below them,
/// and for the times of files where nobody is given them.
pub(super) fn between(
    records: &impl Records,
    from: &Entry,
    to: &Entry,
    skip: &impl Fn(&TreePath) -> bool,
    times: bool,
) -> Result<Files, Error> {
    let mut found = BTreeMap::new();
    compare_trees(records, from.root, to.root, skip, &mut found)?;
    if !times {
        for file in found.values_mut() {
            file.what.remove(&Aspect::Mtime);
        }
        found.retain(|_, file| file.change != FileChange::Changed || !file.what.is_empty());
    }
    if from.links != to.links {
        compare_links(from, to, skip, &mut found);
    }
    let mut files = Files::default();
    for (_, file) in found {
        match file.change {
            FileChange::Added => files.added += 1,
            FileChange::Removed => files.removed += 1,
            FileChange::Changed => files.changed += 1,
        }
        files.list.push(file);
    }
    Ok(files)
}

type Found = BTreeMap<TreePath, File>;

fn compare_trees(
    records: &impl Records,
    from: TreeId,
    to: TreeId,
    skip: &impl Fn(&TreePath) -> bool,
    found: &mut Found,
) -> Result<(), Error> {
    // A list of what is still to be compared, not recursion: a tree may be as deep as it likes.
    let mut open = vec![(
        TreePath::root(),
        Some(Node::Directory(from)),
        Some(Node::Directory(to)),
    )];
    while let Some((path, from, to)) = open.pop() {
        if from == to || skip(&path) {
            continue;
        }
        let from = side(records, from)?;
        let to = side(records, to)?;
        found.extend(compare(&path, from.as_ref(), to.as_ref()).map(|file| (path.clone(), file)));
        let mut children: BTreeMap<&[u8], (Option<Node>, Option<Node>)> = BTreeMap::new();
        for (name, node) in from.iter().flat_map(Side::children) {
            children.entry(lasting(&path, name)).or_default().0 = Some(node.clone());
        }
        for (name, node) in to.iter().flat_map(Side::children) {
            children.entry(lasting(&path, name)).or_default().1 = Some(node.clone());
        }
        for (name, (from, to)) in children {
            let path = path
                .join(name)
                .expect("names in a directory were checked when it was read");
            open.push((path, from, to));
        }
    }
    Ok(())
}

/// What a file keeps being called: `primary.xml.gz`, though its name in `repodata/` begins with a checksum.
fn lasting<'a>(directory: &TreePath, name: &'a [u8]) -> &'a [u8] {
    let Some(end) = name.iter().position(|&byte| byte == b'-') else {
        return name;
    };
    let checksum =
        matches!(end, 32 | 40 | 64 | 128) && name[..end].iter().all(u8::is_ascii_hexdigit);
    match directory.file_name() == Some(b"repodata") && checksum {
        true => &name[end + 1..],
        false => name,
    }
}

fn side(records: &impl Records, node: Option<Node>) -> Result<Option<Side>, Error> {
    Ok(match node {
        None => None,
        Some(Node::Leaf(leaf)) => Some(Side::Leaf(leaf)),
        Some(Node::Directory(id)) => Some(Side::Directory(records.directory(id)?)),
    })
}

/// How one path differs by itself, not counting what is below it.
fn compare(path: &TreePath, from: Option<&Side>, to: Option<&Side>) -> Option<File> {
    let shown = to.or(from)?;
    let what = match (from, to) {
        (Some(from), Some(to)) => aspects(from, to),
        _ => BTreeSet::new(),
    };
    let change = match (from, to) {
        (None, _) => FileChange::Added,
        (_, None) => FileChange::Removed,
        _ if what.is_empty() => return None,
        _ => FileChange::Changed,
    };
    Some(File {
        path: path.into(),
        change,
        kind: shown.kind(),
        what,
        bytes: to.map_or(0, Side::bytes) - from.map_or(0, Side::bytes),
    })
}

fn aspects(from: &Side, to: &Side) -> BTreeSet<Aspect> {
    let mut what = BTreeSet::new();
    if from.kind() != to.kind() {
        what.insert(Aspect::Type);
    } else if let (Side::Leaf(from), Side::Leaf(to)) = (from, to)
        && from.content != to.content
    {
        what.insert(match from.content {
            Content::File { .. } => Aspect::Content,
            Content::Symlink { .. } => Aspect::Target,
            _ => Aspect::Device,
        });
    }
    let (from, to) = (from.meta(), to.meta());
    let pairs = [
        (from.mode != to.mode, Aspect::Mode),
        ((from.uid, from.gid) != (to.uid, to.gid), Aspect::Owner),
        (from.xattrs != to.xattrs, Aspect::Xattrs),
        (from.mtime != to.mtime, Aspect::Mtime),
    ];
    what.extend(
        pairs
            .into_iter()
            .filter_map(|(differs, what)| differs.then_some(what)),
    );
    what
}

/// Hard links are no part of a directory, so a path in an equal one may still have gained or lost a twin.
fn compare_links(from: &Entry, to: &Entry, skip: &impl Fn(&TreePath) -> bool, found: &mut Found) {
    fn groups(entry: &Entry) -> BTreeMap<&TreePath, &Vec<TreePath>> {
        entry
            .links
            .iter()
            .flat_map(|group| group.iter().map(move |path| (path, group)))
            .collect()
    }
    let (from, to) = (groups(from), groups(to));
    let paths: BTreeSet<&TreePath> = from.keys().chain(to.keys()).copied().collect();
    for path in paths {
        let skipped = ancestors(path).any(|path| skip(&path));
        if skipped || from.get(path) == to.get(path) {
            continue;
        }
        let file = found.entry(path.clone()).or_insert_with(|| File {
            path: path.into(),
            change: FileChange::Changed,
            kind: FileKind::File,
            what: BTreeSet::new(),
            bytes: 0,
        });
        if file.change == FileChange::Changed {
            file.what.insert(Aspect::Links);
        }
    }
}

fn ancestors(path: &TreePath) -> impl Iterator<Item = TreePath> {
    std::iter::successors(Some(path.clone()), TreePath::parent)
}
