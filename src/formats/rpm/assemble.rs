//! A header while it is being written.

use std::collections::BTreeMap;

use super::index::MAGIC;
use super::kind::Kind;

/// Values by tag; in its bytes they come sorted by tag, index and data alike.
#[derive(Default)]
pub(super) struct HeaderBuilder {
    values: BTreeMap<u32, Value>,
    /// A tag with a string that holds the NUL byte which ends strings.
    nul: Option<u32>,
}

struct Value {
    kind: Kind,
    count: u32,
    bytes: Vec<u8>,
}

impl HeaderBuilder {
    fn insert(&mut self, tag: u32, kind: Kind, count: usize, bytes: Vec<u8>) {
        // A tag without values can't be written: the rule for readers is that a count is never zero.
        if count > 0 {
            let count = u32::try_from(count).expect("a spec in memory has fewer than 2^32 values");
            self.values.insert(tag, Value { kind, count, bytes });
        }
    }

    pub fn string(&mut self, tag: u32, value: &str) {
        let bytes = self.terminated(tag, value.as_bytes());
        self.insert(tag, Kind::String, 1, bytes);
    }

    /// A string that is left out if empty.
    pub fn optional(&mut self, tag: u32, value: &str) {
        if !value.is_empty() {
            self.string(tag, value);
        }
    }

    /// A string that could have translations, and has none.
    pub fn i18n(&mut self, tag: u32, value: &str) {
        let bytes = self.terminated(tag, value.as_bytes());
        self.insert(tag, Kind::I18nString, 1, bytes);
    }

    pub fn strings<T: AsRef<[u8]>>(&mut self, tag: u32, values: impl IntoIterator<Item = T>) {
        let values: Vec<_> = values
            .into_iter()
            .map(|value| self.terminated(tag, value.as_ref()))
            .collect();
        self.insert(tag, Kind::StringArray, values.len(), values.concat());
    }

    pub fn shorts(&mut self, tag: u32, values: impl IntoIterator<Item = u16>) {
        let values: Vec<_> = values.into_iter().map(u16::to_be_bytes).collect();
        self.insert(tag, Kind::Int16, values.len(), values.concat());
    }

    pub fn words(&mut self, tag: u32, values: impl IntoIterator<Item = u32>) {
        let values: Vec<_> = values.into_iter().map(u32::to_be_bytes).collect();
        self.insert(tag, Kind::Int32, values.len(), values.concat());
    }

    pub fn long(&mut self, tag: u32, value: u64) {
        self.insert(tag, Kind::Int64, 1, value.to_be_bytes().to_vec());
    }

    /// A length, in 32 bits if it fits; readers know the tag by its width.
    pub fn length(&mut self, short: u32, long: u32, value: u64) {
        match u32::try_from(value) {
            Ok(value) => self.words(short, [value]),
            Err(_) => self.long(long, value),
        }
    }

    fn terminated(&mut self, tag: u32, value: &[u8]) -> Vec<u8> {
        if value.contains(&0) {
            self.nul = Some(tag);
        }
        [value, b"\0"].concat()
    }

    /// The bytes, spanned by a region; or the tag of a string that can't be written.
    pub fn finish(self, region: u32) -> Result<Vec<u8>, u32> {
        if let Some(tag) = self.nul {
            return Err(tag);
        }
        let entries = u32::try_from(self.values.len() + 1).expect("as many as there are tags");
        let (mut index, mut data) = (Vec::new(), Vec::new());
        for (tag, value) in self.values {
            let width = value.kind.width().unwrap_or(1);
            data.resize(data.len().next_multiple_of(width), 0);
            let offset = u32::try_from(data.len()).expect("values in memory are below 4 GiB");
            index.extend(entry(tag, value.kind, offset, value.count));
            data.extend(value.bytes);
        }
        let trailer = u32::try_from(data.len()).expect("values in memory are below 4 GiB");
        data.extend(entry(
            region,
            Kind::Binary,
            0u32.wrapping_sub(entries * 16),
            16,
        ));
        let length = u32::try_from(data.len()).expect("values in memory are below 4 GiB");
        Ok([
            &MAGIC[..],
            &entries.to_be_bytes(),
            &length.to_be_bytes(),
            &entry(region, Kind::Binary, trailer, 16),
            &index,
            &data,
        ]
        .concat())
    }
}

fn entry(tag: u32, kind: Kind, offset: u32, count: u32) -> [u8; 16] {
    let mut bytes = [0; 16];
    for (place, word) in bytes
        .chunks_exact_mut(4)
        .zip([tag, kind.number(), offset, count])
    {
        place.copy_from_slice(&word.to_be_bytes());
    }
    bytes
}
