//! The compressors of metadata, known by their first bytes.

use std::io::{self, BufReader, Read};
use std::sync::Arc;

use super::error::{Damage, ReadError};

/// More than any distribution's metadata has when decompressed.
pub(super) const LIMIT: u64 = 2 << 30;

/// What is read into memory whole is smaller than that.
const WHOLE: u64 = 1 << 30;

/// `xz -9` needs 65 MiB; a stream that asks for more than this is no metadata.
const MOST_MEMORY: u64 = 256 << 20;

/// Opens gzip, bzip2, xz, zstd, or what is none of them and therefore not compressed.
pub(super) fn decompress<'a>(mut reader: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let mut start = Vec::new();
    (&mut reader).take(6).read_to_end(&mut start)?;
    let magic = start.clone();
    let reader = BufReader::with_capacity(1 << 16, io::Cursor::new(start).chain(reader));
    Ok(match magic.as_slice() {
        [0x1f, 0x8b, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(reader)),
        [b'B', b'Z', b'h', ..] => Box::new(bzip2::bufread::MultiBzDecoder::new(reader)),
        [0xfd, b'7', b'z', b'X', b'Z', 0] => {
            let flags = liblzma::stream::CONCATENATED;
            let stream = liblzma::stream::Stream::new_stream_decoder(MOST_MEMORY, flags)?;
            Box::new(liblzma::bufread::XzDecoder::new_stream(reader, stream))
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Box::new(zstd::stream::read::Decoder::with_buffer(reader)?),
        _ => Box::new(reader),
    })
}

/// Decompresses a metadata file, which nothing states anything of.
pub fn open(name: &str, bytes: &[u8]) -> Result<Vec<u8>, ReadError> {
    let failed = |source: io::Error| ReadError::Stream {
        file: name.to_owned(),
        source: Arc::new(source),
    };
    let mut opened = Vec::new();
    decompress(bytes)
        .map_err(failed)?
        .take(WHOLE + 1)
        .read_to_end(&mut opened)
        .map_err(failed)?;
    if opened.len() as u64 > WHOLE {
        let part = "what is in it";
        return Err(failed(Damage::Large { part }.into()));
    }
    let promised = [".gz", ".bz2", ".xz", ".zst"];
    if opened == bytes && promised.iter().any(|ending| name.ends_with(ending)) {
        return Err(failed(Damage::Plain.into()));
    }
    Ok(opened)
}
