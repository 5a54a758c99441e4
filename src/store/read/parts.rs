//! Reading a blob that is held as parts of others.

use std::io::{self, Read};

use flate2::read::DeflateDecoder;

use super::BlobReader;
use crate::ids::BlobId;
use crate::store::Store;
use crate::store::error::{Error, Result};
use crate::store::layout::Kind;
use crate::tree::assembly::{ZEROS, zeros};
use crate::tree::{Deflated, Part};

impl Store {
    /// What a part of an assembly gives, from some byte of it on.
    pub(in crate::store) fn part(&self, part: &Part, from: u64) -> Result<BlobReader> {
        self.part_nested(part, from, 0)
    }

    fn part_nested(&self, part: &Part, from: u64, depth: u32) -> Result<BlobReader> {
        Ok(match part {
            Part::Inline { bytes } => {
                let mut bytes = io::Cursor::new(bytes.clone());
                bytes.set_position(from);
                Box::new(bytes)
            }
            Part::Range {
                blob,
                offset,
                length,
            } => {
                let start = offset.checked_add(from).ok_or_else(|| Error::BadAssembly {
                    problem: format!("a range of blob {blob} lies beyond all bytes"),
                })?;
                let length = length.saturating_sub(from);
                if *blob == zeros() && start.saturating_add(length) <= ZEROS.len() as u64 {
                    return Ok(Box::new(io::repeat(0).take(length)));
                }
                self.read_nested(*blob, start, Some(length), depth)?
            }
            Part::Deflate { blob, level, .. } => {
                let whole = self.read_nested(*blob, 0, None, depth)?;
                let mut reader = Deflated::new(whole, *level);
                skip(&mut reader, from)?;
                Box::new(reader)
            }
            Part::Inflate {
                blob,
                offset,
                length,
            } => {
                let stream = self.read_nested(*blob, *offset, None, depth)?;
                let mut reader = Inflated {
                    reader: DeflateDecoder::new(stream).take(*length),
                    store: self.clone(),
                    blob: *blob,
                };
                skip(&mut reader, from)?;
                Box::new(reader)
            }
        })
    }
}

fn skip(reader: &mut dyn Read, length: u64) -> Result<()> {
    let skipped = io::copy(&mut reader.take(length), &mut io::sink());
    skipped.map(drop).map_err(Error::Input)
}

/// What a stream of raw deflate gives; it says which blob is damaged where it gives nothing.
struct Inflated {
    reader: io::Take<DeflateDecoder<BlobReader>>,
    store: Store,
    blob: BlobId,
}

impl Read for Inflated {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        use io::ErrorKind as K;
        self.reader.read(buffer).map_err(|e| {
            let is_ours = e.get_ref().is_some_and(|source| source.is::<Error>());
            match e.kind() {
                K::InvalidInput | K::InvalidData | K::UnexpectedEof if !is_ours => {
                    let problem = format!("what is deflated in it can't be inflated: {e}");
                    let damaged = self.store.damaged(Kind::Blob, self.blob.0, problem);
                    io::Error::new(K::InvalidData, damaged)
                }
                _ => e,
            }
        })
    }
}

/// A stretch of an assembly, part after part.
pub(super) struct Parts {
    pub(super) store: Store,
    pub(super) id: BlobId,
    pub(super) parts: std::vec::IntoIter<Part>,
    /// Bytes of the parts to come that nobody asked for.
    pub(super) skip: u64,
    pub(super) left: u64,
    /// The part that is being read, and what it still owes.
    pub(super) current: Option<(BlobReader, u64)>,
    pub(super) depth: u32,
}

impl Parts {
    /// Opens the next part that has bytes to give.
    fn advance(&mut self) -> Result<bool> {
        for part in self.parts.by_ref() {
            let length = part.length();
            if self.skip >= length {
                self.skip -= length;
                continue;
            }
            let (from, owed) = (self.skip, length - self.skip);
            self.skip = 0;
            let reader = self.store.part_nested(&part, from, self.depth + 1)?;
            self.current = Some((reader, owed.min(self.left)));
            return Ok(true);
        }
        Ok(false)
    }
}

impl Read for Parts {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.left > 0 && !buffer.is_empty() {
            match &mut self.current {
                Some((_, 0)) => self.current = None,
                Some((reader, owed)) => {
                    let most = buffer
                        .len()
                        .min(usize::try_from(*owed).unwrap_or(usize::MAX));
                    let length = reader.read(&mut buffer[..most])?;
                    if length == 0 {
                        let problem = "one of its parts is shorter than it says";
                        let error = self
                            .store
                            .damaged(Kind::Assembly, self.id.0, problem.into());
                        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, error));
                    }
                    *owed -= length as u64;
                    self.left -= length as u64;
                    return Ok(length);
                }
                None => {
                    let more = self.advance();
                    if !more.map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))? {
                        break;
                    }
                }
            }
        }
        Ok(0)
    }
}
