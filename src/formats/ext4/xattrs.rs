//! Extended attributes: in the inode where they fit, else in a block, which inodes with the same ones share.

use std::collections::BTreeMap;

use super::BLOCK;
use super::checksum::crc32c;
use super::inode::ROOM;

/// Prefixes that are said by a number.
const PREFIXES: [(u8, &[u8]); 4] = [
    (1, b"user."),
    (4, b"trusted."),
    (6, b"security."),
    (7, b"system."),
];
/// Access control lists lie otherwise on disk than they are told, and no package has any.
const LISTS: &[u8] = b"system.posix_acl_";

const MAGIC: u32 = 0xea02_0000;
const ENTRY: usize = 16;
const BLOCK_HEADER: usize = 32;
/// Inodes that share a block, at most.
pub const SHARED: u32 = 1024;

/// Whether ext4 can hold an attribute of this name.
pub fn holds(name: &[u8]) -> bool {
    known(name).is_some()
}

fn known(name: &[u8]) -> Option<(u8, &[u8])> {
    if name.starts_with(LISTS) {
        return None;
    }
    let mut prefixes = PREFIXES.into_iter();
    prefixes.find_map(|(index, prefix)| Some((index, name.strip_prefix(prefix)?)))
}

/// Attributes in the order that ext4 wants: by prefix, length and name.
pub struct Set<'a>(Vec<(u8, &'a [u8], &'a [u8])>);

impl<'a> Set<'a> {
    /// Those that ext4 can hold.
    pub fn of(xattrs: &'a BTreeMap<Vec<u8>, Vec<u8>>) -> Self {
        let held = xattrs.iter().filter_map(|(name, value)| {
            let (index, name) = known(name)?;
            Some((index, name, value.as_slice()))
        });
        let mut set: Vec<_> = held.collect();
        set.sort_by_key(|&(index, name, _)| (index, name.len(), name));
        Set(set)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As they lie in an inode; `None` if they don't fit.
    pub fn inline(&self) -> Option<[u8; ROOM]> {
        let mut room = [0; ROOM];
        room[..4].copy_from_slice(&MAGIC.to_le_bytes());
        let laid = self.lay(ROOM - 4, 0, false)?;
        room[4..].copy_from_slice(&laid);
        Some(room)
    }

    /// As they lie in a block, without its sum, which depends on where it is, and the count of those who share it.
    pub fn block(&self) -> Option<Vec<u8>> {
        let rest = self.lay(BLOCK as usize - BLOCK_HEADER, BLOCK_HEADER, true)?;
        let whole = self.0.iter().fold(0u32, |whole, (_, name, value)| {
            whole.rotate_left(16) ^ hash(name, value)
        });
        let mut bytes = Vec::with_capacity(BLOCK as usize);
        for value in [MAGIC, 0, 1, whole] {
            bytes.extend(value.to_le_bytes());
        }
        bytes.resize(BLOCK_HEADER, 0);
        bytes.extend(rest);
        Some(bytes)
    }

    /// Entries from the front, values from the back; offsets count from `base` bytes before.
    fn lay(&self, room: usize, base: usize, hashed: bool) -> Option<Vec<u8>> {
        let mut bytes = vec![0; room];
        let (mut front, mut back) = (0, room);
        for (index, name, value) in &self.0 {
            let entry = ENTRY + name.len().next_multiple_of(4);
            let length = value.len().next_multiple_of(4);
            // Four zero bytes end the entries.
            if front + entry + 4 + length > back {
                return None;
            }
            back -= length;
            bytes[back..back + value.len()].copy_from_slice(value);
            let offset = if value.is_empty() { 0 } else { base + back };
            let hash = if hashed { hash(name, value) } else { 0 };
            let head = &mut bytes[front..front + entry];
            head[0] = u8::try_from(name.len()).ok()?;
            head[1] = *index;
            head[2..4].copy_from_slice(&(offset as u16).to_le_bytes());
            head[8..12].copy_from_slice(&(value.len() as u32).to_le_bytes());
            head[12..16].copy_from_slice(&hash.to_le_bytes());
            head[ENTRY..ENTRY + name.len()].copy_from_slice(name);
            front += entry;
        }
        Some(bytes)
    }
}

/// Says in a block how many share it, and its sum.
pub fn seal(bytes: &mut [u8], place: u64, shared: u32, seed: u32) {
    bytes[4..8].copy_from_slice(&shared.to_le_bytes());
    let sum = crc32c(crc32c(seed, &place.to_le_bytes()), bytes);
    bytes[16..20].copy_from_slice(&sum.to_le_bytes());
}

fn hash(name: &[u8], value: &[u8]) -> u32 {
    let mut hash = 0u32;
    for &byte in name {
        hash = hash.rotate_left(5) ^ u32::from(byte);
    }
    for word in value.chunks(4) {
        let mut padded = [0; 4];
        padded[..word.len()].copy_from_slice(word);
        hash = hash.rotate_left(16) ^ u32::from_le_bytes(padded);
    }
    hash
}
