//! Collecting what nothing keeps alive.
//!
//! 1. Mark, without any lock; list what is not marked.
//! 2. The swap, under the exclusive lock: read roots and leases again, drop from the list what they need,
//!    condemn the rest in the index, at full sync. Files stay where they are.
//! 3. Unlink what is condemned and due, in batches: under the lock, what somebody flipped back is left alone.
//!
//! Only bytes are collected: blobs, assemblies and views. Trees, entries and traces are records, and stay,
//! unless they are damaged and no generation was made of them.
//! A view costs more than links where blobs that are held in parts are written out in it:
//! such a view goes too where that is much, unless it is of a newest generation or in use. It is made again when somebody asks for it.
//! Last, what is here as a file and compressed too is kept compressed alone, see `compress`.
//! Whatever can't be read stops the collector before it deletes anything.
//! What is in the way of a removal, a directory with something in it, is told in the end, and keeps nothing else from going.

mod compress;
mod harmed;
mod mark;
mod sweep;

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::store::error::{Error, Result};
use crate::store::fault;
use crate::store::index::{Form, Index, Object, Rows, State};
use crate::store::layout::{Layout, Twin};
use crate::store::lock::{Lock, Name};
use crate::store::{RootName, Store, reserve, view};
pub(in crate::store) use mark::Marks;
use sweep::blocks;

use crate::ids::{EntryId, Hash};

/// So many files are unlinked while writers wait.
const BATCH: usize = 256;

/// What to collect.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GcOptions {
    /// Says what would go, and changes nothing.
    pub dry_run: bool,
    /// Keeps alive so many of the newest generations of each name, at least one; all without.
    pub keep_last: Option<u32>,
    /// Gives up what the newest generations were made from, as far as they don't refer to it.
    pub drop_intermediates: bool,
    /// Views of older generations go where something takes more bytes in them, written out from its parts.
    pub views_above: u64,
    /// Condemns now; a later collector unlinks when this much time has passed, whatever it is told to keep.
    pub grace: Option<Duration>,
    /// Generations that keep nothing from now on.
    pub forget: BTreeSet<(RootName, u32)>,
    /// Flips back everything that is condemned and still here, and collects nothing.
    pub undo: bool,
    /// Seconds since 1970.
    pub now: i64,
}

/// What was collected, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GcReport {
    /// Entries that can't be read any more, and could before.
    pub entries: u64,
    /// Blobs unlinked.
    pub objects: u64,
    /// Blobs that have no file of their own any more, and are read out of their compressed form.
    pub compressed: u64,
    /// What `du` loses, views and links counted.
    pub bytes: u64,
    /// Entries that are kept, with all their bytes; after an undo all that have theirs.
    pub kept: u64,
    /// Views removed.
    pub views: u64,
    /// Damaged records removed that nothing needs.
    pub records: u64,
    /// Downloads removed that nobody brought to their end.
    pub downloads: u64,
    /// Places removed where killed processes had begun to write something.
    pub unfinished: u64,
    /// Blobs that wait for the end of their grace, with their bytes.
    pub pending: u64,
    pub pending_bytes: u64,
    /// Blobs flipped back by an undo.
    pub restored: u64,
    /// Directories with something in them where a file was to go; what they stand for is due again next time.
    pub in_the_way: Vec<PathBuf>,
}

/// How far something long has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// `marking`, `unlinking`, `compressing`, `hashing`
    pub phase: &'static str,
    pub done: u64,
    pub total: Option<u64>,
}

pub type OnProgress<'a> = &'a (dyn Fn(Progress) + Sync);

impl Store {
    pub fn gc(&self, options: &GcOptions, progress: OnProgress) -> Result<GcReport> {
        let Some(index) = self.index()? else {
            return Ok(GcReport::default());
        };
        let collector = Collector {
            store: self,
            index: &index,
            options,
            progress,
            report: GcReport::default(),
        };
        if options.dry_run {
            return collector.rehearse();
        }
        let Some(_gc) = Lock::try_exclusive(self.layout(), Name::Gc)? else {
            return Err(Error::Busy {
                what: format!("a collector is running in {} already", self.dir().display()),
            });
        };
        reserve::release_if_tight(self.layout());
        for (name, number) in &options.forget {
            self.forget(name, *number)?;
        }
        let report = if options.undo {
            collector.undo()
        } else {
            collector.run()
        };
        reserve::fill(self.layout());
        report
    }
}

