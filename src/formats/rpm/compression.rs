//! The compressors of payloads, known by their first bytes.

use std::io::{self, BufReader, Read};

use super::Error;

/// How a payload is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    None,
    Gzip,
    Bzip2,
    Xz,
    Lzma,
    Zstd,
}

/// `xz -9` needs 65 MiB; a stream that asks for more than this is no package of ours.
const MOST_MEMORY: u64 = 256 << 20;

impl Compression {
    pub const fn name(self) -> &'static str {
        match self {
            Compression::None => "nothing",
            Compression::Gzip => "gzip",
            Compression::Bzip2 => "bzip2",
            Compression::Xz => "xz",
            Compression::Lzma => "lzma",
            Compression::Zstd => "zstd",
        }
    }

    /// What the first bytes say; lzma alone has no magic number, so there the header's word counts.
    fn sniff(start: &[u8], stated: &[u8]) -> Option<Compression> {
        Some(match start {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            [b'B', b'Z', b'h', ..] => Compression::Bzip2,
            [0xfd, b'7', b'z', b'X', b'Z', 0] => Compression::Xz,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
            [b'0', b'7', b'0', b'7', b'0', _] => Compression::None,
            _ if stated == b"lzma" => Compression::Lzma,
            _ => return None,
        })
    }
}

/// Opens a payload; `stated` is what the header calls its compressor.
pub fn decompress<'a>(
    mut reader: impl Read + Send + 'a,
    stated: &[u8],
) -> Result<(Compression, Box<dyn Read + Send + 'a>), Error> {
    let mut start = Vec::new();
    (&mut reader)
        .take(6)
        .read_to_end(&mut start)
        .map_err(Error::Read)?;
    let compression = Compression::sniff(&start, stated).ok_or_else(|| {
        let reason = match start.is_empty() {
            true => "it is empty".to_owned(),
            false => format!(
                "it begins with no known compression: {}",
                start.escape_ascii()
            ),
        };
        Error::malformed("payload", reason)
    })?;
    let reader = BufReader::with_capacity(1 << 16, io::Cursor::new(start).chain(reader));
    let failed = |source| Error::Decompress {
        compressor: compression.name(),
        source,
    };
    let open: Box<dyn Read + Send + 'a> = match compression {
        Compression::None => Box::new(reader),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(reader)),
        Compression::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(reader)),
        Compression::Xz => {
            let stream = liblzma::stream::Stream::new_stream_decoder(
                MOST_MEMORY,
                liblzma::stream::CONCATENATED,
            );
            let stream = stream.map_err(|error| failed(error.into()))?;
            Box::new(liblzma::bufread::XzDecoder::new_stream(reader, stream))
        }
        Compression::Lzma => {
            let stream = liblzma::stream::Stream::new_lzma_decoder(MOST_MEMORY);
            let stream = stream.map_err(|error| failed(error.into()))?;
            Box::new(liblzma::bufread::XzDecoder::new_stream(reader, stream))
        }
        Compression::Zstd => {
            Box::new(zstd::stream::read::Decoder::with_buffer(reader).map_err(failed)?)
        }
    };
    Ok((compression, open))
}
