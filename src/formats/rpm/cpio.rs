//! The archive inside a payload: cpio in the "new ASCII" form, and rpm's stripped form of it.
//!
//! ```text
//! 070701 or 070702   13 fields of 8 hex digits, name, padding to 4, content, padding to 4
//! 07070X             8 hex digits: the number of the file in the header; padding, content, padding
//! ```
//!
//! rpm, `lib/cpio.cc`.

use std::io::{self, Read};

use super::Error;

/// The name that ends an archive.
pub const TRAILER: &[u8] = b"TRAILER!!!";
/// rpm's limit for a name.
const LONGEST_NAME: u32 = 4096;

/// What begins a file in the archive.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Member {
    /// `sum` is the sum of the content's bytes, in form 070702.
    Named {
        name: Vec<u8>,
        size: u64,
        sum: Option<u32>,
    },
    /// Its name and size are those of this file in the header.
    Numbered(u32),
    Trailer,
}

/// An archive as it is read, from one member's content to the next member.
pub(super) struct Archive<R> {
    pub inner: R,
    position: u64,
    compressor: &'static str,
}

impl<R: Read> Archive<R> {
    pub fn new(inner: R, compressor: &'static str) -> Self {
        Archive {
            inner,
            position: 0,
            compressor,
        }
    }

    fn failed(&self, source: io::Error) -> Error {
        match source.kind() {
            io::ErrorKind::UnexpectedEof => Error::Truncated { part: "payload" },
            _ => Error::Decompress {
                compressor: self.compressor,
                source,
            },
        }
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), Error> {
        let filled = self.inner.read_exact(buffer);
        filled.map_err(|error| self.failed(error))?;
        self.position += buffer.len() as u64;
        Ok(())
    }

    /// Content, as far as it is there.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        loop {
            match self.inner.read(buffer) {
                Ok(length) => {
                    self.position += length as u64;
                    return Ok(length);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
    }

    pub fn pad(&mut self) -> Result<(), Error> {
        let length = (4 - self.position % 4) as usize % 4;
        self.fill(&mut [0; 3][..length])
    }

    pub fn next(&mut self) -> Result<Member, Error> {
        let mut magic = [0; 6];
        self.fill(&mut magic)?;
        match &magic {
            b"07070X" => {
                let number = self.field()?;
                self.pad()?;
                Ok(Member::Numbered(number))
            }
            b"070701" => self.named(false),
            b"070702" => self.named(true),
            _ => Err(Error::payload(format!(
                "{} is not the beginning of a file in a cpio archive",
                magic.escape_ascii()
            ))),
        }
    }

    fn named(&mut self, summed: bool) -> Result<Member, Error> {
        let mut fields = [0; 13];
        for field in &mut fields {
            *field = self.field()?;
        }
        let [_, _, _, _, _, _, size, _, _, _, _, name_size, sum] = fields;
        if name_size == 0 || name_size > LONGEST_NAME {
            return Err(Error::payload(format!(
                "a name can't have {name_size} bytes"
            )));
        }
        let mut name = vec![0; name_size as usize];
        self.fill(&mut name)?;
        if name.pop() != Some(0) || name.contains(&0) {
            return Err(Error::payload("a name does not end where it should"));
        }
        self.pad()?;
        Ok(match name == TRAILER {
            true => Member::Trailer,
            false => Member::Named {
                name,
                size: u64::from(size),
                sum: summed.then_some(sum),
            },
        })
    }

    fn field(&mut self) -> Result<u32, Error> {
        let mut digits = [0; 8];
        self.fill(&mut digits)?;
        // `from_str_radix` would take a sign.
        let number = digits
            .iter()
            .all(u8::is_ascii_hexdigit)
            .then(|| std::str::from_utf8(&digits).ok())
            .flatten()
            .and_then(|digits| u32::from_str_radix(digits, 16).ok());
        number
            .ok_or_else(|| Error::payload(format!("{} is not a hex number", digits.escape_ascii())))
    }
}

/// Writes the beginning of a file in form 070701.
pub(super) fn begin(name: &[u8], fields: &Fields) -> Vec<u8> {
    let Fields {
        inode,
        mode,
        links,
        mtime,
        size,
    } = fields;
    let name_size = name.len() + 1;
    let mut bytes = format!(
        "070701{inode:08x}{mode:08x}{:08x}{:08x}{links:08x}{mtime:08x}{size:08x}{:08x}{:08x}{:08x}{:08x}{name_size:08x}{:08x}",
        0, 0, 0, 0, 0, 0, 0
    )
    .into_bytes();
    bytes.extend_from_slice(name);
    bytes.push(0);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// The fields that a written archive varies.
pub(super) struct Fields {
    pub inode: u32,
    pub mode: u32,
    pub links: u32,
    pub mtime: u32,
    pub size: u32,
}
