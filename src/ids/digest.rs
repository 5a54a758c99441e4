//! Checksums of other people's formats: MD5, SHA-1, SHA-2, written in hex.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A checksum algorithm, by the name that repodata uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl Algorithm {
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::Md5 => "md5",
            Algorithm::Sha1 => "sha1",
            Algorithm::Sha224 => "sha224",
            Algorithm::Sha256 => "sha256",
            Algorithm::Sha384 => "sha384",
            Algorithm::Sha512 => "sha512",
        }
    }

    /// Length of the checksum in bytes.
    pub const fn bytes(self) -> usize {
        match self {
            Algorithm::Md5 => 16,
            Algorithm::Sha1 => 20,
            Algorithm::Sha224 => 28,
            Algorithm::Sha256 => 32,
            Algorithm::Sha384 => 48,
            Algorithm::Sha512 => 64,
        }
    }
}

/// Not one of the algorithms that are known here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown checksum type {0:?}; known are md5, sha1 (or sha), sha224, sha256, sha384, sha512"
)]
pub struct UnknownAlgorithm(pub String);

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(text: &str) -> Result<Self, UnknownAlgorithm> {
        Ok(match text.to_ascii_lowercase().as_str() {
            "md5" => Algorithm::Md5,
            // Repodata of the years before 2010 says "sha" and means SHA-1.
            "sha" | "sha1" => Algorithm::Sha1,
            "sha224" => Algorithm::Sha224,
            "sha256" => Algorithm::Sha256,
            "sha384" => Algorithm::Sha384,
            "sha512" => Algorithm::Sha512,
            _ => return Err(UnknownAlgorithm(text.to_owned())),
        })
    }
}

/// A checksum with its algorithm; `hex` is lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Digest {
    pub algorithm: Algorithm,
    pub hex: String,
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), self.hex)
    }
}

/// Not a checksum as it is written here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDigest {
    #[error("write ALGORITHM:HEX")]
    Form,
    #[error(transparent)]
    Algorithm(#[from] UnknownAlgorithm),
    #[error("a {} has {} digits of 0-9 and a-f", .0.name(), 2 * .0.bytes())]
    Hex(Algorithm),
}

impl Digest {
    /// Checks the digits; capitals are taken as the small letters that they stand for.
    pub fn new(algorithm: Algorithm, hex: &str) -> Result<Self, InvalidDigest> {
        let hex = hex.to_ascii_lowercase();
        let digits = |c: char| matches!(c, '0'..='9' | 'a'..='f');
        match hex.len() == 2 * algorithm.bytes() && hex.chars().all(digits) {
            true => Ok(Digest { algorithm, hex }),
            false => Err(InvalidDigest::Hex(algorithm)),
        }
    }
}

/// Reads `ALGORITHM:HEX`.
impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        let (algorithm, hex) = text.split_once(':').ok_or(InvalidDigest::Form)?;
        Digest::new(algorithm.parse()?, hex)
    }
}
