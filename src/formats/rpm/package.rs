//! A whole package file: lead, signatures, header, payload.
//!
//! ```text
//! lead (96 bytes) │ signature header │ padding to 8 │ header │ payload
//!                                                   └───── content ────┘
//! ```
//!
//! Every digest that the file states of itself is checked; who signed it is asked in [`super::signature`].

use std::io::Read;

use super::checksum::{Expectation, Hasher};
use super::describe::describe;
use super::index::{INTRO, Part, intro};
use super::payload::{digest_algorithm, expect, refuse_delta};
use super::record::Record;
use super::signature::covers_payload;
use super::{Error, Header, tags};
use crate::ids::{Algorithm, BlobId, Digest, Hash};

pub(super) const LEAD: usize = 96;
const LEAD_MAGIC: [u8; 4] = [0xed, 0xab, 0xee, 0xdb];
/// RPMSIGTYPE_HEADERSIG, the only kind of signature that rpm has known since 1998.
const HEADER_SIGNATURE: u16 = 5;

/// A package that was read to its end and is what it says.
#[derive(Debug, Clone, PartialEq)]
pub struct Package {
    pub header: Header,
    pub record: Record,
}

/// The bytes of the file as they come, with the digests of all, and of the content.
struct Stream<R> {
    reader: R,
    position: u64,
    file: blake3::Hasher,
    sha256: Hasher,
    content: blake3::Hasher,
    expected: Vec<Expectation>,
}

impl<R: Read> Stream<R> {
    fn hash(&mut self, bytes: &[u8]) {
        self.position += bytes.len() as u64;
        self.file.update(bytes);
        self.sha256.update(bytes);
    }

    /// Exactly so many bytes; memory grows with what is there, not with what is claimed.
    fn bytes(&mut self, part: &'static str, length: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        (&mut self.reader)
            .take(length as u64)
            .read_to_end(&mut bytes)
            .map_err(Error::Read)?;
        if bytes.len() < length {
            return Err(Error::Truncated { part });
        }
        self.hash(&bytes);
        Ok(bytes)
    }

    fn header(&mut self, part: Part) -> Result<Header, Error> {
        let mut image = self.bytes(part.name(), INTRO)?;
        let start = image.first_chunk().expect("as many bytes were read");
        let (_, length) = intro(part, start)?;
        image.extend(self.bytes(part.name(), length)?);
        Header::parse_as(part, image)
    }

    fn content(&mut self, bytes: &[u8]) {
        self.content.update(bytes);
        for expectation in &mut self.expected {
            expectation.hasher.update(bytes);
        }
    }

    fn payload(&mut self, mut expected: Vec<Expectation>) -> Result<u64, Error> {
        let mut buffer = vec![0; 1 << 17];
        let start = self.position;
        loop {
            let length = match self.reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Error::Read(error)),
            };
            let bytes = &buffer[..length];
            self.hash(bytes);
            self.content(bytes);
            for expectation in &mut expected {
                expectation.hasher.update(bytes);
            }
        }
        expected.into_iter().try_for_each(Expectation::check)?;
        Ok(self.position - start)
    }
}

impl Package {
    /// Reads a package to its end, once, and checks the digests and lengths that it states.
    pub fn read(reader: &mut impl Read) -> Result<Package, Error> {
        let mut stream = Stream {
            reader,
            position: 0,
            file: blake3::Hasher::new(),
            sha256: Hasher::new(Algorithm::Sha256),
            content: blake3::Hasher::new(),
            expected: Vec::new(),
        };
        lead(&mut stream)?;
        let signature = stream.header(Part::Signature)?;
        let padding = (8 - stream.position % 8) as usize % 8;
        stream.bytes("signature header", padding)?;

        let start = stream.position;
        let header = stream.header(Part::Main)?;
        refuse_delta(&header)?;
        check_header(&signature, &header)?;
        // Of both header and payload; nobody needs it where stronger ones cover both, and it takes as long as all of them.
        let covered = signature.has(tags::signature::SHA256) && covers_payload(&header)?;
        if let Some(md5) = signature.binary(tags::signature::MD5)?
            && !covered
        {
            let stated = data_encoding::HEXLOWER.encode(md5);
            let what = "MD5 of header and payload";
            stream.expected = vec![Expectation::new(what, Algorithm::Md5, stated)];
        }
        stream.content(header.image());

        let payload_start = stream.position;
        let length = stream.payload(payload_digests(&header)?)?;
        check_lengths(&signature, &header, length)?;
        std::mem::take(&mut stream.expected)
            .into_iter()
            .try_for_each(Expectation::check)?;

        let record = Record {
            content: BlobId(Hash::from_bytes(*stream.content.finalize().as_bytes())),
            file: BlobId(Hash::from_bytes(*stream.file.finalize().as_bytes())),
            sha256: Digest {
                algorithm: Algorithm::Sha256,
                hex: stream.sha256.finish(),
            },
            file_size: stream.position,
            header_range: (start, payload_start),
            archive_size: archive_size(&signature, &header)?,
            ..describe(&header)?
        };
        Ok(Package { header, record })
    }
}

