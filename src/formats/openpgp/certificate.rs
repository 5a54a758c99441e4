//! A certificate: a key, who it belongs to, its subkeys, and what its owner says of them. RFC 9580, section 10.1.

use super::algorithm::weakness;
use super::error::{Error, KeyFault};
use super::key::{KeyId, PublicKey};
use super::packet::{Packet, kind};
use super::signature::{Signature, kind as over};

/// The key flag "may sign data".
const SIGNS: u8 = 0x02;

/// A certificate as it lies in a file; nothing of it is believed yet.
#[derive(Debug, Clone)]
pub struct Certificate {
    pub primary: PublicKey,
    direct: Vec<Signature>,
    /// User ids and their pictures, as signatures hash them.
    users: Vec<(Vec<u8>, Vec<Signature>)>,
    subkeys: Vec<(PublicKey, Vec<Signature>)>,
}

/// A key of a certificate, and what is known of it.
#[derive(Debug, Clone)]
pub struct Key {
    pub public: PublicKey,
    standing: Standing,
}

/// What the owner says of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Standing {
    bound: bool,
    signs: bool,
    /// Seconds since 1970 from which it does not count.
    ends: Option<i64>,
    /// The same by a revocation; the beginning of time if nothing that it signed can be trusted.
    revoked: Option<i64>,
}

impl Certificate {
    pub fn new(primary: PublicKey) -> Certificate {
        Certificate {
            primary,
            direct: Vec::new(),
            users: Vec::new(),
            subkeys: Vec::new(),
        }
    }

    /// Takes one more of the packets that follow the primary key.
    pub fn add(&mut self, packet: Packet) -> Result<(), Error> {
        match packet.kind {
            kind::USER_ID => self.users.push((user(0xb4, packet.body)?, Vec::new())),
            kind::USER_ATTRIBUTE => self.users.push((user(0xd1, packet.body)?, Vec::new())),
            kind::PUBLIC_SUBKEY => {
                let subkey = PublicKey::read(packet.body)?;
                self.subkeys.push((subkey, Vec::new()));
            }
            kind::SIGNATURE => {
                // Of versions that are not known, as any certificate may gather: they speak for nobody.
                if let Ok(signature) = Signature::read(packet.body)
                    && let Some(signatures) = self.concerned(signature.kind)
                {
                    signatures.push(signature);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Where signatures of a kind belong: by what they are over, so that a revocation put behind a file counts as well.
    fn concerned(&mut self, kind: u8) -> Option<&mut Vec<Signature>> {
        match kind {
            over::DIRECT | over::KEY_REVOCATION => Some(&mut self.direct),
            over::SUBKEY_BINDING | over::SUBKEY_REVOCATION => {
                self.subkeys.last_mut().map(|(_, signatures)| signatures)
            }
            _ => self.users.last_mut().map(|(_, signatures)| signatures),
        }
    }

    /// Takes what another copy of the certificate says: a revocation in either counts.
    pub fn merge(&mut self, other: Certificate) {
        self.direct.extend(other.direct);
        self.users.extend(other.users);
        for (subkey, signatures) in other.subkeys {
            let same = |known: &&mut (PublicKey, _)| known.0.image == subkey.image;
            match self.subkeys.iter_mut().find(same) {
                Some((_, known)) => known.extend(signatures),
                None => self.subkeys.push((subkey, signatures)),
            }
        }
    }

    /// The keys, each with what its owner says of it.
    pub fn keys(&self) -> Vec<Key> {
        let mine = self.standing();
        let mut keys = vec![Key {
            public: self.primary.clone(),
            standing: mine,
        }];
        for (subkey, signatures) in &self.subkeys {
            let own = self.of_subkey(subkey, signatures);
            // A subkey lives no longer than what it hangs on.
            keys.push(Key {
                public: subkey.clone(),
                standing: Standing {
                    bound: own.bound && mine.bound,
                    signs: own.signs,
                    ends: earlier(own.ends, mine.ends),
                    revoked: earlier(own.revoked, mine.revoked),
                },
            });
        }
        keys
    }

    fn standing(&self) -> Standing {
        let key = &self.primary;
        let direct = self.newest(&self.direct, |s| s.kind == over::DIRECT, &[&key.image]);
        let users = self.users.iter().filter_map(|user| self.of_user(user));
        // Keys of version 6 speak for themselves, older ones through their user ids.
        let newest = match key.version {
            6 => direct,
            _ => users.max_by_key(|signature| signature.created).or(direct),
        };
        let revoked = self.revoked(&self.direct, over::KEY_REVOCATION, &[&key.image]);
        let flags = newest.and_then(|signature| signature.said.key_flags);
        Standing {
            bound: newest.is_some(),
            signs: flags.is_none_or(|flags| flags & SIGNS != 0),
            ends: newest.and_then(|signature| end(key, signature)),
            revoked,
        }
    }

    /// What the owner says by a user id, unless it was withdrawn.
    fn of_user<'a>(
        &self,
        (image, signatures): &'a (Vec<u8>, Vec<Signature>),
    ) -> Option<&'a Signature> {
        let what = [&self.primary.image, image];
        let certifies = |s: &Signature| over::CERTIFICATIONS.contains(&s.kind);
        let newest = self.newest(signatures, certifies, &what)?;
        let withdrawn = |s: &Signature| s.kind == over::CERTIFICATION_REVOCATION;
        match self.newest(signatures, withdrawn, &what) {
            Some(withdrawn) if withdrawn.created >= newest.created => None,
            _ => Some(newest),
        }
    }

    fn of_subkey(&self, subkey: &PublicKey, signatures: &[Signature]) -> Standing {
        let what = [&self.primary.image, &subkey.image];
        let newest = self.newest(signatures, |s| s.kind == over::SUBKEY_BINDING, &what);
        let flags = newest.and_then(|signature| signature.said.key_flags);
        let willing = newest.is_some_and(|signature| willing(subkey, signature, &what));
        Standing {
            bound: newest.is_some(),
            signs: willing && flags.is_some_and(|flags| flags & SIGNS != 0),
            ends: newest.and_then(|signature| end(subkey, signature)),
            revoked: self.revoked(signatures, over::SUBKEY_REVOCATION, &what),
        }
    }

    /// The youngest of the owner's signatures of a sort.
    fn newest<'a>(
        &self,
        signatures: &'a [Signature],
        wanted: impl Fn(&Signature) -> bool,
        what: &[&Vec<u8>],
    ) -> Option<&'a Signature> {
        let mine = signatures
            .iter()
            .filter(|s| wanted(s) && made_by(&self.primary, s, what));
        mine.max_by_key(|signature| signature.created)
    }

