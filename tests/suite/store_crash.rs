//! A process that is killed, at any point, leaves nothing that says more than it holds.
//!
//! The child is this binary again, which runs `child` below and kills itself.

use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use store::ids::{BlobId, EntryId, Name, TreeId};
use store::store::{GcOptions, Progress, Store, VerifyOptions, fault};

use crate::support::shelf::{Shelf, deflated, entry, root, trace};

fn quiet(_: Progress) {}

static POINT: OnceLock<String> = OnceLock::new();
static LEFT: AtomicU32 = AtomicU32::new(0);

fn kill_at(name: &str) {
    if POINT.get().is_some_and(|point| point == name) && LEFT.fetch_sub(1, Ordering::SeqCst) == 1 {
        let me = rustix::process::getpid();
        rustix::process::kill_process(me, rustix::process::Signal::KILL).unwrap();
        loop {
            std::thread::yield_now();
        }
    }
}

/// Writes, names, views and collects, as one `realize` and one `gc` would.
#[test]
#[ignore = "run by its parent"]
fn child() {
    #[expect(
        clippy::disallowed_methods,
        reason = "how else would a parent talk to a test?"
    )]
    let said = |name| std::env::var(name).unwrap_or_default();
    let dir = said("STORE_SUITE_DIR");
    assert!(!dir.is_empty());
    POINT.set(said("STORE_SUITE_POINT")).unwrap();
    LEFT.store(said("STORE_SUITE_COUNT").parse().unwrap(), Ordering::SeqCst);
    fault::set(kill_at);

    let store = Store::create(dir.as_ref()).unwrap();
    let batch = store.batch().unwrap();
    let (large, packed) = (vec![7; 40_000], deflated(&[7; 40_000]));
    let more: [(&str, &[u8]); 2] = [("bin/large", &large), ("large.z", &packed)];
    let id = entry(&batch, &[NEW, &more].concat());
    batch.deflated(BlobId::of(&large), BlobId::of(&packed), 0);
    let trace = batch.trace(&trace(id, &[])).unwrap();
    let _lease = batch.commit().unwrap();
    let generations = store.generations(&root("server")).unwrap();
    if generations.last().is_none_or(|newest| newest.entry != id) {
        let new = store::store::NewGeneration {
            entry: id,
            trace: Some(trace),
            label: None,
            time: 2,
            also: [].into(),
            origin: None,
        };
        store.add_generation(&root("server"), new).unwrap();
    }
    store.view(id, &name()).unwrap();
    let options = GcOptions {
        keep_last: Some(1),
        ..GcOptions::default()
    };
    store.gc(&options, &quiet).unwrap();
}

const OLD: &[(&str, &[u8])] = &[
    ("a", b"shared"),
    ("b", b"old"),
    ("bin/c", b"old tool"),
    ("parts/d", b"old disc"),
];
const NEW: &[(&str, &[u8])] = &[
    ("a", b"shared"),
    ("b", b"new"),
    ("bin/c", b"new tool"),
    ("parts/d", b"new disc"),
];

fn name() -> Name {
    "server".parse().unwrap()
}

/// Runs the child; says whether it was killed.
fn run(dir: &std::path::Path, point: &str, count: u32) -> bool {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["store_crash::child", "--exact", "--ignored", "--nocapture"])
        .env("STORE_SUITE_DIR", dir)
        .env("STORE_SUITE_POINT", point)
        .env("STORE_SUITE_COUNT", count.to_string())
        .output()
        .unwrap();
    let killed = std::os::unix::process::ExitStatusExt::signal(&output.status) == Some(9);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(killed || output.status.success(), "{point}: {text}");
    killed
}

