//! The lock: read, written, and compared.

use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;
use rustix::fs::FileType;
use store::ids::{Algorithm, BlobId, Digest, Evr, Hash, Name, Nevra};
use store::source::{Lock, LockedPackage, LockedSource, Solved, SolvedPackage, Writing};

use crate::damage::node;

fn nevra(name: &str, evr: &str) -> Nevra {
    Nevra {
        name: name.into(),
        evr: Evr::parse(evr),
        arch: "x86_64".into(),
    }
}

fn package(name: &str, evr: &str, content: &str) -> LockedPackage {
    let nevra = nevra(name, evr);
    LockedPackage {
        location: format!("Packages/{}", nevra.file_name()),
        nevra,
        digest: digest(content),
        size: content.len() as u64,
        file: Some(BlobId::of(content.as_bytes())),
        asked: BTreeSet::new(),
        modules: BTreeSet::new(),
    }
}

fn digest(content: &str) -> Digest {
    let hex = format!("{:02x}", content.as_bytes()[0]).repeat(32);
    Digest::new(Algorithm::Sha256, &hex).unwrap()
}

fn lock(packages: &[(&str, &str, &str)]) -> Lock {
    let mut source = LockedSource::default();
    for (name, evr, content) in packages {
        source.packages.insert(package(name, evr, content));
    }
    Lock {
        sources: [("os".parse().unwrap(), source)].into(),
        ..Lock::default()
    }
}

fn complaint(text: &str) -> String {
    let error = Lock::parse(Path::new("store.lock"), text).unwrap_err();
    error.to_string()
}

#[test]
fn a_lock_has_one_package_a_line() {
    let mut lock = lock(&[("bash", "5.2-1", "b"), ("a\"c\\l", "2:2.3-1", "a")]);
    let source = lock.sources.values_mut().next().unwrap();
    (source.revision, source.signed) = (Some("1793500000".to_owned()), true);
    source.modular = true;
    let solved = Solved {
        question: Hash::from_bytes([0; 32]),
        packages: [SolvedPackage {
            nevra: nevra("bash", "5.2-1"),
            digest: digest("b"),
        }]
        .into(),
    };
    lock.solved.insert("host".parse().unwrap(), solved);
    let file = |content: &[u8]| BlobId::of(content).to_string();
    let text = r#"# Written by `store update`. Keep it with the recipes; don't edit it.
version = 1

[source."os"]
revision = "1793500000"
signed = true
modular = true
packages = [
    { name = "a\"c\\l", epoch = 2, version = "2.3", release = "1", arch = "x86_64", size = 1, location = "Packages/a\"c\\l-2.3-1.x86_64.rpm", digest = "sha256:61", file = "A" },
    { name = "bash", version = "5.2", release = "1", arch = "x86_64", size = 1, location = "Packages/bash-5.2-1.x86_64.rpm", digest = "sha256:62", file = "B" },
]

[solved."host"]
question = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
packages = [
    { name = "bash", version = "5.2", release = "1", arch = "x86_64", digest = "sha256:62" },
]
"#
    .replace("sha256:61", &digest("a").to_string())
    .replace("sha256:62", &digest("b").to_string())
    .replace("\"A\"", &format!("{:?}", file(b"a")))
    .replace("\"B\"", &format!("{:?}", file(b"b")));
    assert_eq!(lock.to_string(), text);
}

#[test]
fn a_lock_with_metadata_is_toml_as_others_read_it() {
    let mut lock = lock(&[("bash", "5.2-1", "b")]);
    let metadata = [
        ("repodata/a.xml.gz", "a"),
        ("repodata/\u{e4} \"b\".xml", "b"),
    ];
    let metadata = metadata.map(|(location, content)| (location.to_owned(), digest(content)));
    let source = lock.sources.values_mut().next().unwrap();
    source.metadata = metadata.clone().into();
    let script = "import json, sys, tomllib; print(json.dumps(tomllib.loads(sys.argv[1])))";
    let mut python = std::process::Command::new("python3");
    let said = python.args(["-c", script, &lock.to_string()]).output();
    let said = said.unwrap();
    assert!(said.status.success(), "{said:?}");
    let read: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    let read = &read["source"]["os"];
    assert_eq!(read["packages"][0]["name"], "bash");
    for (location, digest) in metadata {
        assert_eq!(read["metadata"][location], digest.to_string());
    }
}

