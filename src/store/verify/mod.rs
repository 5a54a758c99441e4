//! Is everything what its name says?
//!
//! What is not is damage: it is reported with all entries that it touches,
//! and noted in the index, so that a step that is realized again writes it anew.

mod needed;
mod touched;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

pub use needed::Needed;

use crate::ids::{BlobId, EntryId, Hash, TraceId, TreeId};
use crate::store::error::{Error, Result};
use crate::store::file;
use crate::store::gc::{OnProgress, Progress};
use crate::store::index::{Index, Object, State};
use crate::store::layout::{Kind, foreign};
use crate::store::lock::{Lock, Name};
use crate::store::read::chain;
use crate::store::stream::{buffered, hash_file};
use crate::store::{Store, root, view};

/// How well to look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifyOptions {
    /// Reads and hashes everything; without it sizes are compared.
    pub full: bool,
    /// Looks only at what is below these entries, and at the traces that made them.
    pub only: Option<Vec<EntryId>>,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Files looked at.
    pub checked: u64,
    /// Sorted by path.
    pub damaged: Vec<Damage>,
}

/// What a damaged file was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    Object(Kind),
    Root,
    View,
    Index,
    /// Something under `objects/`, `traces/` or `roots/` whose name the store does not write.
    Foreign,
}

/// The problem with what somebody else put there.
pub(super) const NO_NAME: &str = "the store writes no such name";

impl std::fmt::Display for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            What::Object(kind) => kind.fmt(f),
            What::Root => f.write_str("root"),
            What::View => f.write_str("view"),
            What::Index => f.write_str("index"),
            What::Foreign => f.write_str("foreign file"),
        }
    }
}

/// Something that is not what its name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    pub what: What,
    pub id: Option<Hash>,
    pub path: PathBuf,
    pub problem: String,
    /// The file is not there at all.
    pub lost: bool,
    /// Every entry that can't be read, or be trusted, because of it.
    pub entries: Vec<EntryId>,
    pub needed: Needed,
}

/// An object with what is wrong with it.
struct Bad {
    object: Object,
    problem: String,
    lost: bool,
}

impl Store {
    pub fn verify(&self, options: &VerifyOptions, progress: OnProgress) -> Result<VerifyReport> {
        let Some(index) = self.index()? else {
            return Ok(VerifyReport::default());
        };
        let verifier = Verifier {
            store: self,
            index: &index,
            full: options.full,
            progress,
            done: AtomicU64::new(0),
        };
        let only = match &options.only {
            Some(entries) => Some(verifier.closure(entries)?),
            None => None,
        };
        verifier.run(only.as_ref())
    }
}

struct Verifier<'a> {
    store: &'a Store,
    index: &'a Index,
    full: bool,
    progress: OnProgress<'a>,
    done: AtomicU64,
}

