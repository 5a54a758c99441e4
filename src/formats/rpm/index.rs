//! The index of a header, checked before anything in it is believed.
//!
//! The rules for what is refused are rpm's (`lib/header.cc`): a header that passes here passes there.

use std::collections::BTreeMap;

use super::kind::Kind;
use super::{Error, tags};

/// What every header begins with: magic number, version, four bytes that are reserved.
pub const MAGIC: [u8; 8] = [0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0];
/// Magic and the two lengths.
pub const INTRO: usize = 16;

/// rpm's own limits: 65,535 entries, 256 MiB of data.
const MOST_ENTRIES: u32 = 0xffff;
const MOST_DATA: u32 = 0x0fff_ffff;
/// Ours: values that one tag may have, binary ones aside, and strings that all may have.
/// The largest packages have some 300,000 files, each in some eight lists of strings.
/// A string of one byte in a header may become a dependency of two hundred in memory:
/// without these limits 256 MiB of header would be ten GiB of them.
const MOST_VALUES: usize = 1 << 20;
const MOST_STRINGS: usize = 1 << 22;

/// One value: where in the image its bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Item {
    pub kind: Kind,
    pub count: usize,
    pub start: usize,
    pub end: usize,
}

/// Which header is being read; they differ in their region tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Signature,
    Main,
}

impl Part {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Part::Signature => "signature header",
            Part::Main => "header",
        }
    }

    pub(super) fn error(self, reason: impl Into<String>) -> Error {
        Error::malformed(self.name(), reason)
    }
}

/// Reads the sixteen bytes before a header: number of entries, and all bytes that follow.
pub(super) fn intro(part: Part, bytes: &[u8; INTRO]) -> Result<(usize, usize), Error> {
    if bytes[..4] != MAGIC[..4] {
        return Err(part.error("it does not begin with the magic number of a header"));
    }
    let (il, dl) = (word(bytes, 8), word(bytes, 12));
    if il == 0 || il > MOST_ENTRIES {
        return Err(part.error(format!(
            "it claims {il} entries; 1 to {MOST_ENTRIES} are allowed"
        )));
    }
    if dl > MOST_DATA {
        return Err(part.error(format!(
            "it claims {dl} bytes of data; at most {MOST_DATA} are allowed"
        )));
    }
    Ok((il as usize, il as usize * 16 + dl as usize))
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(
        bytes[at..at + 4]
            .try_into()
            .expect("four bytes were sliced"),
    )
}

/// The index of a header that is not yet trusted.
pub(super) struct Index<'a> {
    pub part: Part,
    pub image: &'a [u8],
    pub il: usize,
}

/// An index entry, as it lies in the file.
struct Entry {
    tag: u32,
    kind: u32,
    offset: i32,
    count: u32,
}

impl Entry {
    fn read(bytes: &[u8]) -> Entry {
        Entry {
            tag: word(bytes, 0),
            kind: word(bytes, 4),
            offset: word(bytes, 8).cast_signed(),
            count: word(bytes, 12),
        }
    }
}

