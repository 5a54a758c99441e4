//! Collectors and writers at the same time, and any order of both.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::process::{self, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;
use store::ids::{BlobId, EntryId};
use store::store::{Entry, Error, GcOptions, Progress, Store, VerifyOptions};
use store::tree::{Assembly, Builder, Child, Leaf, Part};

use crate::support::shelf::{Shelf, entry, root};

fn quiet(_: Progress) {}

fn said(name: &str) -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "how else would a parent talk to a test?"
    )]
    std::env::var(name).unwrap_or_default()
}

/// Few distinct bytes, so that writers find each other's, and what a collector just condemned.
fn bytes(seed: u32) -> Vec<u8> {
    format!("blob {}", seed % 7).into_bytes()
}

/// Writes entries as fast as it can, and reads back each while it holds it.
fn write(store: &Store, seed: u32, rounds: u32) {
    for round in 0..rounds {
        let seed = seed.wrapping_mul(31).wrapping_add(round);
        let (a, b, c) = (bytes(seed), bytes(seed / 7), bytes(seed / 3));
        let batch = store.batch().unwrap();
        let id = entry(&batch, &[("a", &a), ("bin/b", &b), ("c", &c)]);
        let _lease = batch.commit().unwrap();
        assert!(store.is_complete(id).unwrap());
        for bytes in [a, b, c] {
            let mut found = Vec::new();
            let mut reader = store.read(BlobId::of(&bytes), 0, None).unwrap();
            reader.read_to_end(&mut found).unwrap();
            assert_eq!(found, bytes);
        }
        if round % 5 == 0 {
            let new = store::store::NewGeneration {
                entry: id,
                trace: None,
                label: None,
                time: 0,
                also: [].into(),
                origin: None,
            };
            store.add_generation(&root("server"), new).unwrap();
        }
        if round % 7 == 0 {
            store.view(id, &"server".parse().unwrap()).unwrap();
        }
    }
}

fn collect(store: &Store) -> u64 {
    let options = GcOptions {
        keep_last: Some(1),
        ..GcOptions::default()
    };
    match store.gc(&options, &quiet) {
        Ok(report) => report.objects,
        Err(Error::Busy { .. }) => 0,
        Err(e) => panic!("{e}"),
    }
}

fn sound(store: &Store) {
    let full = VerifyOptions {
        full: true,
        only: None,
    };
    assert_eq!(store.verify(&full, &quiet).unwrap().damaged, []);
    let generations = store.generations(&root("server")).unwrap();
    let numbers: Vec<u32> = generations.iter().map(|g| g.number).collect();
    assert_eq!(numbers, (1..=numbers.len() as u32).collect::<Vec<_>>());
    let newest = generations.last().unwrap().entry;
    assert!(store.is_complete(newest).unwrap());
}

#[test]
#[ignore = "run by its parent"]
fn child() {
    let store = Store::open(said("STORE_SUITE_DIR").as_ref()).unwrap();
    match said("STORE_SUITE_ROLE").as_str() {
        "write" => write(&store, said("STORE_SUITE_SEED").parse().unwrap(), 20),
        "collect" => drop((0..10).map(|_| collect(&store)).sum::<u64>()),
        role => panic!("{role}"),
    }
}

