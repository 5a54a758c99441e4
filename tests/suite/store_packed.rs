//! Long records are compressed in their files, and everything else is as if they were not.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use store::ids::{BlobId, EntryId, TraceId, TreePath};
use store::store::{Entry, Error, GcOptions, Progress, Store, VerifyOptions};
use store::tree::{Assembly, Builder, Child, Leaf, Part};

use crate::support::shelf::{Shelf, blob, entry, trace};

fn quiet(_: Progress) {}

fn damaged(store: &Store) -> usize {
    let options = VerifyOptions {
        full: true,
        only: None,
    };
    store.verify(&options, &quiet).unwrap().damaged.len()
}

/// A store with a directory of 500 files, and a trace of a thousand lines.
fn long() -> (Shelf, EntryId, TraceId) {
    let shelf = Shelf::default();
    let batch = shelf.store.batch().unwrap();
    let names: Vec<String> = (0..500).map(|n| format!("file-{n}")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (&name[..], &b"x"[..])).collect();
    let entry = entry(&batch, &files);
    let mut long = trace(entry, &[]);
    long.log = (0..1000).map(|n| format!("line {n} of the log")).collect();
    long.log.push("x".repeat(40_000));
    let trace = batch.trace(&long).unwrap();
    batch.commit().map(drop).unwrap();
    shelf.keep_made("a", entry, Some(trace));
    (shelf, entry, trace)
}

fn files(shelf: &Shelf, entry: EntryId, trace: TraceId) -> [PathBuf; 2] {
    let place = |folder: &str, name: String| {
        let path = shelf.path().join(folder);
        path.join(&name[..2]).join(name)
    };
    let tree = shelf.store.entry(entry).unwrap().root;
    [
        place("objects", format!("{tree}.tree")),
        place("traces", trace.to_string()),
    ]
}

#[test]
fn long_records_take_less_than_they_say_and_read_as_they_were() {
    let (shelf, entry, trace) = long();
    let store = shelf.reopen();
    let root = store.directory(store.entry(entry).unwrap().root).unwrap();
    assert_eq!(root.entries.len(), 500);
    let read = store.trace(trace).unwrap();
    assert_eq!(read.log.len(), 1001);
    let plain = [root.encode().len(), read.encode().len()];
    for (file, plain) in files(&shelf, entry, trace).iter().zip(plain) {
        let takes = fs::metadata(file).unwrap().len() as usize;
        assert!(takes < plain / 3, "{takes} of {plain}");
    }
    assert_eq!(damaged(&store), 0);
}

#[test]
fn a_rebuilt_index_knows_long_records() {
    let (shelf, entry, trace) = long();
    let path = shelf.path().to_owned();
    let Shelf { dir: _dir, store } = shelf;
    drop(store);
    Store::rebuild_index(&path, &quiet).unwrap();
    let store = Store::open(&path).unwrap();
    assert!(store.is_complete(entry).unwrap());
    assert_eq!(store.made(entry).unwrap(), [trace]);
    assert_eq!(damaged(&store), 0);
}

#[test]
fn a_long_record_with_a_wrong_byte_or_cut_short_is_damaged() {
    type Change = fn(&mut Vec<u8>);
    let changes: [Change; 3] = [
        |bytes| *bytes.last_mut().unwrap() ^= 1,
        |bytes| bytes[9] ^= 0x40,
        |bytes| bytes.truncate(bytes.len() - 3),
    ];
    for change in changes {
        let (shelf, entry, trace) = long();
        for path in files(&shelf, entry, trace) {
            rewrite(&path, change);
        }
        let store = shelf.reopen();
        let tree = store.entry(entry).unwrap().root;
        assert!(matches!(store.directory(tree), Err(Error::Damaged { .. })));
        assert!(matches!(store.trace(trace), Err(Error::Damaged { .. })));
        assert!(damaged(&store) >= 2);
        drop(store);
        let path = shelf.path().to_owned();
        let Shelf { dir: _dir, store } = shelf;
        drop(store);
        let report = Store::rebuild_index(&path, &quiet).unwrap();
        assert!(report.damaged.len() >= 2);
    }
}

