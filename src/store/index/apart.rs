//! What only one of two closures holds, found without opening a record.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, Params, Row};

use super::super::error::Result;
use super::Index;
use super::rows::{self, Rows};
use crate::ids::{EntryId, Hash, TraceId};

/// An entry, and the trace that is followed from it; the oldest, where none is named.
pub type End = (EntryId, Option<TraceId>);

const ENTRY: &str = "select id from object where kind = 2 and hash = ?1";
const TRACE: &str = "select id from trace where hash = ?1";
const REFERS: &str = "select entry, entries from refers where entry = ?1";
const REFERS_BETWEEN: &str = "select entry, entries from refers where entry between ?1 and ?2";
const MADE: &str = "select entry, trace from made where entry = ?1";
const MADE_BETWEEN: &str = "select entry, trace from made where entry between ?1 and ?2";
const AGE: &str = "select made, hash from trace where id = ?1";
const TRACE_HASH: &str = "select hash from trace where id = ?1";
const INPUTS: &str = "select inputs from step where trace = ?1";
const HASH: &str = "select hash from object where id = ?1";

/// Where at least one row of so many is wanted, all between the first and the last are read:
/// passing over a row costs far less than looking one up.
const SPARSE: usize = 32;

/// What entries stand on, as far as anybody asked.
struct Below<'a> {
    index: &'a Connection,
    known: BTreeMap<u32, Vec<u32>>,
    followed: BTreeMap<u32, u32>,
}

impl Below<'_> {
    /// The rows of a closure.
    fn closure(&mut self, entry: u32, trace: Option<u32>) -> rusqlite::Result<Rows> {
        let mut seen: Rows = [i64::from(entry)].into_iter().collect();
        let mut open = match trace {
            Some(trace) => {
                let mut first = BTreeMap::new();
                self.references(&[entry], &mut first)?;
                let references = first.into_values().flatten();
                references.chain(self.inputs(trace)?).collect()
            }
            None => self.step(&[entry].into())?,
        };
        loop {
            open.retain(|row| seen.insert(i64::from(*row)));
            if open.is_empty() {
                return Ok(seen);
            }
            open = self.step(&open)?;
        }
    }

    /// All that some entries need directly.
    fn step(&mut self, of: &BTreeSet<u32>) -> rusqlite::Result<BTreeSet<u32>> {
        let new: Vec<u32> = of
            .iter()
            .filter(|row| !self.known.contains_key(row))
            .copied()
            .collect();
        let mut found = BTreeMap::new();
        self.references(&new, &mut found)?;
        for (entry, trace) in self.oldest(&new)? {
            let inputs = self.inputs(trace)?;
            found.entry(entry).or_default().extend(inputs);
            self.followed.insert(entry, trace);
        }
        for row in new {
            self.known
                .insert(row, found.remove(&row).unwrap_or_default());
        }
        let below = of.iter().filter_map(|row| self.known.get(row));
        Ok(below.flatten().copied().collect())
    }

    fn references(&self, of: &[u32], found: &mut BTreeMap<u32, Vec<u32>>) -> rusqlite::Result<()> {
        self.each(of, REFERS, REFERS_BETWEEN, |row| {
            let list = row.get_ref(1)?.as_blob()?;
            let list = rows::decode(list);
            found.entry(row.get(0)?).or_default().extend(list);
            Ok(())
        })
    }

    /// Of each entry that a step gave the oldest trace, as closures follow it.
    fn oldest(&self, of: &[u32]) -> rusqlite::Result<BTreeMap<u32, u32>> {
        let mut makers: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        self.each(of, MADE, MADE_BETWEEN, |row| {
            makers.entry(row.get(0)?).or_default().push(row.get(1)?);
            Ok(())
        })?;
        let mut age = self.index.prepare_cached(AGE)?;
        let mut oldest = BTreeMap::new();
        for (entry, traces) in makers {
            let mut first: Option<((i64, [u8; 32]), u32)> = None;
            for trace in &traces {
                // Nearly all have but one, and nobody asks how old that is.
                let made = match traces.len() {
                    1 => Default::default(),
                    _ => age.query_row([trace], |row| Ok((row.get(0)?, row.get(1)?)))?,
                };
                first = first.into_iter().chain([(made, *trace)]).min();
            }
            oldest.extend(first.map(|(_, trace)| (entry, trace)));
        }
        Ok(oldest)
    }

    fn inputs(&self, trace: u32) -> rusqlite::Result<Vec<u32>> {
        let list = |row: &Row| Ok(rows::decode(row.get_ref(0)?.as_blob()?).collect());
        let mut statement = self.index.prepare_cached(INPUTS)?;
        let inputs = statement.query_row([trace], list).optional()?;
        Ok(inputs.unwrap_or_default())
    }

    /// Hands what a table has of some entries to `each`: one by one, or all that lies between them.
    fn each(
        &self,
        of: &[u32],
        one: &str,
        between: &str,
        mut each: impl FnMut(&Row) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        let (Some(first), Some(last)) = (of.first(), of.last()) else {
            return Ok(());
        };
        if (last - first) as usize / SPARSE > of.len() {
            for row in of {
                query(self.index, one, [row], &mut each)?;
            }
            return Ok(());
        }
        query(self.index, between, [first, last], |row| {
            match of.binary_search(&row.get(0)?) {
                Ok(_) => each(row),
                Err(_) => Ok(()),
            }
        })
    }
}

