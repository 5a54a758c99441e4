//! The bytes of files: blocks of their own, or a stretch of a fragment.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::mpsc;

use rayon::prelude::*;

use super::metadata::Output;
use super::{Compression, Error, NONE32, Open};
use crate::ids::BlobId;

/// In the length of a block: it is not compressed.
const PLAIN: u32 = 1 << 24;
/// Blocks that are compressed together.
const TOGETHER: usize = 64;

/// Where the bytes of a file lie.
#[derive(Debug, Clone, Default)]
pub struct Stored {
    pub size: u64,
    pub start: u64,
    /// The length of each block on disk, with its mark.
    pub blocks: Vec<u32>,
    /// Number of the fragment and offset in it; the number is all ones where there is none.
    pub fragment: (u32, u32),
}

/// A fragment's place, and its length with its mark.
pub type Fragment = (u64, u32);

/// The data of an image while it is written.
pub struct Data<'a, 'o> {
    compression: Compression,
    block: usize,
    output: &'a mut Output<'o>,
    pub stored: BTreeMap<BlobId, Stored>,
    pub fragments: Vec<Fragment>,
    /// Fragments that are closed, also those that are not written yet.
    closed: u32,
    open: Vec<u8>,
    pending: Vec<(Owner, Vec<u8>)>,
    /// Where the blocks come from that are being compressed.
    flying: Option<mpsc::Receiver<Result<Vec<Block>, Error>>>,
}

/// A block with its length and mark, as it is written.
type Block = (Owner, u32, Vec<u8>);

/// Whose block it is.
enum Owner {
    File(BlobId),
    Fragment,
}

impl<'a, 'o> Data<'a, 'o> {
    pub fn new(compression: Compression, block: usize, output: &'a mut Output<'o>) -> Self {
        Data {
            compression,
            block,
            output,
            stored: BTreeMap::new(),
            fragments: Vec::new(),
            closed: 0,
            open: Vec::new(),
            pending: Vec::new(),
            flying: None,
        }
    }

    /// Adds the bytes of a file, if they are not there yet.
    pub fn add(&mut self, blob: BlobId, size: u64, open: &Open<'_>) -> Result<(), Error> {
        if size == 0 || self.stored.contains_key(&blob) {
            return Ok(());
        }
        let failed = |source| Error::Read { blob, source };
        let mut reader = open(blob).map_err(failed)?;
        let mut left = size;
        let mut stored = Stored {
            size,
            fragment: (NONE32, 0),
            ..Stored::default()
        };
        let mut read = |before: u64, length: u64| -> Result<Vec<u8>, Error> {
            let mut bytes = Vec::with_capacity(length as usize);
            let mut taken = (&mut reader).take(length);
            taken.read_to_end(&mut bytes).map_err(failed)?;
            match bytes.len() as u64 == length {
                true => Ok(bytes),
                false => Err(Error::Size {
                    blob,
                    expected: size,
                    found: before + bytes.len() as u64,
                }),
            }
        };
        if size < self.block as u64 {
            let bytes = read(0, size)?;
            if self.open.len() + bytes.len() > self.block {
                self.close_fragment()?;
            }
            stored.fragment = (self.closed, self.open.len() as u32);
            self.open.extend(bytes);
            self.stored.insert(blob, stored);
        } else {
            self.stored.insert(blob, stored);
            while left > 0 {
                let length = left.min(self.block as u64);
                let bytes = read(size - left, length)?;
                left -= length;
                self.push(Owner::File(blob), bytes)?;
            }
        }
        // Whoever says a size has to keep to it.
        let more = reader.read(&mut [0]).map_err(failed)?;
        match more {
            0 => Ok(()),
            more => Err(Error::Size {
                blob,
                expected: size,
                found: size + more as u64,
            }),
        }
    }

    fn close_fragment(&mut self) -> Result<(), Error> {
        if self.open.is_empty() {
            return Ok(());
        }
        let next = self.closed.checked_add(1);
        self.closed = next.ok_or(Error::TooMany("2³² fragments"))?;
        let bytes = std::mem::take(&mut self.open);
        self.push(Owner::Fragment, bytes)
    }

    fn push(&mut self, owner: Owner, bytes: Vec<u8>) -> Result<(), Error> {
        self.pending.push((owner, bytes));
        match self.pending.len() >= TOGETHER {
            true => self.flush(),
            false => Ok(()),
        }
    }

    /// Has what is pending compressed while more is read, and writes what was before.
    fn flush(&mut self) -> Result<(), Error> {
        self.settle()?;
        let pending = std::mem::take(&mut self.pending);
        let (compression, block) = (self.compression, self.block);
        // Who works for the pool would wait for itself.
        if rayon::current_thread_index().is_some() {
            return self.write(compress(pending, compression, block)?);
        }
        let (tell, told) = mpsc::channel();
        rayon::spawn(move || {
            // Nobody listens any more if something else failed.
            let _ = tell.send(compress(pending, compression, block));
        });
        self.flying = Some(told);
        Ok(())
    }

    /// Waits for what is being compressed, and writes it.
    fn settle(&mut self) -> Result<(), Error> {
        match self.flying.take() {
            Some(told) => self.write(told.recv().expect("it is sent in any case")?),
            None => Ok(()),
        }
    }

    /// Writes blocks in their order.
    fn write(&mut self, done: Vec<Block>) -> Result<(), Error> {
        for (owner, length, bytes) in done {
            let start = self.output.position;
            self.output.write(&bytes)?;
            match owner {
                Owner::Fragment => self.fragments.push((start, length)),
                Owner::File(blob) => {
                    let stored = self.stored.entry(blob).or_default();
                    if stored.blocks.is_empty() {
                        stored.start = start;
                    }
                    stored.blocks.push(length);
                }
            }
        }
        Ok(())
    }

    /// Writes what is left.
    pub fn finish(mut self) -> Result<(BTreeMap<BlobId, Stored>, Vec<Fragment>), Error> {
        self.close_fragment()?;
        self.flush()?;
        self.settle()?;
        Ok((self.stored, self.fragments))
    }
}

/// Compresses blocks side by side; they stay in their order.
fn compress(
    blocks: Vec<(Owner, Vec<u8>)>,
    compression: Compression,
    size: usize,
) -> Result<Vec<Block>, Error> {
    let compress = |(owner, bytes): (Owner, Vec<u8>)| {
        let compressed = compression.compress(&bytes, size);
        Ok(match compressed.map_err(Error::Compress)? {
            Some(compressed) => (owner, compressed.len() as u32, compressed),
            None => (owner, bytes.len() as u32 | PLAIN, bytes),
        })
    };
    blocks.into_par_iter().map(compress).collect()
}
