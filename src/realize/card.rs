//! Which packages neighbouring files of a directory are, kept as one.
//!
//! ```text
//! key  = BLAKE3 of the version, then of each file: device, inode, size, mtime, ctime
//! card = seal │ file │ file │ …        seal = BLAKE3 of the version, and of all that follows
//! file = entry of the RPM │ its brief
//! ```
//!
//! A key is found again only if no file of the group changed, came or went; so nothing has to be made invalid.
//! A card says what the stamps and the briefs of its files say one by one, and goes when those do.
//! What is noted of one file, as its brief, is a card of it alone.

use std::path::Path;

use rayon::prelude::*;

use super::facts::importer;
use super::look::stamp;
use crate::formats::rpm::{Brief, record};
use crate::ids::{Algorithm, BlobId, Digest, EntryId, Evr, Hash, Nevra};
use crate::source::Found;
use crate::store::Stamp;

/// Of this form of cards.
const VERSION: u32 = 2;

/// So many files are a group, on average.
const SIZE: u8 = 128;

/// What a card says of one file.
pub(super) type Known = (EntryId, Brief);

/// The name that cards of a directory are kept under.
pub(super) fn directory(path: &Path) -> Hash {
    Hash::from_bytes(*blake3::hash(path.as_os_str().as_encoded_bytes()).as_bytes())
}

/// Neighbours, in the order of their paths. Where a group ends is decided by names: what comes or goes moves few borders.
pub(super) fn groups(files: &[Found]) -> impl Iterator<Item = &[Found]> {
    files.split_inclusive(|found| {
        let name = found.path.file_name().unwrap_or_default();
        blake3::hash(name.as_encoded_bytes()).as_bytes()[0].is_multiple_of(SIZE)
    })
}

/// What the card of some files is found by.
pub(super) fn key(files: &[Found]) -> Hash {
    let mut bytes = Vec::with_capacity(files.len() * 40 + 12);
    for version in [VERSION, importer(), record::VERSION] {
        bytes.extend_from_slice(&version.to_le_bytes());
    }
    for found in files {
        let Stamp {
            dev,
            ino,
            size,
            mtime_ns,
            ctime_ns,
        } = stamp(found);
        for number in [dev, ino, size, mtime_ns as u64, ctime_ns as u64] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
    }
    Hash::from_bytes(*blake3::hash(&bytes).as_bytes())
}

/// Writes a card.
pub(super) fn write<'k>(files: impl Iterator<Item = (EntryId, &'k Brief)>) -> Vec<u8> {
    let mut bytes = vec![0; 32];
    for (rpm, brief) in files {
        bytes.extend_from_slice(rpm.0.as_bytes());
        put(&mut bytes, brief);
    }
    let seal = seal(&bytes[32..]);
    bytes[..32].copy_from_slice(seal.as_bytes());
    bytes
}

fn seal(files: &[u8]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&VERSION.to_le_bytes());
    hasher.update(files);
    hasher.finalize()
}

/// Reads a card of so many files; `None` if it is not as it was written.
pub(super) fn read(bytes: &[u8], files: usize) -> Option<Vec<Known>> {
    let (sealed, rest) = bytes.split_first_chunk::<32>()?;
    if seal(rest).as_bytes() != sealed {
        return None;
    }
    let mut reader = Reader(rest);
    let mut known = Vec::with_capacity(files);
    for _ in 0..files {
        known.push((EntryId(reader.hash()?), reader.brief()?));
    }
    reader.0.is_empty().then_some(known)
}

/// Reads many cards, several at once.
pub(super) fn read_each(cards: &[(Option<Vec<u8>>, usize)]) -> Vec<Option<Vec<Known>>> {
    let read = |(bytes, files): &(Option<Vec<u8>>, usize)| read(bytes.as_ref()?, *files);
    cards.par_iter().map(read).collect()
}

