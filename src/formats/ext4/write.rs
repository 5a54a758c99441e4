//! From a tree to a file system.

use std::collections::{BTreeMap, BTreeSet};

use super::checksum::{START, crc32c};
use super::directory::{self, Named};
use super::geometry::{Allocator, Extent, GROUP, Geometry};
use super::inode::{self, Inode};
use super::superblock::{self, Group, Whole};
use super::xattrs::{self, Set};
use super::{BLOCK, Error, JOURNAL, LOST_AND_FOUND, ROOT, journal};
use crate::ids::TreePath;
use crate::tree::{Assembly, Builder, Child, Content, Leaf, Meta, Part};

/// What decides a file system besides its tree.
#[derive(Debug, Clone)]
pub struct Options<'a> {
    /// At most 16 bytes.
    pub label: &'a str,
    pub uuid: [u8; 16],
    /// Bytes; what does not fill a block is left over.
    pub size: u64,
    /// Bytes of the journal; none for no journal.
    pub journal: u64,
    /// Seconds since 1970: of the file system, and of files that have no time of their own.
    pub time: i64,
    /// Directories that nobody may change, whoever they are.
    pub immutable: &'a BTreeSet<TreePath>,
}

/// Types of files, as modes and as directories say them.
const DIRECTORY: (u32, u8) = (0o040000, 2);
const REGULAR: (u32, u8) = (0o100000, 1);

/// More links than these are not counted for directories, and not possible for files.
const MOST_LINKS: u32 = 65_000;

/// Lays out a tree that was opened down to its last directory, with groups of paths that are one file.
///
/// Attributes that [`super::holds_xattr`] denies are left out.
pub fn write(
    tree: &Builder,
    links: &BTreeSet<Vec<TreePath>>,
    options: &Options<'_>,
) -> Result<Assembly, Error> {
    let numbers = Numbers::new(tree, links)?;
    let blocks = options.size / BLOCK;
    let too_small = |needed| Error::TooSmall {
        size: options.size,
        needed: needed * BLOCK,
    };
    let geometry = Geometry::new(blocks, numbers.last).map_err(too_small)?;
    let mut layout = Layout {
        options,
        allocator: Allocator::new(geometry),
        seed: crc32c(START, &options.uuid),
        placed: Vec::new(),
        inodes: BTreeMap::new(),
        shared: BTreeMap::new(),
        journal: None,
    };
    layout.tree(tree, &numbers)?;
    layout.journal();
    let next = layout.allocator.next;
    if next > geometry.blocks {
        return Err(too_small(next));
    }
    Ok(layout.finish(&numbers))
}

/// Which inode every path has.
struct Numbers {
    of: BTreeMap<TreePath, u32>,
    /// Paths of each inode that has several.
    links: BTreeMap<u32, u32>,
    last: u32,
}

impl Numbers {
    fn new(tree: &Builder, links: &BTreeSet<Vec<TreePath>>) -> Result<Self, Error> {
        if tree.children.contains_key(&b"lost+found"[..]) {
            return Err(Error::LostAndFound);
        }
        let first = links.iter().flat_map(|group| {
            let first = group.first();
            group.iter().filter_map(move |path| Some((path, first?)))
        });
        let first: BTreeMap<&TreePath, &TreePath> = first.collect();
        let mut numbers = Numbers {
            of: BTreeMap::from([(TreePath::root(), ROOT)]),
            links: BTreeMap::new(),
            last: LOST_AND_FOUND,
        };
        let mut met: BTreeMap<&TreePath, u32> = BTreeMap::new();
        for (path, child) in tree.paths() {
            let group = first.get(&path).copied();
            let group = group.filter(|_| matches!(child, Child::Leaf(_)));
            let number = group.and_then(|group| met.get(group)).copied();
            let number = number.unwrap_or_else(|| {
                numbers.last += 1;
                numbers.last
            });
            if let Some(group) = group {
                met.insert(group, number);
                let count = numbers.links.entry(number).or_insert(0);
                *count += 1;
                if *count > MOST_LINKS {
                    return Err(Error::Links(path));
                }
            }
            numbers.of.insert(path, number);
        }
        Ok(numbers)
    }

