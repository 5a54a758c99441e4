//! The collector frees exactly what nothing keeps alive.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use store::ids::{BlobId, EntryId, Name};
use store::store::{Error, GcOptions, GcReport, NewGeneration, Progress, Store, VerifyOptions};
use store::tree::{Assembly, Part};

use crate::support::bench::Bench;
use crate::support::shelf::{Shelf, blob, entry, root, unstored};

fn quiet(_: Progress) {}

fn gc(store: &Store, options: GcOptions) -> GcReport {
    store.gc(&options, &quiet).unwrap()
}

fn collect(store: &Store) -> GcReport {
    gc(store, GcOptions::default())
}

fn dry() -> GcOptions {
    GcOptions {
        dry_run: true,
        ..GcOptions::default()
    }
}

/// What `du` says of the bytes in a store: each inode once, index and locks aside.
fn du(store: &Path) -> u64 {
    let mut inodes = BTreeSet::new();
    let mut bytes = 0;
    for part in ["objects", "entries"] {
        for item in walkdir::WalkDir::new(store.join(part)) {
            let file = item.unwrap().metadata().unwrap();
            if inodes.insert((file.dev(), file.ino())) {
                bytes += file.blocks() * 512;
            }
        }
    }
    bytes
}

/// How much a look at everything finds damaged.
fn damaged(store: &Store) -> usize {
    let report = store.verify(&VerifyOptions::default(), &quiet).unwrap();
    report.damaged.len()
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

#[test]
fn gc_of_an_empty_store_does_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("none")).unwrap();
    assert_eq!(collect(&store), GcReport::default());
    assert!(!dir.path().join("none").exists());
}

#[test]
fn gc_keeps_an_entry_reachable_from_a_root_and_frees_the_rest() {
    let shelf = Shelf::default();
    let (kept, lease) = shelf.put(&[("a", b"shared"), ("b", b"kept")]);
    shelf.keep("server", kept);
    let (dead, other) = shelf.put(&[("a", b"shared"), ("b", b"dead")]);
    drop((lease, other));
    let report = collect(&shelf.store);
    assert_eq!((report.entries, report.objects, report.kept), (1, 1, 1));
    for store in [&shelf.store, &shelf.reopen()] {
        assert!(store.is_complete(kept).unwrap());
        assert!(!store.is_complete(dead).unwrap());
        assert!(store.read(BlobId::of(b"shared"), 0, None).is_ok());
        let gone = store.read(BlobId::of(b"dead"), 0, None).err().unwrap();
        assert!(gone.is_missing(), "{gone}");
        // Records outlive bytes.
        let tree = store.entry(dead).unwrap().root;
        assert_eq!(store.directory(tree).unwrap().entries.len(), 2);
    }
    assert_eq!(collect(&shelf.store).objects, 0);
}

#[test]
fn gc_spares_what_a_lease_holds_until_it_is_dropped() {
    let shelf = Shelf::default();
    let (id, lease) = shelf.put(&[("f", b"bytes")]);
    assert_eq!(collect(&shelf.reopen()).objects, 0);
    assert!(shelf.store.is_complete(id).unwrap());
    drop(lease);
    assert_eq!(collect(&shelf.reopen()).objects, 1);
}

#[test]
fn gc_spares_what_a_batch_found_in_the_store() {
    let shelf = Shelf::default();
    drop(shelf.put(&[("f", b"bytes")]));
    let batch = shelf.store.batch().unwrap();
    let id = entry(&batch, &[("g", b"bytes")]);
    assert_eq!(collect(&shelf.reopen()).objects, 0);
    let _lease = batch.commit().unwrap();
    assert!(shelf.reopen().is_complete(id).unwrap());
}

