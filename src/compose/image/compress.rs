//! Compression that gives the same bytes however it is read, and digests of what goes through.

use std::io::{self, BufReader, Read};

use libdeflater::Crc;
use sha2::{Digest as _, Sha256};

/// Shapes the bytes of every zstd layer, with the pinned zstd.
const ZSTD_LEVEL: i32 = 3;

/// What zstd is fed with: part of every layer that it ever compressed.
const STEP: usize = 128 * 1024;

/// What is read through, as one frame of zstd.
pub struct Zstd<R: Read>(zstd::stream::read::Encoder<'static, BufReader<Full<R>>>);

impl<R: Read> Zstd<R> {
    pub fn new(reader: R) -> io::Result<Self> {
        let reader = BufReader::with_capacity(STEP, Full(reader));
        zstd::stream::read::Encoder::with_buffer(reader, ZSTD_LEVEL).map(Zstd)
    }

    /// What was compressed, once all of it was read.
    pub fn get_ref(&self) -> &R {
        &self.0.get_ref().get_ref().0
    }
}

impl<R: Read> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

/// Fills what it is given, unless the end comes first.
pub struct Full<R>(R);

impl<R: Read> Read for Full<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.0.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(length) => filled += length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

/// The SHA-256 of what is read through.
pub struct Summed<R> {
    reader: R,
    sum: Sha256,
}

impl<R> Summed<R> {
    pub fn new(reader: R) -> Self {
        let sum = Sha256::new();
        Summed { reader, sum }
    }

    pub fn get_ref(&self) -> &R {
        &self.reader
    }

    /// Reads to the end; gives the sum of all.
    pub fn finish(&mut self) -> io::Result<[u8; 32]>
    where
        R: Read,
    {
        let mut buffer = vec![0; STEP];
        loop {
            match self.read(&mut buffer) {
                Ok(0) => return Ok(self.sum()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Of all that was read so far.
    pub fn sum(&self) -> [u8; 32] {
        self.sum.clone().finalize().into()
    }
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.reader.read(buffer)?;
        self.sum.update(&buffer[..length]);
        Ok(length)
    }
}

/// What a gzip file says at its end of what is read through: CRC-32 and length.
pub struct Checked<R> {
    reader: R,
    sum: Crc,
    length: u64,
}

impl<R> Checked<R> {
    pub fn new(reader: R) -> Self {
        Checked {
            reader,
            sum: Crc::new(),
            length: 0,
        }
    }

    /// Of all that was read so far.
    pub fn check(&self) -> (u32, u64) {
        (self.sum.sum(), self.length)
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.reader.read(buffer)?;
        self.sum.update(&buffer[..length]);
        self.length += length as u64;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte, then two, then three, …
    struct Stutter<'a>(&'a [u8], usize);

    impl Read for Stutter<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 += 1;
            let length = self.1.min(self.0.len()).min(buffer.len());
            let (now, later) = self.0.split_at(length);
            buffer[..length].copy_from_slice(now);
            self.0 = later;
            Ok(length)
        }
    }

    #[test]
    fn the_steps_of_reading_do_not_show_in_the_bytes() {
        let plain: Vec<u8> = (0..600_000u32)
            .flat_map(|n| (n.wrapping_mul(n) / 7).to_le_bytes())
            .collect();
        let mut at_once = Vec::new();
        Zstd::new(&plain[..])
            .unwrap()
            .read_to_end(&mut at_once)
            .unwrap();
        let mut in_bits = Vec::new();
        let mut reader = Zstd::new(Stutter(&plain, 0)).unwrap();
        let mut buffer = [0; 777];
        loop {
            match reader.read(&mut buffer).unwrap() {
                0 => break,
                length => in_bits.extend_from_slice(&buffer[..length]),
            }
        }
        assert!(at_once == in_bits);
        assert!(zstd::stream::decode_all(&at_once[..]).unwrap() == plain);
    }
}