fn query(
    c: &Connection,
    sql: &str,
    params: impl Params,
    mut each: impl FnMut(&Row) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut statement = c.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    while let Some(row) = rows.next()? {
        each(row)?;
    }
    Ok(())
}

fn row_of(c: &Connection, sql: &str, hash: Hash) -> rusqlite::Result<Option<u32>> {
    c.prepare_cached(sql)?
        .query_row([hash.as_bytes()], |row| row.get(0))
        .optional()
}

fn apart(c: &Connection, ends: [End; 2]) -> rusqlite::Result<Option<[Vec<End>; 2]>> {
    let mut below = Below {
        index: c,
        known: BTreeMap::new(),
        followed: BTreeMap::new(),
    };
    let mut tops = [0; 2];
    let mut closures: [Rows; 2] = Default::default();
    for (number, (entry, trace)) in ends.into_iter().enumerate() {
        let Some(top) = row_of(c, ENTRY, entry.0)? else {
            return Ok(None);
        };
        let followed = trace.map(|trace| row_of(c, TRACE, trace.0)).transpose()?;
        let trace = match followed {
            Some(None) => return Ok(None),
            Some(known) => known,
            None => None,
        };
        tops[number] = top;
        closures[number] = below.closure(top, trace)?;
    }
    let [one, other] = &closures;
    if one.contains(tops[1].into()) || other.contains(tops[0].into()) {
        return Ok(None);
    }
    let hash = |sql: &str, row: i64| {
        let mut statement = c.prepare_cached(sql)?;
        statement
            .query_row([row], |row| row.get(0))
            .map(Hash::from_bytes)
    };
    let only = |of: usize, end: End| -> rusqlite::Result<Vec<End>> {
        let (rows, others) = (&closures[of], &closures[1 - of]);
        let rows = rows.iter().filter(|row| !others.contains(*row));
        let named = rows.map(|row| {
            let entry = EntryId(hash(HASH, row)?);
            let followed = u32::try_from(row)
                .ok()
                .and_then(|row| below.followed.get(&row));
            let trace = match (followed, end.1) {
                (_, Some(trace)) if entry == end.0 => Some(trace),
                (Some(trace), _) => Some(TraceId(hash(TRACE_HASH, (*trace).into())?)),
                _ => None,
            };
            Ok((entry, trace))
        });
        named.collect()
    };
    Ok(Some([only(0, ends[0])?, only(1, ends[1])?]))
}

impl Index {
    /// What only one of two closures holds; `None` where one is part of the other, or something is not known.
    pub fn apart(&self, ends: [End; 2]) -> Result<Option<[Vec<End>; 2]>> {
        self.ask_at_once("following two closures", |c| apart(c, ends))
    }
}
