//! The header of an installed package: that of the file, and behind it what installing adds.
//!
//! ```text
//! entries, data lengths │ index: region, its entries, added ones │ data: the region's, then of the added ones
//! ```
//!
//! rpm adds the tags of the signature header, the time and so on. Of the signature only what the header itself
//! determines is added here, its SHA-1 and SHA-256, which rpm checks when it reads the database. The size and MD5 of
//! header and payload (SIGSIZE, SIGMD5), the size of the payload and the signatures are left out: a package
//! that was signed anew or compressed otherwise is the same when it is installed.

use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::Error;
use crate::formats::rpm::index::INTRO;
use crate::formats::rpm::kind::Kind;
use crate::formats::rpm::{Header, tags};

const SHA1_HEADER: u32 = tags::signature::SHA1;
const SHA256_HEADER: u32 = tags::signature::SHA256;
const INSTALL_TIME: u32 = 1008;
const FILE_STATES: u32 = 1029;
const PREFIXES: u32 = 1098;
const INSTALL_PREFIXES: u32 = 1099;
const INSTALL_COLOR: u32 = 1127;
const INSTALL_TRANSACTION: u32 = 1128;

/// What became of a packaged file (rpm, `rpmfileState`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum FileState {
    Normal = 0,
    /// Another architecture's file of the same name was preferred.
    WrongColor = 4,
}

/// One package to enter into the database.
pub struct Installed<'a> {
    pub header: &'a Header,
    /// One for each file, in the order of the header.
    pub states: Vec<FileState>,
    /// Seconds since 1970; also the id of the transaction.
    pub time: u32,
    /// The architecture colours that the system knows: 3 where 32 and 64 bit live together.
    pub color: u32,
}

impl Installed<'_> {
    /// The bytes that the database keeps.
    pub fn blob(&self) -> Result<Vec<u8>, Error> {
        let (index, data) = self.index_and_data();
        let (mut index, mut data) = (index.to_vec(), data.to_vec());
        for Added {
            tag,
            kind,
            count,
            bytes,
        } in self.added()?
        {
            let align = kind.width().unwrap_or(1).max(1);
            data.resize(data.len().next_multiple_of(align), 0);
            for number in [tag, kind.number(), data.len() as u32, count] {
                index.extend_from_slice(&number.to_be_bytes());
            }
            data.extend_from_slice(&bytes);
        }
        let mut blob = Vec::with_capacity(8 + index.len() + data.len());
        blob.extend_from_slice(&(index.len() as u32 / 16).to_be_bytes());
        blob.extend_from_slice(&(data.len() as u32).to_be_bytes());
        blob.extend_from_slice(&index);
        blob.extend_from_slice(&data);
        Ok(blob)
    }

    /// The entries of the index, 16 bytes each, and what they point into.
    fn index_and_data(&self) -> (&[u8], &[u8]) {
        let image = self.header.image();
        let entries = image[8..12].try_into().map(u32::from_be_bytes);
        let entries = entries.expect("four bytes were sliced") as usize;
        image[INTRO..].split_at(entries * 16)
    }

    /// The digest that the `Sha1header` index has.
    pub(super) fn sha1(&self) -> String {
        data_encoding::HEXLOWER.encode(&Sha1::digest(self.header.image()))
    }

    /// Packages of rpm 3 have no immutable region: nothing that a digest could protect.
    fn has_region(&self) -> bool {
        let first = self.index_and_data().0.get(..4);
        first.is_some_and(|first| {
            [tags::HEADER_IMMUTABLE, tags::HEADER_IMAGE].contains(&number(first))
        })
    }

    /// What installing adds, sorted by tag.
    fn added(&self) -> Result<Vec<Added>, Error> {
        let mut added = Vec::new();
        if self.has_region() {
            let sha256 = data_encoding::HEXLOWER.encode(&Sha256::digest(self.header.image()));
            added.push(Added::strings(SHA1_HEADER, Kind::String, [self.sha1()]));
            added.push(Added::strings(SHA256_HEADER, Kind::String, [sha256]));
        }
        added.push(Added::number(INSTALL_TIME, self.time));
        if !self.states.is_empty() {
            added.push(Added {
                tag: FILE_STATES,
                kind: Kind::Char,
                count: self.states.len() as u32,
                bytes: self.states.iter().map(|&state| state as u8).collect(),
            });
        }
        let prefixes = self.header.strings(PREFIXES)?;
        if !prefixes.is_empty() {
            let kind = Kind::StringArray;
            added.push(Added::strings(INSTALL_PREFIXES, kind, prefixes));
        }
        added.push(Added::number(INSTALL_COLOR, self.color));
        added.push(Added::number(INSTALL_TRANSACTION, self.time));
        added.retain(|added| !self.header.has(added.tag));
        Ok(added)
    }
}

/// A tag that the file's header has not.
struct Added {
    tag: u32,
    kind: Kind,
    count: u32,
    bytes: Vec<u8>,
}

impl Added {
    fn number(tag: u32, number: u32) -> Self {
        Added {
            tag,
            kind: Kind::Int32,
            count: 1,
            bytes: number.to_be_bytes().to_vec(),
        }
    }

    fn strings<T: AsRef<[u8]>>(tag: u32, kind: Kind, strings: impl IntoIterator<Item = T>) -> Self {
        let mut added = Added {
            tag,
            kind,
            count: 0,
            bytes: Vec::new(),
        };
        for string in strings {
            added.count += 1;
            added.bytes.extend_from_slice(string.as_ref());
            added.bytes.push(0);
        }
        added
    }
}

fn number(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(0, |sum, &byte| sum << 8 | u32::from(byte))
}
