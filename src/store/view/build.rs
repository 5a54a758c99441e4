//! The making of a view: links to objects or to their twins, and copies where there can be none.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use rustix::io::Errno;

use super::check::names;
use super::file::{
    DIRECTORY, EXECUTABLE, FILE, Linked, finish, link, mode_of, set_link_time, write_new,
};
use crate::ids::{BlobId, TreeId};
use crate::store::error::{Error, Result};
use crate::store::file;
use crate::store::layout::{Kind, Twin};
use crate::store::near;
use crate::store::staging::Staging;
use crate::store::stream::hash_file;
use crate::store::{Store, fault};
use crate::tree::{Content, Leaf, Node};

/// So many files of a directory are made one after the other, at least.
const LEAVES: usize = 256;

/// What is done to make a symbolic link.
const LINK: &str = "making the link";

/// How a view is made.
#[derive(Clone, Copy)]
pub(super) struct Building<'a> {
    pub store: &'a Store,
    pub staging: &'a Staging,
    /// Whether twins that have the right size are taken for good.
    pub trusting: bool,
    /// Whether it stays, so that what is written out for it is worth sharing.
    pub lasting: bool,
    /// User and group that it is to belong to, if not to who makes it.
    pub owner: Option<(u32, u32)>,
}

impl Building<'_> {
    pub fn tree(self, root: TreeId, at: &Path) -> Result<()> {
        let mut dirs = Vec::new();
        let mut wave = vec![(root, at.to_owned())];
        while !wave.is_empty() {
            // Those of one depth side by side: a tree's view is forty thousand links.
            let below = wave
                .par_iter()
                .map(|(tree, dir)| self.directory(*tree, dir));
            let below: Vec<(u32, Vec<(TreeId, PathBuf)>)> = below.collect::<Result<_>>()?;
            let made = wave.into_iter().zip(&below);
            dirs.extend(made.map(|((_, dir), (mode, _))| (dir, *mode)));
            wave = below.into_iter().flat_map(|(_, inside)| inside).collect();
        }
        // Deepest first; the top stays writable until it is where it belongs.
        let below_top = dirs.iter().skip(1).rev();
        for (dir, mode) in below_top {
            // What goes again is mounted for reading alone, and copies of it are to be written to.
            let mode = if self.lasting {
                DIRECTORY
            } else {
                mode & 0o777 | 0o700
            };
            self.own(dir)?;
            finish(dir, mode)?;
        }
        Ok(())
    }

    /// Makes one directory with its files; returns its mode, and those inside, which are still to be made.
    fn directory(self, tree: TreeId, dir: &Path) -> Result<(u32, Vec<(TreeId, PathBuf)>)> {
        let made = fs::create_dir(dir).map_err(|e| Error::io("making", dir, e));
        self.fits(dir, made)?;
        let (mut inside, mut leaves) = (Vec::new(), Vec::new());
        let directory = self.store.directory(tree)?;
        let mode = directory.meta.mode;
        for (name, node) in directory.entries {
            match node {
                Node::Directory(tree) => inside.push((tree, dir.join(OsStr::from_bytes(&name)))),
                Node::Leaf(leaf) => leaves.push((leaf, name)),
            }
        }
        let open = near::directory(dir).map_err(|e| Error::io("opening", dir, e))?;
        // An edition has ten thousand files side by side.
        let each = leaves.par_iter().with_min_len(LEAVES);
        each.try_for_each(|(leaf, name)| {
            let name = Path::new(OsStr::from_bytes(name));
            match self.is_linked(leaf, (&open, name)) {
                true => Ok(()),
                false => self.leaf(leaf, &dir.join(name)),
            }
        })?;
        self.check_files(&leaves, dir)?;
        Ok((mode, inside))
    }

    /// A link is made to whatever lies in place of an object: a FIFO would hold up who reads the view.
    fn check_files(self, leaves: &[(Leaf, Vec<u8>)], dir: &Path) -> Result<()> {
        let unread = |e| Error::io("reading", dir, e);
        let is_file = |item: io::Result<fs::DirEntry>| Ok(item?.file_type()?.is_file());
        let files = fs::read_dir(dir).map_err(unread)?.map(is_file);
        let files: Vec<bool> = files.collect::<io::Result<_>>().map_err(unread)?;
        let blob = |leaf: &Leaf| match leaf.content {
            Content::File { blob, .. } => Some(blob),
            _ => None,
        };
        let wanted = leaves.iter().filter(|(leaf, _)| blob(leaf).is_some());
        if files.into_iter().filter(|is_file| *is_file).count() == wanted.clone().count() {
            return Ok(());
        }
        for (leaf, name) in wanted {
            let path = dir.join(OsStr::from_bytes(name));
            let found = fs::symlink_metadata(&path).map_err(|e| Error::io("reading", &path, e))?;
            if let (false, Some(blob)) = (found.is_file(), blob(leaf)) {
                let problem = file::IS_NONE.into();
                return Err(self.store.damaged(Kind::Blob, blob.0, problem));
            }
        }
        Ok(())
    }

    /// Links what most leaves are, if it goes the short way: a file with bytes of its own, as it lies in the store.
    fn is_linked(self, leaf: &Leaf, to: (&OwnedFd, &Path)) -> bool {
        let Content::File { blob, size: 1.. } = leaf.content else {
            return false;
        };
        let Store { inner } = self.store;
        // Where a view is mended, what an object lies there as may be what was wrong.
        (self.trusting || !self.lasting)
            && self.owner.is_none()
            && mode_of(leaf) == FILE
            && !is_cut(to.1.as_os_str().as_bytes())
            && inner.near.link(&inner.layout, blob.0, to).is_ok()
    }

    /// Gives a path its owner; of a link, the link itself.
    pub fn own(self, path: &Path) -> Result<()> {
        match self.owner {
            Some((user, group)) => {
                lchown(path, Some(user), Some(group)).map_err(|e| Error::io("giving away", path, e))
            }
            None => Ok(()),
        }
    }

    fn leaf(self, leaf: &Leaf, path: &Path) -> Result<()> {
        self.fits(path, self.leaf_of_mine(leaf, path))?;
        match leaf.content {
            Content::File { .. } | Content::Symlink { .. } => self.own(path),
            _ => Ok(()),
        }
    }

    /// Says what the file system lacks, where that is why something could not be made, or has another name now.
    fn fits(self, path: &Path, made: Result<()>) -> Result<()> {
        let problem = match &made {
            Ok(()) if is_named_so(path)? => return made,
            Ok(()) => Some("this file system drops dots and spaces at the end of a name"),
            Err(
                Error::Io {
                    action,
                    path: of,
                    source,
                }
                | Error::Denied {
                    action,
                    path: of,
                    source,
                },
            ) if of == path => unfit(action, source),
            Err(_) => None,
        };
        let Some(problem) = problem else { return made };
        let (place, staged) = match self.lasting {
            true => (self.store.layout().entries(), self.staging.dir()),
            false => (self.store.dir().to_owned(), self.store.dir()),
        };
        let inside = path.strip_prefix(staged).unwrap_or(path);
        Err(Error::Unfit {
            path: inside.components().skip(1).collect(),
            problem,
            place,
        })
    }

    fn leaf_of_mine(self, leaf: &Leaf, path: &Path) -> Result<()> {
        match &leaf.content {
            Content::File { blob, size: 1.. } if self.owner.is_some() => {
                self.write_out(*blob, mode_of(leaf), path)
            }
            Content::File { size: 0, .. } => write_new(path, mode_of(leaf), &mut io::empty()),
            Content::File { blob, size } if mode_of(leaf) == EXECUTABLE => {
                self.twin(Twin::Executable, *blob, *size, path)
            }
            Content::File { blob, size } => {
                let object = self.store.layout().object(Kind::Blob, blob.0);
                match link(&object, path)? {
                    Linked::Yes if self.lasting => self.reset(path),
                    Linked::Yes => Ok(()),
                    Linked::CanNot => self.write_out(*blob, FILE, path),
                    Linked::NoSource if self.lasting => {
                        self.twin(Twin::Assembled, *blob, *size, path)
                    }
                    Linked::NoSource => self.write_out(*blob, FILE, path),
                }
            }
            Content::Symlink { target } => {
                symlink(OsStr::from_bytes(target), path).map_err(|e| Error::io(LINK, path, e))?;
                set_link_time(path)
            }
            Content::Character { .. } | Content::Block { .. } | Content::Fifo | Content::Socket => {
                Ok(())
            }
        }
    }

    /// Gives a link to an object the mode of files of views, which somebody changed.
    fn reset(self, path: &Path) -> Result<()> {
        let found = fs::symlink_metadata(path).map_err(|e| Error::io("reading", path, e))?;
        if !found.is_file() || found.mode() & 0o7777 == FILE || !self.store.able().modes {
            return Ok(());
        }
        fs::set_permissions(path, Permissions::from_mode(FILE))
            .map_err(|e| Error::io("resetting the mode of", path, e))
    }

    /// Links to a twin of a blob; where there is none, writes one.
    fn twin(self, kind: Twin, blob: BlobId, size: u64, path: &Path) -> Result<()> {
        let mode = match kind {
            Twin::Executable => EXECUTABLE,
            Twin::Assembled => FILE,
        };
        let twin = self.store.layout().twin(kind, blob.0);
        self.drop_bad(blob, size, mode, &twin)?;
        if let Linked::Yes = link(&twin, path)? {
            return Ok(());
        }
        // Here first: a collector takes away twins that no view uses.
        self.write_out(blob, mode, path)?;
        if kind == Twin::Assembled {
            // It has its full length before it has its bytes, and nobody would look twice after a power cut.
            fs::File::open(path)
                .and_then(|file| file.sync_data())
                .map_err(|e| Error::io("syncing", path, e))?;
        }
        fault::point("view.written");
        if let Some(dir) = twin.parent() {
            fs::create_dir_all(dir).map_err(|e| Error::io("making", dir, e))?;
        }
        // If another was quicker, or links can't be had, this one stays a copy.
        match fs::hard_link(path, &twin) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => self.exchange(&twin, path),
            _ => Ok(()),
        }
    }

    /// Has a file that was written in vain be a link to the twin that is there.
    fn exchange(self, twin: &Path, path: &Path) -> Result<()> {
        let new = self.staging.path();
        if let Linked::Yes = link(twin, &new)? {
            fs::rename(&new, path).map_err(|e| Error::io("renaming to", path, e))?;
        }
        Ok(())
    }

    /// Moves a twin away that is not what it should be.
    fn drop_bad(self, blob: BlobId, size: u64, mode: u32, twin: &Path) -> Result<()> {
        let good = match fs::symlink_metadata(twin) {
            Ok(found) if found.len() != size => false,
            Ok(found) if found.mode() & 0o7777 != mode && self.store.able().modes => false,
            Ok(_) => self.trusting || hash_file(twin)? == blob.0,
            Err(e) if e.kind() == io::ErrorKind::NotFound => true,
            Err(e) => return Err(Error::io("reading", twin, e)),
        };
        if good {
            return Ok(());
        }
        if fs::symlink_metadata(twin).is_ok_and(|found| found.is_dir()) {
            return file::make_way(twin);
        }
        let to = self.staging.path();
        match fs::rename(twin, &to) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::io("moving away", twin, e)),
            _ => Ok(()),
        }
    }

    fn write_out(self, blob: BlobId, mode: u32, path: &Path) -> Result<()> {
        write_new(path, mode, &mut self.store.read(blob, 0, None)?)
    }
}

/// Whether something is listed under the name that it was made by.
fn is_named_so(path: &Path) -> Result<bool> {
    let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok(true);
    };
    match is_cut(name.as_bytes()) {
        true => Ok(names(dir)?.contains(name.as_bytes())),
        false => Ok(true),
    }
}

/// Whether a name ends with what some file systems leave off.
fn is_cut(name: &[u8]) -> bool {
    matches!(name, [.., b'.' | b' '])
}

/// What a file system lacks that could not make a file, a directory or a symbolic link in a new directory.
fn unfit(action: &str, error: &io::Error) -> Option<&'static str> {
    match Errno::from_io_error(error)? {
        Errno::INVAL | Errno::ILSEQ => Some("this file system can't have such a name"),
        Errno::NAMETOOLONG => Some("this file system can't have so long a name"),
        Errno::EXIST => Some("this file system takes it for another name, in upper or lower case"),
        Errno::PERM | Errno::NOSYS | Errno::OPNOTSUPP if action == LINK => {
            Some("this file system has no symbolic links")
        }
        _ => None,
    }
}
