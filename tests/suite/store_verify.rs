//! Damage is found, named, and told from what is missing; the index can be lost.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use store::ids::{BlobId, EntryId, Name};
use store::store::{Error, GcOptions, Kind, Progress, Store, VerifyOptions, VerifyReport, What};
use store::tree::{Assembly, Part};

use crate::support::shelf::{Shelf, blob, entry, root, trace};

fn quiet(_: Progress) {}

fn verify(store: &Store, full: bool) -> VerifyReport {
    let options = VerifyOptions { full, only: None };
    store.verify(&options, &quiet).unwrap()
}

fn damage(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(path, bytes).unwrap();
}

fn flip(path: &Path) {
    damage(path, |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    });
}

/// One file of every kind, and the entry that it is below.
struct Sample {
    shelf: Shelf,
    entry: EntryId,
    files: Vec<(What, PathBuf)>,
}

fn sample() -> Sample {
    let shelf = Shelf::default();
    let batch = shelf.store.batch().unwrap();
    let part = blob(&batch, b"a part of an assembly");
    let assembly = Assembly {
        parts: vec![Part::Range {
            blob: part,
            offset: 2,
            length: 4,
        }],
    };
    batch.assemble(&assembly).unwrap();
    let id = entry(&batch, &[("f", b"part"), ("sub/g", b"plain")]);
    let trace = batch.trace(&trace(id, &[])).unwrap();
    let _lease = batch.commit().unwrap();
    shelf.keep_made("server", id, Some(trace));
    let tree = shelf.store.entry(id).unwrap().root;
    let object = |hash: String, end: &str| {
        let name = format!("objects/{}/{hash}{end}", &hash[..2]);
        shelf.path().join(name)
    };
    let plain = BlobId::of(b"plain").to_string();
    let whole = BlobId::of(b"part").to_string();
    let trace = trace.to_string();
    let files = vec![
        (What::Object(Kind::Blob), object(plain, "")),
        (What::Object(Kind::Assembly), object(whole, ".asm")),
        (What::Object(Kind::Tree), object(tree.to_string(), ".tree")),
        (What::Object(Kind::Entry), object(id.to_string(), ".entry")),
        (
            What::Object(Kind::Trace),
            shelf.path().join(format!("traces/{}/{trace}", &trace[..2])),
        ),
        (
            What::Root,
            shelf.path().join("roots/sampler-1-x86_64/server/1"),
        ),
    ];
    Sample {
        shelf,
        entry: id,
        files,
    }
}

#[test]
fn a_sound_store_has_no_damage() {
    let Sample { shelf, entry, .. } = sample();
    shelf.store.view(entry, &"server".parse().unwrap()).unwrap();
    for full in [false, true] {
        let report = verify(&shelf.store, full);
        assert_eq!(report.damaged, []);
        assert!(report.checked >= 8);
    }
}

#[test]
fn a_flipped_bit_in_any_kind_of_file_is_named_with_what_it_touches() {
    for at in 0..sample().files.len() {
        let Sample {
            shelf,
            entry,
            files,
        } = sample();
        let (what, path) = &files[at];
        flip(path);
        let report = verify(&shelf.store, true);
        let found: Vec<_> = report
            .damaged
            .iter()
            .filter(|d| d.path == *path && d.what == *what)
            .collect();
        assert_eq!(found.len(), 1, "{what}: {:?}", report.damaged);
        if *what != What::Root {
            assert!(found[0].entries.contains(&entry), "{what}");
        }
        assert!(!found[0].lost);
    }
}

#[test]
fn a_cut_or_vanished_file_is_found_without_hashing() {
    for at in 0..5 {
        let Sample {
            shelf,
            entry,
            files,
        } = sample();
        let (what, path) = &files[at];
        damage(path, |bytes| bytes.truncate(bytes.len() - 1));
        let report = verify(&shelf.store, false);
        assert!(report.damaged.iter().any(|d| d.path == *path), "{what}");
        fs::remove_file(path).unwrap();
        let report = verify(&shelf.store, false);
        let found = report.damaged.iter().find(|d| d.path == *path).unwrap();
        assert!(found.lost && found.entries.contains(&entry), "{what}");
    }
}

