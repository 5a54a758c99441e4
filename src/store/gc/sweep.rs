//! The deleting half of a collector: views, twins, blobs, and what killed writers left.
//!
//! All of it happens in batches under the exclusive swap lock,
//! and everything is looked at again there: somebody may have come to need it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::mark::Marks;
use super::{BATCH, Collector, IdleView};
use crate::ids::Hash;
use crate::store::error::{Error, Result};
use crate::store::fault;
use crate::store::file;
use crate::store::index::{Object, State, Type};
use crate::store::layout::{Kind, Twin, files_below, found_below, parse_object};
use crate::store::lock::{self, Lock, Name};
use crate::store::staging::{self, Staging};
use crate::store::view;

impl Collector<'_> {
    pub(super) fn remove_views(&mut self, marks: &mut Marks, views: Vec<IdleView>) -> Result<()> {
        if views.is_empty() {
            return Ok(());
        }
        let staging = Staging::below(&view::building(self.layout())?)?;
        for some in views.chunks(BATCH) {
            let mut moved = Vec::new();
            {
                let _swap = Lock::exclusive(self.layout(), Name::Swap)?;
                // Somebody may have come to need them since.
                marks.absorb(true)?;
                for view in some {
                    if view.is_needed(marks) {
                        continue;
                    }
                    let to = staging.path();
                    view::move_away(&view.path, &to)?;
                    moved.push(to);
                }
            }
            for path in moved {
                self.report.bytes += view::remove_counting(&path)?;
                self.report.views += 1;
            }
        }
        Ok(())
    }

    /// Twins that lose their blob or their last view, with their bytes.
    /// `links` has the links that would be gone by then.
    pub(super) fn twins(
        &self,
        due: &BTreeSet<Hash>,
        links: &BTreeMap<(u64, u64), u64>,
    ) -> Result<Vec<(PathBuf, u64)>> {
        let mut gone = Vec::new();
        let mut twins = Vec::new();
        for kind in Twin::ALL {
            twins.extend(files_below(&self.layout().twins(kind))?);
        }
        for (path, name) in twins {
            let Ok(blob) = name.parse::<Hash>() else {
                continue;
            };
            let Some(twin) = stat(&path)? else { continue };
            let unlinked = links.get(&(twin.dev(), twin.ino())).copied().unwrap_or(0);
            if due.contains(&blob) || twin.nlink() <= 1 + unlinked {
                gone.push((path, twin.blocks() * 512));
            }
        }
        Ok(gone)
    }

    pub(super) fn unlink_due(&mut self, due: &[Object]) -> Result<()> {
        for (at, some) in due.chunks(BATCH).enumerate() {
            self.tell("unlinking", at * BATCH, due.len());
            let _swap = Lock::exclusive(self.layout(), Name::Swap)?;
            let rows = some.iter().map(|object| object.row).collect();
            let mut objects = self.index.objects_by_row(&rows)?;
            // The others were flipped back by somebody who needs them, or written anew.
            objects.retain(|object| matches!(object.state, State::Condemned | State::Gone));
            let unlink = |object: &Object| {
                fault::point("gc.unlinking");
                let (layout, kind, id) = (self.layout(), object.kind(), object.hash);
                match self.store.inner.near.remove(layout, kind, id) {
                    Some(bytes) => Ok(bytes),
                    None => unlinked(&layout.object(kind, id)),
                }
            };
            let unlinked: Vec<Result<u64>> = objects.par_iter().map(unlink).collect();
            let mut gone = Vec::with_capacity(objects.len());
            for (object, unlinked) in objects.iter().zip(unlinked) {
                if self.count(unlinked)? {
                    self.report.objects += 1;
                    gone.push(object.row);
                }
            }
            fault::point("gc.unlinked");
            self.index.set_state(gone.into_iter(), State::Gone, None)?;
        }
        self.tell("unlinking", due.len(), due.len());
        Ok(())
    }

    /// What killed processes left of what they wrote, in places for that; they are swept by whoever writes next, too.
    pub(super) fn drop_unfinished(&mut self, really: bool) -> Result<()> {
        let places = [self.layout().tmp(), self.layout().building()];
        for place in places.iter().filter(|place| place.exists()) {
            staging::each_left(place, |dir| {
                self.report.unfinished += 1;
                // Half of something may be anything: what can't be counted is not.
                self.report.bytes += view::bytes_of(dir).unwrap_or(0);
                if really {
                    staging::remove_left(dir);
                }
                Ok(())
            })?;
        }
        lock::each_free(&self.layout().claims(), |path| self.drop_left(path, really))
    }

    /// What processes left that died, or gave up, while they fetched it.
    pub(super) fn drop_downloads(&mut self, really: bool) -> Result<()> {
        lock::each_free(&self.layout().arriving(), |path| {
            self.report.downloads += 1;
            self.drop_left(path, really)
        })
    }

    /// Removes a file that is nobody's any more, or counts what that would free.
    fn drop_left(&mut self, path: &Path, really: bool) -> Result<()> {
        match really {
            true => drop(self.unlink(path)?),
            false => self.report.bytes += blocks(path)?.unwrap_or(0),
        }
        Ok(())
    }

    /// Removes one file, and counts what that frees; whether it is gone.
    pub(super) fn unlink(&mut self, path: &Path) -> Result<bool> {
        self.count(unlinked(path))
    }

    /// Counts what the removal of a file freed; whether it is gone. What is in the way of that keeps nothing else from going.
    fn count(&mut self, unlinked: Result<u64>) -> Result<bool> {
        match unlinked {
            Ok(bytes) => self.report.bytes += bytes,
            Err(Error::InTheWay { path }) => {
                self.report.in_the_way.push(path);
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    /// Files that writers left between placing and naming them; records among them are left alone.
    pub(super) fn orphans(&self) -> Result<Vec<(PathBuf, Hash)>> {
        let mut known = HashSet::new();
        self.index.every_blob(|object| {
            if object.state != State::Gone {
                known.insert((object.kind(), object.hash));
            }
        })?;
        found_below(&self.layout().objects(), |dir, name| {
            let (kind, hash) = parse_object(&name.to_string_lossy())?;
            let is_blob = matches!(kind, Kind::Blob | Kind::Assembly);
            (is_blob && !known.contains(&(kind, hash))).then(|| (dir.join(name), hash))
        })
    }

    fn is_orphan(&self, kind: Kind, hash: Hash) -> Result<bool> {
        let object = self.index.object(Type::Blob, hash)?;
        Ok(object.is_none_or(|o| o.state == State::Gone || o.kind() != kind))
    }

    pub(super) fn unlink_orphans(&mut self, orphans: Vec<(PathBuf, Hash)>) -> Result<()> {
        for some in orphans.chunks(BATCH) {
            let _swap = Lock::exclusive(self.layout(), Name::Swap)?;
            for (path, hash) in some {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                if let Some((kind, _)) = parse_object(&name)
                    && self.is_orphan(kind, *hash)?
                {
                    self.unlink(path)?;
                }
            }
        }
        Ok(())
    }
}

/// Removes one file; how many bytes that frees.
fn unlinked(path: &Path) -> Result<u64> {
    let Some(bytes) = blocks(path)? else {
        return Ok(0);
    };
    file::remove(path)?;
    Ok(bytes)
}

pub(super) fn stat(path: &Path) -> Result<Option<fs::Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(file) => Ok(Some(file)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io("reading", path, e)),
    }
}

pub(super) fn blocks(path: &Path) -> Result<Option<u64>> {
    Ok(stat(path)?.map(|file| file.blocks() * 512))
}
