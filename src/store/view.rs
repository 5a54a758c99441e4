//! Entries as people and programs use them: plain directories below `entries/`.
//!
//! A view is disposable: all that is true of an entry is in its tree.
//! Files have mode 0444 or 0555, directories 0555, all have time 1;
//! devices, sockets and pipes are left out, for ordinary users can't make them.
//! Files share their storage with objects where the file system allows.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File, FileTimes, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rayon::prelude::*;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};

use super::error::{Error, Result};
use super::layout::{Kind, Layout};
use super::lock::{Lock, Name as LockName};
use super::place::rename_new;
use super::read::exists;
use super::staging::{Staging, remove_tree};
use super::stream::hash_file;
use super::{Store, fault};
use crate::ids::hash::SHORT_LEN;
use crate::ids::{BlobId, EntryId, Name, TreeId};
use crate::tree::{Content, Leaf, Node};

const FILE: u32 = 0o444;
const EXECUTABLE: u32 = 0o555;
const DIRECTORY: u32 = 0o555;
const UNFINISHED: u32 = 0o755;

/// The top of a view that was found damaged, until it is made anew.
const DISTRUSTED: u32 = 0o1555;

/// Second 1 of 1970: some tools take 0 for "unknown".
const TIME: Duration = Duration::from_secs(1);

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
        self.build(root, &new, &staging, trusting)?;
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
        fault::point("view.placed");
        Ok(path)
    }

    /// Lays a tree out as a view is, in a place that is the caller's, who holds what is in it.
    pub fn lay_out(&self, root: TreeId, at: &Path) -> Result<()> {
        let staging = Staging::new(self.layout())?;
        // Whoever reads this makes something of it that is kept.
        self.build(root, at, &staging, false)?;
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

    fn build(&self, root: TreeId, at: &Path, staging: &Staging, trusting: bool) -> Result<()> {
        let mut dirs = Vec::new();
        let mut wave = vec![(root, at.to_owned())];
        while !wave.is_empty() {
            // Those of one depth side by side: a tree's view is forty thousand links.
            let below = wave
                .par_iter()
                .map(|(tree, dir)| self.build_directory(*tree, dir, staging, trusting));
            let below: Vec<Vec<(TreeId, PathBuf)>> = below.collect::<Result<_>>()?;
            dirs.extend(wave.into_iter().map(|(_, dir)| dir));
            wave = below.into_iter().flatten().collect();
        }
        // Deepest first; the top stays writable until it is where it belongs.
        dirs.iter()
            .skip(1)
            .rev()
            .try_for_each(|dir| finish(dir, DIRECTORY))
    }

    /// Makes one directory with its files; returns those inside, which are still to be made.
    fn build_directory(
        &self,
        tree: TreeId,
        dir: &Path,
        staging: &Staging,
        trusting: bool,
    ) -> Result<Vec<(TreeId, PathBuf)>> {
        fs::create_dir(dir).map_err(|e| Error::io("making", dir, e))?;
        let mut inside = Vec::new();
        for (name, node) in self.directory(tree)?.entries {
            let path = dir.join(OsStr::from_bytes(&name));
            match node {
                Node::Directory(tree) => inside.push((tree, path)),
                Node::Leaf(leaf) => self.build_leaf(&leaf, &path, staging, trusting)?,
            }
        }
        Ok(inside)
    }

    fn build_leaf(
        &self,
        leaf: &Leaf,
        path: &Path,
        staging: &Staging,
        trusting: bool,
    ) -> Result<()> {
        match &leaf.content {
            Content::File { size: 0, .. } => write_new(path, mode_of(leaf), &mut io::empty()),
            Content::File { blob, .. } if mode_of(leaf) == EXECUTABLE => {
                if !trusting {
                    self.drop_bad_twin(*blob, staging)?;
                }
                self.build_executable(*blob, path, staging)
            }
            Content::File { blob, .. } => {
                let object = self.layout().object(Kind::Blob, blob.0);
                match link(&object, path)? {
                    Linked::Yes => Ok(()),
                    Linked::CanNot | Linked::NoSource => self.write_out(*blob, FILE, path),
                }
            }
            Content::Symlink { target } => {
                symlink(OsStr::from_bytes(target), path)
                    .map_err(|e| Error::io("making the link", path, e))?;
                set_link_time(path)
            }
            Content::Character { .. } | Content::Block { .. } | Content::Fifo | Content::Socket => {
                Ok(())
            }
        }
    }

    /// Links to the executable twin of a blob, which is made where there is none.
    fn build_executable(&self, blob: BlobId, path: &Path, staging: &Staging) -> Result<()> {
        let twin = self.layout().executable(blob.0);
        // A collector may take away a twin that no view uses yet.
        for _ in 0..3 {
            match link(&twin, path)? {
                Linked::Yes => return Ok(()),
                Linked::CanNot => break,
                Linked::NoSource => {}
            }
            let new = staging.path();
            self.write_out(blob, EXECUTABLE, &new)?;
            if let Some(dir) = twin.parent() {
                fs::create_dir_all(dir).map_err(|e| Error::io("making", dir, e))?;
            }
            rename_new(&new, &twin)?;
        }
        self.write_out(blob, EXECUTABLE, path)
    }

    fn drop_bad_twin(&self, blob: BlobId, staging: &Staging) -> Result<()> {
        let twin = self.layout().executable(blob.0);
        if exists(&twin)? && hash_file(&twin)? != blob.0 {
            let to = staging.path();
            fs::rename(&twin, &to).map_err(|e| Error::io("moving away", &twin, e))?;
        }
        Ok(())
    }

    fn write_out(&self, blob: BlobId, mode: u32, path: &Path) -> Result<()> {
        write_new(path, mode, &mut self.read(blob, 0, None)?)
    }

    /// What is wrong with a view; `full` also reads the files that share no storage with objects.
    pub(super) fn view_problem(
        &self,
        root: TreeId,
        at: &Path,
        full: bool,
    ) -> Result<Option<String>> {
        let mut queue = vec![(root, at.to_owned())];
        while let Some((tree, dir)) = queue.pop() {
            let problem = |what: &str| Ok(Some(format!("{} {what}", dir.display())));
            match fs::symlink_metadata(&dir) {
                Ok(m) if !m.is_dir() => return problem("is not a directory"),
                // The top is made read-only last, where it is: that may be happening now.
                Ok(m) if m.mode() & 0o7777 != DIRECTORY && dir != at => {
                    return problem("has a wrong mode");
                }
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::NotFound => return problem("is missing"),
                Err(e) => return Err(Error::io("reading", dir, e)),
            }
            let mut names = names(&dir)?;
            for (name, node) in self.directory(tree)?.entries {
                let path = dir.join(OsStr::from_bytes(&name));
                let was_there = names.remove(&name);
                match node {
                    Node::Directory(tree) => queue.push((tree, path)),
                    Node::Leaf(leaf) => {
                        if let Some(what) = self.leaf_problem(&leaf, &path, was_there, full)? {
                            return Ok(Some(format!("{} {what}", path.display())));
                        }
                    }
                }
            }
            if let Some(name) = names.first() {
                let path = dir.join(OsStr::from_bytes(name));
                return Ok(Some(format!("{} does not belong there", path.display())));
            }
        }
        Ok(None)
    }

    fn leaf_problem(
        &self,
        leaf: &Leaf,
        path: &Path,
        there: bool,
        full: bool,
    ) -> Result<Option<&'static str>> {
        let (size, blob) = match &leaf.content {
            Content::File { size, blob } => (*size, blob.0),
            Content::Symlink { target } => {
                let good = fs::read_link(path)
                    .is_ok_and(|found| found.as_os_str().as_bytes() == target.as_slice());
                return Ok((!good).then_some("is not the right link"));
            }
            _ => return Ok(there.then_some("does not belong there")),
        };
        if !there {
            return Ok(Some("is missing"));
        }
        let found = fs::symlink_metadata(path).map_err(|e| Error::io("reading", path, e))?;
        if !found.is_file() || found.len() != size {
            return Ok(Some("has a wrong size"));
        }
        if found.mode() & 0o7777 != mode_of(leaf) {
            return Ok(Some("has a wrong mode"));
        }
        if size == 0 {
            return Ok(None);
        }
        let original = match mode_of(leaf) {
            EXECUTABLE => self.layout().executable(blob),
            _ => self.layout().object(Kind::Blob, blob),
        };
        let original = fs::symlink_metadata(original);
        let shared = original.as_ref().is_ok_and(|o| same_inode(o, &found));
        // The bytes of a shared file are those of its object, but nobody checks the twins elsewhere.
        if shared && (mode_of(leaf) == FILE || !full) {
            return Ok(None);
        }
        // A file that could be a link and is none had an object that was replaced: it is not to be trusted.
        // A copy on another file system, or of a blob that is held in parts, is, unless all is checked.
        let apart = original.map_or(true, |o| o.dev() != found.dev());
        if !full && apart && found.nlink() == 1 {
            return Ok(None);
        }
        Ok((hash_file(path)? != blob).then_some("has wrong bytes"))
    }
}

