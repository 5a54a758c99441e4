//! An index of an earlier schema is brought up to date when its store is opened, and answers as before.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rusqlite::{Connection, params};
use store::ids::{EntryId, TraceId};
use store::store::{GcOptions, GcReport, Store};

use crate::support::shelf::{Shelf, unstored};

/// What the tables that the second schema replaced are asked for.
#[derive(Debug, PartialEq)]
struct Answers {
    entries: Vec<EntryId>,
    makers: BTreeMap<EntryId, Vec<TraceId>>,
    complete: Vec<EntryId>,
    collected: GcReport,
}

fn answers(store: &Store) -> Answers {
    let entries = store.entries().unwrap();
    let makers = entries.iter().map(|&e| (e, store.made(e).unwrap()));
    let complete = entries.iter().copied();
    let dry = GcOptions {
        dry_run: true,
        ..GcOptions::default()
    };
    Answers {
        makers: makers.collect(),
        complete: complete
            .filter(|&e| store.is_complete(e).unwrap())
            .collect(),
        collected: store.gc(&dry, &|_| {}).unwrap(),
        entries,
    }
}

/// Rewrites the index of a store as the first schema had it, from the records.
fn downgrade(store: &Store, index: &Path) {
    let old = index.with_extension("old");
    let c = Connection::open(&old).unwrap();
    c.execute_batch(include_str!("../../store-schema/01.sql"))
        .unwrap();
    c.execute("attach ?1 as new", [index.to_str().unwrap()])
        .unwrap();
    for table in ["object", "part", "entry", "trace", "stamp"] {
        let sql = format!("insert into main.{table} select * from new.{table}");
        c.execute(&sql, ()).unwrap();
    }
    for entry in store.entries().unwrap() {
        for target in store.entry(entry).unwrap().references {
            let sql = "insert into reference select id, ?2 from main.object where hash = ?1";
            let row = params![entry.0.as_bytes(), target.0.as_bytes()];
            assert_eq!(c.execute(sql, row).unwrap(), 1);
        }
    }
    for id in store.all_traces().unwrap() {
        let trace = store.trace(id).unwrap();
        let inputs = trace.inputs.iter().map(|i| ("input", &i.role, i.entry));
        let outputs = trace.outputs.iter().map(|(name, e)| ("output", name, *e));
        for (table, role, entry) in inputs.chain(outputs) {
            let sql =
                format!("insert into {table} select id, ?2, ?3 from main.trace where hash = ?1");
            let row = params![id.0.as_bytes(), role, entry.0.as_bytes()];
            assert_eq!(c.execute(&sql, row).unwrap(), 1);
        }
    }
    c.execute("detach new", ()).unwrap();
    c.pragma_update(None, "user_version", 1).unwrap();
    c.close().unwrap();
    fs::rename(old, index).unwrap();
    for end in ["-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{end}", index.display()));
    }
}

#[test]
fn an_index_of_the_first_schema_is_migrated_and_answers_the_same() {
    let shelf = Shelf::default();
    let (leaf, _) = shelf.put(&[("leaf", b"leaf")]);
    let (referred, _) = shelf.put(&[("referred", b"referred")]);
    let (gone, _) = shelf.put(&[("gone", b"gone")]);
    let (part, _) = shelf.make(&[("part", b"part")], &[leaf, gone]);
    shelf.make(&[("part", b"part")], &[leaf]);
    let batch = shelf.store.batch().unwrap();
    let mut whole = unstored(&batch, &[("whole", b"whole")]);
    whole.references = [referred, part].into();
    let whole = batch.entry(&whole).unwrap();
    let trace = batch
        .trace(&crate::support::shelf::trace(whole, &[part]))
        .unwrap();
    let lease = batch.commit().unwrap();
    shelf.keep_made("whole", whole, Some(trace));
    drop(lease);
    shelf.put(&[("dead", b"dead")]);
    let before = answers(&shelf.store);
    assert_eq!((before.collected.kept, before.collected.entries), (5, 1));

    let index = shelf.path().join("db.sqlite");
    downgrade(&shelf.store, &index);
    let path = shelf.path().to_owned();
    let Shelf { dir: _dir, store } = shelf;
    drop(store);
    let store = Store::open(&path).unwrap();
    assert_eq!(answers(&store), before);
    drop(store);
    // It was brought up to date for good, and only once.
    assert_eq!(answers(&Store::open(&path).unwrap()), before);
}
