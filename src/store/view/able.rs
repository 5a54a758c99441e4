//! What the file system of views can do. FAT has no modes, no links, and not every name.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::building;
use super::file::{DIRECTORY, EXECUTABLE, FILE, finish};
use crate::store::Store;
use crate::store::error::{Error, Result};
use crate::store::layout::Layout;
use crate::store::staging::Staging;

/// Found out by trying, the first time that something is not as it would be elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Able {
    /// Files and directories keep the modes that they are given.
    pub modes: bool,
    /// A file may have two names.
    pub links: bool,
}

impl Store {
    pub(in crate::store) fn able(&self) -> Able {
        let try_it = || Able::below(self.layout()).unwrap_or_else(|_| Able::seen(self.layout()));
        *self.inner.able.get_or_init(try_it)
    }
}

impl Able {
    fn below(layout: &Layout) -> Result<Able> {
        Able::at(&Staging::below(&building(layout)?)?)
    }

    /// What the file system of a place can do.
    pub fn at(staging: &Staging) -> Result<Able> {
        let (_, path) = staging.file()?;
        let dir = staging.path();
        fs::create_dir(&dir).map_err(|e| Error::io("making", &dir, e))?;
        // Some have one bit for all of a mode, some that for files alone, and some say nothing where they do nothing.
        let keeps = |path: &Path, mode| finish(path, mode).is_ok() && mode_at(path) == Some(mode);
        let modes = keeps(&path, EXECUTABLE) && keeps(&path, FILE) && keeps(&dir, DIRECTORY);
        let links = fs::hard_link(&path, staging.path()).is_ok();
        let _ = fs::set_permissions(&dir, Permissions::from_mode(0o755));
        Ok(Able { modes, links })
    }

    /// Where nothing can be tried: no object can be written to, if modes are kept.
    fn seen(layout: &Layout) -> Able {
        let items = walkdir::WalkDir::new(layout.objects()).into_iter();
        let object = items.flatten().find(|item| item.file_type().is_file());
        let mode = object.and_then(|object| mode_at(object.path()));
        Able {
            modes: mode.is_none_or(|mode| mode & 0o222 == 0),
            links: true,
        }
    }
}

fn mode_at(path: &Path) -> Option<u32> {
    let found = fs::symlink_metadata(path).ok()?;
    Some(found.permissions().mode() & 0o7777)
}