/// Whether nobody found something wrong with a view since it was made.
fn is_trusted(view: &Path) -> Result<bool> {
    match fs::symlink_metadata(view) {
        Ok(found) => Ok(found.mode() & 0o7777 != DISTRUSTED),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(Error::io("reading", view, e)),
    }
}

/// Has a view made anew when somebody asks for it.
pub(super) fn distrust(view: &Path) {
    // Who can't be told so looks again.
    if fs::symlink_metadata(view).is_ok_and(|m| m.is_dir()) {
        let _ = fs::set_permissions(view, Permissions::from_mode(DISTRUSTED));
    }
}

fn same_inode(a: &Metadata, b: &Metadata) -> bool {
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

/// Where views are built: on the file system of `entries/`, which may be another than that of objects.
pub(super) fn building(layout: &Layout) -> Result<PathBuf> {
    let dir = layout.entries().join(".building");
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
    moving().map_err(|e| Error::io("moving away", view, e))
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

fn names(dir: &Path) -> Result<BTreeSet<Vec<u8>>> {
    let name = |item: io::Result<fs::DirEntry>| Ok(item?.file_name().into_encoded_bytes());
    let read = || fs::read_dir(dir)?.map(name).collect::<io::Result<_>>();
    read().map_err(|e| Error::io("reading", dir, e))
}

fn mode_of(leaf: &Leaf) -> u32 {
    if leaf.meta.mode & 0o111 != 0 {
        EXECUTABLE
    } else {
        FILE
    }
}

fn write_new(path: &Path, mode: u32, bytes: &mut dyn io::Read) -> Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|e| Error::io("making", path, e))?;
    io::copy(bytes, &mut file).map_err(|e| Error::io("writing", path, e))?;
    finish_file(&file, mode).map_err(|e| Error::io("finishing", path, e))
}

