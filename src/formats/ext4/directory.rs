//! The blocks of a directory: names in order, and in each block's end a place for its sum.

use super::BLOCK;
use super::checksum::crc32c;

/// Bytes at the end of a block: an entry without a name, and the sum.
const TAIL: usize = 12;
const HEAD: usize = 8;

/// A name, the inode that has it, and what kind of file that is.
pub struct Named<'a> {
    pub name: &'a [u8],
    pub inode: u32,
    pub kind: u8,
}

/// As many whole blocks as the names need; `seed` is that of the directory's inode.
pub fn blocks(names: &[Named<'_>], seed: u32) -> Vec<u8> {
    let most = BLOCK as usize - TAIL;
    let (mut bytes, mut block, mut last) = (Vec::new(), Vec::new(), 0);
    for named in names {
        let length = (HEAD + named.name.len()).next_multiple_of(4);
        if block.len() + length > most {
            close(&mut bytes, &mut block, last, seed);
        }
        last = block.len();
        block.extend(named.inode.to_le_bytes());
        block.extend((length as u16).to_le_bytes());
        block.extend([named.name.len() as u8, named.kind]);
        block.extend(named.name);
        block.resize(last + length, 0);
    }
    close(&mut bytes, &mut block, last, seed);
    bytes
}

/// The last name of a block reaches to its end.
fn close(bytes: &mut Vec<u8>, block: &mut Vec<u8>, last: usize, seed: u32) {
    let most = BLOCK as usize - TAIL;
    block.resize(most, 0);
    block[last + 4..last + 6].copy_from_slice(&((most - last) as u16).to_le_bytes());
    let sum = crc32c(seed, block);
    bytes.append(block);
    bytes.extend([0; 4]);
    bytes.extend((TAIL as u16).to_le_bytes());
    bytes.extend([0, 0xde]);
    bytes.extend(sum.to_le_bytes());
}
