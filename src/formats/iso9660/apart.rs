//! The records of directories as parts, with the numbers that change with every file of the disc apart from all else.
//!
//! One file that gets longer moves all behind it, and nothing else changes in what is said of them:
//! so two discs share what their lists say of files that both have.

use std::ops::Range;

use super::BLOCK;
use super::record::padded;
use crate::tree::Part;

/// Bytes of a number in both byte orders.
const NUMBER: usize = 8;

/// Where a record says the file's block.
const FILE_BLOCK: usize = 2;
/// Where it says how long its identifier is.
const IDENTIFIER: usize = 32;

/// The field of Rock Ridge with a file's serial number, its length, and where in it that is.
const PX: (&[u8], usize, usize) = (b"PX", 44, 36);

/// What the records of a directory are made of.
pub fn parts(records: &[u8]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut say = |range: Range<usize>| {
        if !range.is_empty() {
            let bytes = records[range].to_vec();
            parts.push(Part::Inline { bytes });
        }
    };
    let mut last = 0;
    for number in numbers(records) {
        say(last..number);
        last = number + NUMBER;
        say(number..last);
    }
    say(last..records.len());
    parts
}

/// Where the numbers are.
fn numbers(records: &[u8]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < records.len() {
        let length = usize::from(records[at]);
        if length == 0 {
            // The rest of a block in which no record had room.
            at = (at + 1).next_multiple_of(BLOCK as usize);
            continue;
        }
        found.push(at + FILE_BLOCK);
        let identifier = usize::from(records[at + IDENTIFIER]);
        let (mut field, end) = (at + padded(identifier), at + length);
        while field + 4 <= end && records[field + 2] >= 4 {
            let (name, length, serial) = PX;
            if records[field..].starts_with(name) && usize::from(records[field + 2]) == length {
                found.push(field + serial);
            }
            field += usize::from(records[field + 2]);
        }
        at = end;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::iso9660::numbers::both32;
    use crate::formats::iso9660::record::{add, record};

    fn directory(first: u32) -> Vec<u8> {
        let mut records = Vec::new();
        for n in 0..100 {
            let mut fields = b"TF\x05\x01x".to_vec();
            fields.extend(b"PX\x2c\x01");
            fields.extend([1, 2, 3, 4, first + n].map(both32).concat());
            fields.extend(b"NM\x06\x01xy");
            let name = format!("NAME{n}");
            let block = u64::from(first + n * 3);
            add(
                &mut records,
                &record(name.as_bytes(), block, 77, 0, 0, &fields),
            );
        }
        records.resize(records.len().next_multiple_of(BLOCK as usize), 0);
        records
    }

    #[test]
    fn directories_that_lie_elsewhere_differ_in_numbers_alone() {
        let (one, two) = (directory(100), directory(70_000));
        let (left, right) = (parts(&one), parts(&two));
        let bytes = |part: &Part| match part {
            Part::Inline { bytes } => bytes.clone(),
            _ => unreachable!("records are said in place"),
        };
        assert!(left.iter().flat_map(bytes).eq(one));
        assert!(right.iter().flat_map(bytes).eq(two));
        assert_eq!(left.len(), right.len());
        let pairs = left.iter().zip(&right);
        let differ = pairs.filter(|(left, right)| left != right);
        assert!(differ.clone().all(|(left, _)| left.length() == 8));
        assert_eq!(differ.count(), 200);
    }
}
