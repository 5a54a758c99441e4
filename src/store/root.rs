//! Names that keep entries alive, and what each of them named before.
//!
//! A generation is a small JSON file, `roots/RELEASE/NAME/N`, written once. One that is forgotten goes;
//! where it has the highest number it stays as a file that says so, for `NAME@N` must not come to mean two things.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::{Error, Result};
use super::file;
use super::layout::{Kind, Layout};
use super::lock::{Lock, Name as LockName};
use super::open::{sync_dir, write_synced};
use super::staging::Staging;
use super::{Store, fault};
use crate::ids::{BlobId, EntryId, Name, TraceId};

/// `SHORT-VERSION-ARCH/NAME`: one artifact of one release.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RootName {
    release: String,
    name: Name,
}

impl RootName {
    /// The release is a file name: it begins with a letter or digit, and has no slash.
    pub fn new(release: &str, name: Name) -> Result<Self> {
        // The rules for names of artifacts fit.
        match release.parse::<Name>() {
            Ok(_) => Ok(RootName {
                release: release.to_owned(),
                name,
            }),
            Err(e) => Err(Error::BadRootName {
                text: release.to_owned(),
                problem: e.to_string(),
            }),
        }
    }

    pub fn release(&self) -> &str {
        &self.release
    }

    pub fn name(&self) -> &Name {
        &self.name
    }
}

impl fmt::Display for RootName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.release, self.name)
    }
}

impl FromStr for RootName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bad = |problem: String| Error::BadRootName {
            text: text.to_owned(),
            problem,
        };
        let (release, name) = text
            .split_once('/')
            .ok_or_else(|| bad("expected RELEASE/NAME".into()))?;
        let name = name
            .parse()
            .map_err(|e: crate::ids::name::InvalidName| bad(e.to_string()))?;
        RootName::new(release, name)
    }
}

/// What a name stood for, from some moment on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation {
    /// From 1.
    pub number: u32,
    pub entry: EntryId,
    /// The run that made the entry; entries put in by hand have none.
    pub trace: Option<TraceId>,
    pub label: Option<String>,
    /// Seconds since 1970.
    pub time: i64,
    /// Blobs that stay as long as this: the packages that the lock had for it.
    pub also: BTreeSet<BlobId>,
    /// A record of what the entry was drawn from, where its trace does not say; it stays as long as this.
    pub origin: Option<BlobId>,
}

/// A generation without its number, which the store gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGeneration {
    pub entry: EntryId,
    pub trace: Option<TraceId>,
    pub label: Option<String>,
    pub time: i64,
    pub also: BTreeSet<BlobId>,
    pub origin: Option<BlobId>,
}

impl Generation {
    /// Whether a name that stands for this needs no new generation.
    fn says(&self, entry: EntryId, label: Option<&str>) -> bool {
        self.entry == entry && (label.is_none() || label == self.label.as_deref())
    }

    /// What is left of it once it keeps nothing.
    fn forgotten(self) -> Wire {
        Wire {
            entry: self.entry,
            trace: None,
            label: None,
            time: self.time,
            also: BTreeSet::new(),
            origin: None,
            forgotten: true,
            check: None,
        }
    }

    /// Every blob that stays as long as this.
    pub fn blobs(&self) -> impl Iterator<Item = BlobId> + '_ {
        self.also.iter().chain(&self.origin).copied()
    }
}

/// The file of a generation, but for its check.
#[derive(Serialize, Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct Wire {
    entry: EntryId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trace: Option<TraceId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    time: i64,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    also: BTreeSet<BlobId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<BlobId>,
    /// It keeps nothing any more, but for its number.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    forgotten: bool,
    /// BLAKE3 of this object as compact JSON, its keys in this order, without this key:
    /// a root whose bytes changed must not keep the wrong things alive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    check: Option<BlobId>,
}

impl Wire {
    fn of(new: NewGeneration) -> Self {
        let NewGeneration {
            entry,
            trace,
            label,
            time,
            also,
            origin,
        } = new;
        Wire {
            entry,
            trace,
            label,
            time,
            also,
            origin,
            forgotten: false,
            check: None,
        }
    }

    fn seal(mut self) -> Self {
        self.check = None;
        let bytes = serde_json::to_vec(&self).expect("hashes, numbers and text are JSON");
        self.check = Some(BlobId::of(&bytes));
        self
    }
}

impl Store {
    /// Every name that has generations, sorted.
    pub fn roots(&self) -> Result<Vec<RootName>> {
        let mut standing = Vec::new();
        for name in names(self.layout())? {
            if self.newest(&name)?.is_some() {
                standing.push(name);
            }
        }
        Ok(standing)
    }

    /// The generations of a name, oldest first; none for a name that never was.
    pub fn generations(&self, name: &RootName) -> Result<Vec<Generation>> {
        generations(self.layout(), name)
    }

