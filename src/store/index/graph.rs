//! How entries and traces hang together, by their rows.

use rusqlite::{Connection, OptionalExtension};

use super::super::error::Result;
use super::rows::{self, Lists, Rows};
use super::{Index, contents, damaged};
use crate::ids::{EntryId, TraceId};

/// A copy of all edges at one moment.
///
/// Reading them all in order takes less than looking up one in ten.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    /// The entries whose contents are known.
    pub entries: Rows,
    /// By entry, the entries that it refers to.
    pub references: Lists,
    /// By trace, the entries that went in.
    pub inputs: Lists,
    /// By entry, the traces that it came out of.
    pub makers: Lists,
}

const ENTRIES: &str = "select object from entry order by object";
const REFERS: &str = "select entry, entries from refers order by entry";
const INPUTS: &str = "select trace, inputs from step order by trace";
const MADE: &str = "select entry, trace from made order by entry, trace";

fn lists(c: &Connection, sql: &str) -> rusqlite::Result<Lists> {
    let mut lists = Lists::default();
    let mut statement = c.prepare(sql)?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let list = row.get_ref(1)?.as_blob()?;
        lists.push(row.get(0)?, rows::decode(list));
    }
    Ok(lists)
}

fn graph(c: &Connection) -> rusqlite::Result<Graph> {
    let mut graph = Graph {
        references: lists(c, REFERS)?,
        inputs: lists(c, INPUTS)?,
        ..Graph::default()
    };
    let mut statement = c.prepare(ENTRIES)?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        graph.entries.insert(row.get(0)?);
    }
    let mut statement = c.prepare(MADE)?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        graph.makers.push(row.get(0)?, [row.get(1)?].into_iter());
    }
    Ok(graph)
}

/// The list in the second column for the row in the first.
fn list(c: &Connection, sql: &str, of: u32) -> rusqlite::Result<Vec<u32>> {
    let bytes: Option<Vec<u8>> = c
        .prepare_cached(sql)?
        .query_row([of], |row| row.get(0))
        .optional()?;
    Ok(bytes.map_or_else(Vec::new, |bytes| rows::decode(&bytes).collect()))
}

fn row_of<const N: usize>(
    c: &Connection,
    sql: &str,
    hash: &[u8; N],
) -> rusqlite::Result<Option<u32>> {
    c.prepare_cached(sql)?
        .query_row([hash], |row| row.get(0))
        .optional()
}

impl Index {
    /// All edges, as of one moment.
    pub fn graph(&self) -> Result<Graph> {
        self.ask_at_once("reading the graph", graph)
    }

    /// The row of an entry, whether it is here or only named.
    pub fn entry_row(&self, entry: EntryId) -> Result<Option<u32>> {
        const SQL: &str = "select id from object where kind = 2 and hash = ?1";
        self.ask("looking up an entry", |c| {
            row_of(c, SQL, entry.0.as_bytes())
        })
    }

    pub fn trace_row(&self, trace: TraceId) -> Result<Option<u32>> {
        const SQL: &str = "select id from trace where hash = ?1";
        self.ask("looking up a trace", |c| row_of(c, SQL, trace.0.as_bytes()))
    }

    pub fn references_of(&self, entry: u32) -> Result<Vec<u32>> {
        const SQL: &str = "select entries from refers where entry = ?1";
        self.ask("looking up references", |c| list(c, SQL, entry))
    }

    pub fn inputs_of(&self, trace: u32) -> Result<Vec<u32>> {
        const SQL: &str = "select inputs from step where trace = ?1";
        self.ask("looking up inputs", |c| list(c, SQL, trace))
    }

    pub fn makers_of(&self, entry: u32) -> Result<Vec<u32>> {
        const SQL: &str = "select trace from made where entry = ?1 order by trace";
        self.ask("looking up what made an entry", |c| {
            c.prepare_cached(SQL)?
                .query_map([entry], |row| row.get(0))?
                .collect()
        })
    }

    /// Hands what is below an entry to `each`; says whether the entry is known.
    pub fn each_below(&self, entry: u32, mut each: impl FnMut(i64)) -> Result<bool> {
        const SQL: &str = "select contents from entry where object = ?1";
        let good = self.ask("looking up an entry", |c| {
            let mut statement = c.prepare_cached(SQL)?;
            let mut rows = statement.query([entry])?;
            let Some(row) = rows.next()? else {
                return Ok(None);
            };
            Ok(Some(contents::each(row.get_ref(0)?.as_blob()?, &mut each)))
        })?;
        match good {
            Some(true) => Ok(true),
            Some(false) => Err(self.bad_list(i64::from(entry))),
            None => Ok(false),
        }
    }

    /// Hands every entry to `each` with what reads its contents, in the order of rows.
    pub fn every_entry(&self, mut each: impl FnMut(i64, &Contained<'_>)) -> Result<()> {
        const SQL: &str = "select object, contents from entry order by object";
        let bad = self.ask("listing entries", |c| {
            let mut statement = c.prepare(SQL)?;
            let mut rows = statement.query(())?;
            while let Some(row) = rows.next()? {
                let (entry, bytes) = (row.get(0)?, row.get_ref(1)?.as_blob()?);
                let contained = Contained {
                    bytes,
                    good: std::cell::Cell::new(true),
                };
                each(entry, &contained);
                if !contained.good.get() {
                    return Ok(Some(entry));
                }
            }
            Ok(None)
        })?;
        bad.map_or(Ok(()), |entry| Err(self.bad_list(entry)))
    }

    fn bad_list(&self, entry: i64) -> super::super::error::Error {
        damaged(&self.path, &format!("has a bad list for its entry {entry}"))
    }
}

/// What is below an entry, decoded only if somebody asks.
pub(crate) struct Contained<'a> {
    bytes: &'a [u8],
    good: std::cell::Cell<bool>,
}

impl Contained<'_> {
    pub fn each(&self, each: impl FnMut(i64)) {
        if !contents::each(self.bytes, each) {
            self.good.set(false);
        }
    }

    /// Whether something below the entry is among these.
    pub fn meets(&self, rows: &Rows) -> bool {
        let mut meets = false;
        self.each(|row| meets |= rows.contains(row));
        meets
    }
}
