//! Packages that are compressed together, and kept so.
//!
//! ```text
//! primary.xml.gz = member: declaration, root │ member of each group │ member: end of the root
//! ```
//!
//! A gzip file is any number of members, one after the other (RFC 1952 §2.2), and decompressors read on over their ends.
//! Where a group ends is decided by the names of its packages, so one that changed changes its group alone.

use libdeflater::{CompressionLvl, Compressor};

use super::Rendered;
use crate::ids::Nevra;

/// Shapes the bytes of every index, with the pinned libdeflate.
const LEVEL: i32 = 6;

/// So many packages are a group, on average. More compress better; of fewer, less is made again.
const SIZE: u8 = 64;

/// The three indexes, in the order of `repomd.xml`.
pub const INDEXES: usize = 3;

/// The elements of some packages, compressed: a gzip member for each index.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {
    pub members: [Vec<u8>; INDEXES],
}

impl Group {
    pub fn of(packages: &[Rendered]) -> Group {
        let part = |part: fn(&Rendered) -> &[u8]| member(packages.iter().map(part));
        let primary = part(|p| &p.primary);
        let filelists = part(|p| &p.filelists);
        let other = part(|p| &p.other);
        Group {
            members: [primary, filelists, other],
        }
    }
}

/// Whether a group ends with this package: its version does not matter, so an update moves no borders.
pub fn ends_with(nevra: &Nevra) -> bool {
    let name = format!("{}.{}", nevra.name, nevra.arch);
    blake3::hash(name.as_bytes()).as_bytes()[0].is_multiple_of(SIZE)
}

/// Some bytes as a gzip member.
pub(super) fn member<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let bytes = parts.into_iter().collect::<Vec<_>>().concat();
    let level = CompressionLvl::new(LEVEL).expect("libdeflate has this level");
    let mut compressor = Compressor::new(level);
    let mut member = vec![0; compressor.gzip_compress_bound(bytes.len())];
    // Its header has neither a name nor a time, and "unknown" as the system: no place for news.
    let length = compressor.gzip_compress(&bytes, &mut member);
    member.truncate(length.expect("the bound is the most that it takes"));
    member
}
