//! What a store holds, to be read as a composer would.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use store::compose::{Workspace, WorkspaceError};
use store::formats::rpm::Record;
use store::ids::{BlobId, EntryId, TreeId, TreePath};
use store::store::Store;
use store::tree::{Assembly, Directory};

/// A store, for reading only.
pub struct Held(pub Store);

fn error(source: store::store::Error) -> WorkspaceError {
    WorkspaceError::new("reading the store", source)
}

fn refused<T>() -> Result<T, WorkspaceError> {
    Err(WorkspaceError::new(
        "using a store as a workspace",
        "it is only read",
    ))
}

impl Workspace for Held {
    fn root(&self, entry: EntryId) -> Result<TreeId, WorkspaceError> {
        Ok(self.0.entry(entry).map_err(error)?.root)
    }

    fn links(&self, entry: EntryId) -> Result<Vec<Vec<TreePath>>, WorkspaceError> {
        let entry = self.0.entry(entry).map_err(error)?;
        Ok(entry.links.into_iter().collect())
    }

    fn record(&self, _: EntryId) -> Result<Arc<Record>, WorkspaceError> {
        refused()
    }

    fn directory(&self, id: TreeId) -> Result<Arc<Directory>, WorkspaceError> {
        self.0.directory(id).map(Arc::new).map_err(error)
    }

    fn read(
        &self,
        id: BlobId,
        offset: u64,
        length: Option<u64>,
    ) -> Result<Box<dyn Read + Send>, WorkspaceError> {
        let reader = self.0.read(id, offset, length).map_err(error)?;
        Ok(Box::new(reader))
    }

    fn write(&self, _: &mut dyn Read) -> Result<(BlobId, u64), WorkspaceError> {
        refused()
    }

    fn assemble(&self, _: &Assembly) -> Result<(BlobId, u64), WorkspaceError> {
        refused()
    }

    fn write_directory(&self, _: &Directory) -> Result<TreeId, WorkspaceError> {
        refused()
    }

    fn scratch(&self) -> Result<PathBuf, WorkspaceError> {
        refused()
    }

    fn note(&self, _: &str) {}
}
