//! What is alive, and through what.
//!
//! Marks only grow: what roots and leases say later is absorbed on top of what they said before.
//! All of it is done with the numbers that the index gives to objects and traces.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::GcOptions;
use crate::ids::{BlobId, EntryId, Hash, TraceId};
use crate::store::error::{Error, Result};
use crate::store::index::{Graph, Index, Rows, Type};
use crate::store::layout::{Kind, Layout};
use crate::store::read::exists;
use crate::store::{RootName, fault, lease, root};

/// Everything that must stay.
pub(in crate::store) struct Marks<'a> {
    layout: &'a Layout,
    index: &'a Index,
    /// Of each name; all without.
    keep_last: Option<u32>,
    drop_intermediates: bool,
    /// Generations that count no more.
    forget: BTreeSet<(RootName, u32)>,
    /// Whether what each generation was made of counts, and not only the newest.
    history: bool,
    pub entries: Rows,
    /// Of those, the newest generations and what running processes hold: their views stay.
    used: Rows,
    pub rows: Rows,
    traced: Rows,
    /// Entries whose makers this look has asked for: a later one may find more of them.
    asked: Rows,
    /// Whether roots and leases were absorbed before.
    looked: bool,
    /// Blobs marked since assemblies were last followed.
    fresh: Vec<i64>,
    /// When they were.
    followed: Option<(i64, u64)>,
    /// What stays whatever a collector is told; only where something is condemned.
    surely: Option<Box<Marks<'a>>>,
}

/// What roots and leases name.
#[derive(Default)]
struct Named {
    entries: BTreeSet<EntryId>,
    newest: BTreeSet<EntryId>,
    blobs: BTreeSet<BlobId>,
    /// Of the newest generation of each name.
    traces: BTreeSet<TraceId>,
    /// What running processes need: leased before it is written, so perhaps not known yet.
    held: lease::Held,
}

/// Where edges are looked up.
enum Edges<'a> {
    /// The first look goes through most of them.
    Copied(Box<Graph>),
    /// A later one adds little, and must see what is new.
    Asked(&'a Index),
}

impl Edges<'_> {
    fn references(&self, entry: u32) -> Result<Cow<'_, [u32]>> {
        Ok(match self {
            Edges::Copied(graph) => graph.references.get(entry).into(),
            Edges::Asked(index) => index.references_of(entry)?.into(),
        })
    }

    fn inputs(&self, trace: u32) -> Result<Cow<'_, [u32]>> {
        Ok(match self {
            Edges::Copied(graph) => graph.inputs.get(trace).into(),
            Edges::Asked(index) => index.inputs_of(trace)?.into(),
        })
    }

    fn makers(&self, entry: u32) -> Result<Cow<'_, [u32]>> {
        Ok(match self {
            Edges::Copied(graph) => graph.makers.get(entry).into(),
            Edges::Asked(index) => index.makers_of(entry)?.into(),
        })
    }

    /// Whether an entry is known, and not only named by others.
    fn knows(&self, entry: u32) -> Result<bool> {
        match self {
            Edges::Copied(graph) => Ok(graph.entries.contains(i64::from(entry))),
            Edges::Asked(index) => index.each_below(entry, |_| ()),
        }
    }
}

impl<'a> Marks<'a> {
    pub fn new(layout: &'a Layout, index: &'a Index, options: &GcOptions) -> Result<Self> {
        let marks = |keep_last, drop_intermediates| Marks {
            layout,
            index,
            keep_last,
            drop_intermediates,
            forget: options.forget.clone(),
            history: false,
            entries: Rows::default(),
            used: Rows::default(),
            rows: Rows::default(),
            traced: Rows::default(),
            asked: Rows::default(),
            looked: false,
            fresh: Vec::new(),
            followed: None,
            surely: None,
        };
        let condemned = index.absent()?.condemned;
        Ok(Marks {
            surely: condemned.then(|| marks(Some(1), true).into()),
            ..marks(options.keep_last, options.drop_intermediates)
        })
    }

