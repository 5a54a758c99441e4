//! Signatures that GnuPG and rpmsign make here: of every algorithm, at every time, by keys in every state.

use std::fs;
use std::path::{Path, PathBuf};

use store::formats::openpgp::{KeyFault, Keyring, Refusal, Refusals, Verified, verify_detached};
use store::formats::rpm::{Package, SignatureError, signature};

use crate::support::gpg::{Gpg, Rpm, carried};
use crate::support::rpm::spec;
use crate::support::workspace::Memory;

/// 2026-01-01.
const EPOCH: i64 = 1_767_225_600;

const REPOMD: &[u8] = b"<?xml version=\"1.0\"?>\n<repomd><revision>1</revision></repomd>\n";

fn ring(files: &[&[u8]]) -> Keyring {
    let mut keyring = Keyring::default();
    for file in files {
        keyring.add(file).unwrap();
    }
    keyring
}

fn check(certificate: &[u8], signature: &[u8]) -> Result<Verified, Refusals> {
    verify_detached(&ring(&[certificate]), REPOMD, signature, EPOCH)
}

/// The only reason why a signature does not count.
fn refused(certificate: &[u8], signature: &[u8]) -> Refusal {
    let Refusals(mut refusals) = check(certificate, signature).unwrap_err();
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    refusals.remove(0)
}

fn fault(refusal: Refusal) -> Option<KeyFault> {
    match refusal {
        Refusal::Key { fault, .. } => Some(fault),
        _ => None,
    }
}

#[test]
fn metadata_signed_with_each_algorithm_is_known_as_such_and_gpgv_agrees() {
    let gpg = Gpg::new();
    let algorithms = [
        "rsa1024", "rsa2048", "dsa2048", "ed25519", "nistp256", "nistp384", "nistp521",
    ];
    for algorithm in algorithms {
        let key = gpg.key("20200101", algorithm);
        let certificate = gpg.public(&key);
        let armored = gpg.sign("20200601", &key, &["--armor"], REPOMD);
        for signature in [&armored, &gpg.sign("20200601", &key, &[], REPOMD)] {
            let verified = check(&certificate, signature).expect(algorithm);
            assert!(key.ends_with(&verified.key.to_string().to_uppercase()));
            assert!(gpg.verifies(
                &certificate,
                &gpg.sign("20200601", &key, &[], REPOMD),
                REPOMD
            ));
            let other = [REPOMD, b"\n"].concat();
            let refused = verify_detached(&ring(&[&certificate]), &other, signature, EPOCH);
            let bad = Refusals(vec![Refusal::Bad { key: verified.key }]);
            assert_eq!(refused, Err(bad), "{algorithm}");
            assert!(!gpg.verifies(&certificate, signature, &other));
        }
    }
}

#[test]
fn no_flipped_bit_of_a_signature_or_a_key_panics_and_few_pass() {
    let gpg = Gpg::new();
    for algorithm in ["rsa2048", "dsa2048", "ed25519", "nistp256"] {
        let key = gpg.key("20200101", algorithm);
        let mut certificate = gpg.public(&key);
        let keyring = ring(&[&certificate]);
        let mut signature = gpg.sign("20200601", &key, &[], REPOMD);
        let mut passed = 0;
        for at in (0..signature.len() * 8).step_by(7) {
            signature[at / 8] ^= 1 << (at % 8);
            let verdict = verify_detached(&keyring, REPOMD, &signature, EPOCH);
            passed += usize::from(verdict.is_ok());
            signature[at / 8] ^= 1 << (at % 8);
        }
        // What names the key once more is not signed, nor are the counts of bits of the numbers.
        assert!(passed < 30, "{algorithm}: {passed}");
        verify_detached(&keyring, REPOMD, &signature, EPOCH).unwrap();
        let mut passed = 0;
        for at in (0..certificate.len() * 8).step_by(31) {
            certificate[at / 8] ^= 1 << (at % 8);
            let mut keyring = Keyring::default();
            let read = keyring.add(&certificate);
            let verdict = verify_detached(&keyring, REPOMD, &signature, EPOCH);
            passed += usize::from(read.is_ok() && verdict.is_ok());
            certificate[at / 8] ^= 1 << (at % 8);
        }
        assert!(passed < 8, "{algorithm}: {passed}");
    }
}

