//! What a composer sees of the world.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use super::Composed;
use super::packages::render;
use crate::formats::repodata::Rendered;
use crate::formats::rpm::{Brief, Record};
use crate::ids::{BlobId, EntryId, TreeId, TreePath, canonical};
use crate::plan::Derivation;
use crate::tree::{Assembly, Builder, Child, Content, Directory, Leaf, Node, assembly};

/// From so many bytes on it is worth it to keep text compressed, and to write it out for who reads it as a file.
const LONG_TEXT: usize = 16 * 1024;

/// Reading inputs and writing outputs; the store behind it stays out of sight.
///
/// Everything written is named by its content, so writing twice is writing once.
pub trait Workspace: Sync {
    /// The root tree of an input.
    fn root(&self, entry: EntryId) -> Result<TreeId, WorkspaceError>;
    /// The paths of an input that are one file.
    fn links(&self, entry: EntryId) -> Result<Vec<Vec<TreePath>>, WorkspaceError>;
    /// The media parameters of an input: a volume id, a format.
    fn media(&self, _entry: EntryId) -> Result<BTreeMap<String, String>, WorkspaceError> {
        Ok(BTreeMap::new())
    }
    /// The record of a package, for an input that is an RPM file.
    fn record(&self, rpm: EntryId) -> Result<Arc<Record>, WorkspaceError>;
    /// The record of an RPM, if that is at hand: nothing is read to make it.
    fn known_record(&self, _rpm: EntryId) -> Result<Option<Arc<Record>>, WorkspaceError> {
        Ok(None)
    }
    /// The records of many, in their order.
    fn records(&self, rpms: &[EntryId]) -> Result<Vec<Arc<Record>>, WorkspaceError> {
        rpms.iter().map(|&rpm| self.record(rpm)).collect()
    }
    /// Which packages they are, in their order; costs less than their records.
    fn briefs(&self, rpms: &[EntryId]) -> Result<Vec<Arc<Brief>>, WorkspaceError> {
        let records = self.records(rpms)?;
        let briefs = records.iter().map(|record| Arc::new(Brief::of(record)));
        Ok(briefs.collect())
    }

    /// What the indexes of a repository say of packages in this directory of it, in their order.
    fn rendered(&self, rpms: &[EntryId], directory: &str) -> Result<Vec<Rendered>, WorkspaceError> {
        let records = self.records(rpms)?;
        let rendered = records.iter();
        Ok(rendered.map(|record| render(record, directory)).collect())
    }

    fn directory(&self, id: TreeId) -> Result<Arc<Directory>, WorkspaceError>;
    /// A blob's bytes from `offset` on, at most `length` of them; `None` for all the rest.
    fn read(
        &self,
        id: BlobId,
        offset: u64,
        length: Option<u64>,
    ) -> Result<Box<dyn Read + Send>, WorkspaceError>;

    /// Stores a stream; returns its id and length.
    fn write(&self, bytes: &mut dyn Read) -> Result<(BlobId, u64), WorkspaceError>;
    /// Stores a blob as parts of others, computing its id by reading them.
    fn assemble(&self, assembly: &Assembly) -> Result<(BlobId, u64), WorkspaceError>;
    /// The same of parts that are known to give a blob; `false` where they do not any more.
    fn assemble_as(&self, assembly: &Assembly, known: BlobId) -> Result<bool, WorkspaceError> {
        Ok(self.assemble(assembly)?.0 == known)
    }
    fn write_directory(&self, directory: &Directory) -> Result<TreeId, WorkspaceError>;

    /// The facts of a step inside this one, if it was made before.
    fn recall(&self, _part: &Derivation) -> Result<Option<canonical::Value>, WorkspaceError> {
        Ok(None)
    }
    /// Whether all these blobs are here, and stay until the step is over.
    fn hold(&self, _blobs: &[BlobId]) -> Result<bool, WorkspaceError> {
        Ok(true)
    }
    /// Keeps what a step inside this one gave, for whoever asks for the same.
    fn remember(&self, _part: &Derivation, _composed: &Composed) -> Result<(), WorkspaceError> {
        Ok(())
    }

    /// Tells that a blob, which was written, has the content of another as raw deflate behind `at` bytes.
    fn deflated(&self, _content: BlobId, _object: BlobId, _at: u64) {}

    /// Tells all that run beside this step what one inside of it would give; nothing of that is kept.
    fn tell(&self, _part: &Derivation, _facts: &canonical::Value) {}
    /// What was told, or remembered by one that runs now.
    fn told(&self, _part: &Derivation) -> Option<canonical::Value> {
        None
    }

