//! A workspace in memory, for composers under test.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use store::compose::{Composed, Output, Workspace, WorkspaceError};
use store::formats::rpm::Record;
use store::ids::{BlobId, EntryId, TreeId, TreePath};
use store::tree::{Assembly, Deflated, Directory, Part};

/// Holds everything in maps; entries are registered by [`Memory::enter`].
#[derive(Default)]
pub struct Memory {
    inner: Mutex<Inner>,
    scratch: Mutex<Vec<tempfile::TempDir>>,
}

#[derive(Default)]
struct Inner {
    blobs: BTreeMap<BlobId, Arc<Vec<u8>>>,
    directories: BTreeMap<TreeId, Arc<Directory>>,
    entries: BTreeMap<EntryId, Output>,
    records: BTreeMap<EntryId, Arc<Record>>,
    notes: Vec<String>,
}

struct Bytes(Arc<Vec<u8>>, usize, usize);

impl Read for Bytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(self.2 - self.1);
        buffer[..length].copy_from_slice(&self.0[self.1..self.1 + length]);
        self.1 += length;
        Ok(length)
    }
}

fn missing(what: impl std::fmt::Debug) -> WorkspaceError {
    WorkspaceError::new(format!("looking up {what:?}"), "not in this workspace")
}

impl Memory {
    /// Makes an output an input; its id is made up from its parts, unlike a real entry's.
    pub fn enter(&self, output: &Output) -> EntryId {
        let id = EntryId::of(format!("{output:?}").as_bytes());
        self.inner
            .lock()
            .unwrap()
            .entries
            .insert(id, output.clone());
        id
    }

    pub fn enter_main(&self, composed: &Composed) -> EntryId {
        self.enter(&composed.outputs[store::compose::MAIN])
    }

    pub fn set_record(&self, rpm: EntryId, record: Record) {
        self.inner
            .lock()
            .unwrap()
            .records
            .insert(rpm, Arc::new(record));
    }

    /// Drops the bytes of a blob, so that whoever reads it fails.
    pub fn forget(&self, blob: BlobId) {
        self.inner.lock().unwrap().blobs.remove(&blob);
    }

    pub fn notes(&self) -> Vec<String> {
        self.inner.lock().unwrap().notes.clone()
    }
}

impl Workspace for Memory {
    fn root(&self, entry: EntryId) -> Result<TreeId, WorkspaceError> {
        self.inner
            .lock()
            .unwrap()
            .entries
            .get(&entry)
            .map(|e| e.root)
            .ok_or_else(|| missing(entry))
    }

    fn links(&self, entry: EntryId) -> Result<Vec<Vec<TreePath>>, WorkspaceError> {
        let inner = self.inner.lock().unwrap();
        let output = inner.entries.get(&entry).ok_or_else(|| missing(entry))?;
        Ok(output.links.iter().cloned().collect())
    }

    fn media(&self, entry: EntryId) -> Result<BTreeMap<String, String>, WorkspaceError> {
        let inner = self.inner.lock().unwrap();
        let output = inner.entries.get(&entry).ok_or_else(|| missing(entry))?;
        Ok(output.media.clone())
    }

    fn record(&self, rpm: EntryId) -> Result<Arc<Record>, WorkspaceError> {
        self.inner
            .lock()
            .unwrap()
            .records
            .get(&rpm)
            .cloned()
            .ok_or_else(|| missing(rpm))
    }

    fn directory(&self, id: TreeId) -> Result<Arc<Directory>, WorkspaceError> {
        self.inner
            .lock()
            .unwrap()
            .directories
            .get(&id)
            .cloned()
            .ok_or_else(|| missing(id))
    }

    fn read(
        &self,
        id: BlobId,
        offset: u64,
        length: Option<u64>,
    ) -> Result<Box<dyn Read + Send>, WorkspaceError> {
        let blob = self
            .inner
            .lock()
            .unwrap()
            .blobs
            .get(&id)
            .cloned()
            .ok_or_else(|| missing(id))?;
        let start = (offset as usize).min(blob.len());
        let end = length.map_or(blob.len(), |length| {
            (start + length as usize).min(blob.len())
        });
        Ok(Box::new(Bytes(blob, start, end)))
    }

    fn write(&self, bytes: &mut dyn Read) -> Result<(BlobId, u64), WorkspaceError> {
        let mut blob = Vec::new();
        bytes
            .read_to_end(&mut blob)
            .map_err(|e| WorkspaceError::new("writing a blob", e))?;
        let (id, size) = (BlobId::of(&blob), blob.len() as u64);
        self.inner.lock().unwrap().blobs.insert(id, Arc::new(blob));
        Ok((id, size))
    }

    fn assemble(&self, assembly: &Assembly) -> Result<(BlobId, u64), WorkspaceError> {
        let mut whole = Vec::new();
        for part in &assembly.parts {
            match part {
                Part::Inline { bytes } => whole.extend_from_slice(bytes),
                Part::Range {
                    blob,
                    offset,
                    length,
                } => {
                    self.read(*blob, *offset, Some(*length))?
                        .read_to_end(&mut whole)
                        .map_err(|e| WorkspaceError::new("assembling", e))?;
                }
                Part::Deflate { blob, level, .. } => {
                    Deflated::new(self.read(*blob, 0, None)?, *level)
                        .read_to_end(&mut whole)
                        .map_err(|e| WorkspaceError::new("assembling", e))?;
                }
                Part::Inflate { .. } => unreachable!("only a collector makes them"),
            }
        }
        self.write(&mut whole.as_slice())
    }

    fn write_directory(&self, directory: &Directory) -> Result<TreeId, WorkspaceError> {
        let id = directory.id();
        self.inner
            .lock()
            .unwrap()
            .directories
            .insert(id, Arc::new(directory.clone()));
        Ok(id)
    }

    fn scratch(&self) -> Result<PathBuf, WorkspaceError> {
        let dir =
            tempfile::tempdir().map_err(|e| WorkspaceError::new("making scratch space", e))?;
        let path = dir.path().to_owned();
        self.scratch.lock().unwrap().push(dir);
        Ok(path)
    }

    fn note(&self, line: &str) {
        self.inner.lock().unwrap().notes.push(line.to_owned());
    }
}
