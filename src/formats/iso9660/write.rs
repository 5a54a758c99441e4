//! From a tree to an image.

use super::apart;
use super::boot::{self, Boot};
use super::descriptor::{Primary, check_id, terminator};
use super::disk::{BACKUP, Disk};
use super::files::{Files, Held, extents, held};
use super::identifier::{identifiers, order};
use super::record::{GOES_ON, IS_DIRECTORY, add, narrow, record, room};
use super::rock_ridge::{Fields, ROOT};
use super::{BLOCK, Error, PRIMARY, blocks};
use crate::ids::TreePath;
use crate::tree::{Assembly, Builder, Child, Part};

/// What an image says of itself, besides its files.
#[derive(Debug, Clone, Default)]
pub struct Volume {
    /// The label that readers find it by; see [`super::volume_id`].
    pub id: String,
    pub publisher: String,
    pub application: String,
    /// Seconds since 1970: of the volume, and of files that have no time of their own.
    pub time: i64,
    pub boot: Boot,
}

/// An image as parts: the first has everything before the records of directories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    pub assembly: Assembly,
    pub blocks: u64,
}

/// Empty blocks behind the last file: readers look ahead, and a media check leaves out fifteen.
const PADDING: u64 = 32;

/// Blocks of the shortest image: in a shorter one `checkisomd5` finds fragments that are shorter than its steps,
/// and calls it damaged, also when `implantisomd5` wrote the sum.
const SHORTEST: u64 = 21 * 16 + 15;

/// Most directories that a path table can number.
const DIRECTORIES: usize = u16::MAX as usize;

/// Lays out a tree that was opened down to its last directory.
pub fn write(volume: &Volume, tree: &Builder) -> Result<Image, Error> {
    check_id(&volume.id)?;
    let mut layout = Layout::of(volume, tree)?;
    layout.check_boot(tree)?;
    let blocks = layout.place()?;
    Ok(layout.render(blocks))
}

/// A directory of the image.
struct Place<'a> {
    path: TreePath,
    directory: &'a Builder,
    parent: usize,
    /// In its parent; the root's is one zero byte.
    identifier: Vec<u8>,
    block: u64,
    /// Its number among all files, and that of its first child that is no directory.
    serial: u32,
    leaves: u32,
    /// Bytes of its records, and of the fields that they left no room for; whole blocks both.
    length: u64,
    areas: u64,
}

impl Place<'_> {
    fn links(&self) -> u32 {
        let children = self.directory.children.values();
        2 + children
            .filter(|child| matches!(child, Child::Directory(_)))
            .count() as u32
    }
}

struct Layout<'a> {
    volume: &'a Volume,
    /// In the order of the path table: by level, then parent, then identifier.
    places: Vec<Place<'a>>,
    files: Files,
    /// Where the bytes of files begin; what is empty points there too.
    first: u64,
    catalog: Option<u64>,
    /// The block behind the last file.
    end: u64,
}

impl<'a> Layout<'a> {
    fn of(volume: &'a Volume, tree: &'a Builder) -> Result<Self, Error> {
        let mut places = vec![Place {
            path: TreePath::root(),
            directory: tree,
            parent: 0,
            identifier: vec![0],
            serial: ROOT,
            leaves: 0,
            block: 0,
            length: 0,
            areas: 0,
        }];
        let mut next = 0;
        while next < places.len() {
            let (directory, path) = (places[next].directory, places[next].path.clone());
            let named = named(directory);
            let mut children: Vec<(&[u8], &Builder)> = Vec::new();
            for (name, child) in &directory.children {
                if let Child::Directory(child) = child {
                    children.push((name, child));
                }
            }
            children.sort_by_key(|(name, _)| order(&named[name]));
            for (name, directory) in children {
                places.push(Place {
                    path: path.join(name).expect("children have names"),
                    directory,
                    parent: next,
                    identifier: named[name].clone(),
                    serial: 0,
                    leaves: 0,
                    block: 0,
                    length: 0,
                    areas: 0,
                });
            }
            next += 1;
        }
        if places.len() > DIRECTORIES {
            return Err(Error::Directories(places.len()));
        }
        let mut serial = ROOT + places.len() as u32;
        for (number, place) in places.iter_mut().enumerate() {
            place.serial = ROOT + number as u32;
            place.leaves = serial;
            serial = serial.saturating_add(place.directory.children.len() as u32);
        }
        let files = Files::of(tree, &volume.boot)?;
        let bootable = volume.boot.bios.is_some() || volume.boot.efi.is_some();
        Ok(Layout {
            volume,
            places,
            files,
            first: 0,
            catalog: bootable.then_some(0),
            end: 0,
        })
    }

