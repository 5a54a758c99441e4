//! Inodes: in the short form where it says all, else in the long one.

use super::NONE32;
use super::data::Stored;
use crate::tree::Content;

/// What every inode says.
#[derive(Debug, Clone, Copy)]
pub struct Common {
    pub mode: u32,
    /// Places of the owners in the table of ids.
    pub uid: u16,
    pub gid: u16,
    pub mtime: u32,
    pub number: u32,
    /// Names that it has; of a directory two, and one for each in it.
    pub links: u32,
    /// The number of its set of attributes, or all ones.
    pub xattrs: u32,
}

/// Added to the number of a type for its long form.
const LONG: u16 = 7;

impl Common {
    fn start(&self, kind: u16) -> Vec<u8> {
        let mut bytes = Vec::new();
        for value in [kind, self.mode as u16, self.uid, self.gid] {
            bytes.extend(value.to_le_bytes());
        }
        bytes.extend(self.mtime.to_le_bytes());
        bytes.extend(self.number.to_le_bytes());
        bytes
    }

    fn has_xattrs(&self) -> bool {
        self.xattrs != NONE32
    }
}

/// The number of a type in directories and short inodes.
pub fn kind(content: &Content) -> u16 {
    match content {
        Content::File { .. } => 2,
        Content::Symlink { .. } => 3,
        Content::Block { .. } => 4,
        Content::Character { .. } => 5,
        Content::Fifo => 6,
        Content::Socket => 7,
    }
}

pub const DIRECTORY: u16 = 1;

/// A listing: its place, its bytes, and the inode of the directory above.
pub struct Listing {
    pub block: u32,
    pub offset: u16,
    pub length: u32,
    pub parent: u32,
}

pub fn directory(common: &Common, listing: &Listing) -> Vec<u8> {
    // Readers count "." and ".." as three bytes.
    let size = listing.length + 3;
    let short = u16::try_from(size).ok().filter(|_| !common.has_xattrs());
    if let Some(short) = short {
        let mut bytes = common.start(DIRECTORY);
        bytes.extend(listing.block.to_le_bytes());
        bytes.extend(common.links.to_le_bytes());
        bytes.extend(short.to_le_bytes());
        bytes.extend(listing.offset.to_le_bytes());
        bytes.extend(listing.parent.to_le_bytes());
        return bytes;
    }
    let mut bytes = common.start(DIRECTORY + LONG);
    for value in [common.links, size, listing.block, listing.parent] {
        bytes.extend(value.to_le_bytes());
    }
    // Without an index: it only spares reading.
    bytes.extend(0u16.to_le_bytes());
    bytes.extend(listing.offset.to_le_bytes());
    bytes.extend(common.xattrs.to_le_bytes());
    bytes
}

pub fn file(common: &Common, stored: &Stored) -> Vec<u8> {
    let (fragment, offset) = stored.fragment;
    let short = u32::try_from(stored.start)
        .ok()
        .zip(u32::try_from(stored.size).ok());
    let short = short.filter(|_| common.links == 1 && !common.has_xattrs());
    let mut bytes = match short {
        Some((start, size)) => {
            let mut bytes = common.start(2);
            for value in [start, fragment, offset, size] {
                bytes.extend(value.to_le_bytes());
            }
            bytes
        }
        None => {
            let mut bytes = common.start(2 + LONG);
            for value in [stored.start, stored.size, 0] {
                bytes.extend(value.to_le_bytes());
            }
            for value in [common.links, fragment, offset, common.xattrs] {
                bytes.extend(value.to_le_bytes());
            }
            bytes
        }
    };
    bytes.extend(stored.blocks.iter().flat_map(|length| length.to_le_bytes()));
    bytes
}

/// Anything that has no bytes of its own.
pub fn other(common: &Common, content: &Content) -> Vec<u8> {
    let kind = kind(content) + if common.has_xattrs() { LONG } else { 0 };
    let mut bytes = common.start(kind);
    bytes.extend(common.links.to_le_bytes());
    match content {
        Content::Symlink { target } => {
            bytes.extend((target.len() as u32).to_le_bytes());
            bytes.extend(target);
        }
        Content::Block { major, minor } | Content::Character { major, minor } => {
            let device = minor & 0xff | major << 8 | (minor & !0xff) << 12;
            bytes.extend(device.to_le_bytes());
        }
        _ => {}
    }
    if common.has_xattrs() {
        bytes.extend(common.xattrs.to_le_bytes());
    }
    bytes
}
