//! The algorithms: which are known, and the arithmetic of a signature.
//!
//! Numbers are checked for their sizes before they are handed on: the libraries rely on it.

use dsa::BoxedUint;
use ed25519_dalek::Verifier as _;
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::Pkcs1v15Sign;
use sha2::digest::DynDigest;
use sha2::{Sha224, Sha256, Sha384, Sha512};

use super::error::Error;
use super::reader::Reader;

const RSA: u8 = 1;
const RSA_SIGN: u8 = 3;
const DSA: u8 = 17;
const ECDSA: u8 = 19;
const EDDSA: u8 = 22;
const ED25519: u8 = 27;

const SHA1: u8 = 2;

/// Names of public-key algorithms: RFC 9580, section 9.1, and draft-ietf-openpgp-pqc.
fn name(algorithm: u8) -> String {
    let name = match algorithm {
        RSA | 2 | RSA_SIGN => "RSA",
        16 | 20 => "Elgamal",
        DSA => "DSA",
        18 => "ECDH",
        ECDSA => "ECDSA",
        EDDSA => "EdDSA",
        25 => "X25519",
        26 => "X448",
        ED25519 => "Ed25519",
        28 => "Ed448",
        30 => "ML-DSA-65+Ed25519",
        31 => "ML-DSA-87+Ed448",
        32 => "SLH-DSA-SHAKE-128s",
        33 => "SLH-DSA-SHAKE-128f",
        34 => "SLH-DSA-SHAKE-256s",
        35 => "ML-KEM-768+X25519",
        36 => "ML-KEM-1024+X448",
        number => return format!("number {number}"),
    };
    name.to_owned()
}

/// Curves that are known by name, or only by name.
fn curve(id: &[u8]) -> Result<Curve, String> {
    let name = match id {
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07] => return Ok(Curve::P256),
        [0x2b, 0x81, 0x04, 0x00, 0x22] => return Ok(Curve::P384),
        [0x2b, 0x81, 0x04, 0x00, 0x23] => return Ok(Curve::P521),
        [0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01] => return Ok(Curve::Ed25519),
        [0x2b, 0x65, 0x71] => "Ed448",
        [0x2b, 0x81, 0x04, 0x00, 0x0a] => "secp256k1",
        [0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, rest @ ..] => match rest {
            [0x07] => "brainpoolP256r1",
            [0x0b] => "brainpoolP384r1",
            [0x0d] => "brainpoolP512r1",
            _ => "another of brainpool",
        },
        _ => return Err(format!("with curve {}", data_encoding::HEXLOWER.encode(id))),
    };
    Err(format!("with curve {name}"))
}

enum Curve {
    P256,
    P384,
    P521,
    Ed25519,
}

/// The digest of what is signed, under way.
pub struct Hasher {
    digest: Box<dyn DynDigest + Send>,
    number: u8,
}

impl Hasher {
    /// By the number of the algorithm; an error is its name.
    pub fn new(number: u8) -> Result<Hasher, String> {
        let digest: Box<dyn DynDigest + Send> = match number {
            SHA1 => Box::<sha1::Sha1>::default(),
            8 => Box::<Sha256>::default(),
            9 => Box::<Sha384>::default(),
            10 => Box::<Sha512>::default(),
            11 => Box::<Sha224>::default(),
            12 => return Err("SHA3-256".to_owned()),
            14 => return Err("SHA3-512".to_owned()),
            number => return Err(format!("digest number {number}")),
        };
        Ok(Hasher { digest, number })
    }

    /// Bytes of salt that a signature of version 6 puts before the data.
    pub fn salt(&self) -> usize {
        (self.digest.output_size() / 2).max(16)
    }

    pub fn update(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
    }

    pub fn finish(self) -> Digest {
        Digest {
            number: self.number,
            bytes: self.digest.finalize(),
        }
    }
}

/// Digests for which somebody has made two texts with one.
pub fn weakness(digest: u8) -> Option<&'static str> {
    match digest {
        1 => Some("MD5"),
        SHA1 => Some("SHA-1"),
        3 => Some("RIPEMD-160"),
        _ => None,
    }
}

