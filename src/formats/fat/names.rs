//! Names of a directory: eight letters and three, and before those that are no such name, entries with the long one.
//!
//! Facts: "FAT: General Overview of On-Disk Format" 1.03, "Long Directory Entries".

use std::collections::BTreeSet;

/// Characters of a name that an entry holds.
const PER_ENTRY: usize = 13;
const LONGEST: usize = 255;
/// What says that an entry is part of a long name, and of the entry that comes first that it is the last.
const LONG: u8 = 0x0f;
const LAST: u8 = 0x40;

/// A name of eight letters and three, filled up with blanks.
pub type Short = [u8; 11];

/// A name as a directory has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    pub short: Short,
    /// The entries before it; none where the short name says all.
    pub long: Vec<u8>,
}

/// A name beside short ones that are taken; `None` if FAT can't hold it.
pub fn name(name: &[u8], taken: &mut BTreeSet<Short>) -> Option<Name> {
    if let Some(short) = short(name) {
        let long = Vec::new();
        return Some(Name { short, long });
    }
    let good = |byte: &u8| byte.is_ascii_graphic() && !b"\"*/:<>?\\|".contains(byte);
    let ends_well = !matches!(name.last(), None | Some(b'.'));
    if name.len() > LONGEST || !name.iter().all(good) || !ends_well {
        return None;
    }
    let short = (1..=9u8).find_map(|number| {
        let short = alias(name, number);
        taken.insert(short).then_some(short)
    })?;
    let long = long(name, &short);
    Some(Name { short, long })
}

/// A name that needs no long one.
pub fn short(name: &[u8]) -> Option<Short> {
    let (base, extension) = match name.iter().position(|&byte| byte == b'.') {
        Some(dot) => (&name[..dot], &name[dot + 1..]),
        None => (name, &b""[..]),
    };
    let fits = (1..=8).contains(&base.len()) && extension.len() <= 3;
    if !fits || !base.iter().chain(extension).all(plain) {
        return None;
    }
    Some(joined(base, extension))
}

fn plain(byte: &u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"-_~".contains(byte)
}

fn joined(base: &[u8], extension: &[u8]) -> Short {
    let mut short = [b' '; 11];
    short[..base.len()].copy_from_slice(base);
    short[8..8 + extension.len()].copy_from_slice(extension);
    short
}

/// `ALMALI~1`: what readers without long names see.
fn alias(name: &[u8], number: u8) -> Short {
    let (base, extension) = match name.iter().rposition(|&byte| byte == b'.') {
        Some(dot) if dot > 0 => (&name[..dot], &name[dot + 1..]),
        _ => (name, &b""[..]),
    };
    let upper = |bytes: &[u8], most| -> Vec<u8> {
        let upper = bytes.iter().map(u8::to_ascii_uppercase);
        upper.filter(plain).take(most).collect()
    };
    let base = [&upper(base, 6)[..], &[b'~', b'0' + number]].concat();
    joined(&base, &upper(extension, 3))
}

fn long(name: &[u8], short: &Short) -> Vec<u8> {
    let sum = short
        .iter()
        .fold(0u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte));
    let count = name.len().div_ceil(PER_ENTRY);
    let mut units: Vec<u16> = name.iter().map(|&byte| u16::from(byte)).collect();
    if units.len() < count * PER_ENTRY {
        units.push(0);
    }
    units.resize(count * PER_ENTRY, 0xffff);
    let mut bytes = Vec::new();
    for number in (1..=count).rev() {
        let part = &units[(number - 1) * PER_ENTRY..number * PER_ENTRY];
        let of = |range: std::ops::Range<usize>| part[range].iter().flat_map(|u| u.to_le_bytes());
        let last = if number == count { LAST } else { 0 };
        bytes.push(number as u8 | last);
        bytes.extend(of(0..5));
        bytes.extend([LONG, 0, sum]);
        bytes.extend(of(5..11));
        bytes.extend([0, 0]);
        bytes.extend(of(11..13));
    }
    bytes
}
