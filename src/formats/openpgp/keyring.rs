//! Keys that are trusted, because somebody put them there.

use std::collections::BTreeMap;

use super::armor;
use super::certificate::{Certificate, Key};
use super::error::Error;
use super::key::{KeyId, PublicKey};
use super::packet::{Packets, kind};

/// The keys of some certificates, by what they are called.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    certificates: Vec<Certificate>,
    /// Several keys may be called the same, if somebody made them so.
    keys: BTreeMap<KeyId, Vec<Key>>,
}

impl Keyring {
    /// Takes the certificates of one file, binary or armored, as many as are in it.
    pub fn add(&mut self, file: &[u8]) -> Result<(), Error> {
        const WHAT: &str = "public key";
        let bytes = armor::binary(file, WHAT)?;
        let mut found: Vec<Certificate> = Vec::new();
        for packet in Packets::of(&bytes) {
            let packet = packet?;
            match (packet.kind, found.last_mut()) {
                (kind::PUBLIC_KEY, _) => {
                    found.push(Certificate::new(PublicKey::read(packet.body)?));
                }
                (kind::SECRET_KEY | kind::SECRET_SUBKEY, _) => return Err(Error::Secret),
                (_, Some(certificate)) => certificate.add(packet)?,
                (_, None) => {}
            }
        }
        if found.is_empty() {
            return Err(Error::Nothing { what: WHAT });
        }
        for certificate in found {
            let image = &certificate.primary.image;
            let same = |known: &&mut Certificate| known.primary.image == *image;
            match self.certificates.iter_mut().find(same) {
                Some(known) => known.merge(certificate),
                None => self.certificates.push(certificate),
            }
        }
        self.keys.clear();
        for key in self.certificates.iter().flat_map(Certificate::keys) {
            self.keys.entry(key.id()).or_default().push(key);
        }
        Ok(())
    }

    /// The keys that are called so.
    pub(super) fn called(&self, id: KeyId) -> &[Key] {
        self.keys.get(&id).map_or(&[], Vec::as_slice)
    }

    /// What the keys are called, primary ones and subkeys.
    pub fn ids(&self) -> impl Iterator<Item = KeyId> + '_ {
        self.keys.keys().copied()
    }
}
