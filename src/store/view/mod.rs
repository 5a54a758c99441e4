//! Entries as people and programs use them: plain directories below `entries/`.
//!
//! A view is disposable: all that is true of an entry is in its tree.
//! Files have mode 0444 or 0555, directories 0555, all have time 1;
//! devices, sockets and pipes are left out, for ordinary users can't make them.
//! Files share their storage with objects where the file system allows.
//!
//! A blob that is held in parts has no file of its own. It is written out when a view is asked for that has it,
//! once for all views, with zeros as holes; the collector takes such views away again,
//! but for those of newest generations and of what is in use.

mod able;
mod build;
mod check;
mod file;

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

pub(super) use able::Able;
use build::Building;
pub(super) use file::finish_file;
use file::{DIRECTORY, finish};

use super::error::{Error, Result};
use super::layout::Layout;
use super::lock::{Lock, Name as LockName};
use super::place::rename_new;
use super::read::exists;
use super::staging::{Staging, remove_tree};
use super::{Store, fault};
use crate::ids::hash::SHORT_LEN;
use crate::ids::{EntryId, Name, TreeId};

const UNFINISHED: u32 = 0o755;

/// The top of a view that was found damaged, until it is made anew.
const DISTRUSTED: u32 = 0o1555;

impl Store {
    /// Where the view of an entry is, or would be.
    pub fn view_path(&self, id: EntryId, name: &Name) -> PathBuf {
        self.layout()
            .entries()
            .join(format!("{}-{name}", id.short()))
    }

    /// Makes the view of an entry, or mends it; returns where it is.
    pub fn view(&self, id: EntryId, name: &Name) -> Result<PathBuf> {
        let path = self.view_path(id, name);
        if let Some(index) = self.index()?
            && !index.is_writable()
            && exists(&path)?
            && self
                .view_problem(self.entry(id)?.root, &path, false)?
                .is_none()
        {
            // Where nothing can be written, nothing is collected.
            return Ok(path);
        }
        let lease = self.lease()?;
        lease.hold(&[id])?;
        let root = self.entry(id)?.root;
        let trusting = !exists(&path)?;
        if !trusting && is_trusted(&path)? && self.view_problem(root, &path, false)?.is_none() {
            finish(&path, DIRECTORY)?;
            return Ok(path);
        }
        let staging = Staging::below(&building(self.layout())?)?;
        let new = staging.path();
        // What is mended had something wrong, which may be in a twin.
        let building = Building {
            store: self,
            staging: &staging,
            trusting,
            lasting: true,
            owner: None,
        };
        building.tree(root, &new)?;
        fault::point("view.built");
        let _swap = Lock::shared(self.layout(), LockName::Swap)?;
        if !rename_new(&new, &path)? {
            // Another process may have made it in this moment; then people use it already.
            if is_trusted(&path)? && self.view_problem(root, &path, false)?.is_none() {
                return Ok(path);
            }
            move_away(&path, &staging.path())?;
            if !rename_new(&new, &path)? {
                return Ok(path);
            }
        }
        fault::point("view.moved");
        finish(&path, DIRECTORY)?;
        // Not before it is there: who is killed here has it made once more.
        trust(&path)?;
        fault::point("view.placed");
        Ok(path)
    }

    /// Lays a tree out as a view is, in a place that is the caller's, who holds what is in it.
    ///
    /// What belongs to another user is copied, and behind a door that only the caller opens:
    /// its owner could change it, whoever runs as that user.
    pub fn lay_out(&self, root: TreeId, at: &Path, owner: Option<(u32, u32)>) -> Result<()> {
        if let (Some(_), Some(above)) = (owner, at.parent()) {
            fs::set_permissions(above, Permissions::from_mode(0o700))
                .map_err(|e| Error::io("closing", above, e))?;
        }
        let staging = Staging::new(self.layout())?;
        if !Able::at(&staging)?.modes {
            let path = self.dir().to_owned();
            return Err(Error::NoModes { path });
        }
        let building = Building {
            store: self,
            staging: &staging,
            // Whoever reads this makes something of it that is kept.
            trusting: false,
            lasting: false,
            owner,
        };
        building.tree(root, at)?;
        building.own(at)?;
        finish(at, DIRECTORY)
    }

