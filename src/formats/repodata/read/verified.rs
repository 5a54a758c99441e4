//! A stream that is held against what `repomd.xml` states of it.

use std::io::{self, Read};

use super::decompress::LIMIT;
use super::error::Damage;
use crate::formats::rpm::checksum::Hasher;
use crate::ids::Digest;

/// Passes bytes on; the end comes only if size and checksum are those stated, and no byte beyond the size ever does.
pub(super) struct Verified<R> {
    inner: R,
    /// What to call it: "the file".
    part: &'static str,
    size: Option<u64>,
    seen: u64,
    /// Taken at the end.
    checksum: Option<(Digest, Hasher)>,
}

impl<R> Verified<R> {
    pub fn new(
        inner: R,
        part: &'static str,
        size: Option<u64>,
        checksum: Option<&Digest>,
    ) -> Verified<R> {
        Verified {
            inner,
            part,
            size,
            seen: 0,
            checksum: checksum.map(|digest| (digest.clone(), Hasher::new(digest.algorithm))),
        }
    }

    fn end(&mut self) -> Result<(), Damage> {
        let (part, found) = (self.part, self.seen);
        if let Some(stated) = self.size.filter(|size| *size != found) {
            return Err(Damage::Short {
                part,
                stated,
                found,
            });
        }
        let Some((stated, hasher)) = self.checksum.take() else {
            return Ok(());
        };
        let found = hasher.finish();
        match found == stated.hex {
            true => Ok(()),
            false => Err(Damage::Checksum {
                part,
                stated: stated.hex,
                found,
            }),
        }
    }
}

impl<R: Read> Read for Verified<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        if length == 0 && !buffer.is_empty() {
            self.end()?;
        }
        self.seen += length as u64;
        let part = self.part;
        match self.size {
            Some(stated) if self.seen > stated => return Err(Damage::Long { part, stated }.into()),
            _ if self.seen > LIMIT => return Err(Damage::Large { part }.into()),
            _ => {}
        }
        if let Some((_, hasher)) = &mut self.checksum {
            hasher.update(&buffer[..length]);
        }
        Ok(length)
    }
}