    /// What any generation was made of, and what is in use: whether its bytes are kept or not, its records are.
    pub fn of_history(layout: &'a Layout, index: &'a Index) -> Result<Self> {
        let all = Marks::new(layout, index, &GcOptions::default())?;
        Ok(Marks {
            history: true,
            surely: None,
            ..all
        })
    }

    /// Whether a tree or an entry is needed, for itself or below another.
    pub fn needs(&self, row: i64) -> bool {
        self.entries.contains(row) || self.rows.contains(row)
    }

    /// Whether a trace says how something came about that is marked.
    pub fn follows(&self, trace: u32) -> bool {
        self.traced.contains(i64::from(trace))
    }

    /// Whether an entry stays.
    pub fn has(&self, entry: u32) -> bool {
        self.entries.contains(i64::from(entry))
    }

    /// Whether an object that is condemned comes back: somebody came to need it since.
    ///
    /// An older generation, or what a newest was made from, is no reason: an earlier collector was told to give those up,
    /// and what it promised holds also where a later one is told less.
    pub fn takes_back(&self, row: i64) -> bool {
        let surely = self.surely.as_ref();
        surely.is_some_and(|surely| surely.rows.contains(row))
    }

    /// Whether an entry is in use, and not only kept.
    pub fn is_used(&self, entry: u32) -> bool {
        self.used.contains(i64::from(entry))
    }

    /// Marks what roots and leases say now. `reap`s dead leases, which only an exclusive swap lock allows.
    pub fn absorb(&mut self, reap: bool) -> Result<()> {
        if let Some(surely) = &mut self.surely {
            surely.absorb(reap)?;
        }
        let named = self.named(reap)?;
        self.asked = Rows::default();
        // Read after the roots: what they name was committed before they were written.
        let edges = match self.looked {
            false => Edges::Copied(self.index.graph()?.into()),
            true => Edges::Asked(self.index),
        };
        let mut new = Vec::new();
        for entry in named.entries {
            let row = self.index.entry_row(entry)?;
            let row = row.ok_or_else(|| self.unknown(Kind::Entry, entry.0))?;
            self.entry(&edges, row, true, &mut new)?;
            if named.newest.contains(&entry) {
                self.used.insert(i64::from(row));
            }
        }
        for trace in named.traces {
            let row = self.index.trace_row(trace)?;
            let row = row.ok_or_else(|| self.unknown(Kind::Trace, trace.0))?;
            self.made_of(&edges, row, &mut new)?;
        }
        for entry in named.held.entries {
            if let Some(row) = self.index.entry_row(entry)? {
                self.entry(&edges, row, false, &mut new)?;
                self.used.insert(i64::from(row));
            }
        }
        drop(edges);
        self.below(new)?;
        for blob in named.blobs {
            match self.index.object(Type::Blob, blob.0)? {
                Some(object) => self.row(object.row),
                None if self.is_here(blob)? => return Err(self.unknown(Kind::Blob, blob.0)),
                // Taken when fewer generations were kept; an index that was made anew never heard of it.
                None => {}
            }
        }
        for blob in named.held.blobs {
            if let Some(object) = self.index.object(Type::Blob, blob.0)? {
                self.row(object.row);
            }
        }
        self.looked = true;
        self.follow_assemblies()
    }

    fn named(&self, reap: bool) -> Result<Named> {
        // Leases before roots: a lease goes once its root is written, so that whoever has no lease any more has a root.
        let mut named = Named {
            held: lease::read_all(self.layout, reap)?,
            ..Named::default()
        };
        fault::point("gc.looking");
        for name in root::names(self.layout)? {
            let mut generations = root::generations(self.layout, &name)?;
            if !self.forget.is_empty() {
                generations.retain(|one| !self.forget.contains(&(name.clone(), one.number)));
            }
            // The newest one always stays: a name that stands for nothing helps nobody.
            let kept = self
                .keep_last
                .map_or(generations.len(), |n| n.max(1) as usize);
            let first = generations.len().saturating_sub(kept);
            let newest = generations.last();
            named.newest.extend(newest.map(|newest| newest.entry));
            if !self.drop_intermediates {
                named.traces.extend(newest.and_then(|newest| newest.trace));
            }
            if self.history {
                named
                    .traces
                    .extend(generations.iter().filter_map(|g| g.trace));
            }
            for generation in &generations[first..] {
                named.entries.insert(generation.entry);
                named.blobs.extend(generation.blobs());
            }
            // Records outlive bytes: what a collected generation was drawn from, it can still be asked.
            named
                .blobs
                .extend(generations.iter().filter_map(|g| g.origin));
        }
        Ok(named)
    }