fn spawn(store: &Store, role: &str, seed: u32) -> process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["gc_races::child", "--exact", "--ignored", "--nocapture"])
        .env("STORE_SUITE_DIR", store.dir())
        .env("STORE_SUITE_ROLE", role)
        .env("STORE_SUITE_SEED", seed.to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn writers_and_collectors_in_several_processes_do_not_harm_each_other() {
    let shelf = Shelf::default();
    let mut children: Vec<process::Child> =
        (0..2).map(|n| spawn(&shelf.store, "write", n)).collect();
    children.extend((0..2).map(|n| spawn(&shelf.store, "collect", n)));
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    sound(&shelf.store);
}

#[test]
fn writers_and_a_collector_in_one_process_do_not_harm_each_other() {
    let shelf = Shelf::default();
    let done = AtomicBool::new(false);
    let freed = std::thread::scope(|scope| {
        let collector = scope.spawn(|| {
            let store = shelf.reopen();
            let mut freed = 0;
            while !done.load(Ordering::SeqCst) {
                freed += collect(&store);
            }
            freed
        });
        let writers: Vec<_> = (0..3)
            .map(|n| {
                scope.spawn({
                    let shelf = &shelf;
                    move || write(&shelf.store, n, 25)
                })
            })
            .collect();
        // The collector must end even if a writer fails.
        let ended: Vec<bool> = writers.into_iter().map(|w| w.join().is_ok()).collect();
        done.store(true, Ordering::SeqCst);
        assert!(ended.into_iter().all(|good| good));
        collector.join().unwrap()
    });
    assert!(freed > 0);
    sound(&shelf.store);
}

#[test]
fn generations_written_at_the_same_time_get_numbers_of_their_own() {
    let shelf = Shelf::default();
    let (id, _lease) = shelf.put(&[("f", b"x")]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..5).for_each(|_| assert!(shelf.keep("server", id) > 0)));
        }
    });
    sound(&shelf.store);
    assert_eq!(shelf.store.generations(&root("server")).unwrap().len(), 20);
}

#[test]
fn two_batches_with_the_same_object_both_commit() {
    let shelf = Shelf::default();
    let (one, two) = (shelf.store.batch().unwrap(), shelf.store.batch().unwrap());
    let files: [(&str, &[u8]); 1] = [("f", b"same")];
    let (a, b) = (entry(&one, &files), entry(&two, &files));
    assert_eq!(a, b);
    drop(one);
    assert!(shelf.store.is_complete(b).unwrap());
    let three = shelf.store.batch().unwrap();
    entry(&three, &files);
    let _two = two.commit().unwrap();
    let _three = three.commit().unwrap();
    assert!(shelf.reopen().is_complete(a).unwrap());
}

#[test]
fn batches_that_come_and_go_do_not_take_each_other_for_dead() {
    let shelf = Shelf::default();
    std::thread::scope(|scope| {
        for n in 0..4u8 {
            let store = &shelf.store;
            scope.spawn(move || {
                for round in 0..200u8 {
                    let batch = store.batch().unwrap();
                    let bytes = [n, round];
                    entry(&batch, &[("f", &bytes)]);
                    let mut found = Vec::new();
                    let mut reader = store.read(BlobId::of(&bytes), 0, None).unwrap();
                    reader.read_to_end(&mut found).unwrap();
                    assert_eq!(found, bytes);
                }
            });
        }
    });
}