#[test]
fn gc_keeps_the_inputs_of_the_newest_generation_only() {
    let shelf = Shelf::default();
    let (deep1, _) = shelf.make(&[("f", b"deep 1")], &[]);
    let (middle1, _) = shelf.make(&[("f", b"middle 1")], &[deep1]);
    let (top1, trace1) = shelf.make(&[("f", b"top 1")], &[middle1]);
    shelf.keep_made("server", top1, Some(trace1));
    let (deep2, _) = shelf.make(&[("f", b"deep 2")], &[]);
    let (middle2, _) = shelf.make(&[("f", b"middle 2")], &[deep2]);
    let (top2, trace2) = shelf.make(&[("f", b"top 2")], &[middle2]);
    shelf.keep_made("server", top2, Some(trace2));
    assert_eq!(collect(&shelf.store).objects, 2);
    let complete = |id: EntryId| shelf.store.is_complete(id).unwrap();
    assert_eq!([deep1, middle1, top1].map(complete), [false, false, true]);
    assert_eq!([deep2, middle2, top2].map(complete), [true, true, true]);
}

#[test]
fn what_newest_generations_were_made_from_goes_when_told_so_and_nothing_else() {
    let bench = Bench::shipped();
    let names = ["atomic-host", "server", "web-server-image"];
    let report = bench.json(&["realize", "atomic-host", "server", "web-server-image"]);
    let told = bench.json(&["gc", "--drop-intermediates", "--dry-run"]);
    assert!(told["objects"].as_u64().unwrap() > 50, "{told}");
    let before = du(&bench.store());
    let freed = bench.json(&["gc", "--drop-intermediates"]);
    assert_eq!(freed["bytes"], told["bytes"]);
    assert_eq!(
        du(&bench.store()),
        before - freed["bytes"].as_u64().unwrap()
    );
    bench.run(&["verify", "--full"]).works();
    // What is kept is whole, and realizing it anew makes nothing.
    for artifact in report["artifacts"].as_array().unwrap() {
        let path = PathBuf::from(artifact["path"].as_str().unwrap());
        assert!(path.exists(), "{}", path.display());
    }
    let again = bench.json(&["realize", "atomic-host", "server", "web-server-image"]);
    assert_eq!(again["steps"]["composed"], 0, "{again}");
    let diff = bench
        .run(&["diff", "atomic-host@1", "atomic-host@1"])
        .works();
    assert!(diff.out.contains("atomic-host"), "{}", diff.out);
    // What is asked for anew is made from what is left, to the same bytes.
    bench.edit(
        "images/web-server-image.toml",
        "kind =",
        "layers = 3\nkind =",
    );
    let made = bench.realize(&names);
    bench.edit(
        "images/web-server-image.toml",
        "layers = 3\nkind =",
        "kind =",
    );
    assert!(made.iter().all(|path| path.exists()));
    let last = bench.json(&["realize", "atomic-host", "server", "web-server-image"]);
    let entries = |report: &serde_json::Value| -> Vec<String> {
        let artifacts = report["artifacts"].as_array().unwrap().iter();
        artifacts
            .map(|artifact| artifact["entry"].to_string())
            .collect()
    };
    assert_eq!(entries(&last), entries(&again));
}

#[test]
fn gc_keeps_only_the_newest_generations_when_told_so() {
    let shelf = Shelf::default();
    let bytes: [&[u8]; 4] = [b"1", b"2", b"3", b"4"];
    let entries = bytes.map(|bytes| {
        let (id, _lease) = shelf.put(&[("f", bytes)]);
        shelf.keep("server", id);
        id
    });
    let keep_last = |n| GcOptions {
        keep_last: Some(n),
        ..GcOptions::default()
    };
    assert_eq!(gc(&shelf.store, keep_last(2)).objects, 2);
    let complete = entries.map(|id| shelf.store.is_complete(id).unwrap());
    assert_eq!(complete, [false, false, true, true]);
    // The newest one is never given up.
    assert_eq!(gc(&shelf.store, keep_last(0)).objects, 1);
    assert!(shelf.store.is_complete(entries[3]).unwrap());
    assert_eq!(shelf.store.generations(&root("server")).unwrap().len(), 4);
}

