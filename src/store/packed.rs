//! The list of an assembly, as its file has it: compressed, where that is worth it.
//!
//! A disc of a tree has a part or two for each of forty thousand files, and what fills their last blocks.
//! As it is that is tens of megabytes for every generation; compressed, little more than the hashes.
//! Nothing is hashed but what the parts stand for, so this is free to change.

use std::borrow::Cow;
use std::io::{self, Read};

/// A list that fits a block of the file system takes no less compressed.
const SMALL: usize = 4096;

const LEVEL: i32 = 3;

/// How a frame of zstd begins; a list begins with a map.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Longer lists are not compressed, and none is unpacked that is: a damaged file may claim anything.
const LONGEST: u64 = 1 << 30;

pub(super) fn pack(list: Vec<u8>) -> Vec<u8> {
    if list.len() <= SMALL || list.len() as u64 >= LONGEST {
        return list;
    }
    match zstd::bulk::compress(&list, LEVEL) {
        Ok(packed) if packed.len() < list.len() => packed,
        _ => list,
    }
}

pub(super) fn unpack(file: &[u8]) -> io::Result<Cow<'_, [u8]>> {
    if !file.starts_with(&MAGIC) {
        return Ok(Cow::Borrowed(file));
    }
    let mut list = Vec::new();
    let mut reader = zstd::stream::read::Decoder::with_buffer(file)?.take(LONGEST);
    reader.read_to_end(&mut list)?;
    if list.len() as u64 == LONGEST {
        return Err(io::Error::other("it unpacks to too much"));
    }
    Ok(Cow::Owned(list))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_unpacks_and_what_is_short_stays_as_it_is() {
        let short = vec![0xa1; 100];
        assert_eq!(pack(short.clone()), short);
        assert_eq!(*unpack(&short).unwrap(), short);
        let long = vec![0xa1; 100_000];
        let packed = pack(long.clone());
        assert!(packed.len() < 1000);
        assert_eq!(*unpack(&packed).unwrap(), long);
        assert!(unpack(&packed[..packed.len() - 1]).is_err());
    }
}