#[test]
fn damage_below_an_assembly_reaches_the_entries_above() {
    let Sample { shelf, entry, .. } = sample();
    let part = BlobId::of(b"a part of an assembly");
    flip(&shelf.store.blob_path(part));
    let report = verify(&shelf.store, true);
    let found = report.damaged.iter().find(|d| d.id == Some(part.0));
    assert_eq!(found.unwrap().entries, [entry]);
}

#[test]
fn reading_tells_damaged_from_missing() {
    let Sample { shelf, files, .. } = sample();
    let plain = BlobId::of(b"plain");
    flip(&files[0].1);
    let mut reader = shelf.store.read(plain, 0, None).unwrap();
    let error = std::io::copy(&mut reader, &mut std::io::sink()).unwrap_err();
    assert!(error.to_string().contains("damaged"), "{error}");
    fs::remove_file(&files[0].1).unwrap();
    let error = shelf.store.read(plain, 0, None).err().unwrap();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    let error = shelf.store.read(BlobId::of(b"?"), 0, None).err().unwrap();
    assert!(matches!(error, Error::Missing { .. }), "{error}");
}

#[test]
fn writing_again_mends_what_verify_found() {
    for lose in [false, true] {
        let shelf = Shelf::default();
        let files: [(&str, &[u8]); 2] = [("f", b"plain"), ("bin/x", b"tool")];
        let (id, _lease) = shelf.put(&files);
        let name: Name = "server".parse().unwrap();
        let view = shelf.store.view(id, &name).unwrap();
        let path = shelf.store.blob_path(BlobId::of(b"plain"));
        flip(&path);
        if lose {
            fs::remove_file(&path).unwrap();
        }
        assert!(shelf.store.is_complete(id).unwrap());
        assert!(!verify(&shelf.store, true).damaged.is_empty());
        assert!(!shelf.store.is_complete(id).unwrap());
        assert!(!verify(&shelf.store, true).damaged.is_empty());
        let (again, _other) = shelf.put(&files);
        assert_eq!(again, id);
        assert!(shelf.store.is_complete(id).unwrap());
        assert_eq!(shelf.store.view(id, &name).unwrap(), view);
        assert_eq!(fs::read(view.join("f")).unwrap(), b"plain");
        assert_eq!(verify(&shelf.store, true).damaged, []);
    }
}

#[test]
fn a_damaged_trace_is_a_miss_and_running_the_step_again_mends_it() {
    let Sample {
        shelf,
        entry,
        files,
    } = sample();
    flip(&files[4].1);
    let record = trace(entry, &[]);
    assert_eq!(shelf.store.traces(record.key).unwrap(), []);
    let id = record.id();
    assert!(shelf.store.trace(id).unwrap_err().is_damage());
    let batch = shelf.store.batch().unwrap();
    batch.trace(&record).unwrap();
    let _lease = batch.commit().unwrap();
    assert_eq!(shelf.store.traces(record.key).unwrap(), [(id, record)]);
    assert_eq!(verify(&shelf.store, true).damaged, []);
}

#[test]
fn verify_of_some_entries_looks_at_nothing_else() {
    let shelf = Shelf::default();
    let (a, _a) = shelf.put(&[("f", b"aaa")]);
    let (b, _b) = shelf.put(&[("f", b"bbb")]);
    flip(&shelf.store.blob_path(BlobId::of(b"aaa")));
    let only = |id| VerifyOptions {
        full: true,
        only: Some(vec![id]),
    };
    assert_eq!(shelf.store.verify(&only(b), &quiet).unwrap().damaged, []);
    let report = shelf.store.verify(&only(a), &quiet).unwrap();
    assert_eq!(report.damaged.len(), 1);
}

