//! From a tree to a file system.

use std::collections::BTreeSet;

use super::Error;
use super::names::{self, Name, Short};
use crate::formats::calendar::Moment;
use crate::ids::TreePath;
use crate::tree::{Assembly, Builder, Child, Content, Part};

const SECTOR: usize = 512;
/// The largest cluster that is used here.
const LARGEST: usize = 4 * SECTOR;
const ROOT_ENTRIES: usize = 512;
const ENTRY: usize = 32;

/// Clusters of FAT16: with fewer or more, readers take it for FAT12 or FAT32.
const FEWEST: usize = 4085;
const MOST: usize = 65_524;

const DIRECTORY: u8 = 0x10;
const ARCHIVE: u8 = 0x20;
const VOLUME: u8 = 0x08;

/// What a cluster's entry in the table says when nothing follows it.
const END: u16 = 0xffff;

/// Lays out a tree; `label` has at most eleven characters, `time` is in seconds since 1970.
/// There is room for `room` bytes at least, up to what FAT16 can count.
pub fn write(tree: &Builder, label: &str, time: i64, room: u64) -> Result<Assembly, Error> {
    let mut cluster = SECTOR;
    while room > (cluster * MOST) as u64 && cluster < LARGEST {
        cluster *= 2;
    }
    loop {
        match with_clusters(tree, label, time, (cluster, room)) {
            Err(Error::TooLong(_)) if cluster < LARGEST => cluster *= 2,
            result => return result,
        }
    }
}

fn with_clusters(
    tree: &Builder,
    label: &str,
    time: i64,
    (cluster, room): (usize, u64),
) -> Result<Assembly, Error> {
    let mut layout = Layout {
        cluster,
        time: stamp(time),
        table: vec![0xfff8, END],
        clusters: Vec::new(),
    };
    let root = layout.root(tree, label)?;
    let used = layout.table.len() - 2;
    let wanted = (room / cluster as u64).min(MOST as u64) as usize;
    let clusters = used.max(FEWEST).max(wanted);
    let sectors_of_table = ((clusters + 2) * 2).div_ceil(SECTOR);
    let mut table: Vec<u8> = layout
        .table
        .iter()
        .flat_map(|next| next.to_le_bytes())
        .collect();
    table.resize(sectors_of_table * SECTOR, 0);
    let sectors =
        1 + 2 * sectors_of_table + ROOT_ENTRIES * ENTRY / SECTOR + clusters * (cluster / SECTOR);
    // Whole blocks of a disc.
    let whole = sectors.next_multiple_of(4);
    let mut head = boot_record(whole, sectors_of_table, cluster, label);
    head.extend(&table);
    head.extend(&table);
    head.extend(root);
    let mut parts = vec![Part::Inline { bytes: head }];
    parts.extend(layout.clusters);
    let mut assembly = Assembly { parts };
    let tail = (clusters - used) * cluster + (whole - sectors) * SECTOR;
    assembly.fill(tail as u64);
    Ok(assembly)
}

struct Layout {
    /// Bytes of a cluster.
    cluster: usize,
    /// Time and date, as entries have them.
    time: [u8; 4],
    table: Vec<u16>,
    /// What is in the clusters, in order; each part fills its last one.
    clusters: Vec<Part>,
}

impl Layout {
    fn root(&mut self, tree: &Builder, label: &str) -> Result<Vec<u8>, Error> {
        let mut name = [b' '; 11];
        let text = label.as_bytes();
        name[..text.len()].copy_from_slice(text);
        let mut entries = self.entry(&name, VOLUME, 0, 0);
        entries.extend(self.directory(&TreePath::root(), tree, 0)?);
        if entries.len() > ROOT_ENTRIES * ENTRY {
            return Err(Error::TooMany(TreePath::root()));
        }
        entries.resize(ROOT_ENTRIES * ENTRY, 0);
        Ok(entries)
    }

    /// The entries of what is in a directory; their clusters are laid out on the way.
    fn directory(&mut self, path: &TreePath, tree: &Builder, own: u16) -> Result<Vec<u8>, Error> {
        let mut entries = Vec::new();
        for (name, (path, child)) in names(path, tree)?.into_iter().zip(children(path, tree)) {
            entries.extend(&name.long);
            let short = name.short;
            match child {
                Child::Directory(directory) => {
                    let bytes = length(&path, directory)? + 2 * ENTRY;
                    let first = self.reserve(bytes as u64)?;
                    let place = self.clusters.len();
                    self.clusters.push(Part::Inline { bytes: Vec::new() });
                    let mut inside = self.entry(b".          ", DIRECTORY, first, 0);
                    inside.extend(self.entry(b"..         ", DIRECTORY, own, 0));
                    inside.extend(self.directory(&path, directory, first)?);
                    inside.resize(bytes.next_multiple_of(self.cluster), 0);
                    self.clusters[place] = Part::Inline { bytes: inside };
                    entries.extend(self.entry(&short, DIRECTORY, first, 0));
                }
                Child::Leaf(leaf) => {
                    let Content::File { size, blob } = leaf.content else {
                        return Err(Error::Kind(path));
                    };
                    let length = u32::try_from(size).map_err(|_| Error::TooLong(size))?;
                    let first = self.reserve(size)?;
                    if size > 0 {
                        self.clusters.push(Part::Range {
                            blob,
                            offset: 0,
                            length: size,
                        });
                        let rest = (size as usize).next_multiple_of(self.cluster) - size as usize;
                        if rest > 0 {
                            let bytes = vec![0; rest];
                            self.clusters.push(Part::Inline { bytes });
                        }
                    }
                    entries.extend(self.entry(&short, ARCHIVE, first, length));
                }
                Child::Finished(_) => return Err(Error::Kind(path)),
            }
        }
        Ok(entries)
    }

