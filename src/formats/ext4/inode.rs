//! An inode, and the tree of its extents.

use super::BLOCK;
use super::checksum::crc32c;
use super::geometry::Extent;

/// Bytes of an inode.
pub const SIZE: u32 = 256;
/// Bytes behind the first 128 that have a meaning.
const EXTRA: u16 = 32;
/// Where attributes begin, and how many bytes there are for them.
pub const ROOM: usize = SIZE as usize - 128 - EXTRA as usize;

pub const IMMUTABLE: u32 = 0x10;
const EXTENTS: u32 = 0x8_0000;

/// Extents that an inode holds itself, and that a block does.
const OWN: usize = 4;
const PER_BLOCK: usize = 340;
/// A link's target that is no longer lies in the inode.
pub const SHORT_TARGET: usize = 59;

#[derive(Debug, Clone)]
pub struct Inode {
    /// Type and permissions.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub size: u64,
    /// Seconds since 1970 of the last change of the bytes, and of everything else.
    pub mtime: i64,
    pub time: i64,
    pub links: u32,
    pub flags: u32,
    /// What stands in place of block numbers.
    pub block: [u8; 60],
    /// Blocks besides those of the attributes.
    pub blocks: u64,
    /// The block of attributes, or 0.
    pub attributes: u64,
    /// Attributes in the inode itself.
    pub room: [u8; ROOM],
}

impl Inode {
    pub fn encode(&self, number: u32, seed: u32) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(SIZE as usize);
        let low = |value: u32| (value as u16).to_le_bytes();
        let high = |value: u32| ((value >> 16) as u16).to_le_bytes();
        let sectors = (self.blocks + u64::from(self.attributes != 0)) * (BLOCK / 512);
        bytes.extend(low(self.mode));
        bytes.extend(low(self.uid));
        bytes.extend((self.size as u32).to_le_bytes());
        for time in [self.time, self.time, self.mtime, 0] {
            bytes.extend((time as u32).to_le_bytes());
        }
        bytes.extend(low(self.gid));
        bytes.extend(low(self.links));
        bytes.extend((sectors as u32).to_le_bytes());
        bytes.extend(self.flags.to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend(self.block);
        bytes.extend([0; 4]);
        bytes.extend((self.attributes as u32).to_le_bytes());
        bytes.extend(((self.size >> 32) as u32).to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend(((sectors >> 32) as u16).to_le_bytes());
        bytes.extend(((self.attributes >> 32) as u16).to_le_bytes());
        bytes.extend(high(self.uid));
        bytes.extend(high(self.gid));
        bytes.extend([0; 4]);
        bytes.extend(EXTRA.to_le_bytes());
        bytes.extend([0; 2]);
        for time in [self.time, self.mtime, self.time] {
            bytes.extend(era(time).to_le_bytes());
        }
        bytes.extend((self.time as u32).to_le_bytes());
        bytes.extend(era(self.time).to_le_bytes());
        bytes.extend([0; 8]);
        bytes.extend(self.room);
        debug_assert_eq!(bytes.len(), SIZE as usize);
        let sum = crc32c(self::seed(number, seed), &bytes);
        bytes[0x7c..0x7e].copy_from_slice(&low(sum));
        bytes[0x82..0x84].copy_from_slice(&high(sum));
        bytes
    }
}

/// What sums of an inode and its blocks begin with; its generation is always 0.
pub fn seed(number: u32, seed: u32) -> u32 {
    crc32c(crc32c(seed, &number.to_le_bytes()), &[0; 4])
}

/// The two bits by which a time goes beyond 2038.
fn era(time: i64) -> u32 {
    ((time - i64::from(time as i32)) >> 32) as u32 & 3
}

/// The extents of a file: what its inode holds, and the blocks besides; `take` gives a block.
pub fn extents(
    extents: &[Extent],
    seed: u32,
    take: &mut dyn FnMut() -> u64,
) -> ([u8; 60], Vec<(u64, Vec<u8>)>) {
    let mut logical = 0u32;
    let mut leaves = Vec::with_capacity(extents.len());
    for extent in extents {
        // Groups are shorter than what one extent can say.
        let mut bytes = logical.to_le_bytes().to_vec();
        bytes.extend((extent.count as u16).to_le_bytes());
        bytes.extend(((extent.start >> 32) as u16).to_le_bytes());
        bytes.extend((extent.start as u32).to_le_bytes());
        leaves.push((logical, bytes));
        logical += extent.count as u32;
    }
    let mut root = [0; 60];
    if leaves.len() <= OWN {
        let bytes = node(leaves.iter().map(|(_, bytes)| bytes), OWN, 0);
        root[..bytes.len()].copy_from_slice(&bytes);
        return (root, Vec::new());
    }
    let (mut index, mut blocks) = (Vec::new(), Vec::new());
    for chunk in leaves.chunks(PER_BLOCK) {
        let mut bytes = node(chunk.iter().map(|(_, bytes)| bytes), PER_BLOCK, 0);
        bytes.resize(BLOCK as usize - 4, 0);
        bytes.extend(crc32c(seed, &bytes).to_le_bytes());
        let block = take();
        let mut entry = chunk[0].0.to_le_bytes().to_vec();
        entry.extend((block as u32).to_le_bytes());
        entry.extend(((block >> 32) as u16).to_le_bytes());
        entry.extend([0; 2]);
        index.push(entry);
        blocks.push((block, bytes));
    }
    let bytes = node(index.iter(), OWN, 1);
    root[..bytes.len()].copy_from_slice(&bytes);
    (root, blocks)
}

fn node<'a>(
    entries: impl ExactSizeIterator<Item = &'a Vec<u8>>,
    most: usize,
    depth: u16,
) -> Vec<u8> {
    let mut bytes = 0xf30au16.to_le_bytes().to_vec();
    for value in [entries.len() as u16, most as u16, depth, 0, 0] {
        bytes.extend(value.to_le_bytes());
    }
    for entry in entries {
        bytes.extend(entry);
    }
    bytes
}

/// Flags of a file, a directory or a long link.
pub const fn with_extents(flags: u32) -> u32 {
    flags | EXTENTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_go_on_after_2038() {
        assert_eq!(era(0), 0);
        assert_eq!(era(-1), 0);
        assert_eq!(era(0x7fff_ffff), 0);
        assert_eq!(era(0x8000_0000), 1);
        assert_eq!(era(0x1_8000_0000), 2);
    }
}