/// Everything that the index answers.
fn answers(shelf: &Shelf, ids: &[EntryId]) -> String {
    let store = shelf.reopen();
    let mut text = String::new();
    for id in ids {
        let complete = store.is_complete(*id).unwrap();
        let made = store.made(*id).unwrap();
        text += &format!("{id} {complete} {made:?}\n");
        for trace in made {
            let key = store.trace(trace).unwrap().key;
            text += &format!("  {:?}\n", store.traces(key).unwrap());
        }
    }
    text += &format!(
        "{:?} {:?}\n",
        store.entries().unwrap(),
        store.roots().unwrap()
    );
    text += &format!("{:?}\n", store.generations(&root("server")).unwrap());
    let dry = GcOptions {
        dry_run: true,
        ..GcOptions::default()
    };
    text += &format!("{:?}\n", store.gc(&dry, &quiet).unwrap());
    text + &format!("{:?}\n", verify(&store, true))
}

#[test]
fn an_index_made_anew_gives_the_same_answers() {
    let Sample {
        shelf, entry: id, ..
    } = sample();
    let (dead, _) = shelf.make(&[("f", b"dead")], &[id]);
    shelf.store.gc(&GcOptions::default(), &quiet).unwrap();
    let (loose, _) = shelf.make(&[("f", b"loose"), ("bin/g", b"x")], &[id, dead]);
    let ids = [id, dead, loose];
    let before = answers(&shelf, &ids);
    let path = shelf.path().to_owned();
    let error = Store::rebuild_index(&path, &quiet).unwrap_err();
    assert!(matches!(error, Error::Busy { .. }), "{error}");
    let Shelf { dir, store } = shelf;
    drop(store);
    fs::remove_file(path.join("db.sqlite")).unwrap();
    let error = Store::open(&path).unwrap_err();
    assert!(matches!(error, Error::IndexDamaged { .. }), "{error}");
    let report = Store::rebuild_index(&path, &quiet).unwrap();
    assert_eq!(report.damaged, []);
    assert_eq!((report.entries, report.traces), (3, 3));
    let store = Store::open(&path).unwrap();
    let shelf = Shelf { dir, store };
    assert_eq!(answers(&shelf, &ids), before);
}

#[test]
fn a_broken_index_is_never_taken_for_an_empty_store() {
    let Sample { shelf, .. } = sample();
    let path = shelf.path().to_owned();
    let Shelf { dir: _dir, store } = shelf;
    drop(store);
    let index = path.join("db.sqlite");
    let good = fs::read(&index).unwrap();
    let mut scrambled = good.clone();
    scrambled[..200].fill(0x55);
    let cases: [&[u8]; 3] = [
        b"",
        b"not a database at all, but long enough to look at",
        &scrambled,
    ];
    for bad in cases {
        fs::write(&index, bad).unwrap();
        let error = Store::open(&path).unwrap_err();
        assert!(matches!(error, Error::IndexDamaged { .. }), "{error}");
        assert!(error.to_string().contains("--rebuild-index"));
    }
    fs::write(&index, good).unwrap();
    Store::open(&path).unwrap();
}

#[test]
fn a_rebuild_reports_what_it_could_not_use() {
    let Sample { shelf, files, .. } = sample();
    for (_, path) in &files[1..5] {
        flip(path);
    }
    let path = shelf.path().to_owned();
    let Shelf { dir: _dir, store } = shelf;
    drop(store);
    let report = Store::rebuild_index(&path, &quiet).unwrap();
    let paths: Vec<&PathBuf> = report.damaged.iter().map(|d| &d.path).collect();
    for (what, path) in &files[2..5] {
        assert!(paths.contains(&path), "{what}: {paths:?}");
    }
}

#[test]
fn a_rebuild_tells_when_what_a_root_needs_is_lost() {
    let Sample { shelf, files, .. } = sample();
    fs::remove_file(&files[0].1).unwrap();
    fs::remove_file(&files[2].1).unwrap();
    let path = shelf.path().to_owned();
    let Shelf { dir: _dir, store } = shelf;
    drop(store);
    let report = Store::rebuild_index(&path, &quiet).unwrap();
    assert_eq!(report.damaged.len(), 1, "{:?}", report.damaged);
    assert_eq!(report.damaged[0].path, files[2].1);
    let store = Store::open(&path).unwrap();
    let damaged = verify(&store, false).damaged;
    assert!(damaged.iter().any(|d| d.path == files[2].1), "{damaged:?}");
}

