//! Compression that gives the same bytes however it is read, and digests of what goes through.

use std::io::{self, BufReader, Read};

use flate2::Crc;
use sha2::{Digest as _, Sha256};

use crate::tree::Deflated;

/// Shapes the bytes of every gzip layer, with the pinned flate2.
const GZIP_LEVEL: u32 = 6;

/// Shapes the bytes of every zstd layer, with the pinned zstd.
const ZSTD_LEVEL: i32 = 3;

/// What zstd is fed with: part of every layer that it ever compressed.
const STEP: usize = 128 * 1024;

/// Fixed fields of RFC 1952: neither a name nor a time, and "unknown" as the system.
const GZIP_HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// What is read through, compressed.
pub enum Compressed<R: Read> {
    Gzip(Box<Gzip<R>>),
    Zstd(Box<zstd::stream::read::Encoder<'static, BufReader<Full<R>>>>),
}

impl<R: Read> Compressed<R> {
    /// `None` for a compression that is not known.
    pub fn new(reader: R, name: &str) -> Option<io::Result<Self>> {
        Some(match name {
            "gzip" => Ok(Compressed::Gzip(Box::new(Gzip::new(reader)))),
            "zstd" => {
                let reader = BufReader::with_capacity(STEP, Full(reader));
                let encoder = zstd::stream::read::Encoder::with_buffer(reader, ZSTD_LEVEL);
                encoder.map(|encoder| Compressed::Zstd(Box::new(encoder)))
            }
            _ => return None,
        })
    }

    /// What was compressed, once all of it was read.
    pub fn get_ref(&self) -> &R {
        match self {
            Compressed::Gzip(gzip) => &gzip.deflated.get_ref().reader,
            Compressed::Zstd(encoder) => &encoder.get_ref().get_ref().0,
        }
    }
}

impl<R: Read> Read for Compressed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Compressed::Gzip(gzip) => gzip.read(buffer),
            Compressed::Zstd(encoder) => encoder.read(buffer),
        }
    }
}

/// One gzip member.
pub struct Gzip<R> {
    /// What comes before the deflated bytes, or behind them.
    frame: io::Cursor<Vec<u8>>,
    deflated: Deflated<Checked<R>>,
    ended: bool,
}

/// Counts and sums what is deflated.
struct Checked<R> {
    reader: R,
    crc: Crc,
}

impl<R: Read> Gzip<R> {
    fn new(reader: R) -> Self {
        let crc = Crc::new();
        Gzip {
            frame: io::Cursor::new(GZIP_HEAD.to_vec()),
            deflated: Deflated::new(Checked { reader, crc }, GZIP_LEVEL),
            ended: false,
        }
    }
}

impl<R: Read> Read for Gzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let length = self.frame.read(buffer)?;
            if length > 0 || self.ended {
                return Ok(length);
            }
            let length = self.deflated.read(buffer)?;
            if length > 0 {
                return Ok(length);
            }
            self.ended = true;
            let crc = &self.deflated.get_ref().crc;
            let sums = [crc.sum().to_le_bytes(), crc.amount().to_le_bytes()];
            self.frame = io::Cursor::new(sums.concat());
        }
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.reader.read(buffer)?;
        self.crc.update(&buffer[..length]);
        Ok(length)
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
        let plain: Vec<u8> = (0..200_000u32)
            .flat_map(|n| (n.wrapping_mul(n) / 7).to_le_bytes())
            .collect();
        for name in ["gzip", "zstd"] {
            let mut at_once = Vec::new();
            let mut reader = Compressed::new(&plain[..], name).unwrap().unwrap();
            reader.read_to_end(&mut at_once).unwrap();
            let mut in_bits = Vec::new();
            let mut reader = Compressed::new(Stutter(&plain, 0), name).unwrap().unwrap();
            let mut buffer = [0; 777];
            loop {
                match reader.read(&mut buffer).unwrap() {
                    0 => break,
                    length => in_bits.extend_from_slice(&buffer[..length]),
                }
            }
            assert!(at_once == in_bits, "{name}");
            let mut back = Vec::new();
            match name {
                "gzip" => flate2::read::GzDecoder::new(&at_once[..])
                    .read_to_end(&mut back)
                    .unwrap(),
                _ => zstd::stream::read::Decoder::new(&at_once[..])
                    .unwrap()
                    .read_to_end(&mut back)
                    .unwrap(),
            };
            assert!(back == plain, "{name}");
        }
    }
}