#[test]
fn gc_follows_references_assemblies_and_blobs_kept_beside() {
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
    let (whole, _) = batch.assemble(&assembly).unwrap();
    assert_eq!(whole, BlobId::of(b"part"));
    let base = entry(&batch, &[("f", b"part")]);
    let mut layered = unstored(&batch, &[("g", b"layer")]);
    layered.references = [base].into();
    let layered = batch.entry(&layered).unwrap();
    let lock = blob(&batch, b"the lock");
    let lease = batch.commit().unwrap();
    let new = NewGeneration {
        entry: layered,
        trace: None,
        label: Some("RC1".into()),
        time: 5,
        also: [lock].into(),
        origin: None,
    };
    shelf.store.add_generation(&root("image"), new).unwrap();
    drop(lease);
    assert_eq!(collect(&shelf.store).objects, 0);
    assert!(shelf.store.is_complete(layered).unwrap());
    assert_eq!(shelf.store.blob_size(lock).unwrap(), Some(8));
}

#[test]
fn a_dry_run_tells_the_bytes_that_du_then_loses() {
    let shelf = Shelf::default();
    let big = vec![7u8; 100_000];
    let script = vec![8u8; 20_000];
    let tool = vec![9u8; 30_000];
    let (kept, lease) = shelf.put(&[("a", b"shared"), ("bin/tool", &tool)]);
    shelf.keep("server", kept);
    let files: [(&str, &[u8]); 5] = [
        ("a", b"shared"),
        ("bin/tool", &tool),
        ("bin/script", &script),
        ("sub/big", &big),
        ("empty", b""),
    ];
    let (dead, other) = shelf.put(&files);
    drop((lease, other));
    for id in [kept, dead] {
        shelf.store.view(id, &name("one")).unwrap();
        shelf.store.view(id, &name("two")).unwrap();
    }
    let before = du(shelf.path());
    let told = gc(&shelf.store, dry());
    assert_eq!(du(shelf.path()), before);
    let done = collect(&shelf.store);
    assert_eq!(told, done);
    assert_eq!(before - du(shelf.path()), done.bytes);
    assert_eq!((done.objects, done.views), (3, 2));
    assert!(done.bytes > 150_000);
    assert!(shelf.store.view_path(kept, &name("one")).exists());
    assert!(!shelf.store.view_path(dead, &name("one")).exists());
}

#[test]
fn grace_leaves_files_and_undo_brings_them_back() {
    let shelf = Shelf::default();
    let (id, _) = shelf.put(&[("f", b"bytes")]);
    let at = |now, grace: Option<u64>| GcOptions {
        now,
        grace: grace.map(Duration::from_secs),
        ..GcOptions::default()
    };
    let report = gc(&shelf.store, at(1000, Some(100)));
    assert_eq!((report.objects, report.pending), (0, 1));
    assert!(!shelf.store.is_complete(id).unwrap());
    let undo = GcOptions {
        undo: true,
        ..GcOptions::default()
    };
    assert_eq!(gc(&shelf.store, undo.clone()).restored, 1);
    assert!(shelf.store.is_complete(id).unwrap());

    gc(&shelf.store, at(1000, Some(100)));
    assert_eq!(gc(&shelf.store, at(1099, None)).objects, 0);
    assert_eq!(gc(&shelf.store, at(1100, None)).objects, 1);
    assert_eq!(gc(&shelf.store, undo).restored, 0);
    assert!(!shelf.store.is_complete(id).unwrap());
}

#[test]
fn what_waits_is_told_with_the_views_that_go_with_it() {
    let shelf = Shelf::default();
    let bytes = vec![7u8; 100_000];
    let (old, _) = shelf.put(&[("f", &bytes), ("g", b"shared"), ("h", b"")]);
    shelf.keep("server", old);
    let (new, _) = shelf.put(&[("f", b"new"), ("g", b"shared")]);
    shelf.keep("server", new);
    for entry in [old, new] {
        shelf.store.view(entry, &name("server")).unwrap();
    }
    let at = |now| GcOptions {
        now,
        ..GcOptions::default()
    };
    let strict = GcOptions {
        keep_last: Some(1),
        grace: Some(Duration::from_secs(100)),
        ..at(1000)
    };
    let rehearsed = gc(
        &shelf.store,
        GcOptions {
            dry_run: true,
            ..strict.clone()
        },
    );
    assert!(shelf.store.condemned(&[old, new]).unwrap().is_empty());
    let told = gc(&shelf.store, strict);
    assert_eq!(shelf.store.condemned(&[old, new]).unwrap(), [old].into());
    assert_eq!(rehearsed, told);
    assert_eq!(gc(&shelf.store, at(1001)).pending_bytes, told.pending_bytes);
    let before = du(shelf.path());
    let done = gc(&shelf.store, at(2000));
    assert_eq!(done.views, 1);
    assert_eq!(done.bytes, told.pending_bytes);
    assert_eq!(before - du(shelf.path()), done.bytes);
    assert!(shelf.store.condemned(&[old, new]).unwrap().is_empty());
}

