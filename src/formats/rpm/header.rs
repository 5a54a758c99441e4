//! A header: numbered, typed values in one block of bytes.
//!
//! ```text
//! 8e ad e8 01 00000000   magic, version, reserved
//! il dl                  number of index entries, bytes of data (big endian, like everything)
//! il × (tag type offset count)
//! data
//! ```

use std::collections::BTreeMap;
use std::io::Read;

use super::index::{INTRO, Index, Item, Part, intro};
use super::kind::Kind;
use super::{Error, tags};

/// A checked header, as the bytes that it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    image: Vec<u8>,
    items: BTreeMap<u32, Item>,
    region: bool,
}

/// Appends exactly so many bytes; memory grows with what is there, not with what is claimed.
fn read_into(
    image: &mut Vec<u8>,
    part: Part,
    length: usize,
    reader: &mut impl Read,
) -> Result<(), Error> {
    let read = reader.take(length as u64).read_to_end(image);
    match read.map_err(Error::Read)? {
        read if read == length => Ok(()),
        _ => Err(Error::Truncated { part: part.name() }),
    }
}

impl Header {
    /// Reads the main header of a package: the bytes from its magic number to the end of its data.
    pub fn parse(image: &[u8]) -> Result<Header, Error> {
        Header::parse_as(Part::Main, image.to_vec())
    }

    /// Reads the main header from the beginning of a package's content, and nothing behind it.
    pub fn read(reader: &mut impl Read) -> Result<Header, Error> {
        let part = Part::Main;
        let mut image = Vec::new();
        read_into(&mut image, part, INTRO, reader)?;
        let start = image.first_chunk().expect("as many bytes were read");
        let (_, length) = intro(part, start)?;
        read_into(&mut image, part, length, reader)?;
        Header::parse_as(part, image)
    }

    pub(super) fn parse_as(part: Part, image: Vec<u8>) -> Result<Header, Error> {
        let Some(start) = image.first_chunk::<INTRO>() else {
            return Err(Error::Truncated { part: part.name() });
        };
        let (il, length) = intro(part, start)?;
        match image.len().checked_sub(INTRO) {
            Some(have) if have < length => return Err(Error::Truncated { part: part.name() }),
            Some(have) if have == length => {}
            _ => return Err(part.error("bytes follow its data")),
        }
        let index = Index {
            part,
            image: &image,
            il,
        };
        let (region, items) = index.check()?;
        Ok(Header {
            image,
            items,
            region: region == Some(tags::HEADER_IMMUTABLE),
        })
    }

    /// The bytes it was read from.
    pub fn image(&self) -> &[u8] {
        &self.image
    }

    /// Whether it is spanned by a region HEADERIMMUTABLE, as all are since rpm 4.
    pub fn has_region(&self) -> bool {
        self.region
    }

    pub fn has(&self, tag: u32) -> bool {
        self.items.contains_key(&tag)
    }

    pub fn kind(&self, tag: u32) -> Option<Kind> {
        self.items.get(&tag).map(|item| item.kind)
    }

    fn bytes(&self, item: &Item) -> &[u8] {
        &self.image[item.start..item.end]
    }

    /// A string, or the first of several, which for translated ones is that of the C locale.
    pub fn string(&self, tag: u32) -> Result<Option<&[u8]>, Error> {
        Ok(self.strings(tag)?.into_iter().next())
    }

    /// All strings of a tag; none if it is absent.
    pub fn strings(&self, tag: u32) -> Result<Vec<&[u8]>, Error> {
        let Some(item) = self.items.get(&tag) else {
            return Ok(Vec::new());
        };
        if item.kind.width().is_some() {
            return Err(Error::tag(
                tag,
                format!("its type is {:?}, not a string", item.kind),
            ));
        }
        let strings = self.bytes(item).split(|&byte| byte == 0);
        Ok(strings.take(item.count).collect())
    }

    /// A string as text; see [`text`]. Empty if absent.
    pub fn text(&self, tag: u32) -> Result<String, Error> {
        Ok(self.string(tag)?.map(text).unwrap_or_default())
    }

    /// Integers of any width, unsigned; none if the tag is absent.
    pub fn numbers(&self, tag: u32) -> Result<Vec<u64>, Error> {
        let Some(item) = self.items.get(&tag) else {
            return Ok(Vec::new());
        };
        let width = match item.kind {
            Kind::Char | Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64 => item.kind.width(),
            _ => None,
        };
        let width = width
            .ok_or_else(|| Error::tag(tag, format!("its type is {:?}, not a number", item.kind)))?;
        let value = |bytes: &[u8]| {
            bytes
                .iter()
                .fold(0, |sum, &byte| sum << 8 | u64::from(byte))
        };
        Ok(self.bytes(item).chunks_exact(width).map(value).collect())
    }

    /// The only, or first, integer of a tag.
    pub fn number(&self, tag: u32) -> Result<Option<u64>, Error> {
        Ok(self.numbers(tag)?.into_iter().next())
    }

    pub fn binary(&self, tag: u32) -> Result<Option<&[u8]>, Error> {
        match self.items.get(&tag) {
            None => Ok(None),
            Some(item) if item.kind == Kind::Binary => Ok(Some(self.bytes(item))),
            Some(item) => Err(Error::tag(
                tag,
                format!("its type is {:?}, not binary", item.kind),
            )),
        }
    }
}

/// Text of a header: UTF-8, or else ISO 8859-1 without its unassigned 32, as createrepo_c reads it.
pub fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => {
            let assigned = bytes.iter().filter(|byte| !(0x80..0xa0).contains(*byte));
            assigned.map(|&byte| char::from(byte)).collect()
        }
    }
}
