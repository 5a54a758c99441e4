//! The signatures of real packages, with the keys that came in some of them, judged by rpm.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::PathBuf;

use store::formats::openpgp::{Keyring, Refusal, Verified};
use store::formats::rpm::{Package, Payload, SignatureError, signature};

use crate::support::fixtures;
use crate::support::gpg::{Gpg, Rpm, carried};

/// After every signature here.
const EPOCH: i64 = 1_793_500_000;

/// Every good package of the fixtures: all but delta RPMs.
fn packages() -> Vec<PathBuf> {
    let mut packages = fixtures::packages("rpms");
    packages.retain(|path| !fixtures::name(path).ends_with("drpm_test_file_1.rpm"));
    packages
}

/// The key files that release packages bring, each once.
fn key_files() -> BTreeSet<Vec<u8>> {
    let mut files = BTreeSet::new();
    let brings = |path: &PathBuf| {
        let name = fixtures::name(path);
        name.contains("centos-release") || name.contains("epel-release")
    };
    for path in packages().into_iter().filter(brings) {
        let package = Package::read(&mut BufReader::new(File::open(&path).unwrap())).unwrap();
        let mut file = File::open(&path).unwrap();
        file.seek(SeekFrom::Start(package.record.header_range.1))
            .unwrap();
        let mut payload = Payload::open(&package.header, file).unwrap();
        while let Some(packed) = payload.next_file().unwrap() {
            let path = String::from_utf8_lossy(&payload.files()[packed.number].path).into_owned();
            if path.contains("RPM-GPG-KEY") {
                let mut bytes = Vec::new();
                payload.read_to_end(&mut bytes).unwrap();
                files.insert(bytes);
            }
        }
    }
    files
}

fn keyring() -> Keyring {
    let mut keyring = Keyring::default();
    for file in key_files() {
        keyring.add(&file).unwrap();
    }
    keyring
}

fn verify(mut bytes: &[u8], keyring: &Keyring) -> Result<Verified, SignatureError> {
    signature::verify(&mut bytes, keyring, EPOCH)
}

/// A package of the fixtures, if they are at hand.
fn fixture(name: &str) -> Option<Vec<u8>> {
    let folder = fixtures::folder("rpms")?;
    Some(fs::read(folder.join(name)).unwrap())
}

/// The end of a key's id, as rpm 4 prints it.
fn tail(id: impl ToString) -> String {
    id.to_string()[8..].to_owned()
}