#[test]
fn a_collector_that_is_told_less_neither_cuts_a_grace_short_nor_lifts_it() {
    let shelf = Shelf::default();
    let (input, _) = shelf.make(&[("f", b"input")], &[]);
    let (old, trace) = shelf.make(&[("f", b"old"), ("g", b"shared")], &[]);
    shelf.keep_made("server", old, Some(trace));
    let (new, trace) = shelf.make(&[("f", b"new"), ("g", b"shared")], &[input]);
    shelf.keep_made("server", new, Some(trace));
    let view = shelf.store.view(old, &name("server")).unwrap();
    let at = |now| GcOptions {
        now,
        ..GcOptions::default()
    };
    let strict = GcOptions {
        keep_last: Some(1),
        drop_intermediates: true,
        grace: Some(Duration::from_secs(100)),
        ..at(1000)
    };
    let complete = || [input, old, new].map(|id| shelf.store.is_complete(id).unwrap());
    assert_eq!(gc(&shelf.store, strict.clone()).pending, 2);
    // All generations are kept, and what was condemned waits on.
    let early = gc(&shelf.store, at(1099));
    assert_eq!((early.objects, early.views, early.pending), (0, 0, 2));
    assert_eq!(complete(), [false, false, true]);
    let undo = GcOptions {
        undo: true,
        ..GcOptions::default()
    };
    assert_eq!(gc(&shelf.store, undo).restored, 2);
    assert_eq!(complete(), [true; 3]);
    assert!(view.exists());
    assert_eq!(gc(&shelf.store, at(5000)), gc(&shelf.store, at(6000)));

    gc(&shelf.store, strict);
    // Who realizes it again needs it; the collector after the grace takes what nobody came for.
    let lease = shelf.store.lease().unwrap();
    lease.hold(&[input]).unwrap();
    drop(lease);
    let before = du(shelf.path());
    let told = gc(
        &shelf.store,
        GcOptions {
            dry_run: true,
            ..at(1100)
        },
    );
    let late = gc(&shelf.store, at(1100));
    assert_eq!(told, late);
    assert_eq!((late.objects, late.views, late.entries), (1, 1, 1));
    assert_eq!(before - du(shelf.path()), late.bytes);
    assert_eq!(complete(), [true, false, true]);
}

#[test]
fn what_was_collected_earlier_counts_neither_as_kept_nor_as_freed() {
    let shelf = Shelf::default();
    let (input, _) = shelf.make(&[("f", b"input")], &[]);
    let (old, _) = shelf.make(&[("f", b"old"), ("g", b"shared")], &[]);
    shelf.keep("server", old);
    let (new, trace) = shelf.make(&[("f", b"new"), ("g", b"shared")], &[input]);
    shelf.keep_made("server", new, Some(trace));
    let counts = |options: GcOptions| {
        let told = gc(
            &shelf.store,
            GcOptions {
                dry_run: true,
                ..options.clone()
            },
        );
        let done = gc(&shelf.store, options);
        assert_eq!(told, done);
        (done.entries, done.kept)
    };
    let strict = GcOptions {
        keep_last: Some(1),
        drop_intermediates: true,
        ..GcOptions::default()
    };
    let grace = GcOptions {
        grace: Some(Duration::from_secs(100)),
        ..strict.clone()
    };
    let undo = GcOptions {
        undo: true,
        ..GcOptions::default()
    };
    assert_eq!(counts(GcOptions::default()), (0, 3));
    // What is condemned is not freed yet, and not kept.
    assert_eq!(counts(grace), (0, 1));
    assert_eq!(counts(GcOptions::default()), (0, 1));
    assert_eq!(counts(undo.clone()), (0, 3));
    assert_eq!(counts(strict.clone()), (2, 1));
    // All generations are named, and one of them has its bytes.
    assert_eq!(counts(GcOptions::default()), (0, 1));
    assert_eq!(counts(undo), (0, 1));
    // The rest of what lost something before: nobody could read that.
    let (newer, trace) = shelf.make(&[("f", b"newer")], &[]);
    shelf.keep_made("server", newer, Some(trace));
    assert_eq!(counts(strict), (1, 1));
}

