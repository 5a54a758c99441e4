//! The keys that a source's packages must be signed with.

use std::io::Read;
use std::path::PathBuf;

use crate::formats::openpgp::{self, Keyring, Refusals, Verified};
use crate::formats::rpm::{SignatureError, signature};
use crate::ids::Hash;
use crate::recipe::Source;

/// Which rules the keys are read by. Raised when other signatures would count: packages are checked again then.
const RULES: u32 = 1;

/// The keys of a source, and the moment that signatures which end are judged by.
#[derive(Debug)]
pub struct Keys {
    keyring: Keyring,
    epoch: i64,
    /// Of the keys and the rules: what a package was checked with. The epoch is no part of it,
    /// so a signature that ends is never remembered.
    pub digest: Hash,
}

/// A file that a source names as a key is none.
#[derive(Debug, thiserror::Error)]
#[error("{} can't be used as a key", path.display())]
pub struct KeysError {
    pub path: PathBuf,
    pub source: openpgp::Error,
}

impl Keys {
    /// The keys that a source names; none if it asks for no signatures.
    pub fn of(source: &Source, epoch: i64) -> Result<Option<Keys>, KeysError> {
        if source.gpgkeys.is_empty() {
            return Ok(None);
        }
        let mut keyring = Keyring::default();
        let mut files = Vec::new();
        for body in &source.gpgkeys {
            keyring.add(&body.bytes).map_err(|source| KeysError {
                path: body.path.clone(),
                source,
            })?;
            files.push(*blake3::hash(&body.bytes).as_bytes());
        }
        files.sort_unstable();
        files.dedup();
        let named = [&RULES.to_le_bytes()[..], files.as_flattened()].concat();
        Ok(Some(Keys {
            keyring,
            epoch,
            digest: Hash::derived("store 2026 source keys", &named),
        }))
    }

    /// Whether a package, read from its beginning, is signed by one of the keys.
    pub fn check_package(&self, package: &mut impl Read) -> Result<Verified, SignatureError> {
        signature::verify(package, &self.keyring, self.epoch)
    }

    /// Whether metadata is signed by one of the keys, given the signature that lies beside it.
    pub fn check_metadata(&self, data: &[u8], signature: &[u8]) -> Result<Verified, Refusals> {
        openpgp::verify_detached(&self.keyring, data, signature, self.epoch)
    }
}