    /// Whether what firmware is to load is there, and long enough to be told its place.
    fn check_boot(&self, tree: &Builder) -> Result<(), Error> {
        let Boot { bios, efi, disk } = &self.volume.boot;
        let paths = bios.iter().map(|bios| &bios.path).chain(efi);
        for path in paths {
            match tree.get(path) {
                Some(Child::Leaf(leaf)) if held(path, leaf, &Boot::default()).is_some() => {}
                _ => return Err(Error::NoBootFile(path.clone())),
            }
        }
        if let Some(bios) = bios {
            let needed = boot::TOLD;
            if bios.bytes.len() < needed {
                return Err(Error::BootImage {
                    path: bios.path.clone(),
                    length: bios.bytes.len() as u64,
                    what: "an image of GRUB",
                    needed: needed as u64,
                });
            }
        }
        match disk {
            Some(code) if code.len() > 440 => Err(Error::BootCode(code.len())),
            _ => Ok(()),
        }
    }

    /// Gives everything its block; returns how many there are.
    fn place(&mut self) -> Result<u64, Error> {
        if self.files.place(0) > u64::from(u32::MAX) {
            return Err(Error::TooLong);
        }
        // Lengths don't depend on places, so they are taken first.
        for number in 0..self.places.len() {
            let (records, areas) = self.directory(number);
            self.places[number].length = records.len() as u64;
            self.places[number].areas = areas.len() as u64;
        }
        let mut next = self.tables() + 2 * self.table_blocks();
        for place in &mut self.places {
            place.block = next;
            next += blocks(place.length) + blocks(place.areas);
        }
        if let Some(catalog) = &mut self.catalog {
            *catalog = next;
            next += 1;
        }
        self.first = next;
        let end = self.files.place(next);
        self.end = end;
        let total = end.saturating_add(PADDING + BACKUP).max(SHORTEST);
        match u32::try_from(total) {
            Ok(_) => Ok(total),
            Err(_) => Err(Error::TooLong),
        }
    }

    /// The block of the first path table, behind the descriptors.
    fn tables(&self) -> u64 {
        PRIMARY + 2 + u64::from(self.catalog.is_some())
    }

    fn table_blocks(&self) -> u64 {
        blocks(self.path_table(u32::to_le_bytes, u16::to_le_bytes).len() as u64)
    }

    /// A path table in some byte order (ECMA-119, 10.4).
    fn path_table(&self, long: fn(u32) -> [u8; 4], short: fn(u16) -> [u8; 2]) -> Vec<u8> {
        let mut table = Vec::new();
        for place in &self.places {
            table.extend([place.identifier.len() as u8, 0]);
            table.extend(long(narrow(place.block)));
            table.extend(short(place.parent as u16 + 1));
            table.extend(&place.identifier);
            table.resize(table.len().next_multiple_of(2), 0);
        }
        table
    }

    /// The records of a directory, and the fields that they have no room for.
    fn directory(&self, number: usize) -> (Vec<u8>, Vec<u8>) {
        let time = self.volume.time;
        let place = &self.places[number];
        let after = place.block + blocks(place.length);
        let (mut records, mut areas) = (Vec::new(), Vec::new());
        let parent = &self.places[place.parent];
        let own = Fields::own(&place.directory.meta, place.links(), time, place.serial);
        let above = Fields::parent(&parent.directory.meta, parent.links(), time, parent.serial);
        for (identifier, of, fields) in [([0], place, own), ([1], parent, above)] {
            let fields = fields.place(room(&identifier), after, &mut areas);
            let time = of.directory.meta.mtime.unwrap_or(time);
            let record = record(
                &identifier,
                of.block,
                of.length,
                time,
                IS_DIRECTORY,
                &fields,
            );
            add(&mut records, &record);
        }
        let named = named(place.directory);
        let mut children: Vec<_> = place.directory.children.iter().collect();
        children.sort_by_key(|(name, _)| order(&named[name.as_slice()]));
        for (child_number, (name, child)) in (0u32..).zip(children) {
            let identifier = &named[name.as_slice()];
            match child {
                Child::Directory(directory) => {
                    let below = self.below(number, identifier);
                    let fields =
                        Fields::directory(name, &directory.meta, below.links(), time, below.serial);
                    let fields = fields.place(room(identifier), after, &mut areas);
                    let time = directory.meta.mtime.unwrap_or(time);
                    let (block, length) = (below.block, below.length);
                    let record = record(identifier, block, length, time, IS_DIRECTORY, &fields);
                    add(&mut records, &record);
                }
                Child::Leaf(leaf) => {
                    let path = place.path.join(name).expect("children have names");
                    let held = held(&path, leaf, &self.volume.boot);
                    let (block, size) = match held {
                        Some((held, size)) => (self.files.block[&held], size),
                        None => (self.first, 0),
                    };
                    for (distance, length, goes_on) in extents(size) {
                        let fields = Fields::leaf(
                            name,
                            &leaf.meta,
                            &leaf.content,
                            time,
                            place.leaves + child_number,
                        );
                        let fields = fields.place(room(identifier), after, &mut areas);
                        let flags = if goes_on { GOES_ON } else { 0 };
                        let time = leaf.meta.mtime.unwrap_or(time);
                        let block = block + distance;
                        add(
                            &mut records,
                            &record(identifier, block, length, time, flags, &fields),
                        );
                    }
                }
                Child::Finished(_) => unreachable!("the files were looked through before"),
            }
        }
        for bytes in [&mut records, &mut areas] {
            bytes.resize(bytes.len().next_multiple_of(BLOCK as usize), 0);
        }
        (records, areas)
    }

