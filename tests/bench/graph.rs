//! An index with many entries and edges, of which no file is there but one root: what marking looks at.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::{Connection, Transaction, params};
use store::ids::{BlobId, EntryId, Hash, Name, TraceId};
use store::store::{Entry, NewGeneration, RootName, Store};
use store::tree::Builder;

use super::Made;

/// References and inputs of each entry.
const EDGES: usize = 5;

/// Entries that a root keeps, through references and through what they were made from.
pub fn make(at: &Path, count: usize) -> Made {
    let (first, id) = first_entry(at)?;
    let mut connection = Connection::open(at.join("db.sqlite"))?;
    let all = connection.transaction()?;
    entries(&all, first, count)?;
    for number in 0..count {
        edges(&all, first, number, count)?;
    }
    all.commit()?;
    drop(connection);
    keep(at, id, TraceId(trace(0)))
}

fn entry(number: usize) -> Hash {
    BlobId::of(&number.to_le_bytes()).0
}

fn trace(number: usize) -> Hash {
    BlobId::of(&number.to_be_bytes()).0
}

/// The first entry is there already; the others follow it, with the same content.
fn entries(t: &Transaction, first: i64, count: usize) -> rusqlite::Result<()> {
    const CONTENTS: &str = "insert into entry (object, contents)
        select ?1, contents from entry where object = ?2";
    const OBJECT: &str = "insert into object (id, kind, hash, form, size, length, state)
        values (?1, 2, ?2, 0, 1, 1, 0)";
    for number in 1..count {
        let row = first + number as i64;
        t.prepare_cached(OBJECT)?
            .execute(params![row, entry(number).as_bytes()])?;
        t.prepare_cached(CONTENTS)?.execute([row, first])?;
    }
    Ok(())
}

/// A tree of references reaches everything; inputs come from all over.
fn edges(
    t: &Transaction,
    first: i64,
    number: usize,
    count: usize,
) -> Result<(), Box<dyn std::error::Error>> {
    let row = |number: usize| first + number as i64;
    let (begin, end) = (number * EDGES + 1, number * EDGES + EDGES + 1);
    let references = list((begin.min(count)..end.min(count)).map(row))?;
    let inputs = list((1..=EDGES).map(|n| row((number * 7919 + n * 104_729) % count)))?;
    if !references.is_empty() {
        t.prepare_cached("insert into refers (entry, entries) values (?1, ?2)")?
            .execute(params![row(number), references])?;
    }
    t.prepare_cached("insert into trace (hash, key, made, size) values (?1, ?1, ?2, 1)")?
        .execute(params![trace(number).as_bytes(), number as i64])?;
    let trace = t.last_insert_rowid();
    t.prepare_cached("insert into step (trace, inputs, outputs) values (?1, ?2, ?3)")?
        .execute(params![trace, inputs, list([row(number)].into_iter())?])?;
    t.prepare_cached("insert into made (entry, trace) values (?1, ?2)")?
        .execute([row(number), trace])?;
    Ok(())
}

/// Makes a store with one entry; returns its number in the index, and its id.
fn first_entry(at: &Path) -> Result<(i64, EntryId), Box<dyn std::error::Error>> {
    let store = Store::create(at)?;
    let batch = store.batch()?;
    let tree = Builder::default().finish(&mut |directory| batch.directory(directory))?;
    let id = batch.entry(&Entry::new("output", tree))?;
    drop(batch.commit()?);
    let index = Connection::open(at.join("db.sqlite"))?;
    let sql = "select object from entry";
    Ok((index.query_row(sql, (), |row| row.get(0))?, id))
}

/// Names the first entry, as made by a trace.
fn keep(at: &Path, entry: EntryId, trace: TraceId) -> Made {
    let store = Store::open(at)?;
    let new = NewGeneration {
        entry,
        trace: Some(trace),
        label: None,
        time: 0,
        also: BTreeSet::new(),
        origin: None,
    };
    store.add_generation(
        &RootName::new("bench-1-x86_64", "all".parse::<Name>()?)?,
        new,
    )?;
    Ok(())
}

/// Object ids as the index has them: ascending, each once, in four bytes.
fn list(rows: impl Iterator<Item = i64>) -> Result<Vec<u8>, std::num::TryFromIntError> {
    let mut bytes = Vec::new();
    for row in rows.collect::<BTreeSet<i64>>() {
        bytes.extend(u32::try_from(row)?.to_be_bytes());
    }
    Ok(bytes)
}
