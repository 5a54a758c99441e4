//! Keys and signatures of version 6 (RFC 9580), which GnuPG does not make: made here, byte by byte.

use ed25519_dalek::{Signer as _, SigningKey};
use sha2::{Digest as _, Sha256, Sha512};

use store::formats::openpgp::{KeyFault, Keyring, Refusal, Refusals, Verified, verify_detached};

const ED25519: u8 = 27;
const ML_DSA_65: u8 = 30;
const SHA512: u8 = 10;
const MADE: u32 = 1_600_000_000;
const SIGNED: u32 = 1_650_000_000;
const DATA: &[u8] = b"<repomd/>\n";

fn packet(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32).to_be_bytes();
    [&[0xc0 | kind, 0xff][..], &length, body].concat()
}

fn subpacket(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[body.len() as u8 + 1, kind], body].concat()
}

/// A key of version 6 and whoever holds its secret part.
struct Owner {
    secret: SigningKey,
    algorithm: u8,
    body: Vec<u8>,
}

impl Owner {
    fn new(algorithm: u8, numbers: &[u8]) -> Owner {
        let secret = SigningKey::from_bytes(&[7; 32]);
        let public = secret.verifying_key().to_bytes();
        let material = [&public, numbers].concat();
        let length = (material.len() as u32).to_be_bytes();
        let body = [
            &[6][..],
            &MADE.to_be_bytes(),
            &[algorithm],
            &length,
            &material,
        ]
        .concat();
        Owner {
            secret,
            algorithm,
            body,
        }
    }

    /// What signatures over the key hash.
    fn image(&self) -> Vec<u8> {
        let length = (self.body.len() as u32).to_be_bytes();
        [&[0x9b][..], &length, &self.body].concat()
    }

    fn signature(&self, kind: u8, at: u32, more: &[u8], salt: &[u8], over: &[u8]) -> Vec<u8> {
        let fingerprint = Sha256::digest(self.image());
        let hashed = [
            subpacket(2, &at.to_be_bytes()),
            subpacket(33, &[&[6], &fingerprint[..]].concat()),
            more.to_vec(),
        ]
        .concat();
        let length = (hashed.len() as u32).to_be_bytes();
        let fields = [&[6, kind, self.algorithm, SHA512][..], &length, &hashed].concat();
        let end = [&[6, 0xff][..], &(fields.len() as u32).to_be_bytes()].concat();
        let digest = Sha512::digest([salt, over, &fields, &end].concat());
        let numbers = self.secret.sign(&digest).to_bytes();
        let unhashed = [0; 4];
        let hint = [&digest[..2], &[salt.len() as u8]].concat();
        packet(2, &[&fields[..], &unhashed, &hint, salt, &numbers].concat())
    }

    /// The key, and what its owner says of it.
    fn certificate(&self, flags: u8) -> Vec<u8> {
        let flags = subpacket(27, &[flags]);
        let own = self.signature(0x1f, MADE, &flags, &[1; 32], &self.image());
        [packet(6, &self.body), own].concat()
    }

    fn sign(&self, salt: &[u8]) -> Vec<u8> {
        self.signature(0x00, SIGNED, &[], salt, DATA)
    }
}

fn check(certificate: &[u8], signature: &[u8], data: &[u8]) -> Result<Verified, Refusals> {
    let mut keyring = Keyring::default();
    keyring.add(certificate).unwrap();
    verify_detached(&keyring, data, signature, 0)
}

fn refused(certificate: &[u8], signature: &[u8], data: &[u8]) -> Refusal {
    check(certificate, signature, data).unwrap_err().0.remove(0)
}

#[test]
fn a_signature_of_version_6_counts_over_its_data_with_its_salt() {
    let owner = Owner::new(ED25519, &[]);
    let certificate = owner.certificate(0x03);
    let signature = owner.sign(&[2; 32]);
    let verified = check(&certificate, &signature, DATA).unwrap();
    assert_eq!(verified.signed, SIGNED);
    let bad = refused(&certificate, &signature, b"<repomd />\n");
    assert_eq!(bad, Refusal::Bad { key: verified.key });
    // The salt is as long as the digest asks for, and is hashed.
    let short = refused(&certificate, &owner.sign(&[2; 16]), DATA);
    assert!(matches!(short, Refusal::Unsupported { .. }), "{short:?}");
    let salt = signature.len() - 64 - 1;
    let mut other = signature.clone();
    other[salt] ^= 1;
    assert_eq!(refused(&certificate, &other, DATA), bad);
}

#[test]
fn a_key_of_version_6_says_by_itself_what_it_is_for() {
    let owner = Owner::new(ED25519, &[]);
    let signature = owner.sign(&[2; 32]);
    let fault = |certificate: &[u8]| match refused(certificate, &signature, DATA) {
        Refusal::Key { fault, .. } => fault,
        other => panic!("{other:?}"),
    };
    assert_eq!(fault(&owner.certificate(0x01)), KeyFault::Purpose);
    assert_eq!(fault(&packet(6, &owner.body)), KeyFault::Unbound);
}

#[test]
fn an_algorithm_that_is_not_known_is_named_and_does_not_pass() {
    let owner = Owner::new(ML_DSA_65, &[9; 1952]);
    let refused = refused(&owner.certificate(0x03), &owner.sign(&[2; 32]), DATA).to_string();
    assert!(
        refused.ends_with("the algorithm ML-DSA-65+Ed25519 is not supported"),
        "{refused}"
    );
}
