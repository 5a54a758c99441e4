//! Rows of the tables `trace`, `input` and `output`.

use rusqlite::{Connection, Transaction, params};

use super::super::error::Result;
use super::super::trace::Trace;
use super::Index;
use crate::ids::{DerivationKey, EntryId, Hash, TraceId};

/// A trace on its way in, with the time and size of its file.
pub(crate) struct NewTrace {
    pub id: TraceId,
    pub trace: Trace,
    pub made_ns: i64,
    pub size: u64,
}

const INSERT: &str = "insert into trace (hash, key, made, size) values (?1, ?2, ?3, ?4)
    on conflict (hash) do nothing returning id";
const BY_KEY: &str = "select hash from trace where key = ?1 order by made, hash";
const BY_OUTPUT: &str = "select distinct trace.hash, trace.made from output
    join trace on trace.id = output.trace
    where output.entry = ?1 order by trace.made desc, trace.hash desc";
const INPUTS: &str = "select distinct input.entry from input
    join trace on trace.id = input.trace where trace.hash = ?1";
const OUTPUTS: &str = "select distinct output.entry from output
    join trace on trace.id = output.trace where trace.hash = ?1 order by output.entry";
const ALL: &str = "select hash, size from trace order by hash";

pub(super) fn insert(t: &Transaction, new: &NewTrace) -> rusqlite::Result<()> {
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
    let mut input =
        t.prepare_cached("insert or ignore into input (trace, role, entry) values (?1, ?2, ?3)")?;
    for i in &new.trace.inputs {
        input.execute(params![id, i.role, i.entry.0.as_bytes()])?;
    }
    let mut output =
        t.prepare_cached("insert into output (trace, name, entry) values (?1, ?2, ?3)")?;
    for (name, entry) in &new.trace.outputs {
        output.execute(params![id, name, entry.0.as_bytes()])?;
    }
    Ok(())
}

pub(super) fn hashes(c: &Connection, sql: &str, of: Hash) -> rusqlite::Result<Vec<Hash>> {
    c.prepare_cached(sql)?
        .query_map([of.as_bytes()], |row| row.get(0).map(Hash::from_bytes))?
        .collect()
}

impl Index {
    /// Oldest first.
    pub fn traces(&self, key: DerivationKey) -> Result<Vec<TraceId>> {
        self.ask("looking up traces", |c| hashes(c, BY_KEY, key.0))
            .map(|ids| ids.into_iter().map(TraceId).collect())
    }

    /// Newest first.
    pub fn made(&self, entry: EntryId) -> Result<Vec<TraceId>> {
        self.ask("looking up what made an entry", |c| {
            hashes(c, BY_OUTPUT, entry.0)
        })
        .map(|ids| ids.into_iter().map(TraceId).collect())
    }

    pub fn inputs(&self, trace: TraceId) -> Result<Vec<EntryId>> {
        self.ask("looking up inputs", |c| hashes(c, INPUTS, trace.0))
            .map(|ids| ids.into_iter().map(EntryId).collect())
    }

    pub fn outputs(&self, trace: TraceId) -> Result<Vec<EntryId>> {
        self.ask("looking up outputs", |c| hashes(c, OUTPUTS, trace.0))
            .map(|ids| ids.into_iter().map(EntryId).collect())
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