#[test]
fn who_needs_a_condemned_object_flips_it_back() {
    let shelf = Shelf::default();
    let grace = GcOptions {
        grace: Some(Duration::from_secs(100)),
        ..GcOptions::default()
    };
    let late = GcOptions {
        now: 1000,
        ..GcOptions::default()
    };
    // By leasing the entry.
    let (id, _) = shelf.put(&[("f", b"one")]);
    gc(&shelf.store, grace.clone());
    let lease = shelf.store.lease().unwrap();
    lease.hold(&[id]).unwrap();
    assert!(shelf.store.is_complete(id).unwrap());
    assert_eq!(gc(&shelf.store, late.clone()).objects, 0);
    drop(lease);
    // By writing the blob again.
    gc(&shelf.store, grace);
    let (other, _lease) = shelf.put(&[("g", b"one")]);
    assert_eq!(gc(&shelf.store, late).objects, 0);
    assert!(shelf.store.is_complete(other).unwrap());
    assert!(shelf.store.is_complete(id).unwrap());
}

#[test]
fn what_was_collected_can_be_made_again() {
    let shelf = Shelf::default();
    let files: [(&str, &[u8]); 1] = [("f", b"bytes")];
    let (id, _) = shelf.put(&files);
    assert_eq!(collect(&shelf.store).objects, 1);
    let (again, _lease) = shelf.put(&files);
    assert_eq!(id, again);
    assert!(shelf.reopen().is_complete(id).unwrap());
}

#[test]
fn an_unreadable_root_or_lease_stops_the_collector_before_it_deletes_anything() {
    let shelf = Shelf::default();
    let (kept, _) = shelf.put(&[("f", b"kept")]);
    shelf.keep("server", kept);
    drop(shelf.put(&[("f", b"dead")]));
    let file = shelf.path().join("roots/sampler-1-x86_64/server/1");
    let good = std::fs::read_to_string(&file).unwrap();
    let other = EntryId::of(b"other").to_string();
    for bad in [
        String::new(),
        good.replace("entry", "entri"),
        good.replace(&kept.to_string(), &other),
        good.replace("\"time\": 1", "\"time\": 2"),
    ] {
        std::fs::write(&file, bad).unwrap();
        let error = shelf.store.gc(&GcOptions::default(), &quiet).unwrap_err();
        assert!(matches!(error, Error::BadRoot { .. }), "{error}");
    }
    std::fs::write(&file, good).unwrap();
    // A name of a release, of a root, and none that the store writes.
    for stray in [
        "foo",
        "sampler-1-x86_64/foo",
        "notes.txt~",
        "sampler-1-x86_64/server/x",
    ] {
        let stray = shelf.path().join("roots").join(stray);
        std::fs::write(&stray, "").unwrap();
        let error = shelf.store.gc(&GcOptions::default(), &quiet).unwrap_err();
        assert!(
            matches!(&error, Error::StrayRoot { path } if *path == stray),
            "{error}"
        );
        std::fs::remove_file(&stray).unwrap();
    }

    let lease = shelf.path().join("leases/77");
    std::fs::write(&lease, [b'?'; 33]).unwrap();
    let living = std::fs::File::open(&lease).unwrap();
    living.lock().unwrap();
    let error = shelf.store.gc(&GcOptions::default(), &quiet).unwrap_err();
    assert!(matches!(error, Error::BadLease { .. }), "{error}");
    assert!(shelf.store.read(BlobId::of(b"dead"), 0, None).is_ok());

    // Of a dead process it says nothing, whatever a power cut made of it.
    drop(living);
    assert_eq!(collect(&shelf.store).objects, 1);
    assert!(!lease.exists());
}