#[test]
fn a_key_counts_until_it_expires_whatever_the_time_is_now() {
    let gpg = Gpg::new();
    let key = gpg.key("20200101", "ed25519");
    let early = gpg.sign("20200601", &key, &[], REPOMD);
    let late = gpg.sign("20220601", &key, &[], REPOMD);
    let lasting = gpg.public(&key);
    check(&lasting, &early).unwrap();
    check(&lasting, &late).unwrap();
    gpg.run(
        "20200701",
        &["--quick-set-expire", &key, "20210101T000000"],
        b"",
    );
    let ending = gpg.public(&key);
    check(&ending, &early).unwrap();
    assert_eq!(fault(refused(&ending, &late)), Some(KeyFault::Expired));
    // Nor does a key count before there was one.
    let young = gpg.run(
        "20191201",
        &[
            "--ignore-time-conflict",
            "--local-user",
            &key,
            "--detach-sign",
        ],
        REPOMD,
    );
    assert_eq!(fault(refused(&lasting, &young)), Some(KeyFault::Young));
}

#[test]
fn a_key_that_was_lost_never_counts_and_one_that_was_replaced_did_before() {
    let gpg = Gpg::new();
    let key = gpg.key("20200101", "ed25519");
    let certificate = gpg.public(&key);
    let early = gpg.sign("20200601", &key, &[], REPOMD);
    let late = gpg.sign("20220601", &key, &[], REPOMD);
    // As GnuPG prints it, put behind the key.
    let revoked = |reason: u32| {
        let answers = format!("y\n{reason}\n\ny\n");
        let script = ["--no-batch", "--command-fd", "0", "--gen-revoke", &key];
        let revocation = gpg.run("20210601", &script, answers.as_bytes());
        let armored = gpg.run("20210601", &["--armor", "--export", &key], b"");
        [armored, revocation].concat()
    };
    let (compromised, superseded) = (revoked(1), revoked(2));
    for signature in [&early, &late] {
        let why = fault(refused(&compromised, signature));
        assert_eq!(why, Some(KeyFault::Revoked));
    }
    check(&superseded, &early).unwrap();
    assert_eq!(fault(refused(&superseded, &late)), Some(KeyFault::Revoked));
    // Another copy of the key without it does not bring it back.
    let both = ring(&[&compromised, &certificate]);
    let refused = verify_detached(&both, REPOMD, &early, EPOCH).unwrap_err();
    assert!(refused.to_string().ends_with("which is revoked"));
}

#[test]
fn a_signature_that_ends_counts_until_the_epoch_that_is_asked_for() {
    let gpg = Gpg::new();
    let key = gpg.key("20200101", "ed25519");
    let keyring = ring(&[&gpg.public(&key)]);
    let ends = &["--default-sig-expire", "1y"][..];
    let signature = gpg.sign("20200601", &key, ends, REPOMD);
    let at = |epoch| verify_detached(&keyring, REPOMD, &signature, epoch);
    assert!(at(1_600_000_000).unwrap().ends);
    let Refusals(refused) = at(EPOCH).unwrap_err();
    assert!(
        matches!(refused[..], [Refusal::Expired { .. }]),
        "{refused:?}"
    );
}

#[test]
fn a_subkey_signs_if_both_keys_say_that_it_may() {
    let gpg = Gpg::new();
    let key = gpg.key("20200101", "ed25519");
    let bare = gpg.public(&key);
    for usage in ["sign", "encr"] {
        let algorithm = if usage == "sign" {
            "ed25519"
        } else {
            "cv25519"
        };
        gpg.run(
            "20200102",
            &["--quick-add-key", &key, algorithm, usage, "never"],
            b"",
        );
    }
    let subkey = gpg.fingerprints("20200601", &key).remove(1);
    let signature = gpg.sign("20200601", &format!("{subkey}!"), &[], REPOMD);
    let whole = gpg.public(&key);
    let verified = check(&whole, &signature).unwrap();
    assert!(subkey.ends_with(&verified.key.to_string().to_uppercase()));
    let unknown = Refusal::Unknown { key: verified.key };
    assert_eq!(refused(&bare, &signature), unknown);

    // Somebody else's certificate with the same subkey put behind it is no proof.
    let victim = gpg.public(&gpg.key("20200101", "rsa2048"));
    let grafted = [&victim[..], &whole[bare.len()..]].concat();
    assert_eq!(
        fault(refused(&grafted, &signature)),
        Some(KeyFault::Unbound)
    );
}

