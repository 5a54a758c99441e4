//! Why OpenPGP data can't be read, and why a signature does not count.

use std::fmt;

use super::key::KeyId;

/// The bytes are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("it holds no OpenPGP {what}")]
    Nothing { what: &'static str },
    #[error(
        "it holds a secret key; give the public one alone (`gpg --export`), and think of the other as known"
    )]
    Secret,
    #[error("its OpenPGP data is malformed: {0}")]
    Malformed(String),
}

impl Error {
    pub(super) fn malformed(reason: impl Into<String>) -> Self {
        Error::Malformed(reason.into())
    }
}

/// Why one signature does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("it is signed by key {key}, which is not among the keys")]
    Unknown { key: KeyId },
    #[error("its signature does not say which key made it")]
    Anonymous,
    #[error("its signature by key {key} is bad")]
    Bad { key: KeyId },
    #[error(
        "its signature by key {key} can't be checked: the algorithm {algorithm} is not supported"
    )]
    Unsupported { key: KeyId, algorithm: String },
    #[error("its signature by key {key} is over {digest}, which is too weak{}", if *.digest == "SHA-1" { " for signatures made since 2014" } else { "" })]
    Weak { key: KeyId, digest: &'static str },
    #[error("its signature by key {key} has expired by the release's epoch")]
    Expired { key: KeyId },
    #[error("it is signed by key {key}, which {fault}")]
    Key { key: KeyId, fault: KeyFault },
    #[error("its signature by key {key} is of kind {kind:#04x}, not one over a file's bytes")]
    Kind { key: KeyId, kind: u8 },
    #[error("its signature by key {key} demands something that is not known here: {what}")]
    Critical { key: KeyId, what: String },
    #[error("its signature can't be read: {0}")]
    Malformed(Error),
}

/// Why a key can't have made a signature that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    #[error("is younger than the signature")]
    Young,
    #[error("had expired by then")]
    Expired,
    #[error("is revoked")]
    Revoked,
    #[error("is not for signing")]
    Purpose,
    #[error("has no valid self-signature")]
    Unbound,
}

/// Why none of the signatures counts; one reason for each of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusals(pub Vec<Refusal>);

impl fmt::Display for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, refusal) in self.0.iter().enumerate() {
            let gap = if at == 0 { "" } else { "; " };
            write!(f, "{gap}{refusal}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusals {}
