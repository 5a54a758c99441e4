//! One batch for a whole run: filled by many threads, flushed again and again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use store::ids::{BlobId, Name};
use store::store::{Batch, Error, GcOptions, Lease, NewGeneration, VerifyOptions};
use store::tree::{Assembly, Builder, Child, Leaf, Part};

use crate::support::shelf::{Shelf, blob, entry, root, trace, unstored};

fn sound(shelf: &Shelf) {
    let full = VerifyOptions {
        full: true,
        only: None,
    };
    assert_eq!(shelf.reopen().verify(&full, &|_| {}).unwrap().damaged, []);
}

#[test]
fn a_batch_that_is_flushed_while_others_fill_it_loses_nothing() {
    let shelf = Shelf::default();
    let batch = shelf.store.batch().unwrap();
    let done = AtomicBool::new(false);
    let mut all = Vec::new();
    std::thread::scope(|scope| {
        let flusher = scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                batch.flush().unwrap();
            }
        });
        let fill = |seed: u32| {
            let batch = &batch;
            move || {
                let one = |number: u32| {
                    // Most of it is common to all threads.
                    let (a, b) = (format!("common {}", number % 7), format!("{seed} {number}"));
                    let id = entry(batch, &[("a", a.as_bytes()), ("d/b", b.as_bytes())]);
                    (id, batch.trace(&trace(id, &[])).unwrap())
                };
                (0..60).map(one).collect::<Vec<_>>()
            }
        };
        let fillers: Vec<_> = (0..4).map(|seed| scope.spawn(fill(seed))).collect();
        for filler in fillers {
            all.extend(filler.join().unwrap());
        }
        done.store(true, Ordering::SeqCst);
        flusher.join().unwrap();
    });
    let _lease = batch.commit().unwrap();
    let store = shelf.reopen();
    for (entry, trace) in all {
        assert!(store.is_complete(entry).unwrap());
        assert_eq!(store.trace(trace).unwrap().outputs["out"], entry);
    }
    sound(&shelf);
}

#[test]
fn a_batch_whose_flush_failed_takes_part_in_nothing_more() {
    let shelf = Shelf::default();
    let batch = shelf.store.batch().unwrap();
    let id = entry(&batch, &[("f", b"bytes")]);
    // Something in the way of one of its files.
    let path = shelf.store.blob_path(BlobId::of(b"bytes"));
    let way = path.parent().unwrap();
    std::fs::write(way, "").unwrap();
    assert!(batch.flush().is_err());
    std::fs::remove_file(way).unwrap();
    assert!(matches!(batch.flush(), Err(Error::Unfinished)));
    assert!(matches!(batch.commit(), Err(Error::Unfinished)));

    let (again, _lease) = shelf.put(&[("f", b"bytes")]);
    assert_eq!(again, id);
    assert!(shelf.reopen().is_complete(id).unwrap());
    sound(&shelf);
}

#[test]
fn a_manifest_recorded_without_its_bytes_is_never_taken_for_complete() {
    let shelf = Shelf::default();
    let manifest = {
        let elsewhere = Shelf::default();
        unstored(&elsewhere.store.batch().unwrap(), &[("f", b"bytes")])
    };
    let batch = shelf.store.batch().unwrap();
    let mut tree = Builder::default();
    let leaf = Leaf::file(0o644, BlobId::of(b"bytes"), 5);
    tree.children.insert(b"f".to_vec(), Child::Leaf(leaf));
    tree.finish(&mut |directory| batch.directory(directory))
        .unwrap();
    let id = batch.record(&manifest).unwrap();
    assert!(!shelf.store.is_complete(id).unwrap());
    batch.flush().unwrap();
    assert!(!shelf.store.is_complete(id).unwrap());
    // The bytes alone make it so.
    blob(&batch, b"bytes");
    let _lease = batch.commit().unwrap();
    assert!(shelf.store.is_complete(id).unwrap());
    sound(&shelf);
}

fn assembled(batch: &Batch) -> (BlobId, store::ids::EntryId) {
    let part = blob(batch, b"a part of it");
    let range = Part::Range {
        blob: part,
        offset: 2,
        length: 4,
    };
    let (whole, size) = batch.assemble(&Assembly { parts: vec![range] }).unwrap();
    let mut tree = Builder::default();
    let leaf = Leaf::file(0o644, whole, size);
    tree.children.insert(b"f".to_vec(), Child::Leaf(leaf));
    let tree = tree.finish(&mut |directory| batch.directory(directory));
    let entry = store::store::Entry::new("sample", tree.unwrap());
    (part, batch.entry(&entry).unwrap())
}

