//! A tree as files on disk, and what is on disk as text to compare.

use std::collections::BTreeMap;
use std::ffi::{CString, OsStr};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, CWD, FileType, Mode, Timespec, Timestamps, XattrFlags};
use store::compose::{Output, Workspace, WorkspaceError};
use store::ids::TreePath;
use store::tree::{Content, Leaf, Meta, Visit, walk};

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn on_disk(base: &Path, path: &TreePath) -> PathBuf {
    base.join(OsStr::from_bytes(path.as_bytes()))
}

/// Writes a tree into an empty directory; owners, capabilities and devices only as root.
pub fn materialize(workspace: &dyn Workspace, output: &Output, base: &Path) {
    let read = |id| workspace.directory(id).map(Arc::unwrap_or_clone);
    let mut directories: Vec<(PathBuf, Meta)> = Vec::new();
    walk::<WorkspaceError>(output.root, &read, &mut |path, visit| {
        let place = on_disk(base, path);
        match visit {
            Visit::Directory { meta, .. } => {
                fs::create_dir_all(&place).unwrap();
                directories.push((place, meta.clone()));
            }
            Visit::Leaf(leaf) => write_leaf(workspace, leaf, &place),
        }
        Ok(())
    })
    .unwrap();
    for group in &output.links {
        for path in &group[1..] {
            let place = on_disk(base, path);
            fs::remove_file(&place).unwrap();
            fs::hard_link(on_disk(base, &group[0]), place).unwrap();
        }
    }
    for (place, meta) in directories.iter().rev() {
        apply(place, meta, false);
    }
}

fn write_leaf(workspace: &dyn Workspace, leaf: &Leaf, place: &Path) {
    let link = matches!(leaf.content, Content::Symlink { .. });
    let special = |kind, device| {
        if is_root() || kind == FileType::Fifo {
            rustix::fs::mknodat(CWD, place, kind, Mode::from_raw_mode(0o600), device).unwrap();
        }
    };
    match &leaf.content {
        Content::File { blob, .. } => {
            let mut bytes = workspace.read(*blob, 0, None).unwrap();
            std::io::copy(&mut bytes, &mut fs::File::create_new(place).unwrap()).unwrap();
        }
        Content::Symlink { target } => symlink(OsStr::from_bytes(target), place).unwrap(),
        Content::Character { major, minor } => special(
            FileType::CharacterDevice,
            rustix::fs::makedev(*major, *minor),
        ),
        Content::Block { major, minor } => {
            special(FileType::BlockDevice, rustix::fs::makedev(*major, *minor))
        }
        Content::Fifo => special(FileType::Fifo, 0),
        Content::Socket => special(FileType::Socket, 0),
    }
    if place.symlink_metadata().is_ok() {
        apply(place, &leaf.meta, link);
    }
}

fn apply(place: &Path, meta: &Meta, link: bool) {
    if is_root() {
        std::os::unix::fs::lchown(place, Some(meta.uid), Some(meta.gid)).unwrap();
        for (name, value) in &meta.xattrs {
            let name = CString::new(name.clone()).unwrap();
            rustix::fs::lsetxattr(place, name.as_c_str(), value, XattrFlags::empty()).unwrap();
        }
    }
    if !link {
        fs::set_permissions(place, fs::Permissions::from_mode(meta.mode)).unwrap();
    }
    if let Some(mtime) = meta.mtime {
        let time = Timespec {
            tv_sec: mtime,
            tv_nsec: 0,
        };
        let times = Timestamps {
            last_access: time,
            last_modification: time,
        };
        rustix::fs::utimensat(CWD, place, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
    }
}

/// One line for each path below a directory: all that can differ, times of directories aside.
pub fn listing(base: &Path) -> BTreeMap<String, String> {
    let mut lines = BTreeMap::new();
    let mut first: BTreeMap<u64, String> = BTreeMap::new();
    for entry in walkdir::WalkDir::new(base).sort_by_file_name() {
        let entry = entry.unwrap();
        let meta = entry.metadata().unwrap();
        let path = entry.path().strip_prefix(base).unwrap();
        let path = path.display().to_string();
        let mut line = format!("{:o} {}:{}", meta.mode(), meta.uid(), meta.gid());
        if !meta.is_dir() {
            line += &format!(" at {}", meta.mtime());
            let same = first.entry(meta.ino()).or_insert_with(|| path.clone());
            if *same != path {
                line += &format!(" same as {same}");
            }
        }
        if meta.is_symlink() {
            line += &format!(" to {}", fs::read_link(entry.path()).unwrap().display());
        }
        if meta.is_file() {
            let bytes = fs::read(entry.path()).unwrap();
            line += &format!(" {} {}", bytes.len(), store::ids::BlobId::of(&bytes));
        }
        let mut value = [0; 64];
        let found = rustix::fs::lgetxattr(entry.path(), "security.capability", &mut value);
        if let Ok(length) = found {
            line += &format!(" caps {:?}", &value[..length]);
        }
        lines.insert(path, line);
    }
    lines
}
