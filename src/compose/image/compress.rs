//! Compression that gives the same bytes however it is read, and digests of what goes through.

use std::io::{self, BufReader, Read};

use libdeflater::{CompressionLvl, Compressor};
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

/// Shapes the bytes of every gzip layer, with the pinned libdeflate: as long as with level 6 of zlib, in half the time.
const GZIP_LEVEL: i32 = 4;

/// What one member of a gzip layer holds: they are compressed side by side, and readers take them as one.
const MEMBER: usize = 1 << 20;
/// So many are read before they are compressed; does not show.
const AT_ONCE: usize = 8;

/// Shapes the bytes of every zstd layer, with the pinned zstd.
const ZSTD_LEVEL: i32 = 3;

/// What zstd is fed with: part of every layer that it ever compressed.
const STEP: usize = 128 * 1024;

/// What is read through, compressed.
pub enum Compressed<R: Read> {
    Gzip(Box<Gzip<R>>),
    Zstd(Box<zstd::stream::read::Encoder<'static, BufReader<Full<R>>>>),
}

impl<R: Read> Compressed<R> {
    /// `None` for a compression that is not known.
    pub fn new(reader: R, name: &str) -> Option<io::Result<Self>> {
        Some(match name {
            "gzip" => Ok(Compressed::Gzip(Box::new(Gzip {
                reader: Full(reader),
                members: io::Cursor::default(),
                begun: false,
            }))),
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
            Compressed::Gzip(gzip) => &gzip.reader.0,
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

/// Gzip members (RFC 1952, 2.2), each of [`MEMBER`] bytes but the last.
pub struct Gzip<R> {
    reader: Full<R>,
    /// Those that were compressed and are not read yet.
    members: io::Cursor<Vec<u8>>,
    begun: bool,
}

impl<R: Read> Gzip<R> {
    /// Compresses the next ones; none behind the end, but one for nothing at all.
    fn next(&mut self) -> io::Result<()> {
        let mut plain = Vec::with_capacity(AT_ONCE);
        while plain.len() < AT_ONCE {
            let mut bytes = vec![0; MEMBER];
            let length = self.reader.read(&mut bytes)?;
            bytes.truncate(length);
            if length > 0 || !self.begun {
                plain.push(bytes);
            }
            self.begun = true;
            if length < MEMBER {
                break;
            }
        }
        let members: Vec<Vec<u8>> = plain
            .par_iter()
            .map(|bytes| member(bytes))
            .collect::<io::Result<_>>()?;
        self.members = io::Cursor::new(members.concat());
        Ok(())
    }
}

fn member(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let level = CompressionLvl::new(GZIP_LEVEL).expect("libdeflate has this level");
    let mut compressor = Compressor::new(level);
    let mut member = vec![0; compressor.gzip_compress_bound(bytes.len())];
    let length = compressor.gzip_compress(bytes, &mut member);
    member.truncate(length.map_err(io::Error::other)?);
    Ok(member)
}

impl<R: Read> Read for Gzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.members.read(buffer)?;
        if length > 0 || buffer.is_empty() {
            return Ok(length);
        }
        self.next()?;
        self.members.read(buffer)
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
        let plain: Vec<u8> = (0..600_000u32)
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
                "gzip" => flate2::read::MultiGzDecoder::new(&at_once[..])
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