fn put(bytes: &mut Vec<u8>, brief: &Brief) {
    let Brief {
        nevra: Nevra { name, evr, arch },
        license,
        label,
        source,
        source_rpm,
        digest,
        size,
        file,
        content,
    } = brief;
    let mut text = |text: &str| {
        bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
    };
    let texts = [name, &evr.version, &evr.release, arch, license];
    texts.into_iter().for_each(|one| text(one));
    text(digest.algorithm.name());
    text(&digest.hex);
    for optional in [label, source_rpm] {
        text(optional.as_deref().unwrap_or_default());
    }
    bytes.push(u8::from(label.is_some()));
    bytes.push(u8::from(source_rpm.is_some()));
    bytes.push(u8::from(*source));
    bytes.extend_from_slice(&evr.epoch.to_le_bytes());
    bytes.extend_from_slice(&size.to_le_bytes());
    bytes.extend_from_slice(file.0.as_bytes());
    bytes.extend_from_slice(content.0.as_bytes());
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn chunk<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (chunk, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*chunk)
    }

    fn hash(&mut self) -> Option<Hash> {
        Some(Hash::from_bytes(self.chunk()?))
    }

    fn truth(&mut self) -> Option<bool> {
        Some(self.chunk::<1>()? == [1])
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = u32::from_le_bytes(self.chunk()?);
        let (text, rest) = self.0.split_at_checked(length as usize)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    fn string(&mut self) -> Option<String> {
        Some(self.text()?.to_owned())
    }

    fn brief(&mut self) -> Option<Brief> {
        let (name, version, release) = (self.string()?, self.string()?, self.string()?);
        let (arch, license) = (self.string()?, self.string()?);
        let algorithm: Algorithm = self.text()?.parse().ok()?;
        let digest = Digest {
            algorithm,
            hex: self.string()?,
        };
        let (label, source_rpm) = (self.text()?, self.text()?);
        let label = self.truth()?.then(|| label.to_owned());
        let source_rpm = self.truth()?.then(|| source_rpm.to_owned());
        let source = self.truth()?;
        let epoch = u32::from_le_bytes(self.chunk()?);
        Some(Brief {
            nevra: Nevra {
                name,
                evr: Evr {
                    epoch,
                    version,
                    release,
                },
                arch,
            },
            license,
            label,
            source,
            source_rpm,
            digest,
            size: u64::from_le_bytes(self.chunk()?),
            file: BlobId(self.hash()?),
            content: BlobId(self.hash()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brief(name: &str, label: Option<&str>) -> Brief {
        Brief {
            nevra: Nevra {
                name: name.to_owned(),
                evr: Evr::parse("2:1.0-3"),
                arch: "noarch".to_owned(),
            },
            license: "MIT and ÄÖ".to_owned(),
            label: label.map(str::to_owned),
            source: label.is_none(),
            source_rpm: label.map(|label| format!("{label}.src.rpm")),
            digest: Digest {
                algorithm: Algorithm::Sha256,
                hex: "00ff".repeat(16),
            },
            size: 1 << 40,
            file: BlobId::of(name.as_bytes()),
            content: BlobId::of(b"content"),
        }
    }

    #[test]
    fn a_card_reads_back_and_one_that_was_touched_does_not() {
        let briefs = [
            brief("a", None),
            brief("b", Some("")),
            brief("c", Some("x:1")),
        ];
        let rpm = |at: usize| EntryId::of(&[at as u8]);
        let files = || {
            briefs
                .iter()
                .enumerate()
                .map(|(at, brief)| (rpm(at), brief))
        };
        let bytes = write(files());
        let known = read(&bytes, 3).unwrap();
        assert!(files().eq(known.iter().map(|(rpm, brief)| (*rpm, brief))));
        assert_eq!(read(&bytes, 2), None);
        assert_eq!(read(&bytes, 4), None);
        for at in 0..bytes.len() {
            assert_eq!(read(&bytes[..at], 3), None, "cut at {at}");
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!(read(&changed, 3), None, "changed at {at}");
        }
    }
}