impl Index<'_> {
    fn entry(&self, number: usize) -> Entry {
        Entry::read(&self.image[INTRO + number * 16..])
    }

    fn data(&self) -> usize {
        INTRO + self.il * 16
    }

    pub fn check(&self) -> Result<(Option<u32>, BTreeMap<u32, Item>), Error> {
        let region = self.region()?;
        let mut items = BTreeMap::new();
        let (mut end, mut strings) = (0, 0);
        for number in usize::from(region.is_some())..self.il {
            let entry = self.entry(number);
            let item = self.item(&entry, end)?;
            end = item.end - self.data();
            if item.kind.width().is_none() {
                strings += item.count;
            }
            if strings > MOST_STRINGS {
                let reason = format!("it has more than {MOST_STRINGS} strings");
                return Err(self.part.error(reason));
            }
            items.entry(entry.tag).or_insert(item);
        }
        Ok((region, items))
    }

    /// Checks the entry that spans the others, and its trailer; the oldest packages have none.
    fn region(&self) -> Result<Option<u32>, Error> {
        let first = self.entry(0);
        let known: &[u32] = match self.part {
            Part::Signature => &[tags::HEADER_SIGNATURES],
            Part::Main => &[tags::HEADER_IMMUTABLE, tags::HEADER_IMAGE],
        };
        if !known.contains(&first.tag) {
            return Ok(None);
        }
        let bad = |what: &str| self.part.error(format!("its region {}: {what}", first.tag));
        if first.kind != Kind::Binary.number() || first.count != 16 {
            return Err(bad("it is not 16 binary bytes"));
        }
        let data = &self.image[self.data()..];
        let trailer = usize::try_from(first.offset)
            .ok()
            .and_then(|offset| data.get(offset..offset.checked_add(16)?))
            .map(Entry::read)
            .ok_or_else(|| bad("its trailer lies outside the data"))?;
        // Signature headers of rpm 3 ended in a trailer of the wrong tag.
        let tag_fits = trailer.tag == first.tag
            || self.part == Part::Signature && trailer.tag == tags::HEADER_IMAGE;
        if !tag_fits || trailer.kind != Kind::Binary.number() || trailer.count != 16 {
            return Err(bad("its trailer is not one"));
        }
        let spans = i64::from(trailer.offset).checked_neg().unwrap_or(0);
        let entries = i64::try_from(self.il).expect("at most 65,535 entries");
        if spans <= 0 || spans % 16 != 0 || spans / 16 > entries {
            return Err(bad("its trailer does not point to the index"));
        }
        let whole = spans / 16 == entries && first.offset as usize + 16 == data.len();
        if self.part == Part::Main && !whole {
            return Err(bad("it does not span the whole header"));
        }
        Ok(Some(first.tag))
    }

    fn item(&self, entry: &Entry, least: usize) -> Result<Item, Error> {
        let bad = |what: &str| self.part.error(format!("tag {}: {what}", entry.tag));
        if entry.tag < tags::I18N_TABLE {
            return Err(bad("tags below 100 are reserved"));
        }
        let kind = Kind::from_number(entry.kind)
            .ok_or_else(|| bad(&format!("{} is not a type", entry.kind)))?;
        let data = &self.image[self.data()..];
        let count = entry.count as usize;
        if count == 0 || count > data.len() {
            return Err(bad(&format!("it can't have {count} values")));
        }
        if count > MOST_VALUES && kind != Kind::Binary {
            return Err(bad(&format!(
                "it has {count} values; at most {MOST_VALUES} are allowed"
            )));
        }
        let offset = usize::try_from(entry.offset)
            .ok()
            .filter(|&offset| offset <= data.len())
            .ok_or_else(|| bad("its data lies outside the header"))?;
        if offset < least {
            return Err(bad("its data overlaps that of the tag before"));
        }
        if offset % kind.width().unwrap_or(1).max(1) != 0 {
            return Err(bad("its data is not aligned"));
        }
        let length = length(kind, count, &data[offset..])
            .ok_or_else(|| bad("its data reaches outside the header"))?;
        Ok(Item {
            kind,
            count,
            start: self.data() + offset,
            end: self.data() + offset + length,
        })
    }
}

/// Bytes that `count` values take; `None` if there are not so many, or they can't be.
fn length(kind: Kind, count: usize, data: &[u8]) -> Option<usize> {
    let length = match kind.width() {
        Some(0) => return None,
        Some(width) => width.checked_mul(count)?,
        None if kind == Kind::String && count != 1 => return None,
        None => {
            let ends = data.iter().enumerate().filter(|(_, byte)| **byte == 0);
            ends.map(|(at, _)| at + 1).nth(count - 1)?
        }
    };
    (length <= data.len()).then_some(length)
}
