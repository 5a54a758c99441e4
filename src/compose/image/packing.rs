//! Which packages share a layer: so that one that changes takes few others along, and moves none.
//!
//! What is built from one source changes together, and stays together. The largest of these groups have layers of their own,
//! the others share some, each where the hash of its name says. That depends on nothing that was made before,
//! and on the sizes only as far as they decide who is among the largest: they are compared by powers of two,
//! so that a group seldom passes another. A group that changes, comes or goes moves at most one other.

use std::collections::BTreeMap;

/// Below this, in bytes, a group is not worth a layer of its own.
const LARGE: u64 = 1 << 20;

/// Where something lies, lowest first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bin {
    /// That something below is gone; before anything may come in its place.
    Gone,
    /// One group's own.
    Own(String),
    /// One of several that groups share.
    Shared(u32),
    /// What no package owns, above all the package database: it changes whenever anything does.
    Top,
}

/// Puts groups, given by name with their sizes in bytes, into so many layers at most.
///
/// Without layers for them they lie at the top.
pub fn pack(groups: &BTreeMap<String, u64>, layers: u32) -> BTreeMap<String, Bin> {
    let own = layers / 2;
    let shared = layers - own;
    let mut ranked: Vec<(u32, &String)> = groups
        .iter()
        .filter(|(_, size)| **size >= LARGE)
        .map(|(name, size)| (size.ilog2(), name))
        .collect();
    ranked.sort_by(|(a, left), (b, right)| (b, left).cmp(&(a, right)));
    ranked.truncate(own as usize);
    let mut bins: BTreeMap<String, Bin> = ranked
        .into_iter()
        .map(|(_, name)| (name.clone(), Bin::Own(name.clone())))
        .collect();
    for name in groups.keys() {
        let bin = bins.entry(name.clone());
        bin.or_insert_with(|| match shared {
            0 => Bin::Top,
            _ => Bin::Shared(hash(name) % shared),
        });
    }
    bins
}

fn hash(name: &str) -> u32 {
    let hash = blake3::hash(name.as_bytes());
    let (first, _) = hash
        .as_bytes()
        .split_first_chunk()
        .expect("a hash has 32 bytes");
    u32::from_le_bytes(*first)
}
