//! Long records are compressed in their files, and everything else is as if they were not.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use store::ids::{EntryId, TraceId};
use store::store::{Error, Progress, Store, VerifyOptions};

use crate::support::shelf::{Shelf, entry, trace};

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
