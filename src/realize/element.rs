//! What the indexes of a repository say of a package, kept ready: an edition of ten thousand is composed of it.
//!
//! ```text
//! element = seal │ frame of zstd: length of primary, filelists and other │ those │ note │ note │ …
//! seal    = BLAKE3 of the version, of what renders and where to, of the key of the import, and of the frame
//! ```
//!
//! Where there is none, the record of the package says it again.

use zstd::bulk::{Compressor, Decompressor};

use crate::compose;
use crate::formats::repodata::Rendered;
use crate::ids::DerivationKey;

/// Of this form of elements.
const VERSION: u32 = 1;

/// They are small, and compressed the more often the more packages come.
const LEVEL: i32 = 1;

/// Longer ones are rendered each time.
const LONGEST: usize = 1024 * 1024;

/// Reads and writes elements of packages that lie in one directory.
pub(super) struct Elements {
    /// What the seal of each begins with.
    seal: blake3::Hasher,
}

impl Elements {
    pub fn of(directory: &str) -> Self {
        let renderer = compose::composer("index").map_or(0, |composer| composer.version());
        let mut seal = blake3::Hasher::new();
        for number in [VERSION, renderer, directory.len() as u32] {
            seal.update(&number.to_le_bytes());
        }
        seal.update(directory.as_bytes());
        Elements { seal }
    }

    fn seal(&self, import: DerivationKey, frame: &[u8]) -> blake3::Hash {
        let mut seal = self.seal.clone();
        seal.update(import.0.as_bytes());
        seal.update(frame);
        seal.finalize()
    }

    /// Writes each of some, by the keys of their imports, but what is too long to keep.
    pub fn write(
        &self,
        packages: impl IntoIterator<Item = (DerivationKey, Rendered)>,
    ) -> Vec<(DerivationKey, Vec<u8>)> {
        let Ok(mut compressor) = Compressor::new(LEVEL) else {
            return Vec::new();
        };
        let mut write = |(import, rendered): (DerivationKey, Rendered)| {
            let plain = Some(plain(&rendered)).filter(|plain| plain.len() <= LONGEST)?;
            let frame = compressor.compress(&plain).ok()?;
            let seal = self.seal(import, &frame);
            Some((import, [seal.as_bytes(), frame.as_slice()].concat()))
        };
        packages.into_iter().filter_map(&mut write).collect()
    }

    /// Reads each of some; `None` for what is not as it was written, or was written for another package or directory.
    pub fn read(
        &self,
        imports: &[DerivationKey],
        elements: &[Option<Vec<u8>>],
    ) -> Vec<Option<Rendered>> {
        let Ok(mut decompressor) = Decompressor::new() else {
            return vec![None; elements.len()];
        };
        let mut read = |(import, element): (&DerivationKey, &Option<Vec<u8>>)| {
            let (sealed, frame) = element.as_ref()?.split_first_chunk::<32>()?;
            if self.seal(*import, frame).as_bytes() != sealed {
                return None;
            }
            let length = zstd::zstd_safe::get_frame_content_size(frame).ok()??;
            let length = usize::try_from(length).ok()?;
            let length = Some(length).filter(|length| *length <= LONGEST)?;
            rendered(&decompressor.decompress(frame, length).ok()?)
        };
        imports.iter().zip(elements).map(&mut read).collect()
    }
}

fn plain(rendered: &Rendered) -> Vec<u8> {
    let Rendered {
        primary,
        filelists,
        other,
        notes,
    } = rendered;
    let mut plain = Vec::with_capacity(12 + primary.len() + filelists.len() + other.len());
    let mut put = |bytes: &[u8]| {
        plain.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        plain.extend_from_slice(bytes);
    };
    let notes = notes.iter().map(String::as_bytes);
    let parts = [primary, filelists, other].map(Vec::as_slice);
    parts.into_iter().chain(notes).for_each(&mut put);
    plain
}

fn rendered(mut plain: &[u8]) -> Option<Rendered> {
    let mut take = || {
        let (length, rest) = plain.split_first_chunk::<4>()?;
        let (part, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        plain = rest;
        Some(part.to_vec())
    };
    let [primary, filelists, other] = [take()?, take()?, take()?];
    let mut notes = Vec::new();
    while let Some(note) = take() {
        notes.push(String::from_utf8(note).ok()?);
    }
    plain.is_empty().then_some(Rendered {
        primary,
        filelists,
        other,
        notes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, notes: &[&str]) -> Rendered {
        Rendered {
            primary: format!("<name>{name}</name>").repeat(40).into_bytes(),
            filelists: Vec::new(),
            other: name.as_bytes().to_vec(),
            notes: notes.iter().map(|note| (*note).to_owned()).collect(),
        }
    }

    #[test]
    fn an_element_reads_back_and_one_that_was_touched_or_is_of_another_package_does_not() {
        let elements = Elements::of("Packages");
        let keys = [b"a", b"b"].map(|name| DerivationKey::of(name));
        let packages = [package("a", &[]), package("b", &["one", ""])];
        let written = elements.write(keys.into_iter().zip(packages.clone()));
        let written: Vec<Option<Vec<u8>>> = written.into_iter().map(|(_, e)| Some(e)).collect();
        assert_eq!(elements.read(&keys, &written), packages.map(Some));
        let nothing = [None, None];
        assert_eq!(Elements::of("rpms").read(&keys, &written), nothing);
        assert_eq!(elements.read(&[keys[1], keys[0]], &written), nothing);
        let bytes = written[1].clone().unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let cut = bytes[..at].to_vec();
            let harmed = [Some(changed), Some(cut)];
            assert_eq!(elements.read(&[keys[1]; 2], &harmed), nothing);
        }
    }
}
