//! The compressions of SquashFS, each at one level, by libraries that are pinned.

use std::io::{self, Write};

use flate2::write::ZlibEncoder;
use liblzma::stream::{Check, Filters, LzmaOptions, Stream};
use liblzma::write::XzEncoder;
use serde::{Deserialize, Serialize};

/// How blocks are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Every kernel reads it.
    Gzip,
    /// The smallest, and slow.
    Xz,
    /// Read by Linux since 4.14, where it is configured.
    #[default]
    Zstd,
}

impl Compression {
    /// As the superblock numbers it.
    pub(super) fn number(self) -> u16 {
        match self {
            Compression::Gzip => 1,
            Compression::Xz => 4,
            Compression::Zstd => 6,
        }
    }

    /// The bytes of a block, if they are fewer than before. Blocks are of one size, which bounds the window.
    pub(super) fn compress(self, block: &[u8], window: usize) -> io::Result<Option<Vec<u8>>> {
        let bytes = match self {
            Compression::Gzip => {
                let mut encoder = ZlibEncoder::new(Vec::new(), flate2::Compression::new(9));
                encoder.write_all(block)?;
                encoder.finish()?
            }
            Compression::Xz => {
                let mut options = LzmaOptions::new_preset(6).map_err(io::Error::other)?;
                options.dict_size(window.max(8192) as u32);
                let mut filters = Filters::new();
                filters.lzma2(&options);
                let stream = Stream::new_stream_encoder(&filters, Check::Crc32);
                let stream = stream.map_err(io::Error::other)?;
                let mut encoder = XzEncoder::new_stream(Vec::new(), stream);
                encoder.write_all(block)?;
                encoder.finish()?
            }
            Compression::Zstd => zstd::bulk::compress(block, 9)?,
        };
        Ok((bytes.len() < block.len()).then_some(bytes))
    }
}
