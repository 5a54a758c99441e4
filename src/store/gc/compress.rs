//! Content that is here twice, as it is and compressed, is kept compressed alone.
//!
//! An archive repository of OSTree has each file of a tree deflated, and a gzip layer has the same stream.
//! What the tree was composed from is then asked for seldom, and can be read out of that:
//! its file goes, and in its place comes a list of one part, which is to be inflated.
//! Files that a view links to stay, for they would take their room all the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::mark::Marks;
use super::sweep::{blocks, stat};
use super::{BATCH, Collector};
use crate::ids::BlobId;
use crate::store::error::{Error, Result};
use crate::store::index::{Form, Object, State, Stream};
use crate::store::layout::{Kind, Layout};
use crate::store::lock::{Lock, Name};
use crate::store::place::sync_all;
use crate::store::staging::Staging;
use crate::store::{Store, fault, list};
use crate::tree::{Assembly, Part};

/// Shorter content stays, in bytes: a list takes a block of the file system too.
const LEAST: u64 = 16 * 1024;

/// What a small file takes on most file systems, in bytes.
const BLOCK: u64 = 4096;

/// A blob with a stream that it can be read from.
pub(super) struct Compressible {
    stream: Stream,
    list: Vec<u8>,
    /// What its own file takes on disk.
    takes: u64,
}

impl Compressible {
    /// What `du` will lose.
    pub fn saves(&self) -> u64 {
        let list = (self.list.len() as u64).next_multiple_of(BLOCK);
        self.takes.saturating_sub(list)
    }

    fn id(&self) -> BlobId {
        BlobId(self.stream.hash)
    }

    fn part(stream: &Stream) -> Part {
        Part::Inflate {
            blob: BlobId(stream.object_hash),
            offset: stream.at,
            length: stream.length,
        }
    }

    /// Writes the list, if the stream truly gives the content.
    fn prepare(&self, store: &Store, staging: &Staging) -> Result<Option<PathBuf>> {
        let reads = || -> io::Result<blake3::Hash> {
            let part = store.part(&Self::part(&self.stream), 0);
            let mut hasher = blake3::Hasher::new();
            io::copy(&mut part.map_err(io::Error::other)?, &mut hasher)?;
            Ok(hasher.finalize())
        };
        // Damage is for `verify` to tell of; here it only means that nothing is given up.
        if !reads().is_ok_and(|hash| hash.as_bytes() == self.stream.hash.as_bytes()) {
            return Ok(None);
        }
        let (mut file, path) = staging.file()?;
        let written = file.write_all(&self.list);
        written.map_err(|e| Error::io("writing", &path, e))?;
        Ok(Some(path))
    }
}

impl Collector<'_> {
    /// What is to be kept compressed; `links` has the links that would be gone by then.
    pub(super) fn compressible(
        &self,
        marks: &Marks,
        links: &BTreeMap<(u64, u64), u64>,
    ) -> Result<Vec<Compressible>> {
        let mut found = Vec::new();
        for stream in self.index.streams()? {
            let stays = |row| marks.rows.contains(row);
            if stream.length < LEAST || !stays(stream.content) || !stays(stream.object) {
                continue;
            }
            let Some(file) = stat(&self.layout().object(Kind::Blob, stream.hash))? else {
                continue;
            };
            let unlinked = links.get(&(file.dev(), file.ino())).copied().unwrap_or(0);
            if file.nlink() > 1 + unlinked {
                continue;
            }
            let parts = vec![Compressible::part(&stream)];
            let compressible = Compressible {
                list: list::whole(&Assembly { parts }),
                takes: file.blocks() * 512,
                stream,
            };
            if compressible.saves() > 0 {
                found.push(compressible);
            }
        }
        Ok(found)
    }

    /// Where a full disk has no room for lists, the rest stays as it is: what is dead went before.
    pub(super) fn compress(&mut self, marks: &Marks) -> Result<()> {
        match self.compress_all(marks) {
            Err(Error::Full { .. } | Error::NoInodes { .. }) => Ok(()),
            done => done,
        }
    }

    fn compress_all(&mut self, marks: &Marks) -> Result<()> {
        let found = self.compressible(marks, &BTreeMap::new())?;
        if found.is_empty() {
            return Ok(());
        }
        let staging = Staging::new(self.layout())?;
        for (at, some) in found.chunks(BATCH).enumerate() {
            self.tell("compressing", at * BATCH, found.len());
            let store = self.store;
            let lists = some
                .par_iter()
                .map(|one| Ok(Some(one).zip(one.prepare(store, &staging)?)));
            let lists = lists.collect::<Result<Vec<_>>>()?;
            sync_all(staging.dir())?;
            self.exchange(lists.into_iter().flatten().collect())?;
        }
        self.tell("compressing", found.len(), found.len());
        Ok(())
    }

    /// Puts lists in the places of files: a reader finds the one or the other.
    fn exchange(&mut self, lists: Vec<(&Compressible, PathBuf)>) -> Result<()> {
        let _swap = Lock::exclusive(self.layout(), Name::Swap)?;
        let streams = lists.iter().map(|(one, _)| &one.stream);
        let rows = streams.flat_map(|stream| [stream.content, stream.object]);
        let now = self.index.objects_by_row(&rows.collect())?;
        let files = now.iter().filter(|object| is_file(object));
        let files: BTreeSet<i64> = files.map(|object| object.row).collect();
        let (mut done, mut dirs) = (Vec::new(), BTreeSet::new());
        for (one, list) in lists {
            let stream = &one.stream;
            let both = files.contains(&stream.content) && files.contains(&stream.object);
            if !both || !is_alone(self.layout(), one.id())? {
                continue;
            }
            let path = self.layout().object(Kind::Assembly, stream.hash);
            fs::rename(&list, &path).map_err(|e| Error::io("renaming to", &path, e))?;
            dirs.extend(path.parent().map(Path::to_owned));
            done.push(one);
        }
        if done.is_empty() {
            return Ok(());
        }
        sync_all(self.layout().root())?;
        fault::point("gc.compressing");
        let noted = done.iter().map(|one| {
            let stream = &one.stream;
            (stream.content, one.list.len() as u64, stream.object)
        });
        self.index.assembled(&noted.collect::<Vec<_>>())?;
        fault::point("gc.compressed");
        for one in done {
            self.unlink(&self.layout().object(Kind::Blob, one.stream.hash))?;
            let list = blocks(&self.layout().object(Kind::Assembly, one.stream.hash))?;
            self.report.bytes = self.report.bytes.saturating_sub(list.unwrap_or(0));
            self.report.compressed += 1;
        }
        Ok(())
    }
}

fn is_file(object: &Object) -> bool {
    object.form == Form::Own && object.state == State::Live
}

/// Whether no view has come to link to the file of a blob.
fn is_alone(layout: &Layout, blob: BlobId) -> Result<bool> {
    let file = stat(&layout.object(Kind::Blob, blob.0))?;
    Ok(file.is_some_and(|file| file.nlink() == 1))
}