#[test]
fn a_lock_is_saved_beside_the_recipes_and_loaded_again() {
    let dir = tempfile::tempdir().unwrap();
    assert!(Lock::load(dir.path()).unwrap().is_none());
    let lock = lock(&[("bash", "5.2-1", "b")]);
    let writing = Writing::of(dir.path()).unwrap().unwrap();
    lock.save(dir.path(), &writing).unwrap();
    assert_eq!(Lock::load(dir.path()).unwrap(), Some(lock));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_lock_that_a_merge_left_in_conflict_is_called_that_and_not_bad_toml() {
    let text = lock(&[("bash", "5.2-1", "b"), ("glibc", "2.40-1", "g")]).to_string();
    let line = text.lines().find(|line| line.contains("bash")).unwrap();
    let other = line.replace("5.2", "5.3");
    let sides = format!("<<<<<<< HEAD\n{line}\n=======\n{other}\n>>>>>>> topic");
    let said = complaint(&text.replace(line, &sides));
    let at = text.lines().position(|each| each == line).unwrap() + 1;
    assert!(
        said.starts_with(&format!("store.lock:{at}: a merge left its conflict")),
        "{said}"
    );
    assert!(
        said.contains("take the marks out") && said.contains("`store update --keep --solve`"),
        "{said}"
    );
    // What that says helps.
    Lock::parse(Path::new("store.lock"), &text).unwrap();
    let theirs = text.replace(line, &other);
    Lock::parse(Path::new("store.lock"), &theirs).unwrap();
    // Half resolved is not resolved.
    assert!(complaint(&format!("{text}>>>>>>> topic\n")).contains("a merge"));
}

#[test]
fn a_lock_of_another_version_names_both_versions() {
    assert_eq!(
        complaint("version = 2\nwonders = true"),
        "the lock store.lock has version 2, this program knows 1; \
         update the program, or move the lock away and make another one with `store update`"
    );
}

#[test]
fn mistakes_in_a_lock_are_told_with_line_and_column() {
    assert_eq!(complaint(""), "store.lock:1:1: \"version\" is missing here");
    let good = lock(&[("bash", "5.2-1", "b")]).to_string();
    let with = |from: &str, to: &str| complaint(&good.replacen(from, to, 1));
    let line = "store.lock:6";
    assert_eq!(
        with("size = 1", "sise = 1"),
        format!(
            "{line}:5: \"size\" is missing here\n{line}:71: unknown field \"sise\"; did you mean \"size\"?"
        )
    );
    assert_eq!(
        with("size = 1", "size = \"1\""),
        format!("{line}:78: \"size\" must be a whole number, not a string")
    );
    let short = with(&"62".repeat(32), "01");
    assert!(
        short.contains("\"sha256:01\" can't be a digest: a sha256 has 64 digits"),
        "{short}"
    );
    assert!(with("sha256:", "sha3:").contains("unknown checksum type \"sha3\""));
    let file = BlobId::of(b"b").to_string();
    assert!(with(&file, "b").contains("\"b\" can't be a blob's id: \"b\" is not a hash"));
    let package = good.lines().find(|line| line.contains("bash")).unwrap();
    assert_eq!(
        with(package, &format!("{package}\n{package}")),
        "store.lock:7:5: \"bash-5.2-1.x86_64\" stands in \"packages\" twice"
    );
    assert!(with("[source", "<<<<<<< ours\n[source").starts_with("store.lock:4:"));
}

#[test]
fn two_answers_to_one_text_are_a_mistake() {
    let mut lock = lock(&[("bash", "5.2-1", "b"), ("bash", "5.3-1", "c")]);
    let source = lock.sources.values_mut().next().unwrap();
    let asked = std::mem::take(&mut source.packages).into_iter();
    source.packages = asked
        .map(|package| LockedPackage {
            asked: ["bash".to_owned()].into(),
            ..package
        })
        .collect();
    let said = complaint(&lock.to_string());
    // The second of them.
    assert!(said.starts_with("store.lock:7:"), "{said}");
    assert!(said.contains("another package answers it too"), "{said}");
}

#[test]
fn changes_say_what_moved_and_how() {
    let old = lock(&[
        ("down", "2-1", "a"),
        ("gone", "1-1", "a"),
        ("kernel", "1-1", "a"),
        ("kernel", "2-1", "b"),
        ("rebuilt", "1-1", "a"),
        ("same", "1-1", "a"),
        ("up", "1.9-1", "a"),
    ]);
    let mut new = lock(&[
        ("come", "1:1-1", "a"),
        ("down", "1-1", "b"),
        ("kernel", "2-1", "b"),
        ("kernel", "3-1", "c"),
        ("rebuilt", "1-1", "b"),
        ("same", "1-1", "a"),
        ("up", "1.10-1", "b"),
    ]);
    let other = lock(&[("more", "1-1", "a")]).sources.into_values();
    let name: Name = "extras".parse().unwrap();
    new.sources
        .extend(other.map(|source| (name.clone(), source)));
    let lines = |old: &Lock, new: &Lock| -> Vec<String> {
        let changes = Lock::changes(old, new);
        changes.iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        lines(&old, &new),
        [
            "extras: more.x86_64 added, 1-1",
            "os: come.x86_64 added, 1:1-1",
            "os: down.x86_64 downgraded from 2-1 to 1-1",
            "os: gone.x86_64 removed, 1-1",
            "os: kernel.x86_64 upgraded from 1-1 to 3-1",
            "os: rebuilt.x86_64 rebuilt, 1-1",
            "os: up.x86_64 upgraded from 1.9-1 to 1.10-1",
        ]
    );
    assert!(lines(&new, &new).is_empty());
}

prop_compose! {
    fn any_package()(
        parts in prop::array::uniform5(".{0,6}"),
        epoch in prop_oneof![Just(0), any::<u32>()],
        size in any::<u32>(),
        asked in prop::collection::btree_set("[a-z.\"]{1,4}", 0..3),
        modules in prop::collection::btree_set("[a-z:]{1,4}", 0..2),
    ) -> LockedPackage {
        let [name, version, release, arch, location] = parts;
        LockedPackage {
            nevra: Nevra { name, evr: Evr { epoch, version, release }, arch },
            digest: Digest { algorithm: Algorithm::Sha256, hex: "ab".repeat(32) },
            size: size.into(),
            file: (epoch % 2 == 0).then(|| BlobId::of(location.as_bytes())),
            location,
            asked,
            modules,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    #[test]
    fn a_lock_reads_back_as_it_was_written(
        packages in prop::collection::btree_set(any_package(), 0..5),
        locations in prop::collection::vec(".{0,8}", 0..3),
        name in "[a-z0-9][a-z._+-]{0,5}",
        revision in prop::option::of("[^\\n]{1,8}"),
        (signed, modular) in any::<(bool, bool)>(),
    ) {
        // One text has one answer.
        let mut asked = BTreeSet::new();
        let mut alone = |mut package: LockedPackage| {
            package.asked.retain(|text| asked.insert(text.clone()));
            package
        };
        let packages: BTreeSet<LockedPackage> = packages.into_iter().map(&mut alone).collect();
        let digest = Digest { algorithm: Algorithm::Sha1, hex: "01".repeat(20) };
        let solved = packages.iter().map(|p| SolvedPackage { nevra: p.nevra.clone(), digest: p.digest.clone() });
        let solved = Solved { question: Hash::from_bytes([7; 32]), packages: solved.collect() };
        let metadata = locations.into_iter().map(|location| (location, digest.clone())).collect();
        let name: Name = name.parse().unwrap();
        let lock = Lock {
            sources: [(name.clone(), LockedSource { metadata, revision, signed, modular, packages })].into(),
            solved: [(name, solved)].into(),
        };
        let read = Lock::parse(Path::new("store.lock"), &lock.to_string()).unwrap_or_else(|e| panic!("{e}"));
        prop_assert_eq!(read, lock);
    }

    #[test]
    fn no_lock_makes_the_reader_panic(at in any::<prop::sample::Index>(), cut in 0usize..30, put in "[\\[\\]{}=\",a0-9\n]{0,3}") {
        let mut text = lock(&[("bash", "5.2-1", "b"), ("glibc", "1:2.40-1", "g")]).to_string();
        let at = at.index(text.len());
        let end = (at + cut).min(text.len());
        text.replace_range(at..end, &put);
        let _ = Lock::parse(Path::new("store.lock"), &text);
    }
}

#[test]
fn a_fifo_in_place_of_the_lock_is_not_waited_for() {
    let recipes = tempfile::tempdir().unwrap();
    node(&recipes.path().join("store.lock"), FileType::Fifo);
    let error = Lock::load(recipes.path()).unwrap_err();
    let why = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(why, "it is not a file");
}
