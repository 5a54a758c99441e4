//! A file's content as a stream of raw deflate (RFC 1951): what an OSTree object has behind its header,
//! and a stretch of a gzip layer, once more can follow it.
//!
//! Levels and lengths that are said here are part of every repository and every gzip layer.

mod blocks;

pub use blocks::Opening;

use std::cell::RefCell;
use std::io::{self, Read};

use flate2::{Compress, Compression, FlushCompress};
use libdeflater::{CompressionLvl, Compressor};

use crate::tree::Deflated;

/// Levels of the compression: of libdeflate, for what is compressed in memory, and of zlib, for what is longer or in pieces.
/// What comes out is as long as with level 6 of zlib, in half the time.
const LEVEL: i32 = 4;
const LEVEL_OF_STREAMS: u32 = 5;

/// Content up to here is compressed in memory.
pub const IN_MEMORY: u64 = 32 << 20;

/// Bytes of a database that are compressed by themselves, and kept so: some pages.
pub const PIECE: u64 = 32 * 1024;

/// What ends a stream of pieces: a final block that is empty.
pub const END: [u8; 2] = [3, 0];

/// How a database of SQLite begins, as that of packages is one: <https://www.sqlite.org/fileformat.html>.
const DATABASE: &[u8] = b"SQLite format 3\0";

/// Most bytes of a stored block.
const BLOCK: u64 = 0xffff;

thread_local! {
    /// Its tables are large beside most files.
    static COMPRESSOR: RefCell<Compressor> = RefCell::new(Compressor::new(
        CompressionLvl::new(LEVEL).expect("libdeflate has this level"),
    ));
}

/// A whole stream.
pub fn whole(content: &[u8]) -> io::Result<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|compressor| {
        let mut bytes = vec![0; compressor.deflate_compress_bound(content.len())];
        let length = compressor.deflate_compress(content, &mut bytes);
        bytes.truncate(length.map_err(io::Error::other)?);
        Ok(bytes)
    })
}

/// Blocks that others may follow, or [`END`].
pub fn open(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = whole(content)?;
    let opening = Opening::of(stream.as_slice())?;
    stream[opening.offset as usize] = opening.byte;
    stream.extend_from_slice(opening.behind);
    Ok(stream)
}

/// What stands before a stream in a gzip file (RFC 1952).
pub const GZIP_HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// What stands behind it, by the CRC-32 of the content and its length.
pub fn gzip_tail(sum: u32, length: u64) -> [u8; 8] {
    let length = length as u32; // Of the length, the last 32 bits.
    let [sum, length] = [sum.to_le_bytes(), length.to_le_bytes()];
    std::array::from_fn(|at| if at < 4 { sum[at] } else { length[at - 4] })
}

/// A whole stream, compressed while it is read.
pub fn stream<R: Read>(content: R) -> Deflated<R> {
    Deflated::new(content, LEVEL_OF_STREAMS)
}

/// Whether content that begins so is compressed in pieces: where some pages of a database change, the others stay as they are.
pub fn is_in_pieces(begin: &[u8], length: u64) -> bool {
    length > PIECE && begin.starts_with(DATABASE)
}

/// As many bytes as tell what content is.
pub const BEGIN: u64 = DATABASE.len() as u64;

/// Blocks that others may follow, or [`END`]: they know nothing of what came before, and end with a byte.
pub fn piece(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut compress = Compress::new(Compression::new(LEVEL_OF_STREAMS), false);
    // More than any piece needs: a stored block for each few thousand bytes, and an empty one at the end.
    let mut bytes = Vec::with_capacity(content.len() + content.len() / 256 + 64);
    compress
        .compress_vec(content, &mut bytes, FlushCompress::Sync)
        .map_err(io::Error::other)?;
    if compress.total_in() != content.len() as u64 || bytes.len() == bytes.capacity() {
        return Err(io::Error::other("a piece came out longer than it can"));
    }
    Ok(bytes)
}

