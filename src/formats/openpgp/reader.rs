//! Numbers and lengths, taken from bytes that nobody vouches for.

use super::error::Error;

/// Bytes that are read from the front.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn take(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let Some((taken, rest)) = self.0.split_at_checked(length) else {
            return Err(Error::malformed("it ends early"));
        };
        self.0 = rest;
        Ok(taken)
    }

    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    fn number(&mut self, width: usize) -> Result<u32, Error> {
        let bytes = self.take(width)?.iter();
        Ok(bytes.fold(0, |number, &byte| number << 8 | u32::from(byte)))
    }

    pub fn u8(&mut self) -> Result<u8, Error> {
        Ok(self.take(1)?[0])
    }

    pub fn u16(&mut self) -> Result<u16, Error> {
        Ok(self.number(2)? as u16)
    }

    pub fn u32(&mut self) -> Result<u32, Error> {
        self.number(4)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let taken = self.take(N)?.try_into();
        Ok(taken.expect("as many bytes were taken"))
    }

    /// A number of any length, without leading zeros; at most 8 KiB by its form.
    pub fn integer(&mut self) -> Result<&'a [u8], Error> {
        let bits = usize::from(self.u16()?);
        let bytes = self.take(bits.div_ceil(8))?;
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        Ok(&bytes[zeros..])
    }

    /// A run of bytes after its length in one byte: how curves are named.
    pub fn named(&mut self) -> Result<&'a [u8], Error> {
        let length = usize::from(self.u8()?);
        self.take(length)
    }
}