#[test]
fn several_threads_fill_one_batch() {
    let shelf = Shelf::default();
    let batch = shelf.store.batch().unwrap();
    let ids: BTreeSet<EntryId> = std::thread::scope(|scope| {
        let work = |n: u32| {
            let (batch, own) = (&batch, format!("own {}", n / 2));
            scope.spawn(move || entry(batch, &[("a", b"common"), ("b", own.as_bytes())]))
        };
        let threads: Vec<_> = (0..8).map(work).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert_eq!(ids.len(), 4);
    let _lease = batch.commit().unwrap();
    let store = shelf.reopen();
    assert!(ids.iter().all(|id| store.is_complete(*id).unwrap()));
}

#[test]
fn what_becomes_a_list_while_a_collector_looks_keeps_its_parts() {
    let shelf = Shelf::default();
    let (_, lease) = shelf.put(&[("f", b"a part of it")]);
    drop(lease);
    let batch = shelf.store.batch().unwrap();
    let mut tree = Builder::default();
    let leaf = Leaf::file(0o644, BlobId::of(b"part"), 4);
    tree.children.insert(b"f".to_vec(), Child::Leaf(leaf));
    let tree = tree.finish(&mut |directory| batch.directory(directory));
    let manifest = Entry::new("sample", tree.unwrap());
    let id = batch.record(&manifest).unwrap();
    // The collector sees this lease, and no file of the entry is here.
    let lease = batch.commit().unwrap();
    let once = AtomicBool::new(false);
    let make = |progress: Progress| {
        if (progress.phase, progress.done) != ("marking", 1) || once.swap(true, Ordering::SeqCst) {
            return;
        }
        let store = shelf.reopen();
        let batch = store.batch().unwrap();
        let part = Part::Range {
            blob: BlobId::of(b"a part of it"),
            offset: 2,
            length: 4,
        };
        batch.assemble(&Assembly { parts: vec![part] }).unwrap();
        assert_eq!(batch.entry(&manifest).unwrap(), id);
        let _lease = batch.commit().unwrap();
        shelf.keep("server", id);
    };
    shelf.store.gc(&GcOptions::default(), &make).unwrap();
    assert!(once.into_inner());
    drop(lease);
    sound(&shelf.store);
}

/// What a person may do, in any order.
#[derive(Debug, Clone)]
enum Act {
    /// Puts an entry of some blobs, made from an earlier one.
    Make {
        blobs: BTreeSet<u8>,
        from: usize,
    },
    /// Names the n-th entry made, if it is complete.
    Keep {
        name: u8,
        entry: usize,
    },
    Hold {
        entry: usize,
    },
    Release,
    View {
        entry: usize,
    },
    Gc {
        keep_last: Option<u32>,
        grace: bool,
    },
    Undo,
    Reopen,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (prop::collection::btree_set(0u8..6, 0..4), 0usize..8)
            .prop_map(|(blobs, from)| Act::Make { blobs, from }),
        2 => (0u8..2, 0usize..8).prop_map(|(name, entry)| Act::Keep { name, entry }),
        1 => (0usize..8).prop_map(|entry| Act::Hold { entry }),
        1 => Just(Act::Release),
        1 => (0usize..8).prop_map(|entry| Act::View { entry }),
        3 => (prop::option::of(1u32..3), any::<bool>())
            .prop_map(|(keep_last, grace)| Act::Gc { keep_last, grace }),
        1 => Just(Act::Undo),
        1 => Just(Act::Reopen),
    ]
}

/// What must be true after each act, told by a model that knows no disk.
#[derive(Default)]
struct Model {
    made: Vec<(EntryId, BTreeSet<u8>, Vec<EntryId>)>,
    kept: BTreeMap<u8, Vec<usize>>,
    held: Option<usize>,
    /// Blobs that are surely readable.
    alive: BTreeSet<u8>,
}

impl Model {
    fn inputs(&self, entry: usize, alive: &mut BTreeSet<EntryId>) {
        // How the root was made is known; of what went in, every way counts.
        let mut queue = self.made[entry].2.clone();
        alive.extend(&queue);
        while let Some(id) = queue.pop() {
            for (_, _, inputs) in self.made.iter().filter(|made| made.0 == id) {
                queue.extend(inputs.iter().filter(|input| alive.insert(**input)));
            }
        }
    }

    /// The blobs that a collector must leave.
    fn needed(&self, keep_last: Option<u32>) -> BTreeSet<u8> {
        let mut entries: BTreeSet<EntryId> = self.held.iter().map(|at| self.made[*at].0).collect();
        for generations in self.kept.values() {
            let count = keep_last.map_or(generations.len(), |n| n as usize);
            let first = generations.len().saturating_sub(count);
            entries.extend(generations[first..].iter().map(|at| self.made[*at].0));
            if let Some(newest) = generations.last() {
                let mut inputs = BTreeSet::new();
                self.inputs(*newest, &mut inputs);
                entries.extend(inputs);
            }
        }
        self.made
            .iter()
            .filter(|made| entries.contains(&made.0))
            .flat_map(|made| made.1.iter().copied())
            .collect()
    }
}

fn content(blob: u8) -> Vec<u8> {
    vec![blob; 3 + usize::from(blob)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_done_in_whatever_order_what_must_stay_stays(acts in prop::collection::vec(act(), 1..25)) {
        let mut shelf = Shelf::default();
        let mut model = Model::default();
        let mut lease = None;
        let mut now = 0;
        for act in acts {
            now += 10;
            match act {
                Act::Make { blobs, from } => {
                    let inputs: Vec<EntryId> = model.made.get(from).map(|made| made.0).into_iter().collect();
                    let files: Vec<(String, Vec<u8>)> =
                        blobs.iter().map(|b| (format!("bin/{b}"), content(*b)))
                            .chain(blobs.iter().map(|b| (format!("parts/{b}"), [&b"<"[..], &content(*b)].concat()))).collect();
                    let files: Vec<(&str, &[u8])> =
                        files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
                    let (id, _) = shelf.make(&files, &inputs);
                    model.alive.extend(&blobs);
                    model.made.push((id, blobs, inputs));
                }
                Act::Keep { name, entry } if entry < model.made.len() => {
                    let (id, blobs, inputs) = model.made[entry].clone();
                    let trace = crate::support::shelf::trace(id, &inputs).id();
                    let new = store::store::NewGeneration {
                        entry: id, trace: Some(trace), label: None, time: 0, also: [].into(), origin: None,
                    };
                    let name_ = root(&format!("name{name}"));
                    match shelf.store.add_generation(&name_, new) {
                        Ok(_) => {
                            model.kept.entry(name).or_default().push(entry);
                            model.alive.extend(&blobs);
                        }
                        Err(e) => {
                            prop_assert!(!blobs.is_subset(&model.alive), "{}", e);
                        }
                    }
                }
                Act::Hold { entry } if entry < model.made.len() => {
                    let new = shelf.store.lease().unwrap();
                    new.hold(&[model.made[entry].0]).unwrap();
                    lease = Some(new);
                    model.held = Some(entry);
                }
                Act::Release => {
                    lease = None;
                    model.held = None;
                }
                Act::View { entry } if entry < model.made.len() => {
                    let (id, blobs, _) = &model.made[entry];
                    let made = shelf.store.view(*id, &"view".parse().unwrap());
                    prop_assert!(made.is_ok() || !blobs.is_subset(&model.alive));
                    if let Ok(path) = made {
                        for blob in blobs {
                            prop_assert_eq!(std::fs::read(path.join(format!("bin/{blob}"))).unwrap(), content(*blob));
                            prop_assert_eq!(&std::fs::read(path.join(format!("parts/{blob}"))).unwrap()[1..], content(*blob));
                        }
                        model.alive.extend(blobs);
                    }
                }
                Act::Gc { keep_last, grace } => {
                    let grace = grace.then(|| std::time::Duration::from_secs(25));
                    let options = GcOptions { keep_last, grace, now, ..GcOptions::default() };
                    let dry = GcOptions { dry_run: true, ..options.clone() };
                    let told = shelf.store.gc(&dry, &quiet).unwrap();
                    let done = shelf.store.gc(&options, &quiet).unwrap();
                    prop_assert_eq!(&told, &done);
                    let needed = model.needed(keep_last);
                    for blob in (0..6).filter(|blob| done.pending == 0 && !needed.contains(blob)) {
                        let id = BlobId::of(&content(blob));
                        prop_assert_eq!(shelf.store.blob_size(id).unwrap(), None);
                        prop_assert!(!shelf.store.blob_path(id).exists());
                    }
                    model.alive.retain(|blob| needed.contains(blob));
                }
                Act::Undo => {
                    let undo = GcOptions { undo: true, ..GcOptions::default() };
                    shelf.store.gc(&undo, &quiet).unwrap();
                }
                Act::Reopen => shelf.store = shelf.reopen(),
                _ => {}
            }
            for blob in &model.alive {
                let mut bytes = Vec::new();
                let id = BlobId::of(&content(*blob));
                shelf.store.read(id, 0, None).unwrap().read_to_end(&mut bytes).unwrap();
                prop_assert_eq!(bytes, content(*blob));
            }
            for (id, blobs, _) in &model.made {
                let complete = shelf.store.is_complete(*id).unwrap();
                prop_assert!(complete || !blobs.is_subset(&model.alive));
            }
            let full = VerifyOptions { full: true, only: None };
            prop_assert_eq!(shelf.store.verify(&full, &quiet).unwrap().damaged, []);
        }
        drop(lease);
    }
}
