//! The superblock, and the descriptors of groups.

use super::checksum::{START, crc32c};
use super::geometry::{Allocator, DESCRIPTOR, GROUP, Geometry};
use super::{BLOCK, JOURNAL, LOST_AND_FOUND, inode};

/// Features, as Linux names them.
const HAS_JOURNAL: u32 = 0x4;
const EXT_ATTR: u32 = 0x8;
const DIR_INDEX: u32 = 0x20;
const FILETYPE: u32 = 0x2;
const EXTENTS: u32 = 0x40;
const WIDE: u32 = 0x80;
const SPARSE_SUPER: u32 = 0x1;
const LARGE_FILE: u32 = 0x2;
const HUGE_FILE: u32 = 0x8;
const DIR_NLINK: u32 = 0x20;
const EXTRA_ISIZE: u32 = 0x40;
const METADATA_CSUM: u32 = 0x400;

/// Where it lies in a file system, and its length.
pub const OFFSET: usize = 1024;
const LENGTH: usize = 1024;

/// Of all blocks, those that only root may fill: one in so many.
const RESERVED: u64 = 100;

/// What the superblock says of the whole.
pub struct Whole<'a> {
    pub label: &'a str,
    pub uuid: [u8; 16],
    pub hash_seed: [u8; 16],
    pub time: i64,
    pub free_inodes: u32,
    /// What the journal's inode has in place of block numbers, and its length in bytes.
    pub journal: Option<([u8; 60], u64)>,
}

impl Whole<'_> {
    /// The copy in a group.
    pub fn superblock(&self, allocator: &Allocator, group: u64) -> Vec<u8> {
        let geometry = &allocator.geometry;
        let free: u64 = (0..geometry.groups)
            .map(|group| free(allocator, group))
            .sum();
        let mut bytes = vec![0; LENGTH];
        let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        let mut wide = |low: usize, high: usize, value: u64| {
            put(low, &(value as u32).to_le_bytes());
            put(high, &((value >> 32) as u32).to_le_bytes());
        };
        wide(0x04, 0x150, geometry.blocks);
        wide(0x08, 0x154, geometry.blocks / RESERVED);
        wide(0x0c, 0x158, free);
        let journal = self.journal.as_ref().map_or(0, |_| JOURNAL);
        let has_journal = if journal == 0 { 0 } else { HAS_JOURNAL };
        let log = BLOCK.trailing_zeros() - 10;
        let per_group = GROUP as u32;
        let time = self.time as u32;
        for (at, value) in [
            (0x00, geometry.inodes()),
            (0x10, self.free_inodes),
            (0x18, log),
            (0x1c, log),
            (0x20, per_group),
            (0x24, per_group),
            (0x28, geometry.inodes_per_group),
            (0x30, time),
            // Revision 1: inodes may be longer than 128 bytes.
            (0x4c, 1),
            (0x40, time),
            (0x54, LOST_AND_FOUND),
            (0x5c, has_journal | EXT_ATTR | DIR_INDEX),
            (0x60, FILETYPE | EXTENTS | WIDE),
            (
                0x64,
                SPARSE_SUPER | LARGE_FILE | HUGE_FILE | DIR_NLINK | EXTRA_ISIZE | METADATA_CSUM,
            ),
            (0xe0, journal),
            // Attributes of users, and access control lists.
            (0x100, 0xc),
            (0x108, time),
            // Names are hashed as signed characters.
            (0x160, 1),
        ] {
            put(at, &value.to_le_bytes());
        }
        for (at, value) in [
            // Never checked because of mounts alone.
            (0x36, u16::MAX),
            (0x38, 0xef53),
            // Clean; go on after errors.
            (0x3a, 1),
            (0x3c, 1),
            (0x58, inode::SIZE as u16),
            (0x5a, group as u16),
            (0xfe, DESCRIPTOR as u16),
            (0x15c, 32),
            (0x15e, 32),
        ] {
            put(at, &value.to_le_bytes());
        }
        put(0x68, &self.uuid);
        put(0x78, self.label.as_bytes());
        put(0xec, &self.hash_seed);
        // Half MD4; a copy of the journal's inode; CRC-32C.
        put(0xfc, &[1]);
        if let Some((block, size)) = &self.journal {
            put(0xfd, &[1]);
            put(0x10c, block);
            put(0x148, &((size >> 32) as u32).to_le_bytes());
            put(0x14c, &(*size as u32).to_le_bytes());
        }
        put(0x175, &[1]);
        let sum = crc32c(START, &bytes[..LENGTH - 4]);
        bytes[LENGTH - 4..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }
}

fn free(allocator: &Allocator, group: u64) -> u64 {
    let geometry = &allocator.geometry;
    geometry.end(group) - geometry.first(group) - allocator.taken(group)
}

/// What a group's descriptor says besides what its geometry does.
pub struct Group {
    pub used_inodes: u32,
    pub directories: u32,
}

/// Bitmaps of a group, of blocks and of inodes; both end with ones.
pub fn bitmaps(allocator: &Allocator, group: u64, used_inodes: u32) -> [Vec<u8>; 2] {
    let geometry = &allocator.geometry;
    let there = geometry.end(group) - geometry.first(group);
    [
        bitmap(allocator.taken(group), there),
        bitmap(u64::from(used_inodes), u64::from(geometry.inodes_per_group)),
    ]
}

fn bitmap(taken: u64, there: u64) -> Vec<u8> {
    let mut bytes = vec![0; BLOCK as usize];
    for bit in (0..taken).chain(there..BLOCK * 8) {
        bytes[(bit / 8) as usize] |= 1 << (bit % 8);
    }
    bytes
}

/// Descriptor of a group; `seed` is the file system's.
pub fn descriptor(
    allocator: &Allocator,
    number: u64,
    group: &Group,
    [blocks, inodes]: &[Vec<u8>; 2],
    seed: u32,
) -> Vec<u8> {
    /// The table of inodes has nothing in it that would have to be wiped.
    const WIPED: u16 = 4;
    let geometry: &Geometry = &allocator.geometry;
    let unused = geometry.inodes_per_group - group.used_inodes;
    let places = [
        geometry.block_bitmap(number),
        geometry.inode_bitmap(number),
        geometry.table(number),
    ];
    let counts = [free(allocator, number) as u32, unused, group.directories];
    let sums = [
        crc32c(seed, blocks),
        crc32c(seed, &inodes[..geometry.inodes_per_group as usize / 8]),
    ];
    let mut bytes = Vec::with_capacity(DESCRIPTOR as usize);
    bytes.extend(places.map(|place| (place as u32).to_le_bytes()).concat());
    bytes.extend(counts.map(|count| (count as u16).to_le_bytes()).concat());
    bytes.extend(WIPED.to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(sums.map(|sum| (sum as u16).to_le_bytes()).concat());
    bytes.extend((unused as u16).to_le_bytes());
    bytes.extend([0; 2]);
    bytes.extend(
        places
            .map(|place| ((place >> 32) as u32).to_le_bytes())
            .concat(),
    );
    bytes.extend(
        counts
            .map(|count| ((count >> 16) as u16).to_le_bytes())
            .concat(),
    );
    bytes.extend(((unused >> 16) as u16).to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(sums.map(|sum| ((sum >> 16) as u16).to_le_bytes()).concat());
    bytes.extend([0; 4]);
    debug_assert_eq!(bytes.len(), DESCRIPTOR as usize);
    let number = number as u32;
    let sum = crc32c(crc32c(seed, &number.to_le_bytes()), &bytes) as u16;
    bytes[0x1e..0x20].copy_from_slice(&sum.to_le_bytes());
    bytes
}