    fn of(&self, path: &TreePath) -> u32 {
        self.of.get(path).copied().expect("every path was numbered")
    }
}

struct Layout<'a> {
    options: &'a Options<'a>,
    allocator: Allocator,
    /// What all sums begin with.
    seed: u32,
    /// What lies where; each fills its last block.
    placed: Vec<(u64, Vec<Part>)>,
    inodes: BTreeMap<u32, Inode>,
    /// Blocks of attributes: where the last one of these lies, and how many inodes have it.
    shared: BTreeMap<Vec<u8>, (u64, u32)>,
    /// What the journal's inode has in place of block numbers.
    journal: Option<[u8; 60]>,
}

impl Layout<'_> {
    fn tree(&mut self, tree: &Builder, numbers: &Numbers) -> Result<(), Error> {
        self.directory(&TreePath::root(), tree, ROOT, numbers)?;
        let names = [(".", LOST_AND_FOUND), ("..", ROOT)].map(|(name, inode)| Named {
            name: name.as_bytes(),
            inode,
            kind: DIRECTORY.1,
        });
        self.listing(LOST_AND_FOUND, &Meta::new(0o700), &names, 2, 0, None)?;
        for (path, child) in tree.paths() {
            let number = numbers.of(&path);
            match child {
                Child::Directory(below) => self.directory(&path, below, number, numbers)?,
                Child::Finished(_) => return Err(Error::NotOpened(path)),
                Child::Leaf(leaf) => {
                    if !self.inodes.contains_key(&number) {
                        let links = numbers.links.get(&number).copied().unwrap_or(1);
                        self.leaf(&path, leaf, number, links)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn directory(
        &mut self,
        path: &TreePath,
        directory: &Builder,
        number: u32,
        numbers: &Numbers,
    ) -> Result<(), Error> {
        let parent = path.parent().map_or(ROOT, |parent| numbers.of(&parent));
        let named = |name, inode, kind| Named { name, inode, kind };
        let mut names = vec![
            named(&b"."[..], number, DIRECTORY.1),
            named(&b".."[..], parent, DIRECTORY.1),
        ];
        let mut links = 2;
        if number == ROOT {
            links += 1;
            names.push(named(b"lost+found", LOST_AND_FOUND, DIRECTORY.1));
        }
        for (name, child) in &directory.children {
            let below = path.join(name).expect("children have names");
            let kind = match child {
                Child::Directory(_) => {
                    links += 1;
                    DIRECTORY.1
                }
                Child::Finished(_) => return Err(Error::NotOpened(below)),
                Child::Leaf(leaf) => kind(&leaf.content).1,
            };
            names.push(named(name, numbers.of(&below), kind));
        }
        if links > MOST_LINKS {
            links = 1;
        }
        let immutable = self.options.immutable.contains(path);
        let flags = if immutable { inode::IMMUTABLE } else { 0 };
        self.listing(number, &directory.meta, &names, links, flags, Some(path))
    }

    fn listing(
        &mut self,
        number: u32,
        meta: &Meta,
        names: &[Named<'_>],
        links: u32,
        flags: u32,
        path: Option<&TreePath>,
    ) -> Result<(), Error> {
        let bytes = directory::blocks(names, inode::seed(number, self.seed));
        let size = bytes.len() as u64;
        let mut inode = self.inode(DIRECTORY.0, meta, path)?;
        let extents = self.allocator.take(size / BLOCK);
        let mut rest = bytes.as_slice();
        for extent in &extents {
            let (here, behind) = rest.split_at((extent.count * BLOCK) as usize);
            let bytes = here.to_vec();
            self.placed
                .push((extent.start, vec![Part::Inline { bytes }]));
            rest = behind;
        }
        inode.links = links;
        inode.size = size;
        inode.flags |= flags;
        self.settle(number, inode, &extents);
        Ok(())
    }

    fn leaf(&mut self, path: &TreePath, leaf: &Leaf, number: u32, links: u32) -> Result<(), Error> {
        let (mode, _) = kind(&leaf.content);
        let mut inode = self.inode(mode, &leaf.meta, Some(path))?;
        inode.links = links;
        match &leaf.content {
            Content::File { size, blob } => {
                inode.size = *size;
                let extents = self.allocator.take(size.div_ceil(BLOCK));
                let mut offset = 0;
                for extent in &extents {
                    let length = (extent.count * BLOCK).min(size - offset);
                    let blob = *blob;
                    let part = Part::Range {
                        blob,
                        offset,
                        length,
                    };
                    self.placed.push((extent.start, vec![part]));
                    offset += length;
                }
                self.settle(number, inode, &extents);
            }
            Content::Symlink { target } if target.len() > inode::SHORT_TARGET => {
                inode.size = target.len() as u64;
                let extents = self.allocator.take(inode.size.div_ceil(BLOCK));
                let bytes = target.clone();
                if let Some(extent) = extents.first() {
                    self.placed
                        .push((extent.start, vec![Part::Inline { bytes }]));
                }
                self.settle(number, inode, &extents);
            }
            Content::Symlink { target } => {
                inode.size = target.len() as u64;
                inode.block[..target.len()].copy_from_slice(target);
                self.inodes.insert(number, inode);
            }
            &Content::Character { major, minor } | &Content::Block { major, minor } => {
                let device = (minor & 0xff) | (major << 8) | ((minor & !0xff) << 12);
                inode.block[4..8].copy_from_slice(&device.to_le_bytes());
                self.inodes.insert(number, inode);
            }
            Content::Fifo | Content::Socket => {
                self.inodes.insert(number, inode);
            }
        }
        Ok(())
    }

    fn inode(&mut self, kind: u32, meta: &Meta, path: Option<&TreePath>) -> Result<Inode, Error> {
        let set = Set::of(&meta.xattrs);
        let (mut room, mut attributes) = ([0; inode::ROOM], 0);
        if !set.is_empty() {
            match set.inline() {
                Some(inline) => room = inline,
                None => {
                    let bytes = set.block();
                    let path = path.cloned().unwrap_or_else(TreePath::root);
                    attributes = self.attributes(bytes.ok_or(Error::Xattrs(path))?);
                }
            }
        }
        Ok(Inode {
            mode: kind | meta.mode,
            uid: meta.uid,
            gid: meta.gid,
            size: 0,
            mtime: meta.mtime.unwrap_or(self.options.time),
            time: self.options.time,
            links: 1,
            flags: 0,
            block: [0; 60],
            blocks: 0,
            attributes,
            room,
        })
    }

    /// The block of attributes that an inode shares with others.
    fn attributes(&mut self, bytes: Vec<u8>) -> u64 {
        let place = match self.shared.get(&bytes) {
            Some(&(place, count)) if count < xattrs::SHARED => (place, count + 1),
            Some(&(place, count)) => {
                self.seal(bytes.clone(), place, count);
                (self.block(), 1)
            }
            None => (self.block(), 1),
        };
        self.shared.insert(bytes, place);
        place.0
    }

    fn seal(&mut self, mut bytes: Vec<u8>, place: u64, count: u32) {
        xattrs::seal(&mut bytes, place, count, self.seed);
        self.placed.push((place, vec![Part::Inline { bytes }]));
    }

    fn block(&mut self) -> u64 {
        self.allocator.take(1)[0].start
    }

    /// Keeps an inode with its extents.
    fn settle(&mut self, number: u32, mut inode: Inode, extents: &[Extent]) {
        let seed = inode::seed(number, self.seed);
        let allocator = &mut self.allocator;
        let mut take = || allocator.take(1)[0].start;
        let (block, nodes) = inode::extents(extents, seed, &mut take);
        inode.block = block;
        inode.flags = inode::with_extents(inode.flags);
        inode.blocks = extents.iter().map(|extent| extent.count).sum::<u64>() + nodes.len() as u64;
        for (place, bytes) in nodes {
            self.placed.push((place, vec![Part::Inline { bytes }]));
        }
        self.inodes.insert(number, inode);
    }

    /// An empty journal, behind everything else.
    fn journal(&mut self) {
        let blocks = self.options.journal / BLOCK;
        if blocks == 0 {
            return;
        }
        let inode = Inode {
            mode: REGULAR.0 | 0o600,
            uid: 0,
            gid: 0,
            size: blocks * BLOCK,
            mtime: self.options.time,
            time: self.options.time,
            links: 1,
            flags: 0,
            block: [0; 60],
            blocks: 0,
            attributes: 0,
            room: [0; inode::ROOM],
        };
        let extents = self.allocator.take(blocks);
        let bytes = journal::superblock(blocks, &self.options.uuid);
        self.placed
            .push((extents[0].start, vec![Part::Inline { bytes }]));
        self.settle(JOURNAL, inode, &extents);
        self.journal = self.inodes.get(&JOURNAL).map(|inode| inode.block);
    }

    /// Adds what describes all this, and puts everything in order.
    fn finish(mut self, numbers: &Numbers) -> Assembly {
        for (bytes, (place, count)) in std::mem::take(&mut self.shared) {
            self.seal(bytes, place, count);
        }
        let geometry = self.allocator.geometry;
        let options = self.options;
        let whole = Whole {
            label: options.label,
            uuid: options.uuid,
            hash_seed: options.uuid,
            time: options.time,
            free_inodes: geometry.inodes() - numbers.last,
            journal: self
                .journal
                .map(|block| (block, options.journal / BLOCK * BLOCK)),
        };
        let (mut descriptors, mut maps) = (Vec::new(), Vec::new());
        for number in 0..geometry.groups {
            let first = number as u32 * geometry.inodes_per_group;
            let used = numbers.last.saturating_sub(first);
            let used = used.min(geometry.inodes_per_group);
            let inside = self.inodes.range(first + 1..first + 1 + used);
            let directories = inside.clone().filter(|(_, inode)| is_directory(inode));
            let group = Group {
                used_inodes: used,
                directories: directories.count() as u32,
            };
            let bitmaps = superblock::bitmaps(&self.allocator, number, used);
            let descriptor =
                superblock::descriptor(&self.allocator, number, &group, &bitmaps, self.seed);
            descriptors.extend(descriptor);
            let mut table = vec![0; used as usize * inode::SIZE as usize];
            for (&inode, value) in inside {
                let at = (inode - first - 1) as usize * inode::SIZE as usize;
                let bytes = value.encode(inode, self.seed);
                table[at..at + bytes.len()].copy_from_slice(&bytes);
            }
            let [blocks, inodes] = bitmaps;
            maps.push((geometry.block_bitmap(number), blocks));
            maps.push((geometry.inode_bitmap(number), inodes));
            maps.push((geometry.table(number), table));
        }
        for group in (0..geometry.groups).filter(|&group| Geometry::has_superblock(group)) {
            let superblock = whole.superblock(&self.allocator, group);
            let mut bytes = match group {
                0 => vec![0; superblock::OFFSET],
                _ => Vec::new(),
            };
            bytes.extend(superblock);
            bytes.resize(BLOCK as usize, 0);
            bytes.extend(&descriptors);
            maps.push((group * GROUP, bytes));
        }
        let made = maps.into_iter().filter(|(_, bytes)| !bytes.is_empty());
        let made = made.map(|(place, bytes)| (place, vec![Part::Inline { bytes }]));
        self.placed.extend(made);
        self.placed.sort_by_key(|(place, _)| *place);
        let mut assembly = Assembly::default();
        let mut at = 0;
        for (place, parts) in self.placed {
            assembly.fill(place * BLOCK - at);
            let length: u64 = parts.iter().map(Part::length).sum();
            assembly.parts.extend(parts);
            at = place * BLOCK + length;
        }
        assembly.fill(options.size - at);
        assembly
    }
}

fn is_directory(inode: &Inode) -> bool {
    inode.mode & 0o170000 == DIRECTORY.0
}

/// The type of a file.
fn kind(content: &Content) -> (u32, u8) {
    match content {
        Content::File { .. } => REGULAR,
        Content::Character { .. } => (0o020000, 3),
        Content::Block { .. } => (0o060000, 4),
        Content::Fifo => (0o010000, 5),
        Content::Socket => (0o140000, 6),
        Content::Symlink { .. } => (0o120000, 7),
    }
}
