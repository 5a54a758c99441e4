//! A file object as an archive repository keeps it, made while it is read.

use std::io::{self, Cursor, Read};

use sha2::{Digest, Sha256};

use super::{Checksum, FileHeader};
use crate::tree::Deflated;

/// Level of the compression, as `ostree commit` has it. Changing it changes the bytes of every repository.
pub const LEVEL: u32 = 6;

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

    /// The object's bytes; `size` is what the content must turn out to have.
    pub fn filez(&mut self, header: &FileHeader, size: u64) -> impl Read {
        Cursor::new(header.archived(size)).chain(Deflated::new(self, LEVEL))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::ostree::{Xattrs, file::REGULAR};

    #[test]
    fn a_file_object_reads_back_and_is_named_by_what_is_not_compressed() {
        let header = FileHeader {
            uid: 7,
            gid: 8,
            mode: REGULAR | 0o4755,
            target: String::new(),
            xattrs: Xattrs::from([(b"user.a".to_vec(), b"\0b".to_vec())]),
        };
        let content: Vec<u8> = (0..300_000u32)
            .map(|n| (n.wrapping_mul(n) >> 7) as u8)
            .collect();
        let mut hashing = Hashing::new(&header, content.as_slice());
        let mut object = Vec::new();
        let size = content.len() as u64;
        hashing
            .filez(&header, size)
            .read_to_end(&mut object)
            .unwrap();
        let bare = [header.bare(), content.clone()].concat();
        assert_eq!(hashing.finish(), (Checksum::of(&bare), size));
        let (read, length, body) = FileHeader::decode_archived(&object).unwrap();
        assert_eq!((read, length), (header, size));
        let mut inflated = Vec::new();
        flate2::read::DeflateDecoder::new(&object[body..])
            .read_to_end(&mut inflated)
            .unwrap();
        assert!(inflated == content);
    }
}