    /// The newest generation of a name.
    pub fn newest(&self, name: &RootName) -> Result<Option<Generation>> {
        let dir = dir(self.layout(), name);
        for number in numbers(self.layout(), name)?.into_iter().rev() {
            if let Some(generation) = read(&dir.join(number.to_string()), number)? {
                return Ok(Some(generation));
            }
        }
        Ok(None)
    }

    /// The number of the newest generation, if it stands for the entry, and has the label if one is given.
    pub fn stands(
        &self,
        name: &RootName,
        entry: EntryId,
        label: Option<&str>,
    ) -> Result<Option<u32>> {
        let newest = self
            .newest(name)?
            .filter(|newest| newest.says(entry, label));
        Ok(newest.map(|newest| newest.number))
    }

    /// Names an entry; returns the number of the generation, the next free one.
    ///
    /// All of the entry is here and durable when this returns, or this fails.
    pub fn add_generation(&self, name: &RootName, new: NewGeneration) -> Result<u32> {
        self.name(name, new, false)
    }

    /// Names an entry, unless the newest generation has it already, and the label if there is one.
    ///
    /// Returns the number of the generation that stands for it: of several processes only one adds it.
    pub fn keep_generation(&self, name: &RootName, new: NewGeneration) -> Result<u32> {
        self.name(name, new, true)
    }

    fn name(&self, name: &RootName, new: NewGeneration, once: bool) -> Result<u32> {
        let index = self.index_or_create()?;
        let lease = self.lease()?;
        lease.hold(&[new.entry])?;
        let also: Vec<BlobId> = new.also.iter().chain(&new.origin).copied().collect();
        for (blob, length) in also.iter().zip(lease.hold_blobs(&also)?) {
            if length.is_none() {
                return Err(Error::Missing {
                    kind: Kind::Blob,
                    id: blob.0,
                });
            }
        }
        if !index
            .object(super::index::Type::Entry, new.entry.0)?
            .is_some_and(|o| o.state == super::index::State::Live)
        {
            return Err(Error::Missing {
                kind: Kind::Entry,
                id: new.entry.0,
            });
        }
        if let Some((kind, id)) = self.lacks(new.entry)? {
            return Err(Error::Incomplete {
                entry: new.entry,
                kind,
                id,
            });
        }
        if let Some(trace) = new.trace
            && !index.has_trace(trace)?
        {
            return Err(Error::Missing {
                kind: Kind::Trace,
                id: trace.0,
            });
        }
        index.barrier()?;
        let _lock = Lock::exclusive(self.layout(), LockName::Roots)?;
        if once
            && let Some(newest) = self.newest(name)?
            && newest.says(new.entry, new.label.as_deref())
        {
            return Ok(newest.number);
        }
        let number = last(self.layout(), name)?.unwrap_or(0) + 1;
        self.write(name, number, Wire::of(new))?;
        Ok(number)
    }

    /// Takes a generation back; what only it kept alive goes with the next collector.
    pub fn forget(&self, name: &RootName, number: u32) -> Result<()> {
        let missing = || Error::NoSuchGeneration {
            name: name.clone(),
            number,
        };
        if !self.exists()? {
            return Err(missing());
        }
        let _lock = Lock::exclusive(self.layout(), LockName::Roots)?;
        let dir = dir(self.layout(), name);
        let path = dir.join(number.to_string());
        if last(self.layout(), name)? == Some(number) {
            let generation = read(&path, number)?.ok_or_else(missing)?;
            return self.write(name, number, generation.forgotten());
        }
        match fs::remove_file(&path) {
            Ok(()) => sync_dir(&dir),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Err(missing()),
            Err(e) => Err(Error::io("removing", path, e)),
        }
    }

    fn write(&self, name: &RootName, number: u32, wire: Wire) -> Result<()> {
        let mut text =
            serde_json::to_vec_pretty(&wire.seal()).expect("hashes, numbers and text are JSON");
        text.push(b'\n');
        let staging = Staging::new(self.layout())?;
        let (path, dir) = (staging.path(), dir(self.layout(), name));
        write_synced(&path, &text)?;
        fault::point("root.written");
        make_synced(&self.layout().roots().join(&name.release))?;
        make_synced(&dir)?;
        fault::point("root.before-rename");
        let to = dir.join(number.to_string());
        fs::rename(&path, &to).map_err(|e| Error::io("renaming to", &to, e))?;
        sync_dir(&dir)?;
        fault::point("root.renamed");
        Ok(())
    }

    /// The first thing that an entry lacks.
    fn lacks(&self, entry: EntryId) -> Result<Option<(Kind, crate::ids::Hash)>> {
        if self.is_complete(entry)? {
            return Ok(None);
        }
        let Some(index) = self.index()? else {
            return Ok(Some((Kind::Entry, entry.0)));
        };
        let mut queue = vec![entry];
        let mut seen = BTreeSet::new();
        while let Some(entry) = queue.pop() {
            let Some((_, contents)) = index.contents(entry)? else {
                return Ok(Some((Kind::Entry, entry.0)));
            };
            if let Some(row) = index.not_live(contents.iter())?.first() {
                let object = index.objects_by_row(&[*row].into())?;
                return Ok(object.first().map(|o| (o.kind(), o.hash)));
            }
            queue.extend(
                index
                    .references(entry)?
                    .into_iter()
                    .filter(|reference| seen.insert(*reference)),
            );
        }
        Ok(Some((Kind::Entry, entry.0)))
    }
}

