//! Records that were found damaged: states of objects, and the table `harmed`.

use super::super::error::Result;
use super::objects::{COLUMNS, Object, object};
use super::{Index, State};
use crate::ids::{Hash, TraceId};

impl Index {
    /// Trees and entries that were found damaged.
    pub fn harmed_records(&self) -> Result<Vec<Object>> {
        let sql =
            format!("select {COLUMNS} from object where state <> 0 and state = ?1 and kind <> 0");
        self.ask("listing damaged records", |c| {
            c.prepare_cached(&sql)?
                .query_map([State::Damaged as u8], object)?
                .collect()
        })
    }

    /// Traces that were found damaged, by their rows.
    pub fn harmed_traces(&self) -> Result<Vec<(u32, TraceId)>> {
        const SQL: &str = "select trace.id, trace.hash from harmed
            join trace on trace.id = harmed.trace order by trace.id";
        self.ask("listing damaged traces", |c| {
            let row =
                |row: &rusqlite::Row| Ok((row.get(0)?, TraceId(Hash::from_bytes(row.get(1)?))));
            c.prepare_cached(SQL)?.query_map((), row)?.collect()
        })
    }

    /// Notes which traces are damaged, and which no longer are.
    pub fn note_harmed(&self, harmed: &[TraceId], sound: &[TraceId]) -> Result<()> {
        self.change("noting damaged traces", false, |t| {
            let mut note = t.prepare_cached(
                "insert or ignore into harmed (trace) select id from trace where hash = ?1",
            )?;
            for trace in harmed {
                note.execute([trace.0.as_bytes()])?;
            }
            let mut clear = t.prepare_cached(
                "delete from harmed where trace = (select id from trace where hash = ?1)",
            )?;
            for trace in sound {
                clear.execute([trace.0.as_bytes()])?;
            }
            Ok(())
        })
    }

    /// Forgets a trace, with what it said of its inputs and outputs.
    pub fn forget_trace(&self, row: u32) -> Result<()> {
        self.change("forgetting a trace", true, |t| {
            t.execute("delete from trace where id = ?1", [row])
                .map(drop)
        })
    }
}