    /// From when on a key is revoked, by the strictest of its owner's revocations.
    fn revoked(&self, signatures: &[Signature], kind: u8, what: &[&Vec<u8>]) -> Option<i64> {
        let mine = signatures
            .iter()
            .filter(|s| s.kind == kind && made_by(&self.primary, s, what));
        mine.map(|signature| match signature.said.revocation_reason {
            // Replaced, or retired: what it signed before is as good as it was.
            Some(1 | 3) => signature.created.into(),
            _ => i64::MIN,
        })
        .min()
    }
}

fn earlier(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    one.into_iter().chain(other).min()
}

fn end(key: &PublicKey, signature: &Signature) -> Option<i64> {
    let after = signature.said.key_expires_after?;
    Some(i64::from(key.created) + i64::from(after))
}

/// Whether a subkey says itself that it belongs: else anybody could claim another's.
fn willing(subkey: &PublicKey, binding: &Signature, what: &[&Vec<u8>]) -> bool {
    let mut embedded = binding.said.embedded.iter();
    embedded.any(|bytes| {
        Signature::read(bytes).is_ok_and(|signature| {
            signature.kind == over::PRIMARY_BINDING && made_by(subkey, &signature, what)
        })
    })
}

/// Whether a key made a signature over parts of its certificate.
fn made_by(key: &PublicKey, signature: &Signature, what: &[&Vec<u8>]) -> bool {
    let issuers = &signature.said.issuers;
    let Ok(material) = &key.material else {
        return false;
    };
    if !issuers.is_empty() && !issuers.contains(&key.id)
        || signature.said.critical.is_some()
        || weakness(signature.digest).is_some_and(|weak| weak != "SHA-1")
        || (key.version == 6) != (signature.version == 6)
    {
        return false;
    }
    let Ok(mut hasher) = signature.hasher() else {
        return false;
    };
    for part in what {
        // Signatures of version 3 hash a user id without its length.
        let skip = match (signature.version, part.first()) {
            (3, Some(0xb4 | 0xd1)) => 5,
            _ => 0,
        };
        hasher.update(&part[skip..]);
    }
    hasher.update(&signature.trailer);
    material.verifies(signature.algorithm, &hasher.finish(), &signature.material)
}

fn user(mark: u8, body: &[u8]) -> Result<Vec<u8>, Error> {
    let length = u32::try_from(body.len()).map_err(|_| Error::malformed("a name is too long"))?;
    let mut image = vec![mark];
    image.extend(length.to_be_bytes());
    image.extend(body);
    Ok(image)
}

impl Key {
    pub fn id(&self) -> KeyId {
        self.public.id
    }

    /// Whether it counts for data that was signed at some moment.
    pub fn stands(&self, at: u32) -> Result<(), KeyFault> {
        let standing = &self.standing;
        let passed = |moment: Option<i64>| moment.is_some_and(|moment| moment <= at.into());
        if !standing.bound {
            return Err(KeyFault::Unbound);
        }
        if passed(standing.revoked) {
            return Err(KeyFault::Revoked);
        }
        if !standing.signs {
            return Err(KeyFault::Purpose);
        }
        if at < self.public.created {
            return Err(KeyFault::Young);
        }
        if passed(standing.ends) {
            return Err(KeyFault::Expired);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::keyring::Keyring;
    use super::*;

    const V6: &[u8] = include_bytes!("../../../tests/suite/key_v6.asc");

    /// Named in RFC 9580 by the first eight bytes of the fingerprint, which its signatures state.
    const PRIMARY: KeyId = KeyId([0x0d, 0xc2, 0x2b, 0xfe, 0x8f, 0xc0, 0x75, 0xd2]);

    #[test]
    fn a_certificate_of_version_6_signs_with_its_subkey_from_when_that_was_made() {
        let mut keyring = Keyring::default();
        keyring.add(V6).unwrap();
        let [primary] = keyring.called(PRIMARY) else {
            panic!("{keyring:?}");
        };
        let made = primary.public.created;
        let id = keyring.ids().find(|id| *id != PRIMARY).unwrap();
        let subkey = &keyring.called(id)[0];
        assert_eq!(subkey.stands(made), Ok(()));
        assert_eq!(subkey.stands(made - 1), Err(KeyFault::Young));
        assert_eq!(primary.stands(made), Err(KeyFault::Purpose));
    }
}
