//! The store as a composer sees it.

use std::io::Read;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::facts::Facts;
use crate::compose::{Workspace, WorkspaceError};
use crate::formats::rpm::Record;
use crate::ids::{BlobId, EntryId, TreeId, TreePath};
use crate::store::{Batch, Store};
use crate::tree::{Assembly, Directory};

/// Reads from the store, and writes into the batch of one step.
pub(super) struct StoreWorkspace<'a> {
    pub store: &'a Store,
    pub batch: &'a Batch,
    pub facts: &'a Facts<'a>,
    pub notes: Mutex<Vec<String>>,
}

impl Workspace for StoreWorkspace<'_> {
    fn root(&self, entry: EntryId) -> Result<TreeId, WorkspaceError> {
        let found = self.store.entry(entry);
        found
            .map(|found| found.root)
            .map_err(|e| WorkspaceError::new(format!("opening entry {entry}"), e))
    }

    fn links(&self, entry: EntryId) -> Result<Vec<Vec<TreePath>>, WorkspaceError> {
        let found = self.store.entry(entry);
        found
            .map(|found| found.links.into_iter().collect())
            .map_err(|e| WorkspaceError::new(format!("opening entry {entry}"), e))
    }

    fn record(&self, rpm: EntryId) -> Result<Arc<Record>, WorkspaceError> {
        self.facts.record(rpm).ok_or_else(|| {
            WorkspaceError::new(
                format!("looking up package {rpm}"),
                "its record is not in the store",
            )
        })
    }

    fn directory(&self, id: TreeId) -> Result<Arc<Directory>, WorkspaceError> {
        let found = self.store.directory(id).map(Arc::new);
        found.map_err(|e| WorkspaceError::new(format!("reading directory {id}"), e))
    }

    fn read(
        &self,
        id: BlobId,
        offset: u64,
        length: Option<u64>,
    ) -> Result<Box<dyn Read + Send>, WorkspaceError> {
        match self.store.read(id, offset, length) {
            Ok(reader) => Ok(Box::new(reader)),
            Err(error) => Err(WorkspaceError::new(format!("reading blob {id}"), error)),
        }
    }

    fn write(&self, bytes: &mut dyn Read) -> Result<(BlobId, u64), WorkspaceError> {
        self.batch
            .blob(bytes)
            .map_err(|e| WorkspaceError::new("storing a file", e))
    }

    fn assemble(&self, assembly: &Assembly) -> Result<(BlobId, u64), WorkspaceError> {
        self.batch
            .assemble(assembly)
            .map_err(|e| WorkspaceError::new("storing an assembly", e))
    }

    fn write_directory(&self, directory: &Directory) -> Result<TreeId, WorkspaceError> {
        self.batch
            .directory(directory)
            .map_err(|e| WorkspaceError::new("storing a directory", e))
    }

    fn scratch(&self) -> Result<PathBuf, WorkspaceError> {
        self.batch
            .scratch()
            .map_err(|e| WorkspaceError::new("making scratch space", e))
    }

    fn note(&self, line: &str) {
        self.notes
            .lock()
            .expect("no thread panics while it notes a line")
            .push(line.to_owned());
    }
}