    /// A directory of its own on disk, empty, gone after the step.
    fn scratch(&self) -> Result<PathBuf, WorkspaceError>;
    /// A tree as a read-only directory on disk, gone after the step; without devices, sockets and pipes.
    /// It belongs to who runs this, or to another user and group, as only root can have it.
    fn lay_out(
        &self,
        _tree: TreeId,
        _owner: Option<(u32, u32)>,
    ) -> Result<PathBuf, WorkspaceError> {
        Err(WorkspaceError::new(
            "laying out a tree",
            "this workspace has no place for it",
        ))
    }
    /// The program to start where a step needs a process of its own.
    fn program(&self) -> Option<PathBuf> {
        None
    }
    /// A line for the step's log: what was skipped, dropped or assumed.
    fn note(&self, line: &str);
}

/// What the workspace was asked for could not be had.
#[derive(Debug, thiserror::Error)]
#[error("{action}")]
pub struct WorkspaceError {
    /// `reading blob abc…`
    pub action: String,
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl WorkspaceError {
    pub fn new(
        action: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        WorkspaceError {
            action: action.into(),
            source: source.into(),
        }
    }
}

impl dyn Workspace + '_ {
    /// A whole blob in memory, for small ones.
    pub fn bytes(&self, id: BlobId) -> Result<Vec<u8>, WorkspaceError> {
        let mut bytes = Vec::new();
        self.read(id, 0, None)?
            .read_to_end(&mut bytes)
            .map_err(|error| WorkspaceError::new(format!("reading blob {id}"), error))?;
        Ok(bytes)
    }

    /// Stores bytes as a file that a tree can hold.
    pub fn file(&self, mode: u32, mut bytes: &[u8]) -> Result<Leaf, WorkspaceError> {
        let (blob, size) = self.write(&mut bytes)?;
        Ok(Leaf::file(mode, blob, size))
    }

    /// The same of text. A long one is a list that says it in place, since the store keeps lists compressed.
    pub fn text(&self, mode: u32, text: &str) -> Result<Leaf, WorkspaceError> {
        if text.len() < LONG_TEXT {
            return self.file(mode, text.as_bytes());
        }
        let mut assembly = Assembly::default();
        assembly.say(text.as_bytes());
        let (blob, size) = self.assemble(&assembly)?;
        Ok(Leaf::file(mode, blob, size))
    }

    /// Stores an assembly, and the zeros that it may be made of.
    pub fn assembled(&self, assembly: &Assembly) -> Result<(BlobId, u64), WorkspaceError> {
        let zeros = assembly::zeros();
        if assembly.parts.iter().any(|part| part.blob() == Some(zeros)) {
            self.write(&mut &assembly::ZEROS[..])?;
        }
        self.assemble(assembly)
    }

    /// What a finished tree has at a path.
    pub fn lookup(&self, root: TreeId, path: &TreePath) -> Result<Option<Node>, WorkspaceError> {
        let mut node = Node::Directory(root);
        for name in path.names() {
            let Node::Directory(id) = node else {
                return Ok(None);
            };
            match self.directory(id)?.entries.get(name) {
                Some(found) => node = found.clone(),
                None => return Ok(None),
            }
        }
        Ok(Some(node))
    }

    /// The blob and size of a regular file in a finished tree.
    pub fn lookup_file(
        &self,
        root: TreeId,
        path: &TreePath,
    ) -> Result<Option<(BlobId, u64)>, WorkspaceError> {
        Ok(match self.lookup(root, path)? {
            Some(Node::Leaf(Leaf {
                content: Content::File { size, blob },
                ..
            })) => Some((blob, size)),
            _ => None,
        })
    }

    /// Opens a finished tree for changes.
    pub fn open(&self, root: TreeId) -> Result<Builder, WorkspaceError> {
        Builder::open(root, &|id| self.directory(id).map(|d| Directory::clone(&d)))
    }

    /// Stores a tree that was built.
    pub fn finish(&self, builder: &Builder) -> Result<TreeId, WorkspaceError> {
        builder.finish(&mut |directory| self.write_directory(directory))
    }

    /// Stores a tree of one file.
    pub fn single(&self, name: &str, leaf: Leaf) -> Result<TreeId, WorkspaceError> {
        let mut builder = Builder::default();
        builder
            .children
            .insert(name.as_bytes().to_vec(), Child::Leaf(leaf));
        self.finish(&builder)
    }
}