#[test]
fn rpm_and_we_say_the_same_of_every_signed_package() {
    let keyring = keyring();
    let rpm = Rpm::new();
    // rpm 4.18 does not take every old key; gpgv does.
    let gpg = Gpg::new();
    let mut imported = Keyring::default();
    let mut certificates = Vec::new();
    for file in key_files() {
        if rpm.import(&file) {
            imported.add(&file).unwrap();
        }
        certificates.extend(gpg.run("20200101", &["--dearmor"], &file));
    }
    let mut bad = Vec::new();
    let (mut good, mut unknown) = (0, 0);
    for path in packages() {
        let name = fixtures::name(&path);
        let all = rpm.signatures(&path);
        let over_header = |line: &&String| line.starts_with("Header");
        let considered: Vec<&String> = match all.iter().any(|line| over_header(&line)) {
            true => all.iter().filter(over_header).collect(),
            false => all.iter().collect(),
        };
        let says = |id: &str, verdict: &str| {
            let said = format!("key ID {id}: {verdict}");
            considered.iter().any(|line| line.ends_with(&said))
        };
        let agrees = match verify(&fs::read(&path).unwrap(), &keyring) {
            Ok(verified) => {
                good += 1;
                let (signature, data) = carried(&fs::read(&path).unwrap());
                let known = imported.ids().any(|id| id == verified.key);
                gpg.verifies(&certificates, &signature, &data)
                    && says(&tail(verified.key), if known { "OK" } else { "NOKEY" })
            }
            Err(SignatureError::Unsigned) => considered.is_empty(),
            Err(SignatureError::Refused(refusals)) => refusals.0.iter().all(|refusal| {
                unknown += 1;
                match refusal {
                    Refusal::Unknown { key } => {
                        says(&tail(key), "NOKEY") || unknown_to_rpm_4(&name, *key)
                    }
                    Refusal::Malformed(_) => considered[0].contains("BAD"),
                    _ => false,
                }
            }),
            Err(_) => false,
        };
        if !agrees {
            let ours = verify(&fs::read(&path).unwrap(), &keyring);
            bad.push(format!("{name}: {ours:?}, but rpm: {considered:?}"));
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    if fixtures::fixtures().is_some() {
        assert_eq!((good, unknown), (6, 49));
    }
}

/// Signatures that rpm 4 does not know, for their tag or for their algorithm, and the keys that they name.
fn unknown_to_rpm_4(package: &str, key: impl ToString) -> bool {
    let known = [
        ("signed-mldsa87", "db11ab41d7ae9cd3"),
        ("with-mldsa65", "23cde04477b8bbcf"),
        ("with-ecdsa", "105c3db6d139a931"),
        ("libhello", "5496ccfe8af2cf5f"),
    ];
    let key = key.to_string();
    known
        .iter()
        .any(|(part, id)| package.contains(part) && key == *id)
}

/// Gives an entry of the signature header another number.
fn renumber(package: &mut [u8], from: u32, to: u32) {
    let entries = u32::from_be_bytes(package[104..108].try_into().unwrap()) as usize;
    let place = (0..entries)
        .map(|number| 112 + number * 16)
        .find(|&at| package[at..at + 4] == from.to_be_bytes())
        .expect("an entry of that number");
    package[place..place + 4].copy_from_slice(&to.to_be_bytes());
}

#[test]
fn a_signature_over_header_and_payload_counts_where_the_header_has_none() {
    let Some(package) = fixture("cavaliergopher__centos-release-5-0.0.el5.centos.2.i386.rpm")
    else {
        return;
    };
    let keyring = keyring();
    let mut old = package.clone();
    renumber(&mut old, 267, 290);
    verify(&old, &keyring).unwrap();
    *old.last_mut().unwrap() ^= 1;
    let refused = verify(&old, &keyring).unwrap_err().to_string();
    assert_eq!(refused, "its signature by key a8a447dce8562897 is bad");
}

#[test]
fn a_signature_over_a_header_that_says_nothing_of_the_payload_is_not_enough() {
    let Some(package) = fixture("cavaliergopher__centos-release-5-0.0.el5.centos.2.i386.rpm")
    else {
        return;
    };
    let keyring = keyring();
    let mut alone = package.clone();
    renumber(&mut alone, 1005, 1010);
    let refused = verify(&alone, &keyring).unwrap_err();
    assert!(matches!(refused, SignatureError::Uncovered), "{refused:?}");
    // With both, the one over both is what a changed payload breaks.
    let mut changed = package;
    *changed.last_mut().unwrap() ^= 1;
    let refused = verify(&changed, &keyring).unwrap_err().to_string();
    assert!(refused.ends_with("is bad"), "{refused}");
}

#[test]
fn no_flipped_bit_of_a_header_passes_and_none_anywhere_panics() {
    let keyring = keyring();
    for name in [
        "cavaliergopher__centos-release-as-2.1AS-4.noarch.rpm",
        "cavaliergopher__centos-release-4-0.1.x86_64.rpm",
        "sig-atomic-buildscripts__epel-release-7-2.noarch.rpm",
    ] {
        let Some(mut package) = fixture(name) else {
            return;
        };
        let record = Package::read(&mut package.as_slice()).unwrap().record;
        let (start, end) = record.header_range;
        verify(&package, &keyring).unwrap();
        for at in (0..end as usize).step_by(if cfg!(debug_assertions) { 13 } else { 3 }) {
            let bit = 1 << (at % 8);
            package[at] ^= bit;
            let verdict = verify(&package, &keyring);
            assert!(at < start as usize || verdict.is_err(), "{name}: byte {at}");
            package[at] ^= bit;
        }
    }
}

#[test]
fn a_key_with_a_flipped_bit_vouches_for_nothing_new_and_panics_nowhere() {
    let Some(package) = fixture("cavaliergopher__centos-release-4-0.1.x86_64.rpm") else {
        return;
    };
    // DSA and Elgamal with their self-signatures; a flip in what the owner signed leaves a key that nobody bound.
    let (mut good, mut bad) = (0, 0);
    let gpg = Gpg::new();
    for file in key_files() {
        let mut key = gpg.run("20200101", &["--dearmor"], &file);
        let mut whole = Keyring::default();
        whole.add(&key).unwrap();
        if verify(&package, &whole).is_err() {
            continue;
        }
        for at in (0..key.len()).step_by(5) {
            key[at] ^= 1 << (at % 8);
            let mut keyring = Keyring::default();
            let read = keyring.add(&key);
            match read.is_ok() && verify(&package, &keyring).is_ok() {
                true => good += 1,
                false => bad += 1,
            }
            key[at] ^= 1 << (at % 8);
        }
        // Numbers of the key itself: whatever is changed in them, nothing passes.
        for at in (0..400).step_by(5) {
            key[at] ^= 0x10;
            let mut keyring = Keyring::default();
            let read = keyring.add(&key);
            assert!(read.is_err() || verify(&package, &keyring).is_err(), "{at}");
            key[at] ^= 0x10;
        }
    }
    // The Elgamal subkey and what is not signed of a signature may change without harm.
    assert!(good > 0 && bad > 80, "{good} good, {bad} bad");
}