    /// Everything below `entries/`, with the entry that its name begins with.
    pub(super) fn views(&self) -> Result<Vec<(PathBuf, Option<EntryId>)>> {
        let dir = self.layout().entries();
        let names = match fs::read_dir(&dir) {
            Ok(names) => names,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(Error::io("reading", dir, e)),
        };
        let mut views = Vec::new();
        for name in names {
            let item = name.map_err(|e| Error::io("reading", &dir, e))?;
            let name = item.file_name();
            if name.as_bytes().starts_with(b".") {
                continue;
            }
            let name = name.to_string_lossy();
            let entry = match name.split_once('-') {
                // Shorter ones are not ours, even where they happen to fit an entry.
                Some((prefix, _)) if prefix.len() == SHORT_LEN => match self.resolve_prefix(prefix)
                {
                    Ok(entry) => Some(entry),
                    Err(Error::NoSuchEntry { .. } | Error::NotAPrefix { .. }) => None,
                    Err(e) => return Err(e),
                },
                _ => None,
            };
            views.push((item.path(), entry));
        }
        views.sort();
        Ok(views)
    }
}

/// Whether nobody found something wrong with a view since it was made.
fn is_trusted(view: &Path) -> Result<bool> {
    match fs::symlink_metadata(view) {
        Ok(found) => Ok(found.mode() & 0o7777 != DISTRUSTED && !exists(&mark(view))?),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(Error::io("reading", view, e)),
    }
}

/// Has a view made anew when somebody asks for it.
pub(super) fn distrust(view: &Path) {
    // Who can't be told so looks again.
    let Ok(true) = fs::symlink_metadata(view).map(|found| found.is_dir()) else {
        return;
    };
    let _ = fs::set_permissions(view, Permissions::from_mode(DISTRUSTED));
    if fs::symlink_metadata(view).is_ok_and(|found| found.mode() & 0o7777 != DISTRUSTED) {
        let _ = fs::write(mark(view), b"");
    }
}

/// Ends what [`distrust`] began.
fn trust(view: &Path) -> Result<()> {
    let mark = mark(view);
    match fs::remove_file(&mark) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::io("removing", mark, e)),
        _ => Ok(()),
    }
}

/// What lies beside a view that was found damaged, where directories keep no modes.
fn mark(view: &Path) -> PathBuf {
    let name = view.file_name().unwrap_or_default().to_string_lossy();
    view.with_file_name(format!(".damaged-{name}"))
}

/// Where views are built: on the file system of `entries/`, which may be another than that of objects.
pub(super) fn building(layout: &Layout) -> Result<PathBuf> {
    let dir = layout.building();
    fs::create_dir_all(&dir).map_err(|e| Error::io("making", &dir, e))?;
    Ok(dir)
}

/// Renames a view out of sight; moving a directory needs it writable.
pub(super) fn move_away(view: &Path, to: &Path) -> Result<()> {
    let moving = || {
        if fs::symlink_metadata(view)?.is_dir() {
            fs::set_permissions(view, Permissions::from_mode(UNFINISHED))?;
        }
        fs::rename(view, to)
    };
    moving().map_err(|e| Error::io("moving away", view, e))?;
    trust(view)
}

/// Removes a directory and returns the bytes on disk that this frees:
/// files that have other links keep theirs.
pub(super) fn remove_counting(dir: &Path) -> Result<u64> {
    let bytes = bytes_of(dir)?;
    remove_tree(dir).map_err(|e| Error::io("removing", dir, e))?;
    Ok(bytes)
}

/// The bytes on disk that removing a directory would free.
pub(super) fn bytes_of(dir: &Path) -> Result<u64> {
    let mut bytes = 0;
    for item in walkdir::WalkDir::new(dir) {
        let item = item
            .and_then(|item| item.metadata())
            .map_err(|e| Error::io("reading", dir, e.into()))?;
        if !item.is_file() || item.nlink() == 1 {
            bytes += item.blocks() * 512;
        }
    }
    Ok(bytes)
}
