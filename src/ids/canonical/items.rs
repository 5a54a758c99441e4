//! The items of an encoding, walked in place: nothing is built from them, and nothing allocated by what they claim.

use super::Error;

/// Containers nested deeper are refused, as by the library that reads the data afterwards.
pub(super) const DEEPEST: usize = 127;

/// What an item's first byte says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Unsigned,
    Negative,
    Bytes,
    Text,
    Array,
    Map,
    Bool,
}

/// The beginning of an item: its kind, and the number, length, count or truth that follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub kind: Kind,
    pub number: u64,
}

/// A position in an encoding.
#[derive(Debug, Clone)]
pub(super) struct Items<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Whether the bytes are known to be canonical.
    checked: bool,
}

impl<'a> Items<'a> {
    /// Reads nothing but the canonical form.
    pub fn canonical(bytes: &'a [u8]) -> Self {
        let (at, checked) = (0, false);
        Items { bytes, at, checked }
    }

    /// Walks what was read as canonical before: only where things are is looked for, not what they may be.
    pub fn checked(bytes: &'a [u8]) -> Self {
        let checked = true;
        Items {
            checked,
            ..Items::canonical(bytes)
        }
    }

    fn malformed(&self, problem: &'static str) -> Error {
        let at = self.at;
        Error::Malformed { at, problem }
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], Error> {
        let rest = &self.bytes[self.at..];
        let taken = usize::try_from(length).ok().and_then(|n| rest.get(..n));
        let taken = taken.ok_or_else(|| self.malformed("it ends too soon"))?;
        self.at += taken.len();
        Ok(taken)
    }

    pub fn head(&mut self) -> Result<Head, Error> {
        let Some(&first) = self.bytes.get(self.at) else {
            return Err(self.malformed("it ends too soon"));
        };
        self.at += 1;
        let kind = match (first >> 5, first & 0x1f) {
            (0, _) => Kind::Unsigned,
            (1, _) => Kind::Negative,
            (2, _) => Kind::Bytes,
            (3, _) => Kind::Text,
            (4, _) => Kind::Array,
            (5, _) => Kind::Map,
            (6, _) => return Err(Error::Forbidden("tags")),
            (_, info @ (20 | 21)) => {
                let number = u64::from(info - 20);
                let kind = Kind::Bool;
                return Ok(Head { kind, number });
            }
            (_, 22 | 23) => return Err(Error::Forbidden("nulls")),
            (_, 25..=27) => return Err(Error::Forbidden("floats")),
            _ => return Err(self.malformed("no item begins like that")),
        };
        let number = self.number(first & 0x1f, kind)?;
        Ok(Head { kind, number })
    }

    fn number(&mut self, info: u8, kind: Kind) -> Result<u64, Error> {
        let (width, least) = match info {
            0..24 => return Ok(u64::from(info)),
            24 => (1, 24),
            25 => (2, 1 << 8),
            26 => (4, 1 << 16),
            27 => (8, 1 << 32),
            31 if !matches!(kind, Kind::Unsigned | Kind::Negative) => {
                return Err(Error::NotCanonical);
            }
            _ => return Err(self.malformed("no item begins like that")),
        };
        let bytes = self.take(width)?.iter();
        let number = bytes.fold(0, |sum, &byte| sum << 8 | u64::from(byte));
        if number < least {
            return Err(Error::NotCanonical);
        }
        Ok(number)
    }

