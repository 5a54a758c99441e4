//! A public key by itself: its name, its age, its numbers. RFC 9580, section 5.5.2.

use std::fmt;

use sha1::Digest as _;

use super::algorithm::Material;
use super::error::Error;
use super::reader::Reader;

/// The eight bytes that a key is called by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 8]);

impl KeyId {
    /// From the fingerprint of a key of some version; none for versions whose fingerprints are not known.
    pub(super) fn of(version: u8, fingerprint: &[u8]) -> Option<KeyId> {
        match (version, fingerprint.len()) {
            (4, 20) => fingerprint.last_chunk().copied().map(KeyId),
            (6, 32) => fingerprint.first_chunk().copied().map(KeyId),
            _ => None,
        }
    }
}

/// As rpm writes it.
impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[derive(Debug, Clone)]
pub struct PublicKey {
    pub version: u8,
    pub id: KeyId,
    pub created: u32,
    /// What it verifies with, or the name of the algorithm that is not known here.
    pub material: Result<Material, String>,
    /// What signatures over the key begin with.
    pub image: Vec<u8>,
}

impl PublicKey {
    pub fn read(body: &[u8]) -> Result<PublicKey, Error> {
        let mut reader = Reader(body);
        let version = reader.u8()?;
        let created = reader.u32()?;
        match version {
            2 | 3 => Self::old(version, created, body, reader),
            4 | 6 => {
                let algorithm = reader.u8()?;
                if version == 6 {
                    reader.u32()?;
                }
                let image = image(version, body)?;
                Ok(PublicKey {
                    version,
                    id: id(version, &image),
                    created,
                    material: Material::read(algorithm, reader)?,
                    image,
                })
            }
            _ => Err(Error::malformed(format!(
                "keys of version {version} are not known"
            ))),
        }
    }

    /// Keys of PGP 2 are called by the end of their modulus, and were bound with MD5: they are known by name alone.
    fn old(version: u8, created: u32, body: &[u8], mut reader: Reader) -> Result<Self, Error> {
        reader.take(3)?;
        let modulus = reader.integer()?;
        let id = modulus
            .last_chunk()
            .ok_or_else(|| Error::malformed("a key is too short"))?;
        Ok(PublicKey {
            version,
            id: KeyId(*id),
            created,
            material: Err(format!("of keys of version {version}")),
            image: image(4, body)?,
        })
    }
}

fn image(version: u8, body: &[u8]) -> Result<Vec<u8>, Error> {
    let long = |_| Error::malformed("a key is too long");
    let mut image = Vec::with_capacity(body.len() + 5);
    if version == 6 {
        image.push(0x9b);
        image.extend(u32::try_from(body.len()).map_err(long)?.to_be_bytes());
    } else {
        image.push(0x99);
        image.extend(u16::try_from(body.len()).map_err(long)?.to_be_bytes());
    }
    image.extend(body);
    Ok(image)
}

fn id(version: u8, image: &[u8]) -> KeyId {
    let fingerprint = match version {
        6 => sha2::Sha256::digest(image).to_vec(),
        _ => sha1::Sha1::digest(image).to_vec(),
    };
    KeyId::of(version, &fingerprint).expect("the fingerprint is of that version")
}