/// The finished digest of what is signed.
pub struct Digest {
    number: u8,
    pub bytes: Box<[u8]>,
}

/// What a public key verifies with.
#[derive(Debug, Clone)]
pub enum Material {
    Rsa(rsa::PublicKey),
    Dsa(dsa::VerifyingKey),
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    P521(p521::ecdsa::VerifyingKey),
    /// Algorithm 22, whose signatures are two numbers.
    EdDsa(ed25519_dalek::VerifyingKey),
    /// Algorithm 27, whose signatures are 64 bytes.
    Ed25519(ed25519_dalek::VerifyingKey),
}

impl Material {
    /// Reads the numbers of a key; the inner error names what is not known here.
    pub fn read(algorithm: u8, mut reader: Reader) -> Result<Result<Material, String>, Error> {
        let reader = &mut reader;
        let unknown = |more: String| Ok(Err(format!("{} {more}", name(algorithm))));
        let made = match algorithm {
            RSA | RSA_SIGN => rsa_key(reader)?,
            DSA => dsa_key(reader)?,
            ECDSA | EDDSA => match (algorithm, curve(reader.named()?)) {
                (ECDSA, Ok(Curve::P256)) => point(reader, |point| {
                    p256::ecdsa::VerifyingKey::from_sec1_bytes(point).map(Material::P256)
                })?,
                (ECDSA, Ok(Curve::P384)) => point(reader, |point| {
                    p384::ecdsa::VerifyingKey::from_sec1_bytes(point).map(Material::P384)
                })?,
                (ECDSA, Ok(Curve::P521)) => point(reader, |point| {
                    p521::ecdsa::VerifyingKey::from_sec1_bytes(point).map(Material::P521)
                })?,
                (EDDSA, Ok(Curve::Ed25519)) => match reader.integer()? {
                    [0x40, point @ ..] => edwards(point).map(Material::EdDsa),
                    _ => None,
                },
                (_, Ok(_)) => return unknown("with a curve of another".to_owned()),
                (_, Err(curve)) => return unknown(curve),
            },
            ED25519 => edwards(reader.take(32)?).map(Material::Ed25519),
            _ => return Ok(Err(name(algorithm))),
        };
        match made {
            Some(material) => Ok(Ok(material)),
            None => unknown("with numbers of unusual sizes, or that are no key".to_owned()),
        }
    }

    fn takes(&self, algorithm: u8) -> bool {
        match self {
            Material::Rsa(_) => matches!(algorithm, RSA | RSA_SIGN),
            Material::Dsa(_) => algorithm == DSA,
            Material::P256(_) | Material::P384(_) | Material::P521(_) => algorithm == ECDSA,
            Material::EdDsa(_) => algorithm == EDDSA,
            Material::Ed25519(_) => algorithm == ED25519,
        }
    }

    /// Whether these are the numbers of a signature over the digest; anything malformed is none.
    pub fn verifies(&self, algorithm: u8, digest: &Digest, numbers: &[u8]) -> bool {
        self.takes(algorithm) && self.check(digest, Reader(numbers)).is_some()
    }

    fn check(&self, digest: &Digest, mut reader: Reader) -> Option<()> {
        match self {
            Material::Rsa(key) => {
                let signature = padded(reader.integer().ok()?, rsa_size(key))?;
                key.verify(padding(digest.number)?, &digest.bytes, &signature)
                    .ok()
            }
            Material::Dsa(key) => {
                let q = key.components().q();
                let mut number = || {
                    let bytes = reader.integer().ok()?;
                    BoxedUint::from_be_slice(bytes, q.bits_precision()).ok()
                };
                let signature = dsa::Signature::from_components(number()?, number()?)?;
                key.verify_prehash(&digest.bytes, &signature).ok()
            }
            Material::P256(key) => {
                let numbers = pair(reader, 32)?;
                let signature = p256::ecdsa::Signature::from_slice(&numbers).ok()?;
                key.verify_prehash(&digest.bytes, &signature).ok()
            }
            Material::P384(key) => {
                let numbers = pair(reader, 48)?;
                let signature = p384::ecdsa::Signature::from_slice(&numbers).ok()?;
                key.verify_prehash(&digest.bytes, &signature).ok()
            }
            Material::P521(key) => {
                let numbers = pair(reader, 66)?;
                let signature = p521::ecdsa::Signature::from_slice(&numbers).ok()?;
                key.verify_prehash(&digest.bytes, &signature).ok()
            }
            Material::EdDsa(key) => {
                let signature = ed25519_dalek::Signature::from_slice(&pair(reader, 32)?).ok()?;
                key.verify(&digest.bytes, &signature).ok()
            }
            Material::Ed25519(key) => {
                let signature = ed25519_dalek::Signature::from_slice(reader.rest()).ok()?;
                key.verify(&digest.bytes, &signature).ok()
            }
        }
    }
}