struct Collector<'a> {
    store: &'a Store,
    index: &'a Index,
    options: &'a GcOptions,
    progress: OnProgress<'a>,
    report: GcReport,
}

/// Blobs by what is to become of them, each list in the order of rows.
#[derive(Default)]
struct Plan {
    /// Not marked, not condemned yet.
    dead: Vec<Object>,
    /// Condemned, and needed since.
    needed: Vec<Object>,
    /// Condemned, and due.
    due: Vec<Object>,
    /// Condemned, and not due.
    waiting: Vec<Object>,
    /// All that are held in parts.
    assemblies: Rows,
    /// Taken by earlier collectors.
    gone: Rows,
}

/// A view that goes.
struct IdleView {
    path: PathBuf,
    entry: u32,
    /// Whether the entry itself stays.
    kept: bool,
}

impl IdleView {
    /// Somebody may have come to need it.
    fn is_needed(&self, marks: &Marks) -> bool {
        match self.kept {
            true => marks.is_used(self.entry),
            false => marks.has(self.entry),
        }
    }
}

impl Plan {
    fn make(index: &Index, marks: &Marks, now: i64) -> Result<Plan> {
        let mut plan = Plan::default();
        index.every_blob(|object| {
            if object.form == Form::Assembly {
                plan.assemblies.insert(object.row);
            }
            match object.state {
                State::Live | State::Damaged if !marks.rows.contains(object.row) => {
                    plan.dead.push(object);
                }
                State::Condemned if marks.takes_back(object.row) => plan.needed.push(object),
                State::Condemned if object.due.is_none_or(|due| due <= now) => {
                    plan.due.push(object);
                }
                State::Condemned => plan.waiting.push(object),
                State::Gone => drop(plan.gone.insert(object.row)),
                _ => {}
            }
        })?;
        Ok(plan)
    }

    /// Spares what was marked since.
    fn spare(&mut self, marks: &Marks) {
        self.dead.retain(|object| !marks.rows.contains(object.row));
        let needed = |object: &mut Object| marks.takes_back(object.row);
        for list in [&mut self.due, &mut self.waiting] {
            self.needed.extend(list.extract_if(.., needed));
        }
    }

    /// Moves the dead to those that wait or are due. What is damaged waits for nobody: it is of no use to who comes to need it.
    fn condemn(&mut self, grace: bool) {
        let (broken, dead) = std::mem::take(&mut self.dead)
            .into_iter()
            .partition::<Vec<Object>, _>(|object| object.state == State::Damaged);
        self.due.extend(broken);
        let list = match grace {
            true => &mut self.waiting,
            false => &mut self.due,
        };
        list.extend(dead);
        self.due.sort_by_key(|object| object.row);
        self.waiting.sort_by_key(|object| object.row);
    }
}

fn rows(objects: &[Object]) -> Rows {
    objects.iter().map(|object| object.row).collect()
}