#[test]
fn an_assembly_is_as_good_as_the_worst_of_its_parts() {
    let shelf = Shelf::default();
    let make = || {
        let batch = shelf.store.batch().unwrap();
        let made = assembled(&batch);
        (made, batch.commit().unwrap())
    };
    let ((part, id), lease) = make();
    shelf.keep("server", id);
    drop(lease);
    assert!(shelf.store.is_complete(id).unwrap());
    // Damaged, and found so.
    std::fs::remove_file(shelf.store.blob_path(part)).unwrap();
    let options = VerifyOptions::default();
    assert_eq!(
        shelf.store.verify(&options, &|_| {}).unwrap().damaged.len(),
        1
    );
    assert!(!shelf.store.is_complete(id).unwrap());
    assert_eq!(shelf.store.suffering().unwrap(), [id].into());
    let (again, _lease) = make();
    assert_eq!(again, (part, id));
    assert!(shelf.store.is_complete(id).unwrap());
    assert!(shelf.store.suffering().unwrap().is_empty());
    sound(&shelf);
}

#[test]
fn an_assembly_whose_part_a_killed_collector_took_does_not_come_back() {
    let shelf = Shelf::default();
    let batch = shelf.store.batch().unwrap();
    let (part, id) = assembled(&batch);
    drop(batch.commit().unwrap());
    let gc = |undo: bool| {
        let grace = (!undo).then_some(Duration::from_secs(60));
        let options = GcOptions {
            grace,
            undo,
            ..GcOptions::default()
        };
        shelf.store.gc(&options, &|_| {}).unwrap()
    };
    assert_eq!(gc(false).pending, 2);
    // It was killed after this, and before it could say so.
    std::fs::remove_file(shelf.store.blob_path(part)).unwrap();
    gc(true);
    assert!(!shelf.store.is_complete(id).unwrap());
    let lease: Lease = shelf.store.lease().unwrap();
    lease.hold(&[id]).unwrap();
    assert!(!shelf.store.is_complete(id).unwrap());
    drop(lease);
    let batch = shelf.store.batch().unwrap();
    assert_eq!(assembled(&batch), (part, id));
    let _lease = batch.commit().unwrap();
    assert!(shelf.store.is_complete(id).unwrap());
    sound(&shelf);
}

#[test]
fn a_damaged_trace_is_a_miss_and_is_written_anew() {
    let shelf = Shelf::default();
    let (id, made) = shelf.make(&[("f", b"bytes")], &[]);
    let text = made.to_string();
    let path = shelf.path().join("traces").join(&text[..2]).join(text);
    let good = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, b"nonsense").unwrap();
    let key = trace(id, &[]).key;
    assert_eq!(shelf.store.traces(key).unwrap().len(), 0);
    assert!(shelf.store.trace(made).unwrap_err().is_damage());
    assert_eq!(shelf.make(&[("f", b"bytes")], &[]), (id, made));
    assert_eq!(std::fs::read(&path).unwrap(), good);
    assert_eq!(shelf.store.traces(key).unwrap().len(), 1);
}

#[test]
fn a_generation_that_stands_already_is_not_added_again() {
    let shelf = Shelf::default();
    let (id, _lease) = shelf.put(&[("f", b"bytes")]);
    let (other, _lease) = shelf.put(&[("f", b"others")]);
    let name = root(Name::as_str(&"server".parse().unwrap()));
    let keep = |entry, label: Option<&str>| {
        let new = NewGeneration {
            entry,
            trace: None,
            label: label.map(str::to_owned),
            time: 1,
            also: [].into(),
            origin: None,
        };
        shelf.store.keep_generation(&name, new).unwrap()
    };
    assert_eq!([keep(id, None), keep(id, None)], [1, 1]);
    assert_eq!(
        [keep(id, Some("a")), keep(id, Some("a")), keep(id, None)],
        [2, 2, 2]
    );
    assert_eq!([keep(other, None), keep(id, None)], [3, 4]);
}

#[test]
fn a_sweeper_never_takes_the_living_for_the_dead_one_of_that_number() {
    // Many come and go at once, each sweeping as it comes.
    let shelf = Shelf::default();
    std::thread::scope(|scope| {
        for seed in 0..6_u32 {
            let store = shelf.reopen();
            scope.spawn(move || {
                for round in 0..40_u32 {
                    let batch = store.batch().unwrap();
                    let bytes = format!("{seed} {round}");
                    entry(&batch, &[("f", bytes.as_bytes())]);
                    let scratch = batch.scratch().unwrap();
                    std::fs::write(scratch.join("x"), "x").unwrap();
                    drop(batch.commit().unwrap());
                }
            });
        }
    });
    sound(&shelf);
}

/// An entry of one file, which is held in these parts.
fn listed(batch: &Batch, parts: Vec<Part>) -> (BlobId, store::ids::EntryId) {
    let (whole, size) = batch.assemble(&Assembly { parts }).unwrap();
    let mut tree = Builder::default();
    let leaf = Leaf::file(0o644, whole, size);
    tree.children.insert(b"f".to_vec(), Child::Leaf(leaf));
    let tree = tree.finish(&mut |directory| batch.directory(directory));
    let entry = store::store::Entry::new("sample", tree.unwrap());
    (whole, batch.entry(&entry).unwrap())
}