#[test]
fn weak_digests_are_told_and_old_ones_count_for_old_signatures() {
    let gpg = Gpg::new();
    let key = gpg.key("20120101", "rsa2048");
    let certificate = gpg.public(&key);
    let sha1 = ["--allow-weak-digest-algos", "--digest-algo", "SHA1"];
    check(&certificate, &gpg.sign("20130601", &key, &sha1, REPOMD)).unwrap();
    let late = refused(&certificate, &gpg.sign("20140601", &key, &sha1, REPOMD));
    assert!(
        late.to_string()
            .contains("over SHA-1, which is too weak for signatures made since 2014")
    );
    for (digest, name) in [("MD5", "MD5"), ("RIPEMD160", "RIPEMD-160")] {
        let weak = ["--allow-weak-digest-algos", "--digest-algo", digest];
        let refused = refused(&certificate, &gpg.sign("20130601", &key, &weak, REPOMD));
        assert!(
            refused
                .to_string()
                .ends_with(&format!("over {name}, which is too weak"))
        );
    }
    for digest in ["SHA224", "SHA256", "SHA384", "SHA512"] {
        let signature = gpg.sign("20200601", &key, &["--digest-algo", digest], REPOMD);
        check(&certificate, &signature).expect(digest);
    }
}

#[test]
fn what_a_signature_demands_and_is_not_understood_is_refused() {
    let gpg = Gpg::new();
    let key = gpg.key("20200101", "ed25519");
    let certificate = gpg.public(&key);
    let sign = |more: &[&str]| gpg.sign("20200601", &key, more, REPOMD);
    check(&certificate, &sign(&["--set-notation", "x@example.org=y"])).unwrap();
    let critical = refused(&certificate, &sign(&["--set-notation", "!x@example.org=y"]));
    assert!(critical.to_string().contains("x@example.org"), "{critical}");
    let text = refused(&certificate, &sign(&["--textmode"]));
    assert!(matches!(text, Refusal::Kind { kind: 1, .. }), "{text:?}");
    for nothing in [&b""[..], b"no signature\n"] {
        let refused = refused(&certificate, nothing).to_string();
        assert!(refused.contains("no OpenPGP signature"), "{refused}");
    }
}

#[test]
fn a_file_of_keys_may_hold_many_and_never_secret_ones() {
    let gpg = Gpg::new();
    let keys = [
        gpg.key("20200101", "ed25519"),
        gpg.key("20200101", "rsa2048"),
    ];
    let export = |key: &String| gpg.run("20200601", &["--armor", "--export", key], b"");
    let both = [
        export(&keys[0]),
        b"\nand another\n".to_vec(),
        export(&keys[1]),
    ]
    .concat();
    for key in &keys {
        check(&both, &gpg.sign("20200601", key, &[], REPOMD)).unwrap();
    }
    let secret = gpg.run(
        "20200601",
        &["--armor", "--export-secret-keys", &keys[0]],
        b"",
    );
    let refused = Keyring::default().add(&secret).unwrap_err().to_string();
    assert!(refused.contains("secret key"), "{refused}");
}

/// A package in a directory of its own.
fn package(directory: &Path, name: &str) -> PathBuf {
    let path = directory.join(format!("{name}.rpm"));
    let bytes = spec(&format!("{name}-1-1.noarch"))
        .file("/usr/share/x", name.as_bytes())
        .bytes(&Memory::default());
    fs::write(&path, bytes).unwrap();
    path
}

fn verify(package: &Path, keyring: &Keyring) -> Result<Verified, SignatureError> {
    signature::verify(&mut fs::read(package).unwrap().as_slice(), keyring, EPOCH)
}

