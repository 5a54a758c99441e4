//! The blocks of a stream of raw deflate (RFC 1951, 3.2), read for where they lie: nothing is inflated.

use std::io::{self, Read};

/// What has to change in a stream so that more blocks can follow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// Which byte says that the last block is the last, and that byte when it is not.
    pub offset: u64,
    pub byte: u8,
    /// A stored block without content, if one is needed to end with a byte.
    pub behind: &'static [u8],
}

impl Opening {
    /// Of a whole stream, which is read to its end.
    pub fn of(stream: impl Read) -> io::Result<Self> {
        let mut bits = Bits::new(stream);
        loop {
            bits.fill()?;
            let (offset, mark, byte) = bits.position();
            let head = bits.take(3);
            match head >> 1 {
                0 => stored(&mut bits)?,
                1 => compressed(&mut bits, &Codes::fixed()?)?,
                2 => {
                    let codes = Codes::read(&mut bits)?;
                    compressed(&mut bits, &codes)?;
                }
                _ => return Err(invalid("a block is of no kind that there is")),
            }
            if head & 1 == 1 {
                return Ok(Opening {
                    offset,
                    byte: byte & !(1 << mark),
                    behind: behind(&mut bits)?,
                });
            }
        }
    }
}

fn stored<R: Read>(bits: &mut Bits<R>) -> io::Result<()> {
    bits.fill()?;
    bits.take(bits.held as u32 % 8);
    bits.fill()?;
    let (length, check) = (bits.take(16), bits.take(16));
    if length ^ check != 0xffff {
        return Err(invalid("a stored block has no length"));
    }
    bits.fill()?;
    bits.skip(length as usize)
}

fn compressed<R: Read>(bits: &mut Bits<R>, codes: &Codes) -> io::Result<()> {
    /// Bits behind the symbols of lengths.
    const EXTRA: [u8; 29] = [
        0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
    ];
    loop {
        bits.fill()?;
        let mut symbol = codes.literals.next(bits)?;
        while symbol < 256 && bits.held >= LONGEST {
            symbol = codes.literals.next(bits)?;
        }
        match symbol {
            ..256 => continue,
            256 => return Ok(()),
            _ => {}
        }
        let extra = EXTRA.get(usize::from(symbol) - 257);
        let extra = extra.ok_or_else(|| invalid("a length has no symbol"))?;
        bits.take(u32::from(*extra));
        let distance = codes.distances.next(bits)?;
        if usize::from(distance) >= DISTANCES {
            return Err(invalid("a distance has no symbol"));
        }
        bits.take(u32::from((distance / 2).max(1) - 1));
    }
}

/// What lies behind the last block is the rest of its last byte, and nothing in it.
fn behind<R: Read>(bits: &mut Bits<R>) -> io::Result<&'static [u8]> {
    bits.fill()?;
    match (bits.held, bits.hold) {
        (0, _) => Ok(&[]),
        // The three zeros that begin a stored block are there.
        (3..8, 0) => Ok(&[0, 0, 0xff, 0xff]),
        (1..3, 0) => Ok(&[0, 0, 0, 0xff, 0xff]),
        _ => Err(invalid("something lies behind the last block")),
    }
}

