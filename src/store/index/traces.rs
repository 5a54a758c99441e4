//! Rows of the tables `trace`, `step` and `made`.

use std::collections::BTreeSet;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::super::error::Result;
use super::super::trace::Trace;
use super::numbers::Numbers;
use super::{Index, objects, rows};
use crate::ids::{DerivationKey, EntryId, Hash, TraceId};

/// A trace on its way in, with the time and size of its file.
pub(crate) struct NewTrace {
    pub id: TraceId,
    pub trace: Arc<Trace>,
    pub made_ns: i64,
    pub size: u64,
}

const INSERT: &str = "insert into trace (hash, key, made, size) values (?1, ?2, ?3, ?4)
    on conflict (hash) do nothing returning id";
const BY_KEY: &str = "select hash from trace where key = ?1 order by made, hash";
const BY_OUTPUT: &str = "select trace.hash from object
    join made on made.entry = object.id
    join trace on trace.id = made.trace
    where object.kind = 2 and object.hash = ?1 order by trace.made desc, trace.hash desc";
const OUTPUTS: &str = "select step.outputs from step
    join trace on trace.id = step.trace where trace.hash = ?1";
const ALL: &str = "select hash, size from trace order by hash";

pub(super) fn insert(
    t: &Transaction,
    numbers: &mut Numbers,
    new: &NewTrace,
) -> rusqlite::Result<()> {
    let key = new.trace.key.0;
    let row = params![
        new.id.0.as_bytes(),
        key.as_bytes(),
        new.made_ns,
        new.size as i64
    ];
    let mut statement = t.prepare_cached(INSERT)?;
    let Some(id) = statement
        .query_map(row, |row| row.get::<_, i64>(0))?
        .next()
        .transpose()?
    else {
        return Ok(());
    };
    let inputs: BTreeSet<EntryId> = new.trace.inputs.iter().map(|input| input.entry).collect();
    let outputs: BTreeSet<EntryId> = new.trace.outputs.values().copied().collect();
    let inputs = objects::named(t, numbers, &inputs)?;
    let outputs = objects::named(t, numbers, &outputs)?;
    t.prepare_cached("insert into step (trace, inputs, outputs) values (?1, ?2, ?3)")?
        .execute(params![id, inputs, outputs])?;
    let mut made = t.prepare_cached("insert into made (entry, trace) values (?1, ?2)")?;
    for output in rows::decode(&outputs) {
        made.execute(params![output, id])?;
    }
    Ok(())
}

/// The hashes of the entries in a list of rows, sorted.
pub(super) fn listed(c: &Connection, sql: &str, of: Hash) -> rusqlite::Result<Vec<EntryId>> {
    let list: Option<Vec<u8>> = c
        .prepare_cached(sql)?
        .query_row([of.as_bytes()], |row| row.get(0))
        .optional()?;
    let mut hash = c.prepare_cached("select hash from object where id = ?1")?;
    let mut entries = rows::decode(list.as_deref().unwrap_or_default())
        .map(|row| hash.query_row([row], |row| row.get(0)))
        .map(|found| Ok(EntryId(Hash::from_bytes(found?))))
        .collect::<rusqlite::Result<Vec<_>>>()?;
    entries.sort();
    Ok(entries)
}

pub(super) fn hashes(c: &Connection, sql: &str, of: Hash) -> rusqlite::Result<Vec<Hash>> {
    c.prepare_cached(sql)?
        .query_map([of.as_bytes()], |row| row.get(0).map(Hash::from_bytes))?
        .collect()
}

impl Index {
    /// Of each key, in their order, oldest first.
    pub fn traces(&self, keys: &[DerivationKey]) -> Result<Vec<Vec<TraceId>>> {
        self.look_up_each("looking up traces", keys, |c, keys| {
            let mut statement = c.prepare_cached(BY_KEY)?;
            let mut of = |key: &DerivationKey| {
                let rows = statement.query_map([key.0.as_bytes()], |row| row.get(0))?;
                rows.map(|hash| Ok(TraceId(Hash::from_bytes(hash?))))
                    .collect()
            };
            keys.iter().map(&mut of).collect()
        })
    }

    /// Of each entry, in their order, newest first.
    pub fn made(&self, entries: &[EntryId]) -> Result<Vec<Vec<TraceId>>> {
        let of = |c: &Connection, entry: &EntryId| {
            let hashes = hashes(c, BY_OUTPUT, entry.0)?;
            Ok(hashes.into_iter().map(TraceId).collect())
        };
        self.ask_at_once("looking up what made entries", |c| {
            entries.iter().map(|entry| of(c, entry)).collect()
        })
    }

    pub fn outputs(&self, trace: TraceId) -> Result<Vec<EntryId>> {
        self.ask("looking up outputs", |c| listed(c, OUTPUTS, trace.0))
    }

    pub fn has_trace(&self, trace: TraceId) -> Result<bool> {
        self.ask("looking up a trace", |c| {
            c.prepare_cached("select 1 from trace where hash = ?1")?
                .exists([trace.0.as_bytes()])
        })
    }

    pub fn all_traces(&self) -> Result<Vec<(TraceId, u64)>> {
        self.ask("listing traces", |c| {
            c.prepare_cached(ALL)?
                .query_map((), |row| {
                    let size: i64 = row.get(1)?;
                    Ok((TraceId(Hash::from_bytes(row.get(0)?)), size as u64))
                })?
                .collect()
        })
    }
}