#[test]
fn packages_signed_by_rpmsign_are_known_as_such_and_rpm_agrees() {
    let gpg = Gpg::new();
    let directory = tempfile::tempdir().unwrap();
    let other = ring(&[&gpg.public(&gpg.key("20200101", "rsa2048"))]);
    for algorithm in ["rsa2048", "dsa2048", "ed25519"] {
        let key = gpg.key("20200102", algorithm);
        let keyring = ring(&[&gpg.public(&key)]);
        let rpm = Rpm::new();
        // rpm 4.18 by itself does not take every key; gpgv judges in its place.
        let known = rpm.import(&gpg.run("20200601", &["--armor", "--export", &key], b""));
        assert!(known || algorithm == "dsa2048");
        for (name, more) in [("new", &[][..]), ("old", &["--rpmv3"])] {
            let path = package(directory.path(), name);
            let unsigned = verify(&path, &keyring);
            assert!(matches!(unsigned, Err(SignatureError::Unsigned)));
            gpg.sign_package(&key, more, &path);
            let verified = verify(&path, &keyring).expect(algorithm);
            assert_eq!(verified.signed, 1_590_969_600);
            let (signature, data) = carried(&fs::read(&path).unwrap());
            assert!(gpg.verifies(&gpg.public(&key), &signature, &data));
            let said = rpm.signatures(&path);
            let good = said.iter().all(|line| line.ends_with(": OK"));
            assert!(!said.is_empty() && (good || !known), "{said:?}");
            let unknown = verify(&path, &other).unwrap_err().to_string();
            let id = key[24..].to_lowercase();
            assert_eq!(
                unknown,
                format!("it is signed by key {id}, which is not among the keys")
            );
        }
    }
}

/// The package with a signature header of one tag: bytes (type 7) or a list of texts (type 8).
fn with_signature(package: &[u8], tag: u32, kind: u32, count: usize, data: &[u8]) -> Vec<u8> {
    let start = Package::read(&mut &*package).unwrap().record.header_range.0;
    let words = [1, data.len() as u32, tag, kind, 0, count as u32];
    let mut whole = package[..104].to_vec();
    whole.extend(words.iter().flat_map(|word| word.to_be_bytes()));
    whole.extend(data);
    whole.resize(whole.len().next_multiple_of(8), 0);
    whole.extend(&package[start as usize..]);
    whole
}

#[test]
fn each_place_for_signatures_in_a_package_is_looked_at() {
    let gpg = Gpg::new();
    let bytes = spec("x-1-1.noarch").bytes(&Memory::default());
    let (start, end) = Package::read(&mut &*bytes).unwrap().record.header_range;
    let (header, content) = (
        &bytes[start as usize..end as usize],
        &bytes[start as usize..],
    );
    let key = gpg.key("20200101", "nistp256");
    let stranger = gpg.key("20200101", "nistp384");
    let keyring = ring(&[&gpg.public(&key)]);
    let sign = |key: &str, data: &[u8]| gpg.sign("20200601", key, &[], data);
    let said = |package: Vec<u8>| match signature::verify(&mut &*package, &keyring, EPOCH) {
        Ok(verified) => format!("good: {}", verified.key),
        Err(error) => error.to_string(),
    };
    let id = key[24..].to_lowercase();
    let (good, bad) = (
        format!("good: {id}"),
        format!("its signature by key {id} is bad"),
    );
    let one = |tag: u32, data: &[u8]| said(with_signature(&bytes, tag, 7, data.len(), data));
    for tag in [267, 268] {
        assert_eq!(one(tag, &sign(&key, header)), good);
        assert_eq!(one(tag, &sign(&key, content)), bad);
    }
    for tag in [1002, 1005] {
        assert_eq!(one(tag, &sign(&key, content)), good);
        assert_eq!(one(tag, &sign(&key, header)), bad);
    }
    let list = |signatures: &[Vec<u8>]| {
        let encode = |signature: &Vec<u8>| data_encoding::BASE64.encode(signature) + "\0";
        let text: String = signatures.iter().map(encode).collect();
        let count = signatures.len();
        said(with_signature(&bytes, 278, 8, count, text.as_bytes()))
    };
    // One of several is enough; where none is, each has its reason.
    let foreign = sign(&stranger, header);
    assert_eq!(list(&[foreign.clone(), sign(&key, header)]), good);
    let both = list(&[foreign, sign(&key, content)]);
    let unknown = stranger[24..].to_lowercase();
    assert!(both.contains(&unknown) && both.contains(&bad), "{both}");
    assert!(said(with_signature(&bytes, 278, 8, 1, b"?\0")).contains("tag 278"));
    assert!(one(268, b"").contains("can't have 0 values"));
    assert!(one(268, &[0; 9]).contains("can't be read"));
    assert_eq!(one(1000, &[0; 9]), "it is not signed");
}
