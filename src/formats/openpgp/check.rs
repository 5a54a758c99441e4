//! Data and its signatures, held against the keys.

use super::algorithm::{Digest, Hasher, weakness};
use super::armor;
use super::certificate::Key;
use super::error::{Error, Refusal, Refusals};
use super::key::KeyId;
use super::keyring::Keyring;
use super::packet::{Packets, kind};
use super::signature::{Signature, kind as over};

/// Signatures that are looked at; data is hashed once for each, so that many would be an attack.
pub const MOST_SIGNATURES: usize = 32;

/// Data over which SHA-1 was signed before this moment (2014) counts; see the folder's heading.
const SHA1_ENDS: u32 = 1_388_534_400;

/// One of the signatures is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    pub key: KeyId,
    /// Seconds since 1970.
    pub signed: u32,
    /// Whether the signature ends some day, so that another epoch may judge otherwise.
    pub ends: bool,
}

/// A check under way: it is given the data, and says in the end whether a signature over it counts.
pub struct Check<'a> {
    keyring: &'a Keyring,
    pending: Vec<(Signature, KeyId, Hasher)>,
    refused: Vec<Refusal>,
}

impl<'a> Check<'a> {
    /// Of signatures as packets, one behind the other; `epoch` ends those that end.
    pub fn new<'s>(
        keyring: &'a Keyring,
        signatures: impl IntoIterator<Item = &'s [u8]>,
        epoch: i64,
    ) -> Self {
        let mut check = Check {
            keyring,
            pending: Vec::new(),
            refused: Vec::new(),
        };
        let packets = signatures.into_iter().flat_map(Packets::of);
        for packet in packets.take(MOST_SIGNATURES) {
            let begun = match packet {
                Ok(packet) if packet.kind == kind::SIGNATURE => Signature::read(packet.body)
                    .map_err(Refusal::Malformed)
                    .and_then(|signature| check.begin(signature, epoch)),
                Ok(_) => continue,
                Err(error) => Err(Refusal::Malformed(error)),
            };
            match begun {
                Ok(begun) => check.pending.push(begun),
                Err(refusal) => check.refused.push(refusal),
            }
        }
        check
    }

    /// What can be said before the data is seen.
    fn begin(
        &self,
        signature: Signature,
        epoch: i64,
    ) -> Result<(Signature, KeyId, Hasher), Refusal> {
        let known = |id: &&KeyId| !self.keyring.called(**id).is_empty();
        let issuers = &signature.said.issuers;
        let key = match issuers.iter().find(known).or(issuers.first()) {
            Some(key) => *key,
            None => return Err(Refusal::Anonymous),
        };
        if self.keyring.called(key).is_empty() {
            return Err(Refusal::Unknown { key });
        }
        if signature.kind != over::BINARY {
            let kind = signature.kind;
            return Err(Refusal::Kind { key, kind });
        }
        if let Some(what) = &signature.said.critical {
            let what = what.clone();
            return Err(Refusal::Critical { key, what });
        }
        match weakness(signature.digest) {
            Some("SHA-1") if signature.created < SHA1_ENDS => {}
            Some(digest) => return Err(Refusal::Weak { key, digest }),
            None => {}
        }
        if signature.ended(epoch) {
            return Err(Refusal::Expired { key });
        }
        let unsupported = |algorithm| Refusal::Unsupported { key, algorithm };
        let hasher = signature.hasher().map_err(unsupported)?;
        Ok((signature, key, hasher))
    }

    /// Whether a signature could count, if it is over the right data.
    pub fn is_open(&self) -> bool {
        !self.pending.is_empty()
    }

    pub fn update(&mut self, bytes: &[u8]) {
        for (_, _, hasher) in &mut self.pending {
            hasher.update(bytes);
        }
    }

    /// The first signature that counts, or why none does.
    pub fn finish(self) -> Result<Verified, Refusals> {
        let mut refused = self.refused;
        for (signature, id, mut hasher) in self.pending {
            hasher.update(&signature.trailer);
            let digest = hasher.finish();
            let keys = self.keyring.called(id).iter();
            let mut refusal = Refusal::Bad { key: id };
            for key in keys {
                match judge(key, &signature, &digest) {
                    Ok(()) => {
                        return Ok(Verified {
                            key: id,
                            signed: signature.created,
                            ends: signature.said.expires_after.is_some(),
                        });
                    }
                    Err(why) => refusal = why,
                }
            }
            refused.push(refusal);
        }
        if refused.is_empty() {
            let what = "signature";
            refused.push(Refusal::Malformed(Error::Nothing { what }));
        }
        Err(Refusals(refused))
    }
}

fn judge(key: &Key, signature: &Signature, digest: &Digest) -> Result<(), Refusal> {
    let id = key.id();
    let material = match &key.public.material {
        Ok(material) => material,
        Err(algorithm) => {
            let algorithm = algorithm.clone();
            return Err(Refusal::Unsupported { key: id, algorithm });
        }
    };
    let fits = (key.public.version == 6) == (signature.version == 6)
        && digest.bytes.starts_with(&signature.hint)
        && material.verifies(signature.algorithm, digest, &signature.material);
    if !fits {
        return Err(Refusal::Bad { key: id });
    }
    key.stands(signature.created)
        .map_err(|fault| Refusal::Key { key: id, fault })
}

/// Checks a signature that lies beside its data, armored or binary, such as `repomd.xml.asc`.
pub fn verify_detached(
    keyring: &Keyring,
    data: &[u8],
    signature: &[u8],
    epoch: i64,
) -> Result<Verified, Refusals> {
    let packets = armor::binary(signature, "signature")
        .map_err(|error| Refusals(vec![Refusal::Malformed(error)]))?;
    let mut check = Check::new(keyring, [&*packets], epoch);
    check.update(data);
    check.finish()
}
