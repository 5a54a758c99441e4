//! Directory records (ECMA-119, 10.1).

use super::BLOCK;
use super::numbers::{both16, both32, short_date};

/// Bytes before the identifier.
const FIXED: usize = 33;
/// Longest record; lengths are even, and one byte says them.
const LONGEST: usize = 254;

pub const IS_DIRECTORY: u8 = 2;
/// The file goes on in the next record.
pub const GOES_ON: u8 = 0x80;

/// Most bytes that one record can say: whole blocks below 4 GiB.
pub const MOST: u64 = (u32::MAX as u64) / BLOCK * BLOCK;

/// A number of blocks or bytes that was checked to fit.
pub fn narrow(value: u64) -> u32 {
    u32::try_from(value).expect("the image was measured before it was written")
}

/// Bytes that a record has for its users behind an identifier.
pub fn room(identifier: &[u8]) -> usize {
    LONGEST - padded(identifier.len())
}

/// Where its users' bytes begin, behind an identifier of so many.
pub fn padded(identifier: usize) -> usize {
    (FIXED + identifier).next_multiple_of(2)
}

pub fn record(
    identifier: &[u8],
    block: u64,
    length: u64,
    time: i64,
    flags: u8,
    system_use: &[u8],
) -> Vec<u8> {
    let start = padded(identifier.len());
    let whole = (start + system_use.len()).next_multiple_of(2);
    let mut record = vec![whole as u8, 0];
    record.extend(both32(narrow(block)));
    record.extend(both32(narrow(length)));
    record.extend(short_date(time));
    record.extend([flags, 0, 0]);
    record.extend(both16(1));
    record.push(identifier.len() as u8);
    record.extend_from_slice(identifier);
    record.resize(start, 0);
    record.extend_from_slice(system_use);
    record.resize(whole, 0);
    record
}

/// Adds a record; none crosses the end of a block.
pub fn add(directory: &mut Vec<u8>, record: &[u8]) {
    let block = BLOCK as usize;
    if directory.len() % block + record.len() > block {
        directory.resize(directory.len().next_multiple_of(block), 0);
    }
    directory.extend_from_slice(record);
}
