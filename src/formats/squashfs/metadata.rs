//! Metadata: a stream of bytes in compressed blocks of 8 KiB.

use std::io::{self, Write};

use super::{Compression, Error};

const BLOCK: usize = 8192;
/// In the two bytes before a block: it is not compressed.
const PLAIN: u16 = 0x8000;

/// A stream of metadata while it is written.
pub struct Metadata {
    compression: Compression,
    blocks: Vec<u8>,
    open: Vec<u8>,
    /// Where each block that was closed begins.
    starts: Vec<u64>,
}

/// A place in metadata: where its block begins in the stream, and the byte in the block before compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub block: u32,
    pub offset: u16,
}

impl Place {
    /// As inodes and attributes are pointed to.
    pub fn reference(self) -> u64 {
        u64::from(self.block) << 16 | u64::from(self.offset)
    }
}

impl Metadata {
    pub fn new(compression: Compression) -> Self {
        Metadata {
            compression,
            blocks: Vec::new(),
            open: Vec::new(),
            starts: Vec::new(),
        }
    }

    /// Where the next byte will be.
    pub fn place(&self) -> Result<Place, Error> {
        let block = u32::try_from(self.blocks.len());
        Ok(Place {
            block: block.map_err(|_| Error::TooMany("4 GiB of metadata"))?,
            offset: self.open.len() as u16,
        })
    }

    pub fn add(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK - self.open.len()));
            self.open.extend_from_slice(now);
            bytes = later;
            if self.open.len() == BLOCK {
                self.close()?;
            }
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        self.starts.push(self.blocks.len() as u64);
        let compressed = self.compression.compress(&self.open, BLOCK);
        let (mark, bytes) = match compressed.map_err(Error::Compress)? {
            Some(bytes) => (0, bytes),
            None => (PLAIN, self.open.clone()),
        };
        let header = bytes.len() as u16 | mark;
        self.blocks.extend(header.to_le_bytes());
        self.blocks.extend(bytes);
        self.open.clear();
        Ok(())
    }

    /// Writes the stream; returns where each block begins, from the stream's beginning.
    pub fn finish(mut self, to: &mut Output<'_>) -> Result<Vec<u64>, Error> {
        if !self.open.is_empty() {
            self.close()?;
        }
        to.write(&self.blocks)?;
        Ok(self.starts)
    }

    /// Writes the stream, then a list of its blocks' places; returns where the list begins.
    pub fn finish_table(self, to: &mut Output<'_>) -> Result<u64, Error> {
        let start = to.position;
        let starts = self.finish(to)?;
        let list = to.position;
        for block in starts {
            to.write(&(start + block).to_le_bytes())?;
        }
        Ok(list)
    }
}

/// Where the image goes, and how far it is.
pub struct Output<'a> {
    pub writer: &'a mut dyn Write,
    pub position: u64,
}

impl Output<'_> {
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.position += bytes.len() as u64;
        self.writer.write_all(bytes)
    }
}