    /// The inputs of a trace, and theirs; an input may be one that no longer is known.
    ///
    /// Of an input made by several traces all are followed: which of them a plan used, nobody wrote down.
    fn made_of(&mut self, edges: &Edges<'_>, newest: u32, new: &mut Vec<u32>) -> Result<()> {
        let mut queue = vec![newest];
        while let Some(trace) = queue.pop() {
            if !self.traced.insert(i64::from(trace)) {
                continue;
            }
            for &input in edges.inputs(trace)?.iter() {
                self.entry(edges, input, false, new)?;
                if self.asked.insert(i64::from(input)) {
                    queue.extend(edges.makers(input)?.iter());
                }
            }
        }
        Ok(())
    }

    /// An entry and its references, and theirs. Those must be known, the entry itself only where a root names it.
    fn entry(
        &mut self,
        edges: &Edges<'_>,
        entry: u32,
        surely: bool,
        new: &mut Vec<u32>,
    ) -> Result<()> {
        let mut queue = vec![(entry, surely)];
        while let Some((entry, surely)) = queue.pop() {
            if self.entries.contains(i64::from(entry)) {
                continue;
            }
            if edges.knows(entry)? {
                self.entries.insert(i64::from(entry));
                new.push(entry);
                queue.extend(edges.references(entry)?.iter().map(|&entry| (entry, true)));
            } else if surely {
                let object = self.index.objects_by_row(&[i64::from(entry)].into())?;
                return Err(self.unknown(Kind::Entry, object[0].hash));
            }
        }
        Ok(())
    }

    /// Marks what is below entries.
    fn below(&mut self, entries: Vec<u32>) -> Result<()> {
        if self.looked {
            for entry in entries {
                let (rows, fresh) = (&mut self.rows, &mut self.fresh);
                self.index.each_below(entry, |row| {
                    if rows.insert(row) {
                        fresh.push(row);
                    }
                })?;
            }
            return Ok(());
        }
        drop(entries);
        let (marked, rows, fresh) = (&self.entries, &mut self.rows, &mut self.fresh);
        self.index.every_entry(|entry, contained| {
            if marked.contains(entry) {
                contained.each(|row| {
                    if rows.insert(row) {
                        fresh.push(row);
                    }
                });
            }
        })
    }

    fn row(&mut self, row: i64) {
        if self.rows.insert(row) {
            self.fresh.push(row);
        }
    }

    fn follow_assemblies(&mut self) -> Result<()> {
        let moment = Some(self.index.moment()?);
        let first = self.followed.is_none();
        if self.fresh.is_empty() && (first || self.followed == moment) {
            return Ok(());
        }
        let parts: BTreeMap<i64, Vec<i64>> = self.index.parts()?;
        if !first && self.followed != moment {
            // What was marked when it was not here may have been written since, and in parts.
            let marked = parts.keys().filter(|row| self.rows.contains(**row));
            self.fresh.extend(marked);
        }
        self.followed = moment;
        while let Some(row) = self.fresh.pop() {
            for part in parts.get(&row).into_iter().flatten() {
                self.row(*part);
            }
        }
        Ok(())
    }

    /// Whether there is a file of a blob, whatever the index knows.
    fn is_here(&self, blob: BlobId) -> Result<bool> {
        let file = |kind| exists(&self.layout.object(kind, blob.0));
        Ok(file(Kind::Blob)? || file(Kind::Assembly)?)
    }

    fn unknown(&self, kind: Kind, id: Hash) -> Error {
        Error::IndexDamaged {
            path: self.layout.index(),
            problem: format!("does not know {kind} {id}, which a root needs"),
        }
    }
}
