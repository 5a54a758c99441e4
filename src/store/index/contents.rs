//! The list of objects below an entry, small enough to keep thousands.

use std::collections::BTreeSet;

/// Ascending object ids. On disk each is a varint of its distance to the one before.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Contents(Vec<i64>);

impl Contents {
    pub fn new(ids: BTreeSet<i64>) -> Self {
        Contents(ids.into_iter().collect())
    }

    pub fn iter(&self) -> impl Iterator<Item = i64> + '_ {
        self.0.iter().copied()
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len() + 8);
        let mut last = 0;
        for id in &self.0 {
            let mut distance = (id - last) as u64;
            last = *id;
            while distance >= 0x80 {
                bytes.push(distance as u8 | 0x80);
                distance >>= 7;
            }
            bytes.push(distance as u8);
        }
        bytes
    }

    /// `None` if the bytes were not written by `encode`.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut ids = Vec::with_capacity(bytes.len());
        each(bytes, |id| ids.push(id)).then_some(Contents(ids))
    }
}

/// Hands every id to `take`; says whether the bytes were written by `encode`.
pub(super) fn each(bytes: &[u8], mut take: impl FnMut(i64)) -> bool {
    let (mut last, mut distance, mut shift) = (0i64, 0u64, 0u32);
    for byte in bytes {
        if shift > 56 {
            return false;
        }
        distance |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            let Some(id) = last.checked_add_unsigned(distance) else {
                return false;
            };
            take(id);
            (last, distance, shift) = (id, 0, 0);
        }
    }
    shift == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_read_back_and_cut_ones_do_not() {
        let contents = Contents::new([1, 2, 300, 1 << 40].into());
        let bytes = contents.encode();
        assert_eq!(Contents::decode(&bytes), Some(contents));
        assert_eq!(Contents::decode(&bytes[..bytes.len() - 1]), None);
        assert_eq!(Contents::decode(&[0xff; 12]), None);
        assert_eq!(Contents::decode(&[]), Some(Contents::default()));
    }
}