fn rewrite(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(path, bytes).unwrap();
}

/// An entry of one file, which is a list of three thousand parts; one of them is said.
fn listed(shelf: &Shelf, said: &[u8]) -> (EntryId, BlobId) {
    let batch = shelf.store.batch().unwrap();
    let part = |n: u32| match n {
        1500 => Part::Inline {
            bytes: said.to_vec(),
        },
        n if n % 3 == 0 => Part::Inline {
            bytes: (u64::from(n) + said.len() as u64).to_le_bytes().to_vec(),
        },
        n => {
            let bytes = format!("part {n}");
            Part::Range {
                blob: blob(&batch, bytes.as_bytes()),
                offset: 0,
                length: bytes.len() as u64,
            }
        }
    };
    let assembly = Assembly {
        parts: (0..3000).map(part).collect(),
    };
    let (disc, size) = batch.assemble(&assembly).unwrap();
    let mut tree = Builder::default();
    let leaf = Child::Leaf(Leaf::file(0o644, disc, size));
    tree.insert(&TreePath::parse("disc").unwrap(), leaf)
        .unwrap();
    let root = tree
        .finish(&mut |directory| batch.directory(directory))
        .unwrap();
    let id = batch.entry(&Entry::new("sample", root)).unwrap();
    batch.commit().map(drop).unwrap();
    shelf.keep("disc", id);
    (id, disc)
}

fn objects(shelf: &Shelf) -> Vec<PathBuf> {
    let folders = fs::read_dir(shelf.path().join("objects")).unwrap();
    let files = folders.flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap());
    files.map(|file| file.unwrap().path()).collect()
}

fn read(store: &Store, blob: BlobId) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut reader = store.read(blob, 0, None).unwrap();
    reader.read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn a_long_list_shares_its_pieces_with_one_that_differs_a_little() {
    let shelf = Shelf::default();
    let (_, old) = listed(&shelf, b"one");
    let before = objects(&shelf);
    let (new_entry, new) = listed(&shelf, b"another");
    let more = objects(&shelf).len() - before.len();
    assert!(more <= 4, "{more}: a piece, a list, a directory, an entry");
    let (one, another) = (read(&shelf.store, old), read(&shelf.store, new));
    assert_eq!(another.len(), one.len() + 4);

    let options = GcOptions {
        keep_last: Some(1),
        ..GcOptions::default()
    };
    shelf.store.gc(&options, &quiet).unwrap();
    let store = shelf.reopen();
    assert!(store.read(old, 0, None).is_err(), "the old one is gone");
    assert_eq!(read(&store, new), another);
    assert_eq!(damaged(&store), 0);

    let path = shelf.path().to_owned();
    drop(store);
    let Shelf { dir: _dir, store } = shelf;
    drop(store);
    Store::rebuild_index(&path, &quiet).unwrap();
    let store = Store::open(&path).unwrap();
    assert_eq!(read(&store, new), another);
    store.gc(&options, &quiet).unwrap();
    assert!(store.is_complete(new_entry).unwrap());
    assert_eq!(read(&store, new), another);
}

#[test]
fn a_damaged_piece_of_a_list_is_damage_of_what_is_made_of_it() {
    let shelf = Shelf::default();
    let (entry, disc) = listed(&shelf, b"one");
    let long = |path: &&PathBuf| path.extension().is_none() && path.metadata().unwrap().len() > 999;
    let files = objects(&shelf);
    let piece = files.iter().find(long).unwrap();
    rewrite(piece, |bytes| bytes[100] ^= 1);
    let store = shelf.reopen();
    assert!(matches!(
        store.read(disc, 0, None).map(drop),
        Err(Error::Damaged { .. })
    ));
    let options = VerifyOptions {
        full: true,
        only: Some([entry].into()),
    };
    let report = store.verify(&options, &quiet).unwrap();
    assert_eq!(report.damaged.len(), 2, "the piece, and the list");
    assert!(
        report
            .damaged
            .iter()
            .all(|damage| damage.entries == [entry])
    );
}
