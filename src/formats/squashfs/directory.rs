//! Listings of directories: runs of names whose inodes lie in one block of metadata.

use super::metadata::Place;

/// A name in a directory.
pub struct Named<'a> {
    pub name: &'a [u8],
    pub inode: Place,
    pub number: u32,
    pub kind: u16,
}

/// Most names of a run.
const MOST: usize = 256;

/// The bytes of a listing; names come sorted.
pub fn listing(names: &[Named<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = names;
    while let Some(first) = rest.first() {
        let fits = |named: &&Named<'_>| {
            let distance = i64::from(named.number) - i64::from(first.number);
            named.inode.block == first.inode.block && i16::try_from(distance).is_ok()
        };
        let length = rest.iter().take(MOST).take_while(fits).count();
        let (run, after) = rest.split_at(length);
        rest = after;
        for value in [run.len() as u32 - 1, first.inode.block, first.number] {
            bytes.extend(value.to_le_bytes());
        }
        for named in run {
            let distance = named.number.wrapping_sub(first.number) as u16;
            let length = named.name.len() as u16 - 1;
            for value in [named.inode.offset, distance, named.kind, length] {
                bytes.extend(value.to_le_bytes());
            }
            bytes.extend_from_slice(named.name);
        }
    }
    bytes
}
