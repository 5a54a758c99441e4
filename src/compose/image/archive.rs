//! A tree as an archive that is read, not written: nothing of it is ever whole in memory or on disk.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, Read};
use std::sync::Arc;

use super::Error;
use crate::compose::{Workspace, WorkspaceError};
use crate::formats::tar::{self, What};
use crate::ids::{BlobId, TreeId, TreePath};
use crate::tree::{Content, Leaf, Meta, Visit, walk};

/// The bytes of an archive, entry by entry: parents first, names in the order of their bytes.
pub struct Archive<'a> {
    workspace: &'a dyn Workspace,
    entries: std::vec::IntoIter<(TreePath, Item)>,
    /// What comes next.
    segments: VecDeque<Segment>,
    /// What is given out now.
    open: Option<Open>,
    ended: bool,
}

/// What stands at a path of an archive.
#[derive(Clone)]
pub enum Item {
    Directory(Meta),
    Leaf(Leaf),
    /// To a path that came before.
    Link(Meta, TreePath),
}

/// A stretch of an archive.
pub enum Segment {
    Bytes(Vec<u8>),
    File {
        path: TreePath,
        meta: Meta,
        blob: BlobId,
        size: u64,
    },
}

impl Segment {
    /// Of the archive's bytes.
    pub fn length(&self) -> u64 {
        match self {
            Segment::Bytes(bytes) => bytes.len() as u64,
            Segment::File { size, .. } => *size,
        }
    }
}

enum Open {
    Bytes(io::Cursor<Vec<u8>>),
    File {
        reader: io::Take<Box<dyn Read + Send>>,
        path: TreePath,
        blob: BlobId,
    },
}

/// What a tree is as an archive, in its order. Opens every directory, and no file.
pub fn entries(
    tree: TreeId,
    links: &BTreeSet<Vec<TreePath>>,
    workspace: &dyn Workspace,
) -> Result<Vec<(TreePath, Item)>, Error> {
    let mut firsts: BTreeMap<&TreePath, &TreePath> = BTreeMap::new();
    for group in links {
        // In the order of the archive, which is not that of whole paths.
        if let Some(first) = group.iter().min_by(|a, b| a.names().cmp(b.names())) {
            let others = group.iter().filter(|path| *path != first);
            firsts.extend(others.map(|path| (path, first)));
        }
    }
    let read = |id| workspace.directory(id).map(Arc::unwrap_or_clone);
    let mut entries = Vec::new();
    walk::<WorkspaceError>(tree, &read, &mut |path, visit| {
        let item = match visit {
            Visit::Directory { meta, .. } => Item::Directory(meta.clone()),
            Visit::Leaf(leaf) => match firsts.get(path) {
                Some(first) => Item::Link(leaf.meta.clone(), (*first).clone()),
                None => Item::Leaf(leaf.clone()),
            },
        };
        entries.push((path.clone(), item));
        Ok(())
    })?;
    Ok(entries)
}

impl<'a> Archive<'a> {
    pub fn new(entries: Vec<(TreePath, Item)>, workspace: &'a dyn Workspace) -> Self {
        Archive {
            workspace,
            entries: entries.into_iter(),
            segments: VecDeque::new(),
            open: None,
            ended: false,
        }
    }

    /// What is read next; `None` at the end of the archive.
    fn next(&mut self) -> Result<Option<Open>, Error> {
        if self.segments.is_empty() {
            match self.entries.next() {
                Some((path, item)) => self.segments.extend(segments(path, &item)?),
                None if self.ended => return Ok(None),
                None => {
                    self.ended = true;
                    self.segments.push_back(Segment::Bytes(tar::END.to_vec()));
                }
            }
        }
        Ok(Some(match self.segments.pop_front() {
            None => return Ok(None),
            Some(Segment::Bytes(bytes)) => Open::Bytes(io::Cursor::new(bytes)),
            Some(Segment::File {
                path, blob, size, ..
            }) => Open::File {
                reader: self.workspace.read(blob, 0, None)?.take(size),
                path,
                blob,
            },
        }))
    }
}

impl Read for Archive<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let length = match &mut self.open {
                None => 0,
                Some(Open::Bytes(bytes)) => bytes.read(buffer)?,
                Some(Open::File { reader, path, blob }) => {
                    let length = reader.read(buffer)?;
                    if length == 0 && reader.limit() > 0 {
                        let (path, blob) = (path.clone(), *blob);
                        return Err(io::Error::other(Error::Size { path, blob }));
                    }
                    length
                }
            };
            if length > 0 {
                return Ok(length);
            }
            self.open = self.next().map_err(io::Error::other)?;
            if self.open.is_none() {
                return Ok(0);
            }
        }
    }
}

/// The bytes of one entry.
pub fn segments(path: TreePath, item: &Item) -> Result<Vec<Segment>, Error> {
    let (meta, what) = match item {
        Item::Directory(meta) => (meta, What::Directory),
        Item::Link(meta, to) => (meta, What::Link { to }),
        Item::Leaf(Leaf { meta, content }) => (
            meta,
            match content {
                Content::File { size, .. } => What::File { size: *size },
                Content::Symlink { target } => What::Symlink { target },
                Content::Character { major, minor } => What::Character {
                    major: *major,
                    minor: *minor,
                },
                Content::Block { major, minor } => What::Block {
                    major: *major,
                    minor: *minor,
                },
                Content::Fifo => What::Fifo,
                Content::Socket => return Err(Error::Tree { path }),
            },
        ),
    };
    let Some(mtime) = meta.mtime else {
        return Err(Error::Tree { path });
    };
    let head = tar::head(&path, meta, mtime, what)?;
    let mut segments = vec![Segment::Bytes(head)];
    if let Item::Leaf(Leaf {
        content: Content::File { size, blob },
        ..
    }) = item
    {
        let (size, blob) = (*size, *blob);
        let padding = vec![0; tar::padding(size) as usize];
        let meta = meta.clone();
        segments.push(Segment::File {
            path,
            meta,
            blob,
            size,
        });
        segments.push(Segment::Bytes(padding));
    }
    Ok(segments)
}