impl Verifier<'_> {
    fn run(&self, only: Option<&BTreeSet<EntryId>>) -> Result<VerifyReport> {
        let mut damaged = Vec::new();
        if only.is_none()
            && let Some(problem) = self.index.problem(self.full)?
        {
            damaged.push(Damage {
                what: What::Index,
                id: None,
                path: self.store.layout().index(),
                problem,
                lost: false,
                entries: Vec::new(),
                needed: Needed::ByKept,
            });
        }
        let objects = self.objects(only)?;
        let bad = self.check_objects(&objects)?;
        self.note(&objects, &bad)?;
        damaged.extend(self.with_entries(bad)?);
        damaged.extend(self.traces(only)?);
        self.tell_needed(&mut damaged)?;
        if only.is_none() {
            damaged.extend(self.roots()?);
            damaged.extend(foreign(self.store.layout())?.into_iter().map(stray));
        }
        damaged.extend(self.views(only)?);
        damaged.sort_by(|a, b| (&a.path, a.what).cmp(&(&b.path, b.what)));
        if !damaged.is_empty() && self.index.is_past() {
            // What is missed may have been collected.
            return Err(Error::Busy {
                what: "the store was written to while it was looked at; try again".into(),
            });
        }
        Ok(VerifyReport {
            checked: self.done.load(Ordering::Relaxed),
            damaged,
        })
    }

    fn closure(&self, entries: &[EntryId]) -> Result<BTreeSet<EntryId>> {
        let mut closure = BTreeSet::new();
        let mut queue = entries.to_vec();
        while let Some(entry) = queue.pop() {
            if closure.insert(entry) {
                queue.extend(self.index.references(entry)?);
            }
        }
        Ok(closure)
    }

    /// What should be here: all that was not collected. Parts of assemblies come with them.
    fn objects(&self, only: Option<&BTreeSet<EntryId>>) -> Result<Vec<Object>> {
        let mut objects = Vec::new();
        let Some(only) = only else {
            self.index.every_object(|object| {
                if object.state != State::Gone {
                    objects.push(object);
                }
            })?;
            return Ok(objects);
        };
        let mut rows = BTreeSet::new();
        for entry in only {
            let Some((object, contents)) = self.index.contents(*entry)? else {
                return Err(Error::Missing {
                    kind: Kind::Entry,
                    id: entry.0,
                });
            };
            rows.insert(object.row);
            rows.extend(contents.iter());
        }
        let parts = self.index.parts()?;
        let mut queue: Vec<i64> = rows.iter().copied().collect();
        while let Some(row) = queue.pop() {
            let new = parts.get(&row).into_iter().flatten();
            queue.extend(new.filter(|part| rows.insert(**part)));
        }
        objects = self.index.objects_by_row(&rows)?;
        objects.retain(|object| object.state != State::Gone);
        Ok(objects)
    }

    fn tick(&self, total: usize) {
        (self.progress)(Progress {
            phase: if self.full {
                "hashing"
            } else {
                "comparing sizes"
            },
            done: self.done.fetch_add(1, Ordering::Relaxed) + 1,
            total: Some(total as u64),
        });
    }

    fn check_objects(&self, objects: &[Object]) -> Result<Vec<Bad>> {
        let check = |object: &Object| -> Result<Option<Bad>> {
            let found = self.check_object(object)?;
            self.tick(objects.len());
            Ok(found.map(|(problem, lost)| Bad {
                object: *object,
                problem,
                lost,
            }))
        };
        let bad: Vec<Option<Bad>> = objects.par_iter().map(check).collect::<Result<_>>()?;
        Ok(bad.into_iter().flatten().collect())
    }

    /// What is wrong with an object, and whether it is lost altogether.
    fn check_object(&self, object: &Object) -> Result<Option<(String, bool)>> {
        let found = self.look_at(object)?;
        if found.is_some() {
            // One that was compressed meanwhile is another file now.
            let now = self.index.objects_by_row(&[object.row].into())?;
            if let Some(now) = now.first().filter(|now| now.kind() != object.kind()) {
                return self.check_object(now);
            }
        }
        // A collector may have been quicker; and what is condemned may have lost its parts.
        let gone = |o: &Object| matches!(o.state, State::Condemned | State::Gone);
        let taken = |lost: bool| -> Result<bool> {
            let now = self.index.objects_by_row(&[object.row].into())?;
            let parts = lost || object.kind() == Kind::Assembly || self.is_absent(object)?;
            Ok(parts && now.iter().any(gone))
        };
        match found {
            Some((_, lost)) if taken(lost)? => Ok(None),
            // Taken before, and written anew since.
            Some((_, true)) => self.look_at(object),
            found => Ok(found),
        }
    }

    fn is_absent(&self, object: &Object) -> Result<bool> {
        let path = self.store.layout().object(object.kind(), object.hash);
        Ok(!crate::store::read::exists(&path)?)
    }

    fn look_at(&self, object: &Object) -> Result<Option<(String, bool)>> {
        let path = self.store.layout().object(object.kind(), object.hash);
        match fs::symlink_metadata(&path) {
            Ok(file) if !file.is_file() => return Ok(Some((file::IS_NONE.into(), false))),
            Ok(file) if file.len() != object.size => {
                let (has, had) = (file.len(), object.size);
                let problem = format!("it has {has} bytes, and had {had}");
                return Ok(Some((problem, false)));
            }
            Ok(_) if !self.full => {
                let known = object.state == State::Damaged;
                return Ok(known.then(|| ("an earlier look found it damaged".into(), false)));
            }
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Ok(Some(("its file is gone".into(), true)));
            }
            Err(e) if says_nothing(&e) => return Err(Error::io("reading", path, e)),
            Err(e) => return Ok(Some((e.to_string(), false))),
        }
        let result = match object.kind() {
            Kind::Tree => self.store.directory(TreeId(object.hash)).map(drop),
            Kind::Entry => self.store.entry(EntryId(object.hash)).map(drop),
            // A file that can't be read through is damaged; the match below says where that is too much to say.
            Kind::Blob => hash_file(&path)
                .and_then(|found| self.store.check_hash(Kind::Blob, object.hash, found)),
            Kind::Assembly | Kind::Trace => match self.store.read(BlobId(object.hash), 0, None) {
                Ok(reader) => match io::copy(&mut buffered(reader), &mut io::sink()) {
                    Ok(_) => Ok(()),
                    Err(e) if says_nothing(&e) => return Err(Error::io("reading", path, e)),
                    Err(e) => return Ok(Some((of_stream(&e), false))),
                },
                Err(e) => Err(e),
            },
        };
        Ok(match result {
            Ok(()) => None,
            Err(Error::Damaged { problem, .. }) => Some((problem, false)),
            Err(e) if is_of_process(&e) => return Err(e),
            Err(e) => Some((chain(&e), false)),
        })
    }

    /// Notes damage in the index, and what was damaged and is good again.
    fn note(&self, objects: &[Object], bad: &[Bad]) -> Result<()> {
        let rows: BTreeSet<i64> = bad.iter().map(|bad| bad.object.row).collect();
        let was = |state| {
            let bad = bad.iter().filter(move |bad| bad.object.state == state);
            bad.map(|bad| bad.object.row).collect::<BTreeSet<i64>>()
        };
        let (new, condemned) = (was(State::Live), was(State::Condemned));
        // Only a full look can tell that what was damaged is good again.
        let mended: BTreeSet<i64> = objects
            .iter()
            .filter(|o| self.full && o.state == State::Damaged && !rows.contains(&o.row))
            .map(|o| o.row)
            .collect();
        let changes = [
            (new, State::Live, State::Damaged),
            // Where it is damaged it would come back as good.
            (condemned, State::Condemned, State::Damaged),
            (mended, State::Damaged, State::Live),
        ];
        if changes.iter().all(|(rows, ..)| rows.is_empty()) || !self.index.is_writable() {
            return Ok(());
        }
        let _swap = Lock::shared(self.store.layout(), Name::Swap)?;
        for (rows, from, to) in changes {
            self.index.turn(rows.into_iter(), from, to)?;
        }
        Ok(())
    }

    fn traces(&self, only: Option<&BTreeSet<EntryId>>) -> Result<Vec<Damage>> {
        let mut wanted: Option<BTreeSet<TraceId>> = None;
        for entry in only.into_iter().flatten() {
            wanted
                .get_or_insert_default()
                .extend(self.index.made(&[*entry])?.into_iter().flatten());
        }
        let mut traces = self.index.all_traces()?;
        if only.is_some() {
            traces.retain(|(id, _)| wanted.as_ref().is_some_and(|wanted| wanted.contains(id)));
        }
        let check = |(id, size): &(TraceId, u64)| -> Result<Option<Damage>> {
            self.done.fetch_add(1, Ordering::Relaxed);
            let mut found = self.check_trace(*id, *size)?;
            if found.is_some() && !self.index.has_trace(*id)? {
                // A collector dropped it meanwhile, damaged as it was.
                found = None;
            }
            found
                .map(|(problem, lost)| {
                    Ok(Damage {
                        what: What::Object(Kind::Trace),
                        id: Some(id.0),
                        path: self.store.layout().trace(*id),
                        problem,
                        lost,
                        entries: self.index.outputs(*id)?,
                        needed: Needed::ByKept,
                    })
                })
                .transpose()
        };
        let damaged: Vec<Option<Damage>> = traces.par_iter().map(check).collect::<Result<_>>()?;
        let damaged: Vec<Damage> = damaged.into_iter().flatten().collect();
        if self.index.is_writable() {
            let ids: Vec<TraceId> = damaged.iter().filter_map(|d| d.id.map(TraceId)).collect();
            // What was noted of them would hide that they are to be written anew.
            if !ids.is_empty() {
                self.index.briefs_drop(ids.iter().copied())?;
            }
            let noted = match self.full {
                true => self.index.harmed_traces()?,
                false => Vec::new(),
            };
            let mut noted: BTreeSet<TraceId> = noted.into_iter().map(|(_, id)| id).collect();
            ids.iter().for_each(|id| _ = noted.remove(id));
            let looked_at = traces.iter().map(|(id, _)| *id);
            let sound: Vec<TraceId> = looked_at.filter(|id| noted.contains(id)).collect();
            if !ids.is_empty() || !sound.is_empty() {
                self.index.note_harmed(&ids, &sound)?;
            }
        }
        Ok(damaged)
    }

    /// What is wrong with a trace, and whether it is lost altogether.
    fn check_trace(&self, id: TraceId, size: u64) -> Result<Option<(String, bool)>> {
        Ok(match fs::symlink_metadata(self.store.layout().trace(id)) {
            Ok(file) if !file.is_file() => Some((file::IS_NONE.into(), false)),
            Ok(file) if file.len() != size => {
                let has = file.len();
                Some((format!("it has {has} bytes, and had {size}"), false))
            }
            Ok(_) if !self.full => None,
            Ok(_) => match self.store.trace(id) {
                Ok(_) => None,
                Err(Error::Damaged { problem, .. }) => Some((problem, false)),
                Err(e) if is_of_process(&e) => return Err(e),
                Err(e) => Some((chain(&e), false)),
            },
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                Some(("its file is gone".into(), true))
            }
            Err(e) => Some((e.to_string(), false)),
        })
    }

    fn roots(&self) -> Result<Vec<Damage>> {
        let layout = self.store.layout();
        let damage = |path: PathBuf, problem: String, entries| Damage {
            what: What::Root,
            id: None,
            path,
            problem,
            lost: false,
            entries,
            needed: Needed::ByKept,
        };
        let of = |e: Error| match e {
            Error::BadRoot { path, problem } => damage(path, problem, Vec::new()),
            Error::StrayRoot { path } => stray(path),
            e => damage(layout.roots(), chain(&e), Vec::new()),
        };
        let mut damaged = Vec::new();
        let (files, bad) = root::files(layout);
        damaged.extend(bad.into_iter().map(of));
        let mut newest: BTreeMap<PathBuf, (u32, PathBuf)> = BTreeMap::new();
        let files: Vec<_> = files
            .into_iter()
            .map(|(path, number)| (root::read(&path, number), path, number))
            .filter(|(read, ..)| !matches!(read, Ok(None)))
            .collect();
        for (_, path, number) in &files {
            let dir = path.parent().unwrap_or(path).to_owned();
            let newer = (*number, path.clone());
            newest
                .entry(dir)
                .and_modify(|newest| *newest = newest.clone().max(newer.clone()))
                .or_insert(newer);
        }
        let newest: BTreeSet<PathBuf> = newest.into_values().map(|newest| newest.1).collect();
        for (read, path, number) in files {
            self.done.fetch_add(1, Ordering::Relaxed);
            match read {
                Ok(None) => {}
                Ok(Some(generation)) => {
                    let entry = generation.entry;
                    let Some((_, contents)) = self.index.contents(entry)? else {
                        let problem = format!("it names entry {entry}, which the index lacks");
                        damaged.push(damage(path, problem, vec![entry]));
                        continue;
                    };
                    if let Some(trace) = generation.trace
                        && !self.index.has_trace(trace)?
                    {
                        let problem = format!("it names trace {trace}, which the index lacks");
                        damaged.push(damage(path, problem, vec![entry]));
                        continue;
                    }
                    // Bytes of older generations may have been collected, but never of the newest.
                    let rows = self.index.not_live(contents.iter())?.into_iter().collect();
                    let missing = self.index.objects_by_row(&rows)?;
                    let lost = missing.iter().filter(|o| o.state == State::Gone).count();
                    // Unless another one is by now: then a collector may have been quicker.
                    if newest.contains(&path) && lost > 0 && !self.is_superseded(&path, number) {
                        let problem = format!("it names entry {entry}, which lacks {lost} objects");
                        damaged.push(damage(path, problem, vec![entry]));
                    }
                }
                Err(e) => damaged.push(of(e)),
            }
        }
        Ok(damaged)
    }

    /// Whether a root has a newer generation than this one, which lies at `path`.
    fn is_superseded(&self, path: &Path, number: u32) -> bool {
        let (files, _) = root::files(self.store.layout());
        let newer = |(other, at): &(PathBuf, u32)| {
            let is_newer = other.parent() == path.parent() && *at > number;
            is_newer && matches!(root::read(other, *at), Ok(Some(_)))
        };
        files.iter().any(newer)
    }

    fn views(&self, only: Option<&BTreeSet<EntryId>>) -> Result<Vec<Damage>> {
        let mut views = self.store.views()?;
        if let Some(only) = only {
            views.retain(|(_, entry)| entry.is_some_and(|entry| only.contains(&entry)));
        }
        let check = |(path, entry): (PathBuf, Option<EntryId>)| -> Result<Option<Damage>> {
            self.done.fetch_add(1, Ordering::Relaxed);
            let problem = match entry {
                None => Some("it belongs to no entry".to_owned()),
                Some(entry) => self.view(entry, &path)?,
            };
            let Some(problem) = problem else {
                return Ok(None);
            };
            if self.index.is_writable() {
                view::distrust(&path);
            }
            Ok(Some(Damage {
                what: What::View,
                id: entry.map(|entry| entry.0),
                path,
                problem,
                lost: false,
                entries: entry.into_iter().collect(),
                needed: Needed::ByKept,
            }))
        };
        let damaged: Vec<Option<Damage>> =
            views.into_par_iter().map(check).collect::<Result<_>>()?;
        Ok(damaged.into_iter().flatten().collect())
    }
}

