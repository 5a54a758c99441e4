//! A disk image of which only what is not zeros takes room: qcow2, version 3.
//!
//! ```text
//! cluster 0    header
//!         …    counts of references: a table, and its blocks
//!         …    the first table, then the second ones: where each cluster of the disk lies
//!         …    those clusters that are not all zeros, in their order
//! ```
//!
//! Facts: `docs/interop/qcow2.txt` of QEMU; numbers are big-endian.

use crate::tree::assembly::{Assembly, Part, zeros};

/// Bytes of a cluster, as `qemu-img` chooses it.
pub const CLUSTER: u64 = 1 << BITS;
const BITS: u32 = 16;
/// Places that a second table holds.
const PLACES: u64 = CLUSTER / 8;
/// Counts, of two bytes each, that a block holds.
const COUNTS: u64 = CLUSTER / 2;
/// A place that is referred to once.
const COPIED: u64 = 1 << 63;
const HEADER: u32 = 104;

/// The image of a disk whose bytes are these parts; none of them may be compressed.
pub fn write(disk: &Assembly) -> Assembly {
    let clusters = Clusters::of(disk);
    let size = disk.length().unwrap_or(u64::MAX);
    let first_entries = size.div_ceil(CLUSTER).div_ceil(PLACES);
    let first = (first_entries * 8).div_ceil(CLUSTER).max(1);
    let mut second: Vec<u64> = clusters.used.iter().map(|at| at / PLACES).collect();
    second.dedup();
    let fixed = 1 + first + second.len() as u64 + clusters.used.len() as u64;
    let (mut table, mut blocks) = (1, 1);
    loop {
        let needed = (fixed + table + blocks).div_ceil(COUNTS);
        let wanted = (needed * 8).div_ceil(CLUSTER);
        if (wanted, needed) == (table, blocks) {
            break;
        }
        (table, blocks) = (wanted.max(table), needed.max(blocks));
    }
    let all = fixed + table + blocks;
    let counts_at = 1 + table;
    let first_at = counts_at + blocks;
    let second_at = first_at + first;
    let data_at = second_at + second.len() as u64;

    let mut head = header(size, first_entries, first_at, table);
    head.resize(CLUSTER as usize, 0);
    let places = (0..blocks).map(|block| (counts_at + block) * CLUSTER);
    head.extend(places.flat_map(u64::to_be_bytes));
    head.resize((counts_at * CLUSTER) as usize, 0);
    head.extend((0..all).flat_map(|_| 1u16.to_be_bytes()));
    head.resize((first_at * CLUSTER) as usize, 0);
    let mut entries = vec![0u64; first_entries as usize];
    for (number, at) in (second_at..).zip(&second) {
        entries[*at as usize] = (number * CLUSTER) | COPIED;
    }
    head.extend(entries.into_iter().flat_map(u64::to_be_bytes));
    head.resize((second_at * CLUSTER) as usize, 0);
    let mut tables = vec![0u64; second.len() * PLACES as usize];
    let mut table = 0;
    for (number, at) in (data_at..).zip(&clusters.used) {
        while second[table] != at / PLACES {
            table += 1;
        }
        tables[table * PLACES as usize + (at % PLACES) as usize] = (number * CLUSTER) | COPIED;
    }
    head.extend(tables.into_iter().flat_map(u64::to_be_bytes));
    let mut image = Assembly {
        parts: vec![Part::Inline { bytes: head }],
    };
    for part in clusters.parts {
        join(&mut image.parts, part);
    }
    image
}

fn header(size: u64, first_entries: u64, first_at: u64, table: u64) -> Vec<u8> {
    let mut bytes = b"QFI\xfb".to_vec();
    let long = |bytes: &mut Vec<u8>, value: u32| bytes.extend(value.to_be_bytes());
    let wide = |bytes: &mut Vec<u8>, value: u64| bytes.extend(value.to_be_bytes());
    long(&mut bytes, 3);
    // No file behind it.
    wide(&mut bytes, 0);
    long(&mut bytes, 0);
    long(&mut bytes, BITS);
    wide(&mut bytes, size);
    // Not encrypted.
    long(&mut bytes, 0);
    long(&mut bytes, first_entries as u32);
    wide(&mut bytes, first_at * CLUSTER);
    wide(&mut bytes, CLUSTER);
    long(&mut bytes, table as u32);
    // No snapshots, and no features.
    long(&mut bytes, 0);
    (0..4).for_each(|_| wide(&mut bytes, 0));
    // Counts have sixteen bits.
    long(&mut bytes, 4);
    long(&mut bytes, HEADER);
    bytes
}

/// The clusters of a disk that are not all zeros.
struct Clusters {
    /// Their numbers.
    used: Vec<u64>,
    /// Their bytes, one after the other.
    parts: Vec<Part>,
}

impl Clusters {
    fn of(disk: &Assembly) -> Self {
        let mut clusters = Clusters {
            used: Vec::new(),
            parts: Vec::new(),
        };
        let (mut number, mut filled, mut used) = (0, 0, false);
        let mut cluster: Vec<Part> = Vec::new();
        for part in &disk.parts {
            let (length, zero) = (part.length(), is_zero(part));
            let mut at = 0;
            while at < length {
                if zero && filled == 0 && length - at >= CLUSTER {
                    let whole = (length - at) / CLUSTER;
                    number += whole;
                    at += whole * CLUSTER;
                    continue;
                }
                let taken = (CLUSTER - filled).min(length - at);
                cluster.push(slice(part, at, taken));
                used |= !zero;
                filled += taken;
                at += taken;
                if filled == CLUSTER {
                    clusters.close(number, std::mem::take(&mut cluster), used);
                    (number, filled, used) = (number + 1, 0, false);
                }
            }
        }
        if filled > 0 {
            let bytes = vec![0; (CLUSTER - filled) as usize];
            cluster.push(Part::Inline { bytes });
            clusters.close(number, cluster, used);
        }
        clusters
    }

    fn close(&mut self, number: u64, cluster: Vec<Part>, used: bool) {
        if used {
            self.used.push(number);
            for part in cluster {
                join(&mut self.parts, part);
            }
        }
    }
}

fn is_zero(part: &Part) -> bool {
    match part {
        Part::Inline { bytes } => bytes.iter().all(|&byte| byte == 0),
        Part::Range { blob, .. } => *blob == zeros(),
        Part::Deflate { .. } | Part::Inflate { .. } => false,
    }
}

fn slice(part: &Part, at: u64, length: u64) -> Part {
    match part {
        Part::Inline { bytes } => Part::Inline {
            bytes: bytes[at as usize..(at + length) as usize].to_vec(),
        },
        Part::Range { blob, offset, .. } => Part::Range {
            blob: *blob,
            offset: offset + at,
            length,
        },
        Part::Deflate { .. } | Part::Inflate { .. } => {
            unreachable!("nothing on a disk is compressed by us")
        }
    }
}

/// Adds a part, as the rest of the last one if it goes on there.
fn join(parts: &mut Vec<Part>, part: Part) {
    match (parts.last_mut(), part) {
        (Some(Part::Inline { bytes }), Part::Inline { bytes: more }) => bytes.extend(more),
        (
            Some(Part::Range {
                blob,
                offset,
                length,
            }),
            Part::Range {
                blob: next,
                offset: from,
                length: more,
            },
        ) if *blob == next && *offset + *length == from => *length += more,
        (_, part) => parts.push(part),
    }
}
