//! The directories of objects and traces, kept open.
//!
//! An edition has ten thousand packages, and a path from the root is longer to walk than a record to read.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::OnceLock;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, open, openat, statat, unlinkat};
use rustix::io::Errno;

use super::file;
use super::layout::{Kind, Layout, within};
use crate::ids::Hash;

/// Opened when they are first needed; where that fails, paths do, and say why.
#[derive(Default)]
pub(super) struct Near {
    objects: OnceLock<Option<OwnedFd>>,
    traces: OnceLock<Option<OwnedFd>>,
}

impl Near {
    fn base(&self, layout: &Layout, kind: Kind) -> Option<BorrowedFd<'_>> {
        let slot = match kind {
            Kind::Trace => &self.traces,
            _ => &self.objects,
        };
        let base = slot.get_or_init(|| directory(&layout.base(kind)).ok());
        base.as_ref().map(OwnedFd::as_fd)
    }

    /// Opens the file of an object.
    pub fn open(&self, layout: &Layout, kind: Kind, id: Hash) -> io::Result<File> {
        let Some(base) = self.base(layout, kind) else {
            return file::open(&layout.object(kind, id));
        };
        let flags = file::FLAGS | OFlags::NOFOLLOW;
        match openat(base, within(kind, id), flags, Mode::empty()) {
            Err(Errno::AGAIN | Errno::INTR) => file::open(&layout.object(kind, id)),
            opened => Ok(opened?.into()),
        }
    }

    /// Removes the file of an object, and says how many bytes of the disk it took; `None` where a path has to do it.
    pub fn remove(&self, layout: &Layout, kind: Kind, id: Hash) -> Option<u64> {
        let base = self.base(layout, kind)?;
        let name = within(kind, id);
        let found = statat(base, &name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        unlinkat(base, &name, AtFlags::empty()).ok()?;
        Some(found.st_blocks as u64 * 512)
    }

    /// Links a name in an open directory to the file of a blob.
    pub fn link(&self, layout: &Layout, id: Hash, to: (&OwnedFd, &Path)) -> io::Result<()> {
        let (directory, name) = to;
        let flags = AtFlags::empty();
        match self.base(layout, Kind::Blob) {
            Some(base) => linkat(base, within(Kind::Blob, id), directory, name, flags)?,
            None => {
                let object = layout.object(Kind::Blob, id);
                linkat(CWD, &object, directory, name, flags)?;
            }
        }
        Ok(())
    }
}

/// Opens a directory, to name what is in it.
pub(super) fn directory(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(open(path, flags, Mode::empty())?)
}