impl Collector<'_> {
    fn tell(&self, phase: &'static str, done: usize, total: usize) {
        (self.progress)(Progress {
            phase,
            done: done as u64,
            total: Some(total as u64),
        });
    }

    fn layout(&self) -> &Layout {
        self.store.layout()
    }

    fn run(mut self) -> Result<GcReport> {
        self.drop_unfinished(true)?;
        self.tell("marking", 0, 1);
        let mut marks = Marks::new(self.store.layout(), self.index, self.options)?;
        marks.absorb(false)?;
        let mut plan = Plan::make(self.index, &marks, self.options.now)?;
        let orphans = self.orphans()?;
        self.tell("marking", 1, 1);
        fault::point("gc.marked");
        self.swap(&mut marks, &mut plan)?;
        fault::point("gc.condemned");

        self.drop_downloads(true)?;
        self.count_entries(&marks, &plan)?;
        let views = self.idle_views(&marks, &plan)?;
        self.remove_views(&mut marks, views)?;
        fault::point("gc.views");
        let due: BTreeSet<Hash> = plan.due.iter().map(|object| object.hash).collect();
        let twins = self.twins(&due, &BTreeMap::new())?;
        for (path, _) in twins {
            self.unlink(&path)?;
        }
        self.unlink_due(&plan.due)?;
        self.unlink_orphans(orphans)?;
        self.drop_harmed()?;
        self.compress(&marks)?;
        self.count_waiting(&marks, &plan, BTreeMap::new(), &BTreeSet::new())?;
        fault::point("gc.done");
        Ok(self.report)
    }

    /// Decides, while nobody else does.
    fn swap(&mut self, marks: &mut Marks, plan: &mut Plan) -> Result<()> {
        let _swap = Lock::exclusive(self.layout(), Name::Swap)?;
        marks.absorb(true)?;
        plan.spare(marks);
        fault::point("gc.before-condemn");
        let needed = std::mem::take(&mut plan.needed);
        let lost = self.store.revive(self.index, needed)?;
        for row in lost {
            plan.gone.insert(row);
        }
        let now = self.options.now;
        let grace = self.options.grace.map(|grace| grace.as_secs());
        let due = now.saturating_add_unsigned(grace.unwrap_or(0));
        let dead = |damaged: bool| {
            let dead = plan.dead.iter();
            let dead = dead.filter(move |object| (object.state == State::Damaged) == damaged);
            dead.map(|object| object.row).collect::<Vec<i64>>()
        };
        let (dead, broken) = (dead(false), dead(true));
        if !broken.is_empty() {
            // Not condemned: who takes back what is condemned takes it for good.
            self.index
                .set_state(broken.into_iter(), State::Gone, None)?;
            self.index.barrier()?;
        }
        if !dead.is_empty() {
            self.index
                .set_state(dead.into_iter(), State::Condemned, Some(due))?;
        }
        plan.condemn(due > now);
        Ok(())
    }

    /// The same decisions and the same sums, without the swap lock and without a change.
    fn rehearse(mut self) -> Result<GcReport> {
        if self.options.undo {
            self.index.every_object(|object| {
                self.report.restored += u64::from(object.state == State::Condemned);
            })?;
            self.count_whole()?;
            return Ok(self.report);
        }
        let mut marks = Marks::new(self.store.layout(), self.index, self.options)?;
        marks.absorb(false)?;
        let mut plan = Plan::make(self.index, &marks, self.options.now)?;
        plan.condemn(self.options.grace.is_some_and(|grace| grace.as_secs() > 0));
        self.count_entries(&marks, &plan)?;
        let mut links = BTreeMap::new();
        for view in self.idle_views(&marks, &plan)? {
            self.report.views += 1;
            self.report.bytes += view::bytes_of(&view.path)?;
            count_links(&view.path, &mut links)?;
        }
        let due: BTreeSet<Hash> = plan.due.iter().map(|object| object.hash).collect();
        let mut twins = BTreeSet::new();
        for (path, bytes) in self.twins(&due, &links)? {
            self.report.bytes += bytes;
            twins.insert(path);
        }
        for object in &plan.due {
            self.report.objects += 1;
            self.report.bytes += self.blocks(object)?.unwrap_or(0);
        }
        for one in self.compressible(&marks, &links)? {
            self.report.compressed += 1;
            self.report.bytes += one.saves();
        }
        for (path, _) in self.orphans()? {
            self.report.bytes += blocks(&path)?.unwrap_or(0);
        }
        self.rehearse_harmed()?;
        self.drop_downloads(false)?;
        self.drop_unfinished(false)?;
        self.count_waiting(&marks, &plan, links, &twins)?;
        Ok(self.report)
    }

    fn undo(mut self) -> Result<GcReport> {
        let _swap = Lock::exclusive(self.layout(), Name::Swap)?;
        let mut condemned = Vec::new();
        self.index.every_object(|object| {
            if object.state == State::Condemned {
                condemned.push(object);
            }
        })?;
        let count = condemned.len();
        let lost = self.store.revive(self.index, condemned)?;
        self.report.restored = (count - lost.len()) as u64;
        self.count_whole()?;
        Ok(self.report)
    }

    /// Entries that stay, and entries that lose something in this run. What lost something before is neither.
    fn count_entries(&mut self, marks: &Marks, plan: &Plan) -> Result<()> {
        let due = rows(&plan.due);
        let going = plan.due.iter().chain(&plan.waiting);
        let going = going.map(|object| object.row);
        let absent: Rows = plan.gone.iter().chain(going).collect();
        self.index.every_entry(|entry, contained| {
            if !contained.meets(&absent) {
                self.report.kept += u64::from(marks.entries.contains(entry));
            } else if contained.meets(&due) && !contained.meets(&plan.gone) {
                self.report.entries += 1;
            }
        })
    }

    /// Entries that have all their bytes where nothing is condemned.
    fn count_whole(&mut self) -> Result<()> {
        let mut gone = Rows::default();
        self.index.every_blob(|object| {
            if object.state == State::Gone {
                gone.insert(object.row);
            }
        })?;
        self.index.every_entry(|_, contained| {
            self.report.kept += u64::from(!contained.meets(&gone));
        })
    }

    /// Views of entries that nothing keeps, but for those in their grace; and those that cost more than links,
    /// unless they are in use.
    fn idle_views(&self, marks: &Marks, plan: &Plan) -> Result<Vec<IdleView>> {
        let mut idle = Vec::new();
        let (due, waiting) = (rows(&plan.due), rows(&plan.waiting));
        for (path, entry) in self.store.views()? {
            // What belongs to no entry is no view, and not ours to delete.
            let Some(entry) = self.row_of(entry)? else {
                continue;
            };
            let kept = marks.has(entry);
            let view = IdleView { path, entry, kept };
            if view.is_needed(marks) {
                continue;
            }
            let (mut goes, mut waits, mut in_parts) = (false, false, Vec::new());
            let known = self.index.each_below(entry, |row| {
                goes |= due.contains(row);
                waits |= waiting.contains(row);
                if kept && plan.assemblies.contains(row) {
                    in_parts.push(row);
                }
            })?;
            let costs = self.is_written_out(in_parts.into_iter().collect())?;
            let unwanted = match kept {
                true => costs,
                false => self.options.grace.is_none(),
            };
            if known && !waits && (goes || unwanted) {
                idle.push(view);
            }
        }
        Ok(idle)
    }

    /// What waits for the end of its grace, with all that goes with it then: views, and twins that only they have.
    /// `links` has those that go before, and `twins` are those that do.
    fn count_waiting(
        &mut self,
        marks: &Marks,
        plan: &Plan,
        mut links: BTreeMap<(u64, u64), u64>,
        twins: &BTreeSet<PathBuf>,
    ) -> Result<()> {
        if plan.waiting.is_empty() {
            return Ok(());
        }
        for object in &plan.waiting {
            self.report.pending += 1;
            self.report.pending_bytes += self.blocks(object)?.unwrap_or(0);
        }
        let waiting = rows(&plan.waiting);
        for (path, entry) in self.store.views()? {
            let Some(entry) = self.row_of(entry)? else {
                continue;
            };
            let mut waits = false;
            self.index
                .each_below(entry, |row| waits |= waiting.contains(row))?;
            if waits && !marks.is_used(entry) {
                self.report.pending_bytes += view::bytes_of(&path)?;
                count_links(&path, &mut links)?;
            }
        }
        let waiting: BTreeSet<Hash> = plan.waiting.iter().map(|object| object.hash).collect();
        for (path, bytes) in self.twins(&waiting, &links)? {
            if !twins.contains(&path) {
                self.report.pending_bytes += bytes;
            }
        }
        Ok(())
    }

    /// Whether one of the blobs takes much room where views have it. Where there are no links, nobody can say.
    fn is_written_out(&self, rows: BTreeSet<i64>) -> Result<bool> {
        for object in self.index.objects_by_row(&rows)? {
            let twin = self.layout().twin(Twin::Assembled, object.hash);
            if blocks(&twin)?.is_some_and(|bytes| bytes > self.options.views_above) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn row_of(&self, entry: Option<EntryId>) -> Result<Option<u32>> {
        entry.map_or(Ok(None), |entry| self.index.entry_row(entry))
    }

    fn blocks(&self, object: &Object) -> Result<Option<u64>> {
        blocks(&self.layout().object(object.kind(), object.hash))
    }
}

/// For each file below, how many links to it are there.
fn count_links(dir: &Path, links: &mut BTreeMap<(u64, u64), u64>) -> Result<()> {
    for item in walkdir::WalkDir::new(dir) {
        let file = item
            .and_then(|item| item.metadata())
            .map_err(|e| Error::io("reading", dir, e.into()))?;
        if file.is_file() && file.nlink() > 1 {
            *links.entry((file.dev(), file.ino())).or_default() += 1;
        }
    }
    Ok(())
}
