//! Reads what a command left, as nobody who follows its links.
//!
//! Every name is opened below the directory that it is in, and never through a link;
//! nothing runs any more that could change it meanwhile.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, fgetxattr, flistxattr, fstat, open, openat, readlinkat,
    statat,
};

use super::message::{Message, hex, tell};

/// Directories below each other that a tree may have; its paths have no more names.
const DEEPEST: usize = 200;

/// The longest list of attributes, and the longest of them, that a kernel gives.
const ATTRIBUTES: usize = 64 << 10;

/// Where what is captured goes.
pub struct Capture<'a> {
    pub to: &'a mut dyn Write,
    /// Bytes that files may still have, by what they say of their length.
    pub left: u64,
    /// Files that have other names, and were told by one: they lie here once, however many they have.
    pub told: BTreeSet<u64>,
}

/// Whether to go on; what is wrong was said.
type Going = io::Result<bool>;

impl Capture<'_> {
    /// Tells of everything below a directory.
    pub fn top(&mut self, at: &str) -> Going {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = open(at, flags, Mode::empty())?;
        let going = self.directory(directory, &mut Vec::new(), 0)?;
        if going {
            tell(self.to, &Message::Done)?;
        }
        self.to.flush()?;
        Ok(going)
    }

    fn directory(&mut self, directory: OwnedFd, path: &mut Vec<u8>, depth: usize) -> Going {
        let mut names: Vec<CString> = Vec::new();
        for item in Dir::read_from(directory.as_fd())? {
            let item = item?;
            let name = item.file_name();
            if name != c"." && name != c".." {
                names.push(name.to_owned());
            }
        }
        names.sort();
        for name in names {
            let end = path.len();
            if end > 0 {
                path.push(b'/');
            }
            path.extend_from_slice(name.as_bytes());
            let going = self.name(&directory, &name, path, depth)?;
            path.truncate(end);
            if !going {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn name(&mut self, within: &OwnedFd, name: &CStr, path: &mut Vec<u8>, depth: usize) -> Going {
        let found = statat(within, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let mode = found.st_mode & 0o7777;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        match FileType::from_raw_mode(found.st_mode) {
            FileType::Directory => {
                if depth == DEEPEST {
                    let path = String::from_utf8_lossy(path).into_owned();
                    let most = DEEPEST;
                    tell(self.to, &Message::TooDeep { path, most })?;
                    return Ok(false);
                }
                let directory = openat(within, name, flags | OFlags::DIRECTORY, Mode::empty())?;
                let message = Message::Directory {
                    path: hex(path),
                    mode,
                    xattrs: attributes(&directory)?,
                };
                tell(self.to, &message)?;
                self.directory(directory, path, depth + 1)
            }
            FileType::RegularFile => {
                let file = openat(within, name, flags, Mode::empty())?;
                let found = fstat(&file)?;
                let inode = (found.st_nlink > 1).then_some(found.st_ino);
                if let Some(inode) = inode
                    && !self.told.insert(inode)
                {
                    let path = hex(path);
                    tell(self.to, &Message::Link { path, inode })?;
                    return Ok(true);
                }
                let size = u64::try_from(found.st_size).unwrap_or(u64::MAX);
                let Some(left) = self.left.checked_sub(size) else {
                    tell(self.to, &Message::TooLarge)?;
                    return Ok(false);
                };
                self.left = left;
                let message = Message::File {
                    path: hex(path),
                    mode,
                    size,
                    inode,
                    xattrs: attributes(&file)?,
                };
                tell(self.to, &message)?;
                let copied = io::copy(&mut File::from(file).take(size), &mut self.to)?;
                match copied == size {
                    true => Ok(true),
                    false => Err(io::ErrorKind::UnexpectedEof.into()),
                }
            }
            FileType::Symlink => {
                let target = readlinkat(within, name, Vec::new())?;
                let message = Message::Symlink {
                    path: hex(path),
                    target: hex(target.as_bytes()),
                };
                tell(self.to, &message)?;
                Ok(true)
            }
            other => {
                let what = match other {
                    FileType::Fifo => "a pipe",
                    FileType::Socket => "a socket",
                    _ => "a device",
                };
                let message = Message::Strange {
                    path: String::from_utf8_lossy(path).into_owned(),
                    what: what.to_owned(),
                };
                tell(self.to, &message)?;
                Ok(false)
            }
        }
    }
}

/// The attributes that are a user's own, sorted; others say something of the machine.
fn attributes(of: &OwnedFd) -> io::Result<Vec<(String, String)>> {
    let mut list = vec![0; ATTRIBUTES];
    let length = match flistxattr(of, &mut list[..]) {
        Ok(length) => length,
        Err(rustix::io::Errno::NOTSUP) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut found = Vec::new();
    let names = list[..length].split(|&byte| byte == 0);
    for name in names.filter(|name| name.starts_with(b"user.")) {
        let mut value = vec![0; ATTRIBUTES];
        let length = fgetxattr(of, name, &mut value[..])?;
        found.push((hex(name), hex(&value[..length])));
    }
    found.sort();
    Ok(found)
}
