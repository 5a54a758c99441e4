//! The journal: empty, so all but its first block is zeros.
//!
//! Facts: `Documentation/filesystems/ext4/journal.rst`; its numbers are big-endian.

use super::BLOCK;

/// The first block of a journal of so many blocks.
pub fn superblock(blocks: u64, uuid: &[u8; 16]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1024);
    const MAGIC: u32 = 0xc03b_3998;
    const SUPERBLOCK_V2: u32 = 4;
    for value in [
        MAGIC,
        SUPERBLOCK_V2,
        0,
        BLOCK as u32,
        blocks as u32,
        // The first block of the log, the first number in it, and where it starts: nowhere.
        1,
        1,
        0,
        0,
    ] {
        bytes.extend(value.to_be_bytes());
    }
    bytes.resize(0x30, 0);
    bytes.extend(uuid);
    bytes.extend(1u32.to_be_bytes());
    bytes.resize(1024, 0);
    bytes
}