/// The whole stream of content that gets no shorter: what stands before each of its blocks, and how long they are.
pub fn stored(length: u64) -> impl Iterator<Item = ([u8; 5], u64)> {
    let blocks = length.div_ceil(BLOCK).max(1);
    (0..blocks).map(move |number| {
        let taken = (length - number * BLOCK).min(BLOCK);
        let [low, high] = (taken as u16).to_le_bytes();
        let last = u8::from(number + 1 == blocks);
        ([last, low, high, !low, !high], taken)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn inflate(stream: &[u8]) -> Vec<u8> {
        let mut content = Vec::new();
        let mut reader = flate2::bufread::DeflateDecoder::new(stream);
        reader.read_to_end(&mut content).unwrap();
        assert!(reader.into_inner().is_empty(), "it ends where it should");
        content
    }

    proptest! {
        #[test]
        fn pieces_join_to_a_stream_of_all_that_was_in_them(
            pieces in prop::collection::vec(
                prop_oneof![
                    prop::collection::vec(any::<u8>(), 1..3000),
                    (any::<u8>(), 1..70_000usize).prop_map(|(byte, length)| vec![byte; length]),
                    prop::collection::vec(0..3u8, 1..70_000),
                ],
                0..5,
            )
        ) {
            let mut stream = Vec::new();
            for content in &pieces {
                stream.extend(piece(content).unwrap());
            }
            stream.extend(END);
            prop_assert!(inflate(&stream) == pieces.concat());
        }

        #[test]
        fn streams_of_all_compressors_join_once_they_are_opened(
            contents in prop::collection::vec(
                prop_oneof![
                    prop::collection::vec(any::<u8>(), 0..3000),
                    (any::<u8>(), 0..70_000usize).prop_map(|(byte, length)| vec![byte; length]),
                    prop::collection::vec(0..3u8, 0..200_000),
                    prop::collection::vec(any::<u8>(), 60_000..140_000),
                ],
                0..4,
            )
        ) {
            let mut joined = Vec::new();
            for content in &contents {
                let mut pieces = Vec::new();
                for content in content.chunks(PIECE as usize) {
                    pieces.extend(piece(content).unwrap());
                }
                pieces.extend(END);
                let mut streamed = Vec::new();
                stream(&content[..]).read_to_end(&mut streamed).unwrap();
                let mut blocks = Vec::new();
                let mut left = &content[..];
                for (head, taken) in stored(content.len() as u64) {
                    let (block, later) = left.split_at(taken as usize);
                    blocks.extend([&head[..], block].concat());
                    left = later;
                }
                for mut stream in [whole(content).unwrap(), pieces, streamed, blocks] {
                    let opening = Opening::of(&stream[..]).unwrap();
                    // Without its end a stream is none, and nothing but its end lies behind it.
                    prop_assert!(Opening::of(&stream[..stream.len() - 1]).is_err());
                    prop_assert!(Opening::of(&[&stream[..], &[0]].concat()[..]).is_err());
                    stream[opening.offset as usize] = opening.byte;
                    joined.extend(stream);
                    joined.extend(opening.behind);
                }
                joined.extend(open(content).unwrap());
            }
            joined.extend(END);
            let expected: Vec<u8> = contents.iter().flat_map(|content| content.repeat(5)).collect();
            prop_assert!(inflate(&joined) == expected);
        }

        #[test]
        fn what_is_no_stream_is_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if Opening::of(&bytes[..]).is_ok() {
                let mut reader = flate2::bufread::DeflateDecoder::new(&bytes[..]);
                let read = reader.read_to_end(&mut Vec::new());
                // A distance may go back further than there is content.
                prop_assert!(read.is_err() || reader.into_inner().is_empty());
            }
        }
    }

    #[test]
    fn stored_blocks_hold_content_of_any_length() {
        let content: Vec<u8> = (0..200_000u32).map(|n| (n >> 3) as u8).collect();
        for length in [0, 1, 0xfffe, 0xffff, 0x10000, 0x1fffe, 200_000] {
            let (mut stream, mut left) = (Vec::new(), &content[..length]);
            for (head, taken) in stored(length as u64) {
                let (block, later) = left.split_at(taken as usize);
                stream.extend([&head[..], block].concat());
                left = later;
            }
            assert!(left.is_empty());
            assert!(inflate(&stream) == content[..length]);
        }
    }
}
