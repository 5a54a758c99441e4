//! Extended attributes: each set once, pointed to by its number.

use std::collections::BTreeMap;

use super::metadata::{Metadata, Output};
use super::{Compression, Error, NONE, NONE32};

/// The kinds of attributes that SquashFS knows, in the order of their numbers.
const PREFIXES: [&[u8]; 3] = [b"user.", b"trusted.", b"security."];

type Set = BTreeMap<Vec<u8>, Vec<u8>>;

/// The sets of attributes while inodes are written.
pub struct Xattrs {
    values: Metadata,
    sets: BTreeMap<Vec<u8>, u32>,
    /// Place, count and bytes of each set.
    list: Vec<u8>,
}

impl Xattrs {
    pub fn new(compression: Compression) -> Self {
        Xattrs {
            values: Metadata::new(compression),
            sets: BTreeMap::new(),
            list: Vec::new(),
        }
    }

    /// The number of a set; all ones if nothing of it can be said.
    pub fn number(&mut self, set: &Set) -> Result<u32, Error> {
        let mut bytes = Vec::new();
        let mut count = 0u32;
        for (name, value) in set {
            let Some((kind, rest)) = known(name) else {
                continue;
            };
            count += 1;
            bytes.extend(kind.to_le_bytes());
            bytes.extend((rest.len() as u16).to_le_bytes());
            bytes.extend_from_slice(rest);
            bytes.extend((value.len() as u32).to_le_bytes());
            bytes.extend_from_slice(value);
        }
        if count == 0 {
            return Ok(NONE32);
        }
        if let Some(&number) = self.sets.get(&bytes) {
            return Ok(number);
        }
        let number = self.sets.len() as u32;
        self.list
            .extend(self.values.place()?.reference().to_le_bytes());
        self.list.extend(count.to_le_bytes());
        self.list.extend((bytes.len() as u32).to_le_bytes());
        self.values.add(&bytes)?;
        self.sets.insert(bytes, number);
        Ok(number)
    }

    /// Writes the tables; returns where they are found.
    pub fn finish(self, compression: Compression, to: &mut Output<'_>) -> Result<u64, Error> {
        if self.sets.is_empty() {
            return Ok(NONE);
        }
        let values = to.position;
        self.values.finish(to)?;
        let start = to.position;
        let mut list = Metadata::new(compression);
        list.add(&self.list)?;
        let starts = list.finish(to)?;
        let table = to.position;
        to.write(&values.to_le_bytes())?;
        to.write(&(self.sets.len() as u32).to_le_bytes())?;
        to.write(&[0; 4])?;
        for block in starts {
            to.write(&(start + block).to_le_bytes())?;
        }
        Ok(table)
    }
}

/// Whether SquashFS can hold an attribute of this name.
pub fn holds(name: &[u8]) -> bool {
    known(name).is_some()
}

fn known(name: &[u8]) -> Option<(u16, &[u8])> {
    let mut kinds = (0u16..).zip(PREFIXES);
    kinds.find_map(|(kind, prefix)| Some((kind, name.strip_prefix(prefix)?)))
}
