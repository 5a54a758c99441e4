//! Raw deflate that gives the same bytes however it is read.

use std::io::{self, Read};

use flate2::{Compress, Compression, FlushCompress, Status};

/// Raw deflate of a stream: the meaning of [`super::Part::Deflate`].
///
/// The compressor's output depends on the steps in which it is fed.
/// Here they have a fixed size, so what comes out depends on the bytes and the level only.
/// Whoever needs to know the length of such a part beforehand reads one of these to its end.
pub struct Deflated<R> {
    reader: R,
    compress: Compress,
    input: Vec<u8>,
    taken: usize,
    filled: usize,
    ended: bool,
    output: Vec<u8>,
    given: usize,
    finished: bool,
}

/// Part of every deflated blob ever assembled.
const STEP: usize = 64 * 1024;

impl<R: Read> Deflated<R> {
    /// Levels run from 0 to 9; a higher one counts as 9.
    pub fn new(reader: R, level: u32) -> Self {
        Deflated {
            reader,
            compress: Compress::new(Compression::new(level.min(9)), false),
            input: vec![0; STEP],
            taken: 0,
            filled: 0,
            ended: false,
            output: Vec::with_capacity(STEP),
            given: 0,
            finished: false,
        }
    }

    /// What the bytes come from; all of them were taken once everything was read from here.
    pub fn get_ref(&self) -> &R {
        &self.reader
    }

    fn fill(&mut self) -> io::Result<()> {
        (self.taken, self.filled) = (0, 0);
        while self.filled < STEP && !self.ended {
            match self.reader.read(&mut self.input[self.filled..]) {
                Ok(0) => self.ended = true,
                Ok(length) => self.filled += length,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    fn step(&mut self) -> io::Result<()> {
        if self.taken == self.filled && !self.ended {
            self.fill()?;
        }
        let flush = if self.ended {
            FlushCompress::Finish
        } else {
            FlushCompress::None
        };
        self.output.clear();
        self.given = 0;
        let before = self.compress.total_in();
        let status = self
            .compress
            .compress_vec(
                &self.input[self.taken..self.filled],
                &mut self.output,
                flush,
            )
            .map_err(io::Error::other)?;
        self.taken += (self.compress.total_in() - before) as usize;
        self.finished = status == Status::StreamEnd;
        Ok(())
    }
}

impl<R: Read> Read for Deflated<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.output.len() && !self.finished {
            self.step()?;
        }
        let length = buffer.len().min(self.output.len() - self.given);
        buffer[..length].copy_from_slice(&self.output[self.given..self.given + length]);
        self.given += length;
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
        let plain: Vec<u8> = (0..100_000u32)
            .flat_map(|n| (n / 7).to_le_bytes())
            .collect();
        for level in 0..=9 {
            let mut at_once = Vec::new();
            let mut reader = Deflated::new(&plain[..], level);
            reader.read_to_end(&mut at_once).unwrap();
            let mut in_bits = Vec::new();
            let mut reader = Deflated::new(Stutter(&plain, 0), level);
            let mut buffer = [0; 777];
            loop {
                match reader.read(&mut buffer).unwrap() {
                    0 => break,
                    length => in_bits.extend_from_slice(&buffer[..length]),
                }
            }
            assert!(at_once == in_bits, "level {level}");
            let mut back = Vec::new();
            flate2::read::DeflateDecoder::new(&at_once[..])
                .read_to_end(&mut back)
                .unwrap();
            assert!(back == plain);
        }
    }
}
