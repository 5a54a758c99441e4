//! Who signed a package.
//!
//! ```text
//! tag of the signature header            over
//! 267 DSA, 268 RSA, 278 OpenPGP (rpm 6)  the header
//! 1002 PGP, 1005 GPG                     header and payload
//! ```
//!
//! A signature over the header vouches for the payload too where the header states a digest of it, as all do since
//! rpm 4.14; the digest is checked when the package is read. Where it states none, and in packages that have no
//! signature over the header, as before rpm 4, the one over both has to be good.

use std::io::{self, Read};

use super::checksum::{Expectation, Hasher};
use super::index::{INTRO, Part, intro};
use super::package::{LEAD, payload_digests};
use super::{Error, Header, tags};
use crate::formats::openpgp::{Check, Keyring, Refusals, Verified};

/// Why a package is not known to be from the owner of a key.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    #[error("it is not signed")]
    Unsigned,
    #[error(transparent)]
    Refused(#[from] Refusals),
    #[error(
        "its signature is over its header alone, and the header states no digest of the payload"
    )]
    Uncovered,
    #[error(transparent)]
    Package(#[from] Error),
}

/// The signatures that a package carries, as OpenPGP packets.
#[derive(Debug, Default)]
struct Signatures {
    over_header: Vec<Vec<u8>>,
    over_content: Vec<Vec<u8>>,
}

/// Checks that a package is signed by one of the keys.
///
/// The digests that tie header and payload together are those of [`super::Package::read`], which has to be content too.
/// The payload is read only where a signature is over it.
pub fn verify(
    reader: &mut impl Read,
    keyring: &Keyring,
    epoch: i64,
) -> Result<Verified, SignatureError> {
    let signatures = Signatures::read(reader)?;
    let header = Header::read(reader)?;
    let over_header = match signatures.over_header.is_empty() {
        true => None,
        false => {
            let mut check = begin(keyring, &signatures.over_header, epoch);
            check.update(header.image());
            Some(check.finish()?)
        }
    };
    match over_header {
        Some(verified) if covers_payload(&header)? => Ok(verified),
        Some(_) if signatures.over_content.is_empty() => Err(SignatureError::Uncovered),
        None if signatures.over_content.is_empty() => Err(SignatureError::Unsigned),
        _ => {
            let mut check = begin(keyring, &signatures.over_content, epoch);
            check.update(header.image());
            if check.is_open() {
                feed(reader, &mut check).map_err(Error::Read)?;
            }
            Ok(check.finish()?)
        }
    }
}

impl Signatures {
    /// Reads a package's lead and signature header, up to its header.
    fn read(reader: &mut impl Read) -> Result<Signatures, Error> {
        let part = Part::Signature;
        bytes(reader, "lead", LEAD)?;
        let mut image = bytes(reader, part.name(), INTRO)?;
        let start = image.first_chunk().expect("as many bytes were read");
        let (_, length) = intro(part, start)?;
        image.extend(bytes(reader, part.name(), length)?);
        bytes(reader, part.name(), (8 - image.len() % 8) % 8)?;
        Signatures::of(&Header::parse_as(part, image)?)
    }

    fn of(header: &Header) -> Result<Signatures, Error> {
        use tags::signature::{DSA, GPG, OPENPGP, PGP, RSA};
        let mut signatures = Signatures::default();
        for tag in [RSA, DSA] {
            let found = header.binary(tag)?;
            signatures.over_header.extend(found.map(<[u8]>::to_vec));
        }
        for text in header.strings(OPENPGP)? {
            let decoded = data_encoding::BASE64.decode(text);
            let bytes = decoded.map_err(|error| Error::tag(OPENPGP, error.to_string()))?;
            signatures.over_header.push(bytes);
        }
        for tag in [PGP, GPG] {
            let found = header.binary(tag)?;
            signatures.over_content.extend(found.map(<[u8]>::to_vec));
        }
        Ok(signatures)
    }
}

fn begin<'a>(keyring: &'a Keyring, signatures: &[Vec<u8>], epoch: i64) -> Check<'a> {
    Check::new(keyring, signatures.iter().map(Vec::as_slice), epoch)
}

/// Whether the header states a digest of the payload that nobody can make another payload for.
pub(super) fn covers_payload(header: &Header) -> Result<bool, Error> {
    let strong = |stated: &Expectation| !matches!(stated.hasher, Hasher::Md5(_) | Hasher::Sha1(_));
    Ok(payload_digests(header)?.iter().any(strong))
}

/// Exactly so many bytes; memory grows with what is there, not with what is claimed.
fn bytes(reader: &mut impl Read, part: &'static str, length: usize) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    reader
        .take(length as u64)
        .read_to_end(&mut bytes)
        .map_err(Error::Read)?;
    match bytes.len() < length {
        true => Err(Error::Truncated { part }),
        false => Ok(bytes),
    }
}

fn feed(reader: &mut impl Read, check: &mut Check) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 17];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => check.update(&buffer[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
