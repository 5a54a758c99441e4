//! Reading an image: what is in it, and where its bytes are.

use std::collections::BTreeSet;
use std::io::{Read, Seek, SeekFrom};

use super::record::{GOES_ON, IS_DIRECTORY};
use super::{BLOCK, Error, PRIMARY, STANDARD};

/// What an image says of itself and of its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    pub volume_id: String,
    /// Of the whole image.
    pub blocks: u64,
    /// What the media check finds, or nothing.
    pub application_use: String,
    /// Images that firmware loads, in the order of the catalog.
    pub boot: Vec<BootEntry>,
    /// In the order of the directories, parents first; the root aside.
    pub files: Vec<File>,
}

/// One entry of the boot catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BootEntry {
    /// 0 is a BIOS, 0xef is UEFI.
    pub platform: u8,
    pub bootable: bool,
    pub sectors: u16,
    pub block: u64,
}

/// A file, directory or link, as Rock Ridge describes it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct File {
    /// Names from the root, joined by slashes; the identifiers where there is no Rock Ridge.
    pub path: Vec<u8>,
    /// With the type of the file.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Target of a symbolic link.
    pub target: Vec<u8>,
    /// First block and bytes of each stretch.
    pub extents: Vec<(u64, u64)>,
}

impl File {
    pub fn size(&self) -> u64 {
        self.extents.iter().map(|(_, length)| length).sum()
    }
}

/// Directories beyond this are not looked for: only a damaged image has so many.
const MOST: usize = 1 << 20;

/// Reads everything but the bytes of files.
pub fn read<R: Read + Seek>(image: &mut R) -> Result<Contents, Error> {
    let primary = block(image, PRIMARY)?;
    if primary[0] != 1 || &primary[1..6] != STANDARD {
        return Err(Error::NoImage("it has no primary volume descriptor"));
    }
    let trimmed = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    let mut contents = Contents {
        volume_id: trimmed(&primary[40..72]),
        blocks: u64::from(long(&primary, 80)),
        application_use: trimmed(&primary[883..883 + 512]),
        boot: boot(image)?,
        files: Vec::new(),
    };
    let root = Record {
        block: u64::from(long(&primary, 158)),
        length: u64::from(long(&primary, 166)),
        flags: IS_DIRECTORY,
        identifier: Vec::new(),
        system_use: Vec::new(),
    };
    let mut seen = BTreeSet::new();
    let mut open = vec![(Vec::new(), root)];
    while let Some((base, directory)) = open.pop() {
        if !seen.insert(directory.block) || seen.len() > MOST {
            return Err(Error::Damaged {
                block: directory.block,
                what: "a directory is in itself",
            });
        }
        let mut below = Vec::new();
        let mut goes_on = false;
        for record in records(image, &directory)? {
            let extent = (record.block, record.length);
            if goes_on && let Some(last) = contents.files.last_mut() {
                last.extents.push(extent);
                goes_on = record.flags & GOES_ON != 0;
                continue;
            }
            let mut file = described(image, &record)?;
            let name = std::mem::take(&mut file.path);
            file.path = match base.is_empty() {
                true => name,
                false => [base.as_slice(), b"/", &name].concat(),
            };
            file.extents = vec![extent];
            goes_on = record.flags & GOES_ON != 0;
            if record.flags & IS_DIRECTORY != 0 {
                below.push((file.path.clone(), record));
            }
            contents.files.push(file);
        }
        open.extend(below.into_iter().rev());
    }
    Ok(contents)
}

