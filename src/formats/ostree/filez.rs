//! A file object as an archive repository keeps it, made while it is read.

use std::cell::RefCell;
use std::io::{self, Cursor, Read};

use libdeflater::{CompressionLvl, Compressor};
use sha2::{Digest, Sha256};

use super::{Checksum, FileHeader};
use crate::tree::Deflated;

/// Levels of the compression: of libdeflate, for what is compressed in memory, and of zlib, for what is longer.
/// Objects come out as long as those of `ostree commit`, which has level 6 of zlib, in half the time.
/// Changing them changes the bytes of every repository.
const LEVEL: i32 = 4;
const LEVEL_OF_STREAMS: u32 = 5;

/// Content up to here is compressed in memory. Part of every repository, as the levels are.
const IN_MEMORY: u64 = 32 << 20;

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
    pub fn filez(&mut self, header: &FileHeader, size: u64) -> io::Result<Box<dyn Read + '_>> {
        let start = Cursor::new(header.archived(size));
        if size > IN_MEMORY {
            return Ok(Box::new(start.chain(Deflated::new(self, LEVEL_OF_STREAMS))));
        }
        let mut content = Vec::with_capacity(size as usize + 1);
        // One byte more shows that it is longer than said; nobody takes such an object.
        self.take(size + 1).read_to_end(&mut content)?;
        Ok(Box::new(start.chain(Cursor::new(deflate(&content)?))))
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

thread_local! {
    /// Its tables are large beside most files.
    static COMPRESSOR: RefCell<Compressor> = RefCell::new(Compressor::new(
        CompressionLvl::new(LEVEL).expect("libdeflate has this level"),
    ));
}

fn deflate(content: &[u8]) -> io::Result<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|compressor| {
        let mut bytes = vec![0; compressor.deflate_compress_bound(content.len())];
        let length = compressor
            .deflate_compress(content, &mut bytes)
            .map_err(io::Error::other)?;
        bytes.truncate(length);
        Ok(bytes)
    })
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
            .unwrap()
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