/// The beginning of a new blob, as a part.
fn beginning(batch: &Batch, of: &[u8], length: u64) -> Part {
    Part::Range {
        blob: blob(batch, of),
        offset: 0,
        length,
    }
}

#[test]
fn of_two_that_hold_the_same_in_other_parts_the_first_one_counts() {
    // Lists that are of one length, and lists that are not.
    for other in [&[&b"abX"[..], b"cdX"][..], &[b"abcdX"]] {
        let shelf = Shelf::default();
        let (one, two) = (
            shelf.store.batch().unwrap(),
            shelf.reopen().batch().unwrap(),
        );
        let parts = [&b"ab-"[..], b"cd-"].map(|part| beginning(&one, part, 2));
        let (whole, id) = listed(&one, parts.into());
        let parts = other.iter().map(|part| {
            let length = part.len() as u64 - 1;
            beginning(&two, part, length)
        });
        assert_eq!(listed(&two, parts.collect()), (whole, id));
        let one = one.commit().unwrap();
        shelf.keep("server", id);
        drop(one);
        let list = shelf.store.blob_path(whole).with_extension("asm");
        let before = std::fs::read(&list).unwrap();
        let two = two.commit().unwrap();
        // Whoever is killed before the index knows of another list would leave one whose parts nothing keeps.
        assert_eq!(std::fs::read(&list).unwrap(), before);
        drop(two);
        shelf.reopen().gc(&GcOptions::default(), &|_| {}).unwrap();
        assert!(shelf.reopen().is_complete(id).unwrap());
        sound(&shelf);
    }
}

#[test]
fn a_file_that_nobody_named_is_not_trusted_for_its_length() {
    let shelf = Shelf::default();
    let files: [(&str, &[u8]); 1] = [("f", b"bytes")];
    let path = shelf.store.blob_path(BlobId::of(b"bytes"));
    let (id, lease) = shelf.put(&files);
    drop(lease);
    shelf.store.gc(&GcOptions::default(), &|_| {}).unwrap();
    // Damaged when it was collected, and back after a power cut.
    std::fs::write(&path, "other").unwrap();
    let (again, _lease) = shelf.put(&files);
    assert_eq!(again, id);
    sound(&shelf);
}

#[test]
fn a_list_that_somebody_left_is_not_taken_for_the_one_that_is_written() {
    let shelf = Shelf::default();
    let make = |parts: [&[u8]; 2]| {
        let batch = shelf.reopen().batch().unwrap();
        let parts = parts.map(|part| beginning(&batch, part, 2));
        let made = listed(&batch, parts.into());
        (made, batch.commit().unwrap())
    };
    let ((whole, id), lease) = make([b"ab-", b"cd-"]);
    drop(lease);
    let list = shelf.store.blob_path(whole).with_extension("asm");
    let left = std::fs::read(&list).unwrap();
    shelf.store.gc(&GcOptions::default(), &|_| {}).unwrap();
    // As it was placed by who was killed before the index knew of it.
    std::fs::write(&list, left).unwrap();
    let (again, lease) = make([b"abX", b"cdX"]);
    assert_eq!(again, (whole, id));
    shelf.keep("server", id);
    drop(lease);
    shelf.reopen().gc(&GcOptions::default(), &|_| {}).unwrap();
    sound(&shelf);
}

#[test]
fn a_list_whose_pieces_are_lost_is_written_anew() {
    let shelf = Shelf::default();
    let before: Vec<_> = files(&shelf);
    let make = || {
        let batch = shelf.reopen().batch().unwrap();
        let part = blob(&batch, b"a part of it");
        let parts = (0..3_000u64).map(|number| Part::Range {
            blob: part,
            offset: number % 5,
            length: 1 + number % 7,
        });
        let made = listed(&batch, parts.collect());
        (part, made, batch.commit().unwrap())
    };
    let (part, (whole, id), lease) = make();
    shelf.keep("server", id);
    drop(lease);
    let known = [part, whole].map(|blob| blob.to_string());
    let bundles: Vec<_> = files(&shelf)
        .into_iter()
        .filter(|path| !before.contains(path) && path.extension().is_none())
        .filter(|path| !known.iter().any(|known| path.ends_with(known)))
        .collect();
    let [bundle] = &bundles[..] else {
        panic!("{bundles:?}");
    };
    std::fs::remove_file(bundle).unwrap();
    let options = VerifyOptions::default();
    let found = shelf.reopen().verify(&options, &|_| {}).unwrap().damaged;
    assert_eq!(found.len(), 1, "{found:?}");
    let (_, again, _lease) = make();
    assert_eq!(again, (whole, id));
    assert!(shelf.reopen().is_complete(id).unwrap());
    sound(&shelf);
}

fn files(shelf: &Shelf) -> Vec<std::path::PathBuf> {
    let items = walkdir::WalkDir::new(shelf.path().join("objects"));
    let files = items.into_iter().map(|item| item.unwrap());
    files
        .filter(|item| item.file_type().is_file())
        .map(|item| item.path().to_owned())
        .collect()
}