impl Verifier<'_> {
    /// What is wrong with a view; nothing, if somebody took it away or made it anew meanwhile.
    fn view(&self, entry: EntryId, path: &std::path::Path) -> Result<Option<String>> {
        let inode = || fs::symlink_metadata(path).ok().map(|m| (m.dev(), m.ino()));
        let before = inode();
        // A damaged entry or tree is reported as that, not for each view.
        let root = match self.store.entry(entry) {
            Ok(entry) => entry.root,
            Err(e) if is_of_process(&e) => return Err(e),
            Err(_) => return Ok(None),
        };
        let problem = match self.store.view_problem(root, path, self.full) {
            Ok(problem) => problem,
            Err(e) if e.is_damage() => None,
            Err(e) if is_of_process(&e) => return Err(e),
            Err(e) => Some(chain(&e)),
        };
        Ok(problem.filter(|_| before.is_some() && before == inode()))
    }
}

/// What somebody else put among the files of the store.
fn stray(path: PathBuf) -> Damage {
    Damage {
        what: What::Foreign,
        id: None,
        path,
        problem: NO_NAME.into(),
        lost: false,
        entries: Vec::new(),
        needed: Needed::ByKept,
    }
}

/// Whether an error tells of this process, not of the file: it may not read, or has no more descriptors or memory.
///
/// Nothing may be called damaged over it.
fn says_nothing(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Error>());
    match (inner, Errno::from_io_error(error)) {
        (Some(inner), _) => is_of_process(inner),
        (None, errno) => matches!(
            errno,
            Some(Errno::ACCESS | Errno::PERM | Errno::MFILE | Errno::NFILE | Errno::NOMEM)
        ),
    }
}

fn is_of_process(error: &Error) -> bool {
    match error {
        Error::Denied { .. } => true,
        Error::Io { source, .. } => says_nothing(source),
        _ => false,
    }
}

/// The problem inside an error of a reader.
fn of_stream(error: &io::Error) -> String {
    match error.get_ref().and_then(|e| e.downcast_ref::<Error>()) {
        Some(Error::Damaged { problem, .. }) => problem.clone(),
        Some(e) => chain(e),
        None => chain(error),
    }
}
