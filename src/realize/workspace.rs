//! The store as a composer sees it.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::facts::Facts;
use super::trace;
use crate::compose::packages::render;
use crate::compose::{Composed, Workspace, WorkspaceError};
use crate::formats::repodata::Rendered;
use crate::formats::rpm::{Brief, Record};
use crate::ids::{BlobId, DerivationKey, EntryId, TreeId, TreePath, canonical};
use crate::plan::Derivation;
use crate::store::{Batch, Store};
use crate::tree::{Assembly, Directory};

/// Reads from the store, and writes into the batch of one step.
pub(super) struct StoreWorkspace<'a> {
    pub store: &'a Store,
    pub batch: &'a Batch,
    pub facts: &'a Facts<'a>,
    /// What steps inside others gave, in this process.
    pub parts: &'a Parts,
    pub notes: Mutex<Vec<String>>,
    /// Nothing that was made before is of use, for it is to be seen what comes out.
    pub again: bool,
    /// Started where a step needs a process of its own.
    pub program: Option<&'a Path>,
}

/// The facts of steps inside others, by key, which may not be committed yet.
pub(super) type Parts = Mutex<BTreeMap<DerivationKey, canonical::Value>>;

const NO_PANIC: &str = "no thread panics while it holds the parts";

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

    fn media(&self, entry: EntryId) -> Result<BTreeMap<String, String>, WorkspaceError> {
        let found = self.store.entry(entry);
        found
            .map(|found| found.media)
            .map_err(|e| WorkspaceError::new(format!("opening entry {entry}"), e))
    }

    fn record(&self, rpm: EntryId) -> Result<Arc<Record>, WorkspaceError> {
        self.facts.record(rpm).ok_or_else(|| unknown(rpm))
    }

    fn known_record(&self, rpm: EntryId) -> Result<Option<Arc<Record>>, WorkspaceError> {
        let known = self.facts.records(&[rpm]);
        let known = known.map_err(|e| WorkspaceError::new("reading the record of a package", e))?;
        Ok(known.into_iter().next().flatten())
    }

    fn records(&self, rpms: &[EntryId]) -> Result<Vec<Arc<Record>>, WorkspaceError> {
        let records = self.facts.records(rpms);
        let records =
            records.map_err(|e| WorkspaceError::new("reading the records of packages", e))?;
        let each = rpms.iter().zip(records);
        each.map(|(&rpm, record)| record.map_or_else(|| self.record(rpm), Ok))
            .collect()
    }

    fn briefs(&self, rpms: &[EntryId]) -> Result<Vec<Arc<Brief>>, WorkspaceError> {
        let briefs = self.facts.briefs(rpms);
        let briefs = briefs.map_err(|e| WorkspaceError::new("looking up packages", e))?;
        let each = rpms.iter().zip(briefs);
        each.map(|(&rpm, brief)| brief.ok_or_else(|| unknown(rpm)))
            .collect()
    }

    fn rendered(&self, rpms: &[EntryId], directory: &str) -> Result<Vec<Rendered>, WorkspaceError> {
        let ready = match self.again {
            true => Ok(vec![None; rpms.len()]),
            false => self.facts.rendered(rpms, directory),
        };
        let ready =
            ready.map_err(|e| WorkspaceError::new("looking up what indexes say of packages", e))?;
        let each = rpms.iter().zip(ready);
        each.map(|(&rpm, ready)| match ready {
            Some(rendered) => Ok(rendered),
            None => Ok(render(&*self.record(rpm)?, directory)),
        })
        .collect()
    }

    fn directory(&self, id: TreeId) -> Result<Arc<Directory>, WorkspaceError> {
        let found = self.batch.read_directory(id);
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

    fn assemble_as(&self, assembly: &Assembly, known: BlobId) -> Result<bool, WorkspaceError> {
        self.batch
            .assemble_as(assembly, known)
            .map_err(|e| WorkspaceError::new("storing an assembly", e))
    }

    fn write_directory(&self, directory: &Directory) -> Result<TreeId, WorkspaceError> {
        self.batch
            .directory(directory)
            .map_err(|e| WorkspaceError::new("storing a directory", e))
    }

    fn recall(&self, part: &Derivation) -> Result<Option<canonical::Value>, WorkspaceError> {
        let told = self.told(part);
        if told.is_some() || self.again {
            return Ok(told);
        }
        let key = part.key();
        let traces = self.store.traces(key);
        let mut traces = traces
            .map_err(|e| WorkspaceError::new(format!("recalling step {key}"), e))?
            .into_iter();
        Ok(traces.find_map(|(_, trace)| trace.facts))
    }

    fn hold(&self, blobs: &[BlobId]) -> Result<bool, WorkspaceError> {
        self.batch
            .hold_blobs(blobs)
            .map_err(|e| WorkspaceError::new("holding blobs", e))
    }

    fn remember(&self, part: &Derivation, composed: &Composed) -> Result<(), WorkspaceError> {
        let (trace, _) = trace::of(part, composed.clone(), Vec::new());
        if !self.again {
            self.batch
                .trace(&trace)
                .map_err(|e| WorkspaceError::new("recording a step", e))?;
        }
        if let Some(facts) = trace.facts {
            let mut parts = self.parts.lock().expect(NO_PANIC);
            parts.insert(trace.key, facts);
        }
        Ok(())
    }

    fn deflated(&self, content: BlobId, object: BlobId, at: u64) {
        self.batch.deflated(content, object, at);
    }

    fn tell(&self, part: &Derivation, facts: &canonical::Value) {
        let mut parts = self.parts.lock().expect(NO_PANIC);
        parts.insert(part.key(), facts.clone());
    }

    fn told(&self, part: &Derivation) -> Option<canonical::Value> {
        let key = part.key();
        self.parts.lock().expect(NO_PANIC).get(&key).cloned()
    }

    fn scratch(&self) -> Result<PathBuf, WorkspaceError> {
        self.batch
            .scratch()
            .map_err(|e| WorkspaceError::new("making scratch space", e))
    }

    fn lay_out(&self, tree: TreeId, owner: Option<(u32, u32)>) -> Result<PathBuf, WorkspaceError> {
        let at = self.scratch()?.join("tree");
        self.store
            .lay_out(tree, &at, owner)
            .map_err(|e| WorkspaceError::new(format!("laying out tree {tree}"), e))?;
        Ok(at)
    }

    fn program(&self) -> Option<PathBuf> {
        self.program.map(Path::to_owned)
    }

    fn note(&self, line: &str) {
        self.notes
            .lock()
            .expect("no thread panics while it notes a line")
            .push(line.to_owned());
    }
}

fn unknown(rpm: EntryId) -> WorkspaceError {
    let action = format!("looking up package {rpm}");
    WorkspaceError::new(action, "its record is not in the store")
}