#[test]
fn files_that_a_killed_writer_left_are_collected_too() {
    let shelf = Shelf::default();
    drop(shelf.put(&[]));
    let orphan = shelf.store.blob_path(BlobId::of(b"orphan"));
    std::fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    std::fs::write(&orphan, b"orphan").unwrap();
    std::fs::create_dir(shelf.path().join("tmp/9")).unwrap();
    std::fs::write(shelf.path().join("tmp/9/0"), b"half").unwrap();
    std::fs::write(shelf.path().join("leases/9"), b"e").unwrap();
    let told = gc(&shelf.store, dry());
    let done = collect(&shelf.store);
    assert_eq!(told.bytes, done.bytes);
    assert!(done.bytes > 0);
    for path in ["tmp/9", "leases/9"] {
        assert!(!shelf.path().join(path).exists());
    }
    assert!(!orphan.exists());
}

#[test]
fn a_second_collector_says_that_one_is_running() {
    let shelf = Shelf::default();
    drop(shelf.put(&[("f", b"dead")]));
    let second = shelf.reopen();
    let meanwhile = |_: Progress| {
        let error = second.gc(&GcOptions::default(), &quiet).unwrap_err();
        assert!(matches!(error, Error::Busy { .. }), "{error}");
    };
    let report = shelf.store.gc(&GcOptions::default(), &meanwhile).unwrap();
    assert_eq!(report.objects, 1);
}

#[test]
fn a_forgotten_generation_keeps_nothing_and_no_number_is_given_twice() {
    let shelf = Shelf::default();
    let (a, _) = shelf.put(&[("f", b"a")]);
    assert_eq!(shelf.keep("server", a), 1);
    let (b, _) = shelf.put(&[("f", b"b")]);
    assert_eq!(shelf.keep("server", b), 2);
    let (c, _) = shelf.put(&[("f", b"c")]);
    assert_eq!(shelf.keep("server", c), 3);
    let forget = |number| shelf.store.forget(&root("server"), number);
    assert!(forget(7).unwrap_err().is_missing());
    forget(1).unwrap();
    assert_eq!(collect(&shelf.store).objects, 1);
    assert!(shelf.store.is_complete(b).unwrap());
    // The newest stands for nothing then, and the one before it is the newest.
    forget(3).unwrap();
    assert!(forget(3).unwrap_err().is_missing());
    assert_eq!(
        shelf.store.newest(&root("server")).unwrap().unwrap().entry,
        b
    );
    assert_eq!(collect(&shelf.store).objects, 1);
    assert!(shelf.store.is_complete(b).unwrap() && !shelf.store.is_complete(c).unwrap());
    assert_eq!(damaged(&shelf.store), 0);
    assert_eq!(shelf.keep("server", b), 4);
    // Without any there is no such root; what comes later goes on from where it was.
    forget(2).unwrap();
    forget(4).unwrap();
    assert_eq!(shelf.store.roots().unwrap(), []);
    assert_eq!(shelf.store.generations(&root("server")).unwrap(), []);
    assert_eq!(collect(&shelf.store).objects, 1);
    assert_eq!(damaged(&shelf.store), 0);
    let (d, _) = shelf.put(&[("f", b"d")]);
    assert_eq!(shelf.keep("server", d), 5);
}

#[test]
fn gc_leaves_what_people_put_beside_the_views() {
    let shelf = Shelf::default();
    let (id, _) = shelf.put(&[("f", b"a")]);
    let own = shelf
        .path()
        .join(format!("entries/{}-notes", &id.short()[..2]));
    std::fs::create_dir(&own).unwrap();
    assert_eq!(collect(&shelf.store).views, 0);
    assert!(own.exists());
}