#[test]
fn verify_tells_when_the_newest_generation_lacks_bytes() {
    let shelf = Shelf::default();
    let (id, _) = shelf.put(&[("f", b"plain")]);
    shelf.keep("server", id);
    let path = shelf.path().to_owned();
    fs::remove_file(shelf.store.blob_path(BlobId::of(b"plain"))).unwrap();
    let Shelf { dir: _dir, store } = shelf;
    drop(store);
    Store::rebuild_index(&path, &quiet).unwrap();
    let store = Store::open(&path).unwrap();
    let damaged = verify(&store, false).damaged;
    assert_eq!(damaged.len(), 1);
    assert_eq!(
        (damaged[0].what, &damaged[0].entries),
        (What::Root, &vec![id])
    );
}

#[test]
fn a_newer_format_feature_or_schema_is_refused_with_both_numbers() {
    let Sample { shelf, .. } = sample();
    let path = shelf.path().to_owned();
    let Shelf { dir: _dir, store } = shelf;
    drop(store);
    let config = path.join("store.json");
    let good = fs::read_to_string(&config).unwrap();
    fs::write(&config, good.replace("\"format\": 1", "\"format\": 7")).unwrap();
    let text = Store::open(&path).unwrap_err().to_string();
    assert!(text.contains('7') && text.contains('1'), "{text}");
    fs::write(&config, good.replace("[]", "[\"packs\"]")).unwrap();
    let text = Store::open(&path).unwrap_err().to_string();
    assert!(text.contains("packs"), "{text}");
    fs::write(&config, good).unwrap();
    let index = rusqlite::Connection::open(path.join("db.sqlite")).unwrap();
    let known: u32 = index
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    index.pragma_update(None, "user_version", 99).unwrap();
    drop(index);
    let text = Store::open(&path).unwrap_err().to_string();
    let numbers = format!("schema 99, newer than {known}");
    assert!(text.contains(&numbers), "{text}");
}

#[test]
fn an_assembly_of_many_parts_takes_little_and_is_read_verified_and_known_anew() {
    let shelf = Shelf::default();
    let batch = shelf.store.batch().unwrap();
    let part = blob(&batch, b"a part of an assembly");
    let mut parts = Vec::new();
    for _ in 0..2_000 {
        parts.push(Part::Range {
            blob: part,
            offset: 2,
            length: 4,
        });
        parts.push(Part::Inline {
            bytes: vec![0; 2_000],
        });
    }
    let (whole, length) = batch.assemble(&Assembly { parts }).unwrap();
    let mut tree = store::tree::Builder::default();
    let leaf = store::tree::Leaf::file(0o644, whole, length);
    let path = store::ids::TreePath::parse("disc").unwrap();
    tree.insert(&path, store::tree::Child::Leaf(leaf)).unwrap();
    let root = tree.finish(&mut |directory| batch.directory(directory));
    let entry = store::store::Entry::new("sample", root.unwrap());
    let id = batch.entry(&entry).unwrap();
    let lease = batch.commit().unwrap();
    shelf.keep("disc", id);
    drop(lease);
    let file = shelf.store.blob_path(whole).with_extension("asm");
    let taken = fs::metadata(&file).unwrap().len();
    assert!(taken < length / 100, "{taken}");
    let expected = [&b"part"[..], &[0; 2_000]].concat().repeat(2_000);
    let read = |store: &Store| {
        let mut bytes = Vec::new();
        let mut reader = store.read(whole, 0, None).unwrap();
        std::io::Read::read_to_end(&mut reader, &mut bytes).unwrap();
        assert!(bytes == expected);
        assert_eq!(verify(store, true).damaged, []);
    };
    read(&shelf.store);
    let path = shelf.path().to_owned();
    let Shelf { dir: _dir, store } = shelf;
    drop(store);
    Store::rebuild_index(&path, &quiet).unwrap();
    let store = Store::open(&path).unwrap();
    read(&store);
    flip(&file);
    let found = verify(&store, true).damaged;
    assert!(found.iter().any(|d| d.path == file), "{found:?}");
}