/// Gives a file its mode and the time that all files have.
pub(super) fn finish_file(file: &File, mode: u32) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(mode))?;
    let time = SystemTime::UNIX_EPOCH + TIME;
    file.set_times(FileTimes::new().set_accessed(time).set_modified(time))
}

fn finish(dir: &Path, mode: u32) -> Result<()> {
    File::open(dir)
        .and_then(|dir| finish_file(&dir, mode))
        .map_err(|e| Error::io("finishing", dir, e))
}

fn set_link_time(path: &Path) -> Result<()> {
    let time = Timespec {
        tv_sec: 1,
        tv_nsec: 0,
    };
    let times = Timestamps {
        last_access: time,
        last_modification: time,
    };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)
        .map_err(|e| Error::io("finishing", path, e.into()))
}

enum Linked {
    Yes,
    /// Too many links already, another file system, or one that has none: copy.
    CanNot,
    NoSource,
}

fn link(from: &Path, to: &Path) -> Result<Linked> {
    use io::ErrorKind as K;
    match fs::hard_link(from, to) {
        Ok(()) => Ok(Linked::Yes),
        Err(e) => match e.kind() {
            K::NotFound => Ok(Linked::NoSource),
            K::TooManyLinks | K::CrossesDevices | K::PermissionDenied | K::Unsupported => {
                Ok(Linked::CanNot)
            }
            _ => Err(Error::io("linking", to, e)),
        },
    }
}