fn invalid(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

const LITERALS: usize = 286;
const DISTANCES: usize = 30;

/// The codes of a block.
struct Codes {
    literals: Code,
    distances: Code,
}

impl Codes {
    fn fixed() -> io::Result<Self> {
        let mut lengths = [8; 288];
        lengths[144..256].fill(9);
        lengths[256..280].fill(7);
        Ok(Codes {
            literals: Code::new(&lengths)?,
            distances: Code::new(&[5; 32])?,
        })
    }

    fn read<R: Read>(bits: &mut Bits<R>) -> io::Result<Self> {
        /// In which order the lengths of the code of lengths are said.
        const ORDER: [usize; 19] = [
            16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
        ];
        let literals = bits.take(5) as usize + 257;
        let distances = bits.take(5) as usize + 1;
        if literals > LITERALS || distances > DISTANCES {
            return Err(invalid("a block has more symbols than there are"));
        }
        let mut lengths = [0; ORDER.len()];
        for at in &ORDER[..bits.take(4) as usize + 4] {
            bits.fill()?;
            lengths[*at] = bits.take(3) as u8;
        }
        let code = Code::new(&lengths)?;
        let mut lengths = Vec::with_capacity(LITERALS + DISTANCES);
        while lengths.len() < literals + distances {
            bits.fill()?;
            let (length, times) = match code.next(bits)? {
                length @ ..16 => (length as u8, 1),
                16 => {
                    let last = lengths.last().copied();
                    let last = last.ok_or_else(|| invalid("no length is there to repeat"))?;
                    (last, 3 + bits.take(2))
                }
                17 => (0, 3 + bits.take(3)),
                _ => (0, 11 + bits.take(7)),
            };
            lengths.extend((0..times).map(|_| length));
        }
        if lengths.len() > literals + distances {
            return Err(invalid("a block has lengths of more symbols than it says"));
        }
        Ok(Codes {
            literals: Code::new(&lengths[..literals])?,
            distances: Code::new(&lengths[literals..])?,
        })
    }
}

/// A Huffman code: for all that the next bits can be, the symbol that they begin with and, in four bits, its length.
struct Code(Vec<u16>);

impl Code {
    /// Of the lengths of its symbols; where one is 0, there is no such symbol.
    fn new(lengths: &[u8]) -> io::Result<Self> {
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let mut table = vec![0; 1 << longest];
        let mut code = 0usize;
        for length in 1..=longest {
            let symbols = (0u16..).zip(lengths).filter(|(_, own)| **own == length);
            for (symbol, _) in symbols {
                if code >> length != 0 {
                    return Err(invalid("a code has more symbols than fit"));
                }
                // Codes are said from their first bit on, and bits are held from the last.
                let first = code.reverse_bits() >> (usize::BITS - u32::from(length));
                for at in (first..table.len()).step_by(1 << length) {
                    table[at] = symbol << 4 | u16::from(length);
                }
                code += 1;
            }
            code <<= 1;
        }
        Ok(Code(table))
    }

    fn next<R: Read>(&self, bits: &mut Bits<R>) -> io::Result<u16> {
        let found = self.0[bits.hold as usize & (self.0.len() - 1)];
        if found == 0 {
            return Err(invalid("no symbol has these bits"));
        }
        bits.take(u32::from(found & 15));
        Ok(found >> 4)
    }
}

/// The longest length with its distance takes so many bits; [`Bits::fill`] makes more ready, where there are more.
const LONGEST: i32 = 48;

/// Bytes that stay in the buffer behind what was read.
const BEHIND: usize = 8;

/// What is read bit by bit, each byte from its lowest bit on.
struct Bits<R> {
    reader: R,
    buffer: Vec<u8>,
    /// Which byte of the stream the buffer begins with, and which bytes of the buffer come next.
    start: u64,
    next: usize,
    end: usize,
    /// So many bits of the bytes that came, and less than none when more were taken than there are.
    /// What is above them are the bits that come next, or zeros.
    hold: u64,
    held: i32,
}

impl<R: Read> Bits<R> {
    fn new(reader: R) -> Self {
        Bits {
            reader,
            buffer: vec![0; 64 * 1024],
            start: 0,
            next: BEHIND,
            end: BEHIND,
            hold: 0,
            held: 0,
        }
    }

    /// Makes bits ready; fails if too many were taken.
    #[inline]
    fn fill(&mut self) -> io::Result<()> {
        if self.held < 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match self.buffer[self.next..self.end].first_chunk() {
            Some(word) => {
                self.hold |= u64::from_le_bytes(*word) << self.held;
                self.next += (63 - self.held as usize) / 8;
                self.held |= 56;
                Ok(())
            }
            None => self.fill_from_reader(),
        }
    }

    #[cold]
    fn fill_from_reader(&mut self) -> io::Result<()> {
        self.more()?;
        while self.held < 56 && self.next < self.end {
            self.hold |= u64::from(self.buffer[self.next]) << self.held;
            self.held += 8;
            self.next += 1;
        }
        Ok(())
    }

    /// Reads until eight bytes come next, or all is read.
    fn more(&mut self) -> io::Result<()> {
        let gone = self.next.saturating_sub(BEHIND);
        self.buffer.copy_within(gone..self.end, 0);
        self.start += gone as u64;
        self.end -= gone;
        self.next -= gone;
        while self.end - self.next < 8 {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => break,
                Ok(length) => self.end += length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The number of the byte that the next bit is in, which of its bits that is, and the byte.
    fn position(&self) -> (u64, u32, u8) {
        let held = self.held as u32;
        let at = self.next - held.div_ceil(8) as usize;
        let bit = (8 - held % 8) % 8;
        let number = self.start + at as u64 - BEHIND as u64;
        (number, bit, self.buffer[at])
    }

    /// The next bits; zeros where there are no more.
    #[inline]
    fn take(&mut self, count: u32) -> u32 {
        let taken = self.hold & ((1 << count) - 1);
        self.hold >>= count;
        self.held -= count as i32;
        taken as u32
    }

    /// Goes on by bytes, from the end of one.
    fn skip(&mut self, mut bytes: usize) -> io::Result<()> {
        // Those that are held come once more.
        self.next -= self.held as usize / 8;
        (self.hold, self.held) = (0, 0);
        while bytes > 0 {
            if self.next == self.end {
                self.more()?;
            }
            let step = bytes.min(self.end - self.next);
            if step == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.next += step;
            bytes -= step;
        }
        Ok(())
    }
}