/// Every name under `objects/` stands for what it says, entries with all below them.
fn nothing_is_named_incomplete(store: &Store, point: &str) {
    for item in walkdir::WalkDir::new(store.dir().join("objects")) {
        let item = item.unwrap();
        if !item.file_type().is_file() {
            continue;
        }
        let name = item.file_name().to_str().unwrap();
        let bytes = std::fs::read(item.path()).unwrap();
        let hash = match name.split_once('.') {
            None => BlobId::of(&bytes).0,
            Some((_, "tree")) => TreeId::of(&bytes).0,
            Some((_, "entry")) => EntryId::of(&bytes).0,
            // Named by what it stands for, which verify reads below.
            Some((_, "asm")) => continue,
            Some((_, end)) => panic!("{point}: {end}"),
        };
        assert!(name.starts_with(&hash.to_string()), "{point}: {name}");
    }
    let full = VerifyOptions {
        full: true,
        only: None,
    };
    let damaged = store.verify(&full, &quiet).unwrap().damaged;
    // A view that was moved but not yet made read-only is made anew when it is asked for.
    let damaged: Vec<_> = damaged
        .iter()
        .filter(|d| d.what != store::store::What::View)
        .collect();
    assert!(damaged.is_empty(), "{point}: {damaged:?}");
    for generation in store
        .generations(&root("server"))
        .unwrap()
        .iter()
        .rev()
        .take(1)
    {
        assert!(store.is_complete(generation.entry).unwrap(), "{point}");
    }
}

#[test]
fn a_kill_at_any_point_leaves_nothing_named_incomplete_and_the_next_run_finishes() {
    for point in fault::POINTS {
        for count in [1, 2] {
            let shelf = Shelf::default();
            let (old, old_trace) = shelf.make(OLD, &[]);
            shelf.keep_made("server", old, Some(old_trace));
            shelf.store.view(old, &name()).unwrap();
            let Shelf { dir, store } = shelf;
            let path = store.dir().to_owned();
            drop(store);

            let killed = run(&path, point, count);
            assert!(killed || count > 1, "{point} is never passed");
            if !killed {
                continue;
            }
            let store = Store::open(&path).unwrap();
            nothing_is_named_incomplete(&store, point);
            drop(store);

            assert!(!run(&path, "", 0), "{point}");
            let store = Store::open(&path).unwrap();
            nothing_is_named_incomplete(&store, point);
            let generations = store.generations(&root("server")).unwrap();
            let newest = generations.last().unwrap().entry;
            assert_ne!(newest, old, "{point}");
            assert!(!store.is_complete(old).unwrap(), "{point}");
            let view = store.view(newest, &name()).unwrap();
            assert_eq!(std::fs::read(view.join("bin/c")).unwrap(), b"new tool");
            assert_eq!(std::fs::read(view.join("parts/d")).unwrap(), b"new disc");
            for left in ["tmp", "leases", "entries/.building"] {
                let count = std::fs::read_dir(path.join(left)).unwrap().count();
                assert_eq!(count, 0, "{point}: {left}");
            }
            let full = VerifyOptions {
                full: true,
                only: None,
            };
            let damaged = store.verify(&full, &quiet).unwrap().damaged;
            assert_eq!(damaged, [], "{point}");
            drop(dir);
        }
    }
}

#[test]
fn a_kill_during_gc_frees_the_same_bytes_in_the_end() {
    let mut left = Vec::new();
    for point in [
        "",
        "gc.condemned",
        "gc.unlinking",
        "gc.unlinked",
        "gc.views",
    ] {
        let shelf = Shelf::default();
        let (old, trace) = shelf.make(OLD, &[]);
        shelf.keep_made("server", old, Some(trace));
        shelf.store.view(old, &name()).unwrap();
        let killed = run(shelf.path(), point, 1);
        assert_eq!(killed, !point.is_empty(), "{point} was not reached");
        run(shelf.path(), "", 0);
        // What is left is told below; that something went, and not too much, is told here.
        for (bytes, stays) in [
            (&b"old"[..], false),
            (b"old tool", false),
            (b"shared", true),
        ] {
            let path = shelf.store.blob_path(BlobId::of(bytes));
            assert_eq!(path.exists(), stays, "{point}: {bytes:?}");
        }
        let files = ["objects", "entries"].map(|part| {
            walkdir::WalkDir::new(shelf.path().join(part))
                .sort_by_file_name()
                .into_iter()
                .map(|item| {
                    item.unwrap()
                        .path()
                        .strip_prefix(shelf.path())
                        .unwrap()
                        .to_owned()
                })
                .filter(|path| path.components().count() > 2)
                .collect::<Vec<_>>()
        });
        left.push(files);
    }
    assert!(left.windows(2).all(|pair| pair[0] == pair[1]));
}
