//! What fuzzing found stays found: its inputs, and others near to good ones, go through the same targets.

#[path = "../fuzz/src/lib.rs"]
mod targets;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use targets::TARGETS;

use crate::support::rpm::spec;
use crate::support::workspace::Memory;

const FUZZ: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz");

#[test]
fn nothing_that_was_found_breaks_anything_again() {
    for (name, target) in TARGETS {
        let found = Path::new(FUZZ).join("found").join(name);
        for input in fs::read_dir(found).into_iter().flatten() {
            let path = input.unwrap().path();
            println!("{}", path.display());
            let bytes = fs::read(path).unwrap();
            assert!(
                bytes.len() < 4096,
                "a found input is to be made small first"
            );
            target(&bytes);
        }
    }
}

#[test]
fn every_target_has_its_binary_and_every_binary_its_target() {
    let named = |folder: &str, end: &str| {
        let files = fs::read_dir(Path::new(FUZZ).join(folder));
        let mut names: Vec<String> = files
            .into_iter()
            .flatten()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .filter_map(|name| name.strip_suffix(end).map(str::to_owned))
            .collect();
        names.sort();
        names
    };
    let mut targets = TARGETS.map(|(name, _)| name.to_owned());
    targets.sort();
    assert_eq!(named("targets", ".rs"), targets);
    for found in named("found", "") {
        assert!(targets.contains(&found), "{found} is no target");
    }
}

#[test]
fn what_is_fuzzed_is_built_of_the_very_crates_that_the_program_is() {
    let read = |folder: &str, file: &str| -> toml::Table {
        let text = fs::read_to_string(Path::new(folder).join(file)).unwrap();
        text.parse().unwrap()
    };
    let crates = |lock: &toml::Table| -> BTreeMap<String, BTreeSet<String>> {
        let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for package in lock["package"].as_array().unwrap() {
            let text = |key: &str| package[key].as_str().unwrap().to_owned();
            let found = versions.entry(text("name")).or_default();
            found.insert(text("version"));
        }
        versions
    };
    let program = env!("CARGO_MANIFEST_DIR");
    let fuzzed = crates(&read(FUZZ, "Cargo.lock"));
    let built = crates(&read(program, "Cargo.lock"));
    for (name, versions) in &fuzzed {
        let Some(ours) = built.get(name) else {
            continue;
        };
        assert!(
            versions.is_subset(ours),
            "tests/fuzz/Cargo.lock has {name} {versions:?}, Cargo.lock {ours:?}"
        );
    }
    let manifest = read(program, "Cargo.toml");
    for name in manifest["dependencies"].as_table().unwrap().keys() {
        assert!(
            fuzzed.contains_key(name),
            "tests/fuzz/Cargo.lock lacks {name}: run `cargo update --workspace` there"
        );
    }
}

/// Something good for each target, to be spoilt.
fn good(target: &str) -> Vec<u8> {
    let draft = spec("x-1-1.noarch").requires("a").file("/usr/a", b"a");
    let package = draft.bytes(&Memory::default());
    let word = |at: usize| u32::from_be_bytes(package[at..at + 4].try_into().unwrap()) as usize;
    let main = (96 + 16 + word(104) * 16 + word(108)).next_multiple_of(8);
    let read = |path: &str| fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    match target {
        "rpm_header" | "rpm_payload" => package[main..].to_vec(),
        "rpm_package" => package,
        "iso9660" => {
            let mut tree = store::tree::Builder::default();
            let link = store::tree::Leaf::symlink("x".repeat(700));
            for name in ["a", "b/c"] {
                let at = store::ids::TreePath::parse(name).unwrap();
                let leaf = store::tree::Child::Leaf(link.clone());
                tree.insert(&at, leaf).unwrap();
            }
            let volume = store::formats::iso9660::Volume {
                id: "DISC".to_owned(),
                ..Default::default()
            };
            let image = store::formats::iso9660::write(&volume, &tree).unwrap();
            match &image.assembly.parts[0] {
                store::tree::Part::Inline { bytes } => bytes[32768..].to_vec(),
                other => panic!("{other:?}"),
            }
        }
        "recipe" => read("tests/suite/golden/base.toml"),
        "lock" => b"version = 1\n[source.os]\nmetadata = { }\npackages = []\n".to_vec(),
        "modulemd" => b"document: modulemd\nversion: 2\ndata:\n  name: a\n  stream: \"1\"\n  summary: s\n  description: d\n  license:\n    module: [MIT]\n".to_vec(),
        "comps" => b"<?xml version=\"1.0\"?><comps><group><id>a</id></group></comps>".to_vec(),
        "repodata" => b"\0<repomd><data type=\"primary\"><location href=\"a\"/></data></repomd>".to_vec(),
        "metalink" => b"<metalink><files><file name=\"repomd.xml\"><size>1</size><verification><hash type=\"md5\">\
            d41d8cd98f00b204e9800998ecf8427e</hash></verification><resources><url protocol=\"http\">\
            http://x.example/repodata/repomd.xml</url></resources></file></files></metalink>"
            .to_vec(),
        "openpgp" => {
            let key = read("tests/suite/key_v6.asc");
            let length = (key.len() as u16).to_le_bytes();
            [&length[..], &key, &key].concat()
        }
        "store_files" => b"\x02{\"format\": 1, \"features\": []}".to_vec(),
        _ => b"\x01\xa2aa\x01ab\x82\x01\x02".to_vec(),
    }
}

#[test]
fn what_is_nearly_good_is_refused_or_taken_and_breaks_nothing() {
    for (name, target) in TARGETS {
        let good = good(name);
        target(&good);
        let mut state = 1u64;
        let mut next = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as usize % below
        };
        let rounds = if name.starts_with("store") { 20 } else { 300 };
        for _ in 0..rounds {
            let mut bytes = good.clone();
            for _ in 0..=next(3) {
                let at = next(bytes.len());
                bytes[at] = [0, 1, 0x7f, 0x80, 0xff, bytes[at] ^ 1 << next(8)][next(6)];
            }
            if next(4) == 0 {
                bytes.truncate(next(bytes.len()));
            }
            target(&bytes);
        }
    }
}
