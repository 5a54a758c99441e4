//! Volume descriptors (ECMA-119, 9).

use super::numbers::{NO_DATE, both16, both32, long_date};
use super::record::{IS_DIRECTORY, narrow, record};
use super::{BLOCK, Error, STANDARD, VOLUME_ID, Volume};

/// What the primary descriptor says.
pub struct Primary<'a> {
    pub volume: &'a Volume,
    /// Of the whole image.
    pub blocks: u64,
    /// Bytes of a path table.
    pub table: u64,
    /// First blocks of the two path tables, in little and in big endian.
    pub tables: [u64; 2],
    /// First block and bytes of the root.
    pub root: (u64, u64),
}

impl Primary<'_> {
    pub fn encode(&self) -> Vec<u8> {
        let volume = self.volume;
        let mut bytes = vec![1];
        bytes.extend(STANDARD);
        bytes.extend([1, 0]);
        text(&mut bytes, "LINUX", 32);
        text(&mut bytes, &volume.id, 32);
        bytes.extend([0; 8]);
        bytes.extend(both32(narrow(self.blocks)));
        bytes.extend([0; 32]);
        for value in [1, 1, BLOCK as u16] {
            bytes.extend(both16(value));
        }
        bytes.extend(both32(narrow(self.table)));
        bytes.extend(narrow(self.tables[0]).to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend(narrow(self.tables[1]).to_be_bytes());
        bytes.extend([0; 4]);
        let (block, length) = self.root;
        let root = record(&[0], block, length, volume.time, IS_DIRECTORY, &[]);
        bytes.extend(root);
        for (value, length) in [
            ("", 128),
            (volume.publisher.as_str(), 128),
            ("", 128),
            (volume.application.as_str(), 128),
            ("", 37),
            ("", 37),
            ("", 37),
        ] {
            text(&mut bytes, value, length);
        }
        // Made and changed then; never out of date, in use from then on.
        let time = long_date(volume.time);
        for date in [time, time, NO_DATE, time] {
            bytes.extend(date);
        }
        bytes.extend([1, 0]);
        // What a media check writes into is blank until then.
        bytes.resize(bytes.len() + 512, b' ');
        bytes.resize(BLOCK as usize, 0);
        bytes
    }
}

pub fn terminator() -> Vec<u8> {
    let mut bytes = vec![255];
    bytes.extend(STANDARD);
    bytes.push(1);
    bytes.resize(BLOCK as usize, 0);
    bytes
}

pub fn check_id(id: &str) -> Result<(), Error> {
    let good = |c: char| c.is_ascii_graphic() && c != '/' && c != '\\' && c != '"';
    match !id.is_empty() && id.len() <= VOLUME_ID && id.chars().all(good) {
        true => Ok(()),
        false => Err(Error::VolumeId(id.to_owned())),
    }
}

/// A text of fixed length, filled up with blanks.
fn text(bytes: &mut Vec<u8>, value: &str, length: usize) {
    let end = bytes.len() + length;
    let plain = |c: char| match c.is_ascii_graphic() || c == ' ' {
        true => c as u8,
        false => b'_',
    };
    bytes.extend(value.chars().take(length).map(plain));
    bytes.resize(end, b' ');
}