#[test]
fn gc_keeps_what_is_written_out_of_newest_generations_and_of_what_is_held_only() {
    let shelf = Shelf::default();
    let disc = |mark: u8| -> Vec<u8> { [&[mark][..], &vec![7; 200_000]].concat() };
    let (one, two) = (disc(1), disc(2));
    let (old, _) = shelf.make(&[("parts/disc", &one), ("f", b"plain")], &[]);
    shelf.keep("server", old);
    let (new, _) = shelf.make(&[("parts/disc", &two)], &[]);
    shelf.keep("server", new);
    // Kept as an input only, with a disc of its own.
    let (inner, trace) = shelf.make(&[("parts/disc", &disc(3))], &[]);
    let (outer, outer_trace) = shelf.make(&[("parts/disc", &two), ("g", b"more")], &[inner]);
    shelf.keep_made("release", outer, Some(outer_trace));
    assert_ne!(trace, outer_trace);
    // Without a file in parts a view costs links only, and may stay.
    let (plain, _) = shelf.make(&[("f", b"plain")], &[]);
    shelf.keep("plain", plain);
    let (newer, _) = shelf.make(&[("f", b"other")], &[]);
    shelf.keep("plain", newer);
    let view = |id: EntryId| shelf.store.view(id, &name("view")).unwrap();
    let views = [old, new, inner, outer, plain].map(view);
    let there = || views.each_ref().map(|view| view.exists());

    let lease = shelf.store.lease().unwrap();
    lease.hold(&[old, inner]).unwrap();
    assert_eq!(collect(&shelf.store).views, 0);
    drop(lease);
    let before = du(shelf.path());
    // What is written out is not much: who serves an old edition goes on.
    let spare = GcOptions {
        views_above: 1 << 20,
        ..GcOptions::default()
    };
    assert_eq!(gc(&shelf.store, spare).views, 0);
    let told = gc(&shelf.store, dry());
    assert!(there().iter().all(|there| *there));
    let done = collect(&shelf.store);
    assert_eq!(told, done);
    assert_eq!(before - du(shelf.path()), done.bytes);
    assert_eq!((done.views, done.objects, done.entries), (2, 0, 0));
    assert!(done.bytes > 400_000);
    assert_eq!(there(), [false, true, false, true, true]);
    // Nothing was lost: who asks for it has it again.
    assert!(std::fs::read(view(old).join("parts/disc")).unwrap() == one);
    let full = VerifyOptions {
        full: true,
        only: None,
    };
    assert_eq!(shelf.store.verify(&full, &quiet).unwrap().damaged, []);
    // What two views share goes with the last of them.
    std::fs::remove_file(shelf.path().join("roots/sampler-1-x86_64/release/1")).unwrap();
    let before = du(shelf.path());
    let told = gc(&shelf.store, dry());
    let done = collect(&shelf.store);
    assert_eq!(told, done);
    assert_eq!(before - du(shelf.path()), done.bytes);
    assert_eq!(there(), [false, true, false, false, true]);
}

#[test]
fn what_is_damaged_does_not_come_back_as_good() {
    let full = VerifyOptions {
        full: true,
        only: None,
    };
    let grace = || GcOptions {
        grace: Some(Duration::from_secs(60)),
        ..GcOptions::default()
    };
    for condemned_first in [false, true] {
        let shelf = Shelf::default();
        let files: [(&str, &[u8]); 2] = [("a", b"good"), ("b", b"bytes")];
        let (id, lease) = shelf.put(&files);
        drop(lease);
        let path = shelf.store.blob_path(BlobId::of(b"bytes"));
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, b"other").unwrap();
        if condemned_first {
            assert_eq!(gc(&shelf.store, grace()).pending, 2);
        }
        let found = shelf.store.verify(&full, &quiet).unwrap().damaged;
        assert_eq!(found.len(), 1, "{found:?}");
        let dry = GcOptions {
            dry_run: true,
            ..grace()
        };
        let (told, before) = (gc(&shelf.store, dry), du(shelf.path()));
        let done = gc(&shelf.store, grace());
        assert_eq!((&told, before - du(shelf.path())), (&done, done.bytes));
        assert_eq!((done.pending, path.exists()), (1, false));
        let undo = GcOptions {
            undo: true,
            ..GcOptions::default()
        };
        gc(&shelf.store, undo);
        let lease = shelf.store.lease().unwrap();
        lease.hold(&[id]).unwrap();
        assert!(!shelf.store.is_complete(id).unwrap());
        let (again, _lease) = shelf.put(&files);
        assert_eq!(again, id);
        assert!(shelf.store.is_complete(id).unwrap());
        assert_eq!(shelf.store.verify(&full, &quiet).unwrap().damaged, []);
    }
}