fn block<R: Read + Seek>(image: &mut R, number: u64) -> Result<Vec<u8>, Error> {
    image.seek(SeekFrom::Start(number.saturating_mul(BLOCK)))?;
    let mut bytes = vec![0; BLOCK as usize];
    image.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// A number in both byte orders, of which the first is read.
fn long(bytes: &[u8], at: usize) -> u32 {
    match bytes.get(at..at + 4) {
        Some(&[a, b, c, d]) => u32::from_le_bytes([a, b, c, d]),
        _ => 0,
    }
}

fn boot<R: Read + Seek>(image: &mut R) -> Result<Vec<BootEntry>, Error> {
    let record = block(image, PRIMARY + 1)?;
    if record[0] != 0 || &record[1..6] != STANDARD || !record[7..].starts_with(b"EL TORITO") {
        return Ok(Vec::new());
    }
    let catalog = block(image, u64::from(long(&record, 71)))?;
    let entry = |platform, at: usize| BootEntry {
        platform,
        bootable: catalog[at] == 0x88,
        sectors: u16::from_le_bytes([catalog[at + 6], catalog[at + 7]]),
        block: u64::from(long(&catalog, at + 8)),
    };
    let mut entries = vec![entry(catalog[1], 32)];
    let mut at = 64;
    while at + 64 <= catalog.len() && matches!(catalog[at], 0x90 | 0x91) {
        let (platform, count) = (catalog[at + 1], usize::from(catalog[at + 2]));
        let last = catalog[at] == 0x91;
        at += 32;
        for _ in 0..count {
            if at + 32 > catalog.len() {
                break;
            }
            entries.push(entry(platform, at));
            at += 32;
        }
        if last {
            break;
        }
    }
    Ok(entries)
}

struct Record {
    block: u64,
    length: u64,
    flags: u8,
    identifier: Vec<u8>,
    system_use: Vec<u8>,
}

/// The records of a directory, itself and its parent aside.
fn records<R: Read + Seek>(image: &mut R, directory: &Record) -> Result<Vec<Record>, Error> {
    let mut records = Vec::new();
    for number in 0..directory.length.div_ceil(BLOCK) {
        let number = directory.block.saturating_add(number);
        let damaged = |what| Error::Damaged {
            block: number,
            what,
        };
        let bytes = block(image, number)?;
        let mut rest = bytes.as_slice();
        while let Some(&length) = rest.first().filter(|&&length| length > 0) {
            let (record, after) = rest
                .split_at_checked(usize::from(length))
                .ok_or(damaged("a record crosses its end"))?;
            rest = after;
            if record.len() < 34 {
                return Err(damaged("a record is too short"));
            }
            let end = 33 + usize::from(record[32]);
            let identifier = record
                .get(33..end)
                .ok_or(damaged("an identifier is longer than its record"))?;
            if matches!(identifier, [0] | [1]) {
                continue;
            }
            records.push(Record {
                block: u64::from(long(record, 2)),
                length: u64::from(long(record, 10)),
                flags: record[25],
                identifier: identifier.to_vec(),
                system_use: record
                    .get(end.next_multiple_of(2)..)
                    .unwrap_or_default()
                    .to_vec(),
            });
        }
    }
    Ok(records)
}

/// What Rock Ridge says; the path is just the name.
fn described<R: Read + Seek>(image: &mut R, record: &Record) -> Result<File, Error> {
    let mut file = File::default();
    let mut named = false;
    let mut name_goes_on = false;
    let mut target = Target::default();
    let mut area = record.system_use.clone();
    // An area points to the next; a chain that is longer than a name and a target can need is a circle.
    for _ in 0..16 {
        let mut next = None;
        let mut rest = area.as_slice();
        while let [a, b, length, _, ..] = rest {
            let signature = [*a, *b];
            let Some((field, after)) = rest.split_at_checked(usize::from(*length)) else {
                break;
            };
            if field.len() < 4 {
                break;
            }
            rest = after;
            match &signature {
                b"PX" if field.len() >= 36 => {
                    file.mode = long(field, 4);
                    file.uid = long(field, 20);
                    file.gid = long(field, 28);
                }
                b"NM" if field.len() >= 5 => {
                    if !name_goes_on {
                        file.path.clear();
                    }
                    file.path.extend_from_slice(&field[5..]);
                    name_goes_on = field[4] & 1 != 0;
                    named = true;
                }
                b"SL" if field.len() >= 5 => target.add(&field[5..]),
                b"CE" if field.len() >= 28 => {
                    next = Some((long(field, 4), long(field, 12), long(field, 20)));
                }
                _ => {}
            }
        }
        let Some((number, offset, length)) = next else {
            break;
        };
        let bytes = block(image, u64::from(number))?;
        let (start, length) = (offset as usize, length as usize);
        let end = start.saturating_add(length);
        area = bytes
            .get(start..end)
            .ok_or(Error::Damaged {
                block: u64::from(number),
                what: "a continuation area crosses its end",
            })?
            .to_vec();
    }
    if !named {
        file.path = record.identifier.clone();
    }
    file.target = target.0;
    Ok(file)
}

/// A link's target while its components come in; the flag says that the last one goes on.
#[derive(Default)]
struct Target(Vec<u8>, bool);

impl Target {
    fn add(&mut self, mut components: &[u8]) {
        while let [flag, length, after @ ..] = components {
            let Some((text, rest)) = after.split_at_checked(usize::from(*length)) else {
                return;
            };
            components = rest;
            if !self.1 && !self.0.is_empty() && self.0 != b"/" {
                self.0.push(b'/');
            }
            match flag & 0b1110 {
                2 => self.0.push(b'.'),
                4 => self.0.extend(b".."),
                8 => self.0.push(b'/'),
                _ => self.0.extend_from_slice(text),
            }
            self.1 = flag & 1 != 0;
        }
    }
}
