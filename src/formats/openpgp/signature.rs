//! A signature: what it is over, by whom, when. RFC 9580, section 5.2.

use super::algorithm::Hasher;
use super::error::Error;
use super::key::KeyId;
use super::reader::Reader;
use super::subpackets::Subpackets;

/// Kinds of signatures.
pub mod kind {
    pub const BINARY: u8 = 0x00;
    pub const CERTIFICATIONS: std::ops::RangeInclusive<u8> = 0x10..=0x13;
    pub const SUBKEY_BINDING: u8 = 0x18;
    pub const PRIMARY_BINDING: u8 = 0x19;
    pub const DIRECT: u8 = 0x1f;
    pub const KEY_REVOCATION: u8 = 0x20;
    pub const SUBKEY_REVOCATION: u8 = 0x28;
    pub const CERTIFICATION_REVOCATION: u8 = 0x30;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    pub version: u8,
    pub kind: u8,
    pub algorithm: u8,
    pub digest: u8,
    pub created: u32,
    pub said: Subpackets,
    /// Hashed before the data.
    pub salt: Vec<u8>,
    /// Hashed after the data.
    pub trailer: Vec<u8>,
    /// The first two bytes of the digest.
    pub hint: [u8; 2],
    pub material: Vec<u8>,
}

impl Signature {
    pub fn read(body: &[u8]) -> Result<Signature, Error> {
        let mut reader = Reader(body);
        match reader.u8()? {
            2 | 3 => Self::old(reader),
            version @ (4 | 6) => Self::new(version, body, reader),
            version => Err(Error::malformed(format!(
                "signatures of version {version} are not known"
            ))),
        }
    }

    fn old(mut reader: Reader) -> Result<Signature, Error> {
        if reader.u8()? != 5 {
            return Err(Error::malformed(
                "a signature of version 3 is over five bytes",
            ));
        }
        let trailer = reader.0.get(..5).unwrap_or_default().to_vec();
        let (kind, created) = (reader.u8()?, reader.u32()?);
        let issuer = KeyId(reader.array()?);
        Ok(Signature {
            version: 3,
            kind,
            created,
            algorithm: reader.u8()?,
            digest: reader.u8()?,
            hint: reader.array()?,
            said: Subpackets {
                issuers: vec![issuer],
                ..Subpackets::default()
            },
            salt: Vec::new(),
            trailer,
            material: reader.rest().to_vec(),
        })
    }

    fn new(version: u8, body: &[u8], mut reader: Reader) -> Result<Signature, Error> {
        let (kind, algorithm, digest) = (reader.u8()?, reader.u8()?, reader.u8()?);
        let length = |reader: &mut Reader| match version {
            6 => reader.u32().map(|length| length as usize),
            _ => reader.u16().map(usize::from),
        };
        let hashed_length = length(&mut reader)?;
        let hashed = reader.take(hashed_length)?;
        let end = body.len() - reader.0.len();
        let unhashed_length = length(&mut reader)?;
        let unhashed = reader.take(unhashed_length)?;
        let hint = reader.array()?;
        let salt = match version {
            6 => reader.named()?.to_vec(),
            _ => Vec::new(),
        };
        let mut trailer = body[..end].to_vec();
        trailer.extend([version, 0xff]);
        // By its place in a packet, no more than four bytes can count.
        trailer.extend((end as u32).to_be_bytes());
        let said = Subpackets::read(hashed, unhashed)?;
        let created = said
            .created
            .ok_or_else(|| Error::malformed("a signature does not say when it was made"))?;
        Ok(Signature {
            version,
            kind,
            algorithm,
            digest,
            created,
            said,
            salt,
            trailer,
            hint,
            material: reader.rest().to_vec(),
        })
    }

    /// The digest of what the signature is over, begun; an error names the algorithm.
    pub fn hasher(&self) -> Result<Hasher, String> {
        let mut hasher = Hasher::new(self.digest)?;
        if self.version == 6 && self.salt.len() != hasher.salt() {
            return Err(format!("with {} bytes of salt", self.salt.len()));
        }
        hasher.update(&self.salt);
        Ok(hasher)
    }

    /// Whether it does not count any more at some moment.
    pub fn ended(&self, at: i64) -> bool {
        let end = |after| i64::from(self.created) + i64::from(after);
        self.said
            .expires_after
            .is_some_and(|after| end(after) <= at)
    }
}