fn lead<R: Read>(stream: &mut Stream<R>) -> Result<(), Error> {
    let mut start = Vec::new();
    let reader = &mut stream.reader;
    reader
        .take(4)
        .read_to_end(&mut start)
        .map_err(Error::Read)?;
    stream.hash(&start);
    match start.as_slice() {
        magic if magic == LEAD_MAGIC => {}
        b"drpm" => return Err(Error::Delta),
        _ => return Err(Error::NotAPackage),
    }
    let rest = stream.bytes("lead", LEAD - 4)?;
    let number = |at: usize| u16::from_be_bytes([rest[at - 4], rest[at - 3]]);
    let bad = |reason: String| Error::malformed("lead", reason);
    match rest[0] {
        3 | 4 => {}
        major => {
            return Err(bad(format!(
                "{major} is not a version of the package format"
            )));
        }
    }
    match number(78) {
        HEADER_SIGNATURE => Ok(()),
        kind => Err(bad(format!(
            "{kind} is not a kind of signature in use since rpm 2.0"
        ))),
    }
}

/// The digests that the signature header has of the main header.
fn check_header(signature: &Header, header: &Header) -> Result<(), Error> {
    use tags::signature::{SHA1, SHA256};
    let mut expected = Vec::new();
    expect(
        signature,
        &mut expected,
        SHA1,
        Some(Algorithm::Sha1),
        "SHA-1 of the header",
    )?;
    expect(
        signature,
        &mut expected,
        SHA256,
        Some(Algorithm::Sha256),
        "SHA-256 of the header",
    )?;
    expected.into_iter().try_for_each(|mut expectation| {
        expectation.hasher.update(header.image());
        expectation.check()
    })
}

pub(super) fn payload_digests(header: &Header) -> Result<Vec<Expectation>, Error> {
    const WHAT: &str = "digest of the payload";
    let mut expected = Vec::new();
    let algorithm = digest_algorithm(header)?;
    expect(header, &mut expected, tags::PAYLOAD_DIGEST, algorithm, WHAT)?;
    expect(
        header,
        &mut expected,
        tags::PAYLOAD_SHA512,
        Some(Algorithm::Sha512),
        WHAT,
    )?;
    Ok(expected)
}

fn check_lengths(signature: &Header, header: &Header, payload: u64) -> Result<(), Error> {
    let content = header.image().len() as u64 + payload;
    let whole = "length of header and payload";
    let stated = [
        (whole, signature.number(tags::signature::SIZE)?, content),
        (
            whole,
            signature.number(tags::signature::LONG_SIZE)?,
            content,
        ),
        (
            "length of the payload",
            header.number(tags::PAYLOAD_SIZE)?,
            payload,
        ),
    ];
    for (what, stated, found) in stated {
        if let Some(stated) = stated.filter(|&stated| stated != found) {
            return Err(Error::Mismatch {
                what,
                stated: stated.to_string(),
                found: found.to_string(),
            });
        }
    }
    Ok(())
}

fn archive_size(signature: &Header, header: &Header) -> Result<u64, Error> {
    use tags::signature::{LONG_ARCHIVE_SIZE, PAYLOAD_SIZE};
    let stated = [
        signature.number(LONG_ARCHIVE_SIZE)?,
        signature.number(PAYLOAD_SIZE)?,
        header.number(tags::ARCHIVE_SIZE)?,
        header.number(tags::PAYLOAD_SIZE_ALT)?,
    ];
    Ok(stated.into_iter().flatten().next().unwrap_or(0))
}
