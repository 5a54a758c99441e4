//! What is alive, and through what.
//!
//! Marks only grow: what roots and leases say later is absorbed on top of what they said before.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{BlobId, EntryId, Hash, TraceId};
use crate::store::error::{Error, Result};
use crate::store::index::{Index, Type};
use crate::store::layout::{Kind, Layout};
use crate::store::{lease, root};

/// Rows of objects, as bits.
#[derive(Default)]
pub(super) struct Rows(Vec<u64>);

impl Rows {
    fn place(row: i64) -> Option<(usize, u64)> {
        let row = usize::try_from(row).ok()?;
        Some((row / 64, 1 << (row % 64)))
    }

    pub fn contains(&self, row: i64) -> bool {
        Self::place(row)
            .is_some_and(|(word, bit)| self.0.get(word).is_some_and(|bits| bits & bit != 0))
    }

    /// Says whether it is new.
    fn insert(&mut self, row: i64) -> bool {
        let Some((word, bit)) = Self::place(row) else {
            return false;
        };
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        let new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        new
    }
}

/// Everything that must stay.
pub(super) struct Marks<'a> {
    layout: &'a Layout,
    index: &'a Index,
    /// So many of the newest generations of each name are kept; all without.
    keep_last: Option<u32>,
    pub entries: BTreeSet<EntryId>,
    pub rows: Rows,
    traced: BTreeSet<TraceId>,
    /// Blobs marked since assemblies were last followed.
    fresh: Vec<i64>,
}

/// Who names an entry, for the message when the index does not know it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Root,
    /// Leased before it is written, or the input of a step whose record outlived its input's.
    Hearsay,
}

impl<'a> Marks<'a> {
    pub fn new(layout: &'a Layout, index: &'a Index, keep_last: Option<u32>) -> Self {
        Marks {
            layout,
            index,
            keep_last,
            entries: BTreeSet::new(),
            rows: Rows::default(),
            traced: BTreeSet::new(),
            fresh: Vec::new(),
        }
    }

    /// Marks what roots and leases say now. `reap`s dead leases, which only an exclusive swap lock allows.
    pub fn absorb(&mut self, reap: bool) -> Result<()> {
        self.roots()?;
        let held = lease::read_all(self.layout, reap)?;
        for entry in held.entries {
            self.entry(entry, By::Hearsay)?;
        }
        for blob in held.blobs {
            self.blob(blob, By::Hearsay)?;
        }
        self.follow_assemblies()
    }

    fn roots(&mut self) -> Result<()> {
        for name in root::names(self.layout)? {
            let generations = root::generations(self.layout, &name)?;
            // The newest one always stays: a name that stands for nothing helps nobody.
            let kept = self
                .keep_last
                .map_or(generations.len(), |n| n.max(1) as usize);
            let first = generations.len().saturating_sub(kept);
            for generation in &generations[first..] {
                self.entry(generation.entry, By::Root)?;
                for blob in generation.blobs() {
                    self.blob(blob, By::Root)?;
                }
            }
            if let Some(trace) = generations.last().and_then(|newest| newest.trace) {
                self.made_of(trace)?;
            }
        }
        Ok(())
    }

    /// The inputs of a trace, and theirs.
    ///
    /// Of an input made by several traces all are followed: which of them a plan used, nobody wrote down.
    fn made_of(&mut self, newest: TraceId) -> Result<()> {
        if !self.index.has_trace(newest)? {
            return Err(self.unknown(Kind::Trace, newest.0));
        }
        let mut queue = vec![newest];
        while let Some(trace) = queue.pop() {
            if !self.traced.insert(trace) {
                continue;
            }
            for input in self.index.inputs(trace)? {
                self.entry(input, By::Hearsay)?;
                queue.extend(self.index.made(input)?);
            }
        }
        Ok(())
    }

    fn entry(&mut self, entry: EntryId, by: By) -> Result<()> {
        let mut queue = vec![(entry, by)];
        while let Some((entry, by)) = queue.pop() {
            if self.entries.contains(&entry) {
                continue;
            }
            match self.index.contents(entry)? {
                Some((_, contents)) => {
                    self.entries.insert(entry);
                    for row in contents.iter() {
                        self.row(row);
                    }
                    let references = self.index.references(entry)?;
                    queue.extend(references.into_iter().map(|entry| (entry, By::Root)));
                }
                None if by == By::Root => return Err(self.unknown(Kind::Entry, entry.0)),
                None => {}
            }
        }
        Ok(())
    }

    fn blob(&mut self, blob: BlobId, by: By) -> Result<()> {
        match self.index.object(Type::Blob, blob.0)? {
            Some(object) => self.row(object.row),
            None if by == By::Root => return Err(self.unknown(Kind::Blob, blob.0)),
            None => {}
        }
        Ok(())
    }

    fn row(&mut self, row: i64) {
        if self.rows.insert(row) {
            self.fresh.push(row);
        }
    }

    fn follow_assemblies(&mut self) -> Result<()> {
        if self.fresh.is_empty() {
            return Ok(());
        }
        let parts: BTreeMap<i64, Vec<i64>> = self.index.parts()?;
        while let Some(row) = self.fresh.pop() {
            for part in parts.get(&row).into_iter().flatten() {
                self.row(*part);
            }
        }
        Ok(())
    }

    fn unknown(&self, kind: Kind, id: Hash) -> Error {
        Error::IndexDamaged {
            path: self.layout.index(),
            problem: format!("does not know {kind} {id}, which a root needs"),
        }
    }
}
