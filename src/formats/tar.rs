//! Archives in the pax form of POSIX.1-2001: the layers of container images.
//!
//! An entry is a ustar header, and before it, where something does not fit in there, a pax header with records.
//! Facts: pax(1) of POSIX, "pax Interchange Format"; `SCHILY.xattr` as star, GNU tar and Go's `archive/tar` have it.

use std::io;

use ::tar::{Builder, EntryType, Header};

use crate::ids::TreePath;
use crate::tree::Meta;

/// Everything in an archive comes in blocks of so many bytes.
pub const BLOCK: u64 = 512;

/// What stands behind the last entry.
pub const END: [u8; 1024] = [0; 1024];

/// Bytes that a ustar header has for a name, and for the directories that stand before it.
const NAME: usize = 100;
const PREFIX: usize = 155;

/// The first number that does not fit: seven octal digits for an owner, eleven for a size or time.
const OWNER: u32 = 1 << 21;
const NUMBER: u64 = 1 << 33;

/// What stands at a path.
#[derive(Debug, Clone, Copy)]
pub enum What<'a> {
    Directory,
    File {
        size: u64,
    },
    Symlink {
        target: &'a [u8],
    },
    /// The same file as an earlier entry of the archive.
    Link {
        to: &'a TreePath,
    },
    Character {
        major: u32,
        minor: u32,
    },
    Block {
        major: u32,
        minor: u32,
    },
    Fifo,
}

/// An extended attribute that no record can name.
#[derive(Debug, thiserror::Error)]
#[error(
    "{path} has an extended attribute {:?}, whose name an archive can't hold",
    String::from_utf8_lossy(name)
)]
pub struct InvalidAttribute {
    pub path: TreePath,
    pub name: Vec<u8>,
}

/// What stands before an entry's bytes. `mtime` is in seconds since 1970.
pub fn head(
    path: &TreePath,
    meta: &Meta,
    mtime: i64,
    what: What<'_>,
) -> Result<Vec<u8>, InvalidAttribute> {
    let mut header = Header::new_ustar();
    let mut records: Vec<(String, Vec<u8>)> = Vec::new();
    let mut record = |key: &str, value: &[u8]| records.push((key.to_owned(), value.to_vec()));

    header.set_entry_type(entry_type(what));
    header.set_mode(meta.mode);
    let owners = [("uid", meta.uid), ("gid", meta.gid)];
    let [uid, gid] = owners.map(|(key, id)| match id < OWNER {
        true => u64::from(id),
        false => {
            record(key, id.to_string().as_bytes());
            0
        }
    });
    header.set_uid(uid);
    header.set_gid(gid);
    match u64::try_from(mtime) {
        Ok(mtime) if mtime < NUMBER => header.set_mtime(mtime),
        _ => record("mtime", mtime.to_string().as_bytes()),
    }
    let size = match what {
        What::File { size } => size,
        _ => 0,
    };
    if size < NUMBER {
        header.set_size(size);
    } else {
        header.set_size(0);
        record("size", size.to_string().as_bytes());
    }
    if let What::Character { major, minor } | What::Block { major, minor } = what
        && let Some(ustar) = header.as_ustar_mut()
    {
        ustar.set_device_major(major);
        ustar.set_device_minor(minor);
    }
    let name = name(path, what);
    let split = split(&name);
    if split.is_none() {
        record("path", &name);
    }
    let (prefix, rest) = split.unwrap_or((b"", &name));
    let target = match what {
        What::Symlink { target } => target,
        What::Link { to } => to.as_bytes(),
        _ => b"",
    };
    if target.len() > NAME {
        record("linkpath", target);
    }
    if let Some(ustar) = header.as_ustar_mut() {
        fill(&mut ustar.prefix, prefix);
        fill(&mut ustar.name, rest);
        fill(&mut ustar.linkname, target);
    }
    // A hard link has the attributes of what it is a link to.
    if !matches!(what, What::Link { .. }) {
        for (name, value) in &meta.xattrs {
            record(&format!("SCHILY.xattr.{}", attribute(path, name)?), value);
        }
    }
    header.set_cksum();
    Ok(encode(&header, &records).expect("what is written into memory does not fail"))
}

/// Whether records can name all extended attributes of a file.
pub fn check(path: &TreePath, meta: &Meta) -> Result<(), InvalidAttribute> {
    let mut names = meta.xattrs.keys();
    names.try_for_each(|name| attribute(path, name).map(drop))
}

fn attribute<'a>(path: &TreePath, name: &'a [u8]) -> Result<&'a str, InvalidAttribute> {
    let text = std::str::from_utf8(name).ok();
    let text = text.filter(|text| !text.is_empty() && !text.contains(['=', '\0']));
    text.ok_or_else(|| InvalidAttribute {
        path: path.clone(),
        name: name.to_vec(),
    })
}

/// Bytes between an entry's own and the next block.
pub fn padding(size: u64) -> u64 {
    (BLOCK - size % BLOCK) % BLOCK
}

fn entry_type(what: What<'_>) -> EntryType {
    match what {
        What::Directory => EntryType::Directory,
        What::File { .. } => EntryType::Regular,
        What::Symlink { .. } => EntryType::Symlink,
        What::Link { .. } => EntryType::Link,
        What::Character { .. } => EntryType::Char,
        What::Block { .. } => EntryType::Block,
        What::Fifo => EntryType::Fifo,
    }
}

/// A directory's name ends with a slash, and that of the root is the directory itself.
fn name(path: &TreePath, what: What<'_>) -> Vec<u8> {
    let mut name = path.as_bytes().to_vec();
    if name.is_empty() {
        name.push(b'.');
    }
    if matches!(what, What::Directory) {
        name.push(b'/');
    }
    name
}

/// A name as a header can hold it: directories before it, and the rest; `None` where a record has to.
///
/// Go's `archive/tar`, and so podman, divides where this does. Records are left to those who can't do without:
/// bootc of before March 2026 moves `/etc` in the header alone, and where a record says the name again, the file stays behind.
fn split(name: &[u8]) -> Option<(&[u8], &[u8])> {
    if name.len() <= NAME {
        return Some((b"", name));
    }
    // Of a directory's name the last slash divides nothing.
    let within = &name[..(name.len() - 1).min(PREFIX + 1)];
    let slash = within.iter().rposition(|byte| *byte == b'/')?;
    let rest = &name[slash + 1..];
    (rest.len() <= NAME).then_some((&name[..slash], rest))
}

fn fill(field: &mut [u8], bytes: &[u8]) {
    let length = bytes.len().min(field.len());
    field[..length].copy_from_slice(&bytes[..length]);
}

fn encode(header: &Header, records: &[(String, Vec<u8>)]) -> io::Result<Vec<u8>> {
    let mut builder = Builder::new(Vec::new());
    let records = records.iter();
    builder.append_pax_extensions(records.map(|(key, value)| (key.as_str(), &value[..])))?;
    builder.append(header, io::empty())?;
    // Without the end of the archive, which the builder would add.
    Ok(std::mem::take(builder.get_mut()))
}