/// How RSA pads a digest: PKCS #1 v1.5.
fn padding(digest: u8) -> Option<Pkcs1v15Sign> {
    match digest {
        SHA1 => Some(Pkcs1v15Sign::new::<sha1::Sha1>()),
        8 => Some(Pkcs1v15Sign::new::<Sha256>()),
        9 => Some(Pkcs1v15Sign::new::<Sha384>()),
        10 => Some(Pkcs1v15Sign::new::<Sha512>()),
        11 => Some(Pkcs1v15Sign::new::<Sha224>()),
        _ => None,
    }
}

fn rsa_size(key: &rsa::PublicKey) -> usize {
    use rsa::traits::PublicKeyParts as _;
    key.size()
}

/// The library takes moduli of 1024 to 8192 bits, and exponents of up to 33.
fn rsa_key(reader: &mut Reader) -> Result<Option<Material>, Error> {
    let (modulus, exponent) = (reader.integer()?, reader.integer()?);
    if !(128..=1024).contains(&modulus.len()) || exponent.len() > 8 {
        return Ok(None);
    }
    let number = BoxedUint::from_be_slice_vartime;
    let key = rsa::PublicKey::new(number(modulus), number(exponent));
    Ok(key.ok().map(Material::Rsa))
}

fn dsa_key(reader: &mut Reader) -> Result<Option<Material>, Error> {
    let (p, q) = (reader.integer()?, reader.integer()?);
    let (g, y) = (reader.integer()?, reader.integer()?);
    let full = |number: &[u8]| number.first().is_some_and(|byte| byte & 0x80 != 0);
    let sizes = [(128, 20), (256, 28), (256, 32), (384, 32)];
    if !sizes.contains(&(p.len(), q.len())) || !full(p) || !full(q) || p[p.len() - 1] & 1 == 0 {
        return Ok(None);
    }
    let number = |bytes: &[u8], like: &[u8]| BoxedUint::from_be_slice(bytes, like.len() as u32 * 8);
    let (Ok(p), Ok(q), Ok(g), Ok(y)) = (number(p, p), number(q, q), number(g, p), number(y, p))
    else {
        return Ok(None);
    };
    if y >= p {
        return Ok(None);
    }
    let key = dsa::Components::from_components(p, q, g)
        .and_then(|components| dsa::VerifyingKey::from_components(components, y));
    Ok(key.ok().map(Material::Dsa))
}

/// A point that is not one is a key that is not known, so that the others of its file still are.
fn point<E>(
    reader: &mut Reader,
    key: impl Fn(&[u8]) -> Result<Material, E>,
) -> Result<Option<Material>, Error> {
    Ok(key(reader.integer()?).ok())
}

/// Small points would take any signature.
fn edwards(point: &[u8]) -> Option<ed25519_dalek::VerifyingKey> {
    let key = ed25519_dalek::VerifyingKey::from_bytes(point.try_into().ok()?).ok()?;
    (!key.is_weak()).then_some(key)
}

fn padded(number: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; size.checked_sub(number.len())?];
    bytes.extend(number);
    Some(bytes)
}

/// Two numbers of a size, one behind the other.
fn pair(mut reader: Reader, size: usize) -> Option<Vec<u8>> {
    let mut bytes = padded(reader.integer().ok()?, size)?;
    bytes.extend(padded(reader.integer().ok()?, size)?);
    Some(bytes)
}
