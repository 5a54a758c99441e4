//! Records as their files have them: compressed, where that is worth it.
//!
//! A disc of a tree has a part or two for each of forty thousand files, and what fills their last blocks.
//! As it is that is tens of megabytes for every generation; compressed, little more than the hashes.
//! Directories and traces get shorter by a half.
//! What is hashed is what the parts of a list stand for, and the plain bytes of all others: so this is free to change.

use std::borrow::Cow;
use std::io;

use super::layout::Kind;

/// What fits a block of the file system takes no less compressed.
const SMALL: usize = 4096;

/// Traces up to here stay as they are: most are of packages, and read by the thousand.
const SMALL_TRACE: usize = 32 * 1024;

const LEVEL: i32 = 3;

/// How a frame of zstd begins; a record begins with a map.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Longer ones are not compressed, and none is unpacked that is: a damaged file may claim anything.
const LONGEST: u64 = 1 << 30;

/// A block of zstd gives at most 128 KiB, and takes four bytes.
const DENSEST: u64 = 32 * 1024;

pub(super) fn pack(kind: Kind, record: Vec<u8>) -> Vec<u8> {
    let small = match kind {
        Kind::Trace => SMALL_TRACE,
        _ => SMALL,
    };
    if record.len() <= small || record.len() as u64 >= LONGEST {
        return record;
    }
    match zstd::bulk::compress(&record, LEVEL) {
        Ok(packed) if packed.len() < record.len() => packed,
        _ => record,
    }
}

pub(super) fn unpack(file: &[u8]) -> io::Result<Cow<'_, [u8]>> {
    if !file.starts_with(&MAGIC) {
        return Ok(Cow::Borrowed(file));
    }
    // A frame says how long its content is; what lies about it does not fit, or ends too soon.
    let length = zstd::zstd_safe::get_frame_content_size(file).ok().flatten();
    let most = LONGEST.min(file.len() as u64 * DENSEST);
    let length = length.filter(|length| *length < most);
    let length =
        length.ok_or_else(|| io::Error::other("it unpacks to too much, or does not say"))?;
    let length = usize::try_from(length).map_err(io::Error::other)?;
    zstd::bulk::decompress(file, length).map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_unpacks_and_what_is_short_stays_as_it_is() {
        let short = vec![0xa1; 100];
        assert_eq!(pack(Kind::Tree, short.clone()), short);
        assert_eq!(*unpack(&short).unwrap(), short);
        let trace = vec![0xa1; 30_000];
        assert_eq!(pack(Kind::Trace, trace.clone()), trace);
        let long = vec![0xa1; 100_000];
        let packed = pack(Kind::Tree, long.clone());
        assert!(packed.len() < 1000);
        assert_eq!(*unpack(&packed).unwrap(), long);
        assert!(unpack(&packed[..packed.len() - 1]).is_err());
    }
}