    /// The bytes of a string whose head was just read.
    pub fn string(&mut self, head: Head) -> Result<&'a [u8], Error> {
        let bytes = self.take(head.number)?;
        // Nearly all text is ASCII, which is seen at once.
        let text = head.kind == Kind::Text && !self.checked && !bytes.is_ascii();
        if text && std::str::from_utf8(bytes).is_err() {
            return Err(self.malformed("its text is not UTF-8"));
        }
        Ok(bytes)
    }

    /// The key that the next entry of a map begins with, as it is encoded.
    pub fn key(&mut self) -> Result<&'a [u8], Error> {
        let start = self.at;
        self.key_name()?;
        Ok(&self.bytes[start..self.at])
    }

    /// The same key, and of it the text.
    pub fn key_name(&mut self) -> Result<&'a [u8], Error> {
        let head = self.head()?;
        match head.kind {
            Kind::Text => self.string(head),
            _ => Err(Error::Forbidden("keys that are not text")),
        }
    }

    /// Passes one whole item, and returns its bytes.
    pub fn item(&mut self) -> Result<&'a [u8], Error> {
        let start = self.at;
        self.pass(DEEPEST)?;
        Ok(&self.bytes[start..self.at])
    }

    /// The same, of an item inside the outermost container.
    pub fn inner_item(&mut self) -> Result<&'a [u8], Error> {
        let start = self.at;
        self.pass(DEEPEST - 1)?;
        Ok(&self.bytes[start..self.at])
    }

    fn pass(&mut self, depth: usize) -> Result<(), Error> {
        match self.checked {
            true => self.skip(),
            false => self.check(depth),
        }
    }

    fn skip(&mut self) -> Result<(), Error> {
        let mut left = 1u64;
        while left > 0 {
            let head = self.head()?;
            let more = match head.kind {
                Kind::Unsigned | Kind::Negative | Kind::Bool => 0,
                Kind::Bytes | Kind::Text => {
                    self.take(head.number)?;
                    0
                }
                Kind::Array => head.number,
                Kind::Map => head.number.saturating_mul(2),
            };
            left = (left - 1).saturating_add(more);
        }
        Ok(())
    }

    fn check(&mut self, depth: usize) -> Result<(), Error> {
        let head = self.head()?;
        let count = head.number;
        match head.kind {
            Kind::Unsigned | Kind::Negative | Kind::Bool => Ok(()),
            Kind::Bytes | Kind::Text => self.string(head).map(drop),
            Kind::Array => {
                let depth = self.deeper(depth)?;
                (0..count).try_for_each(|_| self.check(depth))
            }
            Kind::Map => {
                let depth = self.deeper(depth)?;
                let mut last: &[u8] = &[];
                for _ in 0..count {
                    let key = self.key()?;
                    if !follows(key, last) {
                        return Err(Error::NotCanonical);
                    }
                    last = key;
                    self.check(depth)?;
                }
                Ok(())
            }
        }
    }

    fn deeper(&self, depth: usize) -> Result<usize, Error> {
        depth
            .checked_sub(1)
            .ok_or_else(|| self.malformed("it is nested too deep"))
    }

    /// What follows.
    pub fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    /// Nothing may follow.
    pub fn end(&self) -> Result<(), Error> {
        match self.at == self.bytes.len() {
            true => Ok(()),
            false => Err(self.malformed("something follows its end")),
        }
    }
}

/// Whether an encoded key comes after another.
///
/// Most keys differ in length already, which the first byte says; this is asked more often than anything else.
pub(super) fn follows(key: &[u8], last: &[u8]) -> bool {
    match (key.first(), last.first()) {
        (Some(a), Some(b)) if a != b => a > b,
        (Some(_), None) => true,
        _ => key > last,
    }
}

/// Writes the beginning of an item, in its shortest form.
pub(super) fn write_head(out: &mut Vec<u8>, kind: Kind, number: u64) {
    let major = match kind {
        Kind::Unsigned => 0,
        Kind::Negative => 1,
        Kind::Bytes => 2,
        Kind::Text => 3,
        Kind::Array => 4,
        Kind::Map => 5,
        Kind::Bool => {
            out.push(0xf4 + u8::from(number == 1));
            return;
        }
    } << 5;
    let bytes = number.to_be_bytes();
    match number {
        0..24 => out.push(major | bytes[7]),
        24..=0xff => out.extend_from_slice(&[major | 24, bytes[7]]),
        0x100..=0xffff => {
            out.push(major | 25);
            out.extend_from_slice(&bytes[6..]);
        }
        0x1_0000..=0xffff_ffff => {
            out.push(major | 26);
            out.extend_from_slice(&bytes[4..]);
        }
        _ => {
            out.push(major | 27);
            out.extend_from_slice(&bytes);
        }
    }
}
