//! What is hashed of a file object as an archive repository keeps it.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

use super::{Checksum, FileHeader};

/// A regular file's content on its way into an object: it is hashed as it is read.
pub struct Hashing<R> {
    content: R,
    hash: Sha256,
    length: u64,
}

impl<R: Read> Hashing<R> {
    pub fn new(header: &FileHeader, content: R) -> Self {
        Hashing {
            content,
            hash: Sha256::new_with_prefix(header.bare()),
            length: 0,
        }
    }

    /// Checksum of the object, and length of the content; to be asked after the last byte.
    pub fn finish(self) -> (Checksum, u64) {
        (Checksum(self.hash.finalize().into()), self.length)
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.content.read(buffer)?;
        self.hash.update(&buffer[..length]);
        self.length += length as u64;
        Ok(length)
    }
}

/// A symbolic link as an object: a header, and nothing behind it.
pub fn symlink(header: &FileHeader) -> (Checksum, Vec<u8>) {
    (Checksum::of(&header.bare()), header.archived(0))
}