    /// Takes the next clusters for some bytes; returns the first, or 0 for no bytes.
    fn reserve(&mut self, bytes: u64) -> Result<u16, Error> {
        let count = bytes.div_ceil(self.cluster as u64);
        let first = self.table.len();
        if count == 0 {
            return Ok(0);
        }
        if count > MOST as u64 || first + count as usize > MOST {
            return Err(Error::TooLong(bytes + (first * self.cluster) as u64));
        }
        let last = first + count as usize - 1;
        self.table
            .extend((first + 1..=last).map(|next| next as u16));
        self.table.push(END);
        Ok(first as u16)
    }

    fn entry(&self, name: &[u8; 11], attributes: u8, first: u16, length: u32) -> Vec<u8> {
        let mut bytes = name.to_vec();
        bytes.extend([attributes, 0, 0]);
        bytes.extend(self.time);
        bytes.extend(&self.time[2..]);
        bytes.extend([0; 2]);
        bytes.extend(self.time);
        bytes.extend(first.to_le_bytes());
        bytes.extend(length.to_le_bytes());
        bytes
    }
}

fn children<'a>(
    path: &'a TreePath,
    tree: &'a Builder,
) -> impl Iterator<Item = (TreePath, &'a Child)> {
    tree.children.iter().map(move |(name, child)| {
        let path = path.join(name).expect("children have names");
        (path, child)
    })
}

/// What the directory calls its children.
fn names(path: &TreePath, tree: &Builder) -> Result<Vec<Name>, Error> {
    let mut taken: BTreeSet<Short> = tree
        .children
        .keys()
        .filter_map(|name| names::short(name))
        .collect();
    let names = children(path, tree).map(|(path, _)| {
        let name = path.file_name().unwrap_or_default();
        names::name(name, &mut taken).ok_or_else(|| Error::Name(path.clone()))
    });
    names.collect()
}

/// Bytes of what a directory says of its children.
fn length(path: &TreePath, tree: &Builder) -> Result<usize, Error> {
    let names = names(path, tree)?;
    Ok(names.iter().map(|name| ENTRY + name.long.len()).sum())
}

/// Two bytes of a time of day, in two seconds, and two of a date from 1980 to 2107.
fn stamp(seconds: i64) -> [u8; 4] {
    let moment = Moment::of(seconds);
    let year = moment.year.clamp(1980, 2107) - 1980;
    let time = (u16::from(moment.hour) << 11)
        | (u16::from(moment.minute) << 5)
        | (u16::from(moment.second) / 2);
    let date = ((year as u16) << 9) | (u16::from(moment.month) << 5) | u16::from(moment.day);
    let ([a, b], [c, d]) = (time.to_le_bytes(), date.to_le_bytes());
    [a, b, c, d]
}

fn boot_record(sectors: usize, sectors_of_table: usize, cluster: usize, label: &str) -> Vec<u8> {
    let mut bytes = vec![0xeb, 0x3c, 0x90];
    bytes.extend(b"STORE   ");
    bytes.extend((SECTOR as u16).to_le_bytes());
    bytes.push((cluster / SECTOR) as u8);
    bytes.extend(1u16.to_le_bytes());
    bytes.push(2);
    bytes.extend((ROOT_ENTRIES as u16).to_le_bytes());
    let few = u16::try_from(sectors).unwrap_or(0);
    bytes.extend(few.to_le_bytes());
    bytes.push(0xf8);
    bytes.extend((sectors_of_table as u16).to_le_bytes());
    bytes.extend(32u16.to_le_bytes());
    bytes.extend(64u16.to_le_bytes());
    bytes.extend(0u32.to_le_bytes());
    let many = if few == 0 { sectors as u32 } else { 0 };
    bytes.extend(many.to_le_bytes());
    bytes.extend([0x80, 0, 0x29]);
    // The serial number says nothing: there is one such file system on an image, and it has a label.
    bytes.extend(0x5354_4f52u32.to_le_bytes());
    let mut name = [b' '; 11];
    name[..label.len()].copy_from_slice(label.as_bytes());
    bytes.extend(name);
    bytes.extend(b"FAT16   ");
    bytes.resize(SECTOR - 2, 0);
    bytes.extend([0x55, 0xaa]);
    bytes
}
