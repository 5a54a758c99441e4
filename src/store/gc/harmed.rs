//! Damaged records that nobody could ask for: they tell nothing any more, and would only be called damaged for ever.
//!
//! Records outlive bytes, so what any generation was made of stays, damaged or not: it can be made anew.
//! Others are left over from plans that came to something else; those go where they can't be read.

use super::Collector;
use super::mark::Marks;
use super::sweep::blocks;
use crate::ids::{EntryId, TraceId, TreeId};
use crate::store::error::{Error, Result};
use crate::store::index::{Object, State};
use crate::store::layout::Kind;
use crate::store::lock::{Lock, Name};

/// Records that are to go.
#[derive(Default)]
struct Harmed {
    /// Trees and entries.
    objects: Vec<Object>,
    traces: Vec<(u32, TraceId)>,
}

impl Harmed {
    fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.traces.is_empty()
    }
}

impl Collector<'_> {
    pub(super) fn drop_harmed(&mut self) -> Result<()> {
        if self.harmed()?.is_empty() {
            return Ok(());
        }
        let mut history = Marks::of_history(self.store.layout(), self.index)?;
        history.absorb(false)?;
        // Who makes one of them anew does it under this lock, and then it is damaged no more.
        let _swap = Lock::exclusive(self.layout(), Name::Swap)?;
        history.absorb(true)?;
        let harmed = self.unneeded(&history)?;
        for object in &harmed.objects {
            if self.unlink(&self.layout().object(object.kind(), object.hash))? {
                let row = [object.row].into_iter();
                self.index.set_state(row, State::Gone, None)?;
                self.report.records += 1;
            }
        }
        for &(row, trace) in &harmed.traces {
            self.index.briefs_drop([trace].into_iter())?;
            // A row without a file would be damage again; a file without a row is found by who makes the index anew.
            self.index.forget_trace(row)?;
            let gone = self.unlink(&self.layout().trace(trace))?;
            self.report.records += u64::from(gone);
        }
        Ok(())
    }

    pub(super) fn rehearse_harmed(&mut self) -> Result<()> {
        if self.harmed()?.is_empty() {
            return Ok(());
        }
        let mut history = Marks::of_history(self.store.layout(), self.index)?;
        history.absorb(false)?;
        let harmed = self.unneeded(&history)?;
        let objects = harmed.objects.iter();
        let mut paths: Vec<_> = objects
            .map(|object| self.layout().object(object.kind(), object.hash))
            .collect();
        paths.extend(
            harmed
                .traces
                .iter()
                .map(|(_, trace)| self.layout().trace(*trace)),
        );
        for path in &paths {
            self.report.bytes += blocks(path)?.unwrap_or(0);
        }
        self.report.records = paths.len() as u64;
        Ok(())
    }

    /// What an earlier look found damaged.
    fn harmed(&self) -> Result<Harmed> {
        Ok(Harmed {
            objects: self.index.harmed_records()?,
            traces: self.index.harmed_traces()?,
        })
    }

    /// Of that, what no generation was made of, and what still can't be read.
    fn unneeded(&self, history: &Marks) -> Result<Harmed> {
        let all = self.harmed()?;
        let mut unneeded = Harmed::default();
        for object in all.objects {
            if !history.needs(object.row) && !self.reads(object.kind(), object.hash)? {
                unneeded.objects.push(object);
            }
        }
        for (row, trace) in all.traces {
            if !history.follows(row) && !self.reads(Kind::Trace, trace.0)? {
                unneeded.traces.push((row, trace));
            }
        }
        Ok(unneeded)
    }

    /// Whether a record is sound after all. What can't be read for another reason stops the collector.
    fn reads(&self, kind: Kind, hash: crate::ids::Hash) -> Result<bool> {
        let read = match kind {
            Kind::Tree => self.store.directory(TreeId(hash)).map(drop),
            Kind::Trace => self.store.trace(TraceId(hash)).map(drop),
            _ => self.store.entry(EntryId(hash)).map(drop),
        };
        match read {
            Ok(()) => Ok(true),
            Err(Error::Damaged { .. } | Error::Missing { .. }) => Ok(false),
            Err(e) => Err(e),
        }
    }
}