    /// The directory with an identifier in another.
    fn below(&self, parent: usize, identifier: &[u8]) -> &Place<'a> {
        let start = self.places.partition_point(|place| place.parent < parent);
        let mut siblings = self.places[start..].iter();
        siblings
            .find(|place| place.identifier == identifier)
            .expect("every directory has its place")
    }

    fn render(&self, total: u64) -> Image {
        let boot = &self.volume.boot;
        let bios = boot.bios.as_ref().map(|bios| (bios, self.files.bios()));
        let efi = boot.efi.as_ref().and_then(|_| {
            let (held, length) = self.files.order.last()?;
            Some((self.files.block[held], *length))
        });
        let code = match (&boot.disk, bios) {
            (Some(code), Some((_, block))) => Some((code.as_slice(), block)),
            _ => None,
        };
        let seed = format!("{} {}", self.volume.id, self.volume.time);
        let disk = Disk {
            blocks: total,
            efi,
            code,
            seed: &seed,
        };
        let (mut head, backup) = disk.areas();
        let table = self.path_table(u32::to_le_bytes, u16::to_le_bytes).len() as u64;
        let primary = Primary {
            volume: self.volume,
            blocks: total,
            table,
            tables: [self.tables(), self.tables() + self.table_blocks()],
            root: (self.places[0].block, self.places[0].length),
        };
        head.extend(primary.encode());
        if let Some(catalog) = self.catalog {
            head.extend(boot::record(catalog));
        }
        head.extend(terminator());
        for table in [
            self.path_table(u32::to_le_bytes, u16::to_le_bytes),
            self.path_table(u32::to_be_bytes, u16::to_be_bytes),
        ] {
            head.extend(table);
            fill(&mut head);
        }
        let mut parts = vec![Part::Inline { bytes: head }];
        for number in 0..self.places.len() {
            let (records, areas) = self.directory(number);
            parts.extend(apart::parts(&records));
            if !areas.is_empty() {
                parts.push(Part::Inline { bytes: areas });
            }
        }
        if self.catalog.is_some() {
            let bytes = boot::catalog(bios.map(|(_, block)| block), efi);
            parts.push(Part::Inline { bytes });
        }
        debug_assert_eq!(
            parts.iter().map(Part::length).sum::<u64>(),
            self.first * BLOCK
        );
        for (held, size) in &self.files.order {
            match (held, bios) {
                (Held::Blob(blob), _) => parts.push(Part::Range {
                    blob: *blob,
                    offset: 0,
                    length: *size,
                }),
                (Held::Bios(blob), Some((bios, block))) => {
                    // Only its first bytes are told where it lies.
                    let mut bytes = bios.at(block);
                    let told = bytes.len().min(boot::TOLD);
                    bytes.truncate(told);
                    parts.push(Part::Inline { bytes });
                    let (offset, length) = (told as u64, size - told as u64);
                    if length > 0 {
                        parts.push(Part::Range {
                            blob: *blob,
                            offset,
                            length,
                        });
                    }
                }
                (Held::Bios(_), None) => unreachable!("only an image for BIOS is held as one"),
            }
            let rest = blocks(*size) * BLOCK - size;
            if rest > 0 {
                parts.push(Part::Inline {
                    bytes: vec![0; rest as usize],
                });
            }
        }
        let mut tail = vec![0; ((total - BACKUP - self.end) * BLOCK) as usize];
        tail.extend(backup);
        parts.push(Part::Inline { bytes: tail });
        Image {
            assembly: Assembly { parts },
            blocks: total,
        }
    }
}

fn named(directory: &Builder) -> std::collections::BTreeMap<&[u8], Vec<u8>> {
    let names = directory.children.iter();
    identifiers(names.map(|(name, child)| (name.as_slice(), matches!(child, Child::Directory(_)))))
}

fn fill(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(BLOCK as usize), 0);
}