fn dir(layout: &Layout, name: &RootName) -> PathBuf {
    layout.roots().join(&name.release).join(name.name.as_str())
}

/// Makes a directory and those above it, durably.
fn make_synced(dir: &Path) -> Result<()> {
    match fs::create_dir(dir) {
        Ok(()) => dir.parent().map_or(Ok(()), sync_dir),
        // Synced even if it was there: who made it may not have come so far.
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => dir.parent().map_or(Ok(()), sync_dir),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            dir.parent().map_or(Ok(()), make_synced)?;
            fs::create_dir(dir).map_err(|e| Error::io("making", dir, e))?;
            dir.parent().map_or(Ok(()), sync_dir)
        }
        Err(e) => Err(Error::io("making", dir, e)),
    }
}

/// The names in a directory, sorted; anything that the store would not have put there is an error.
fn list<T: FromStr + Ord>(dir: &Path) -> Result<Vec<T>> {
    let (list, errors) = listed(dir);
    errors.into_iter().next().map_or(Ok(list), Err)
}

/// The names in a directory, sorted, and whatever else is there.
fn listed<T: FromStr + Ord>(dir: &Path) -> (Vec<T>, Vec<Error>) {
    let stray = |path: PathBuf| Error::StrayRoot { path };
    let unread = |e: io::Error| match e.kind() {
        io::ErrorKind::NotADirectory => stray(dir.to_owned()),
        _ => Error::io("reading", dir, e),
    };
    let parse = |name: &OsStr| name.to_str()?.parse().ok();
    let (mut list, mut errors) = (Vec::new(), Vec::new());
    match fs::read_dir(dir) {
        Ok(names) => {
            for name in names {
                let name = name.map(|item| item.file_name()).map_err(unread);
                match name.and_then(|name| parse(&name).ok_or_else(|| stray(dir.join(name)))) {
                    Ok(name) => list.push(name),
                    Err(error) => errors.push(error),
                }
            }
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => errors.push(unread(e)),
    }
    list.sort();
    (list, errors)
}

fn numbers(layout: &Layout, name: &RootName) -> Result<Vec<u32>> {
    list(&dir(layout, name))
}

fn last(layout: &Layout, name: &RootName) -> Result<Option<u32>> {
    Ok(numbers(layout, name)?.last().copied())
}

pub(super) fn names(layout: &Layout) -> Result<Vec<RootName>> {
    let mut names = Vec::new();
    for release in list::<Name>(&layout.roots())? {
        for name in list::<Name>(&layout.roots().join(release.as_str()))? {
            names.push(RootName::new(release.as_str(), name)?);
        }
    }
    Ok(names)
}

/// Every file of a generation, and whatever kept some from being found.
pub(super) fn files(layout: &Layout) -> (Vec<(PathBuf, u32)>, Vec<Error>) {
    let mut files = Vec::new();
    let (releases, mut errors) = listed::<Name>(&layout.roots());
    for release in releases {
        let release = layout.roots().join(release.as_str());
        let (names, bad) = listed::<Name>(&release);
        errors.extend(bad);
        for name in names {
            let dir = release.join(name.as_str());
            let (numbers, bad) = listed::<u32>(&dir);
            errors.extend(bad);
            files.extend(numbers.into_iter().map(|n| (dir.join(n.to_string()), n)));
        }
    }
    (files, errors)
}

pub(super) fn generations(layout: &Layout, name: &RootName) -> Result<Vec<Generation>> {
    let dir = dir(layout, name);
    let read = |number: u32| read(&dir.join(number.to_string()), number);
    let numbers = numbers(layout, name)?.into_iter();
    numbers
        .filter_map(|number| read(number).transpose())
        .collect()
}

/// The generation in a file; none if that was forgotten.
pub(super) fn read(path: &Path, number: u32) -> Result<Option<Generation>> {
    let bad = |problem: String| Error::BadRoot {
        path: path.to_owned(),
        problem,
    };
    let text = file::read(path).map_err(|e| match file::says_none(&e) {
        true => bad(file::IS_NONE.into()),
        false => Error::io("reading the root", path, e),
    })?;
    let wire: Wire = serde_json::from_slice(&text).map_err(|e| bad(e.to_string()))?;
    let check = wire.check;
    let Wire {
        entry,
        trace,
        label,
        time,
        also,
        origin,
        forgotten,
        check: found,
    } = wire.seal();
    if check != found {
        return Err(bad("it is not as it was written: its check differs".into()));
    }
    Ok((!forgotten).then_some(Generation {
        number,
        entry,
        trace,
        label,
        time,
        also,
        origin,
    }))
}
