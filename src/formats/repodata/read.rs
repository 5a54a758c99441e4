//! Reading `repomd.xml`, and opening what it names.

use std::io::Read;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::Data;

/// More than any distribution's metadata has, and less than a machine's memory.
const LIMIT: u64 = 1 << 30;

/// Why repository metadata could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("repomd.xml is not well-formed at byte {at}")]
    Syntax { at: u64, source: quick_xml::Error },
    #[error("repomd.xml has a <{element}> without {attribute}")]
    Attribute {
        element: &'static str,
        attribute: &'static str,
    },
    #[error("{name} can't be decompressed")]
    Compression {
        name: String,
        source: std::io::Error,
    },
    #[error("{name} is larger than {LIMIT} bytes when decompressed")]
    Large { name: String },
}

/// The files that `repomd.xml` names, in its order.
pub fn references(repomd: &[u8]) -> Result<Vec<Data>, ReadError> {
    let mut reader = Reader::from_reader(repomd);
    let mut data = Vec::new();
    let mut kind = None;
    let mut buffer = Vec::new();
    loop {
        let event = reader
            .read_event_into(&mut buffer)
            .map_err(|source| ReadError::Syntax {
                at: reader.error_position(),
                source,
            })?;
        match event {
            Event::Start(start) if start.name().0 == "data" => {
                kind = Some(attribute(&start, "data", "type")?);
            }
            Event::Start(start) | Event::Empty(start) if start.name().0 == "location" => {
                if let Some(kind) = kind.take() {
                    let href = attribute(&start, "location", "href")?;
                    data.push(Data { kind, href });
                }
            }
            Event::Eof => return Ok(data),
            _ => {}
        }
        buffer.clear();
    }
}

fn attribute(
    start: &BytesStart<'_>,
    element: &'static str,
    attribute: &'static str,
) -> Result<String, ReadError> {
    let missing = || ReadError::Attribute { element, attribute };
    let found = start
        .try_get_attribute(attribute)
        .map_err(|_| missing())?
        .ok_or_else(missing)?;
    let value = quick_xml::escape::unescape(&found.value).map_err(|_| missing())?;
    Ok(value.into_owned())
}

/// Decompresses a metadata file by the ending of its name: `.gz`, `.xz`, `.bz2`, `.zst`, or none.
pub fn open(name: &str, bytes: &[u8]) -> Result<Vec<u8>, ReadError> {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let failed = |source| ReadError::Compression {
        name: name.to_owned(),
        source,
    };
    let reader: Box<dyn Read + '_> = match ending {
        "gz" => Box::new(flate2::read::MultiGzDecoder::new(bytes)),
        "xz" => Box::new(liblzma::read::XzDecoder::new_multi_decoder(bytes)),
        "bz2" => Box::new(bzip2::read::MultiBzDecoder::new(bytes)),
        "zst" => Box::new(zstd::stream::read::Decoder::new(bytes).map_err(failed)?),
        _ => Box::new(bytes),
    };
    let mut opened = Vec::new();
    reader
        .take(LIMIT + 1)
        .read_to_end(&mut opened)
        .map_err(failed)?;
    if opened.len() as u64 > LIMIT {
        return Err(ReadError::Large {
            name: name.to_owned(),
        });
    }
    Ok(opened)
}
