//! Lists of object ids, as the tables `refers` and `step` have them; and sets of them.

use std::collections::BTreeSet;

use rusqlite::Error;

const WIDTH: usize = 4;

/// Ascending, four bytes each, the highest first: the migrations write the same.
pub(super) fn encode(rows: &BTreeSet<i64>) -> rusqlite::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(rows.len() * WIDTH);
    for row in rows {
        let row = u32::try_from(*row).map_err(|e| Error::ToSqlConversionFailure(e.into()))?;
        bytes.extend(row.to_be_bytes());
    }
    Ok(bytes)
}

pub(super) fn decode(bytes: &[u8]) -> impl Iterator<Item = u32> + '_ {
    let (rows, _) = bytes.as_chunks::<WIDTH>();
    rows.iter().copied().map(u32::from_be_bytes)
}

/// Object ids, as bits.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    bits: Vec<u64>,
}

impl Rows {
    fn place(row: i64) -> Option<(usize, u64)> {
        let row = usize::try_from(row).ok()?;
        Some((row / 64, 1 << (row % 64)))
    }

    pub fn contains(&self, row: i64) -> bool {
        Self::place(row)
            .is_some_and(|(word, bit)| self.bits.get(word).is_some_and(|bits| bits & bit != 0))
    }

    /// Says whether it is new.
    pub fn insert(&mut self, row: i64) -> bool {
        let Some((word, bit)) = Self::place(row) else {
            return false;
        };
        if word >= self.bits.len() {
            self.bits.resize(word + 1, 0);
        }
        let new = self.bits[word] & bit == 0;
        self.bits[word] |= bit;
        new
    }

    /// Ascending.
    pub fn iter(&self) -> impl Iterator<Item = i64> + '_ {
        let words = (0..).step_by(64).zip(&self.bits);
        let some = words.filter(|(_, word)| **word != 0);
        some.flat_map(|(first, word)| {
            (0..64)
                .filter(move |bit| word & 1 << bit != 0)
                .map(move |bit| first + bit)
        })
    }
}

impl FromIterator<i64> for Rows {
    fn from_iter<I: IntoIterator<Item = i64>>(rows: I) -> Self {
        let mut set = Rows::default();
        for row in rows {
            set.insert(row);
        }
        set
    }
}

/// A list for each of many rows, packed: ten million edges take forty megabytes.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    /// By row, where its list begins; it ends where that of the next row begins.
    begins: Vec<usize>,
    values: Vec<u32>,
}

impl Lists {
    /// Adds to the list of a row; rows come in ascending order.
    pub(super) fn push(&mut self, row: u32, values: impl Iterator<Item = u32>) {
        while self.begins.len() <= row as usize {
            self.begins.push(self.values.len());
        }
        self.values.extend(values);
    }

    /// Empty for a row without a list.
    pub fn get(&self, row: u32) -> &[u32] {
        let row = row as usize;
        let Some(&begin) = self.begins.get(row) else {
            return &[];
        };
        let end = self.begins.get(row + 1).copied();
        &self.values[begin..end.unwrap_or(self.values.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_reads_back_and_a_number_too_large_is_no_row() {
        let rows = BTreeSet::from([1, 256, i64::from(u32::MAX)]);
        let bytes = encode(&rows).unwrap();
        assert!(decode(&bytes).eq([1, 256, u32::MAX]));
        assert!(encode(&[1 << 32].into()).is_err());
        assert!(encode(&[-1].into()).is_err());
    }

    #[test]
    fn lists_are_found_by_their_keys() {
        let mut lists = Lists::default();
        lists.push(3, [30, 31].into_iter());
        lists.push(7, [70].into_iter());
        lists.push(7, [71].into_iter());
        assert_eq!(lists.get(3), [30, 31]);
        assert_eq!(lists.get(7), [70, 71]);
        assert!(lists.get(1).is_empty() && lists.get(5).is_empty() && lists.get(9).is_empty());
    }

    #[test]
    fn a_set_counts_what_it_has_once() {
        let mut rows: Rows = [64, 0, 64].into_iter().collect();
        assert!(rows.contains(0) && rows.contains(64) && !rows.contains(1));
        assert!(!rows.insert(64) && rows.insert(1) && !rows.insert(-1));
        assert!(rows.iter().eq([0, 1, 64]));
    }
}
