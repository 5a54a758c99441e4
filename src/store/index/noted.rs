//! Rows of the tables `brief` and `element`.

use rusqlite::{OptionalExtension, params};

use super::super::error::Result;
use super::super::noted::Noted;
use super::Index;
use crate::ids::{DerivationKey, TraceId};

/// So many elements are kept, of a kilobyte or two mostly: those of a distribution, not of its history.
const ELEMENTS: u32 = 32_768;

impl Noted {
    fn table(self) -> &'static str {
        match self {
            Noted::Brief => "brief",
            Noted::Element => "element",
        }
    }

    /// How many are kept; all, where they are small.
    fn most(self) -> Option<u32> {
        match self {
            Noted::Brief => None,
            Noted::Element => Some(ELEMENTS),
        }
    }
}

impl Index {
    pub fn notes_get(&self, what: Noted, keys: &[DerivationKey]) -> Result<Vec<Option<Vec<u8>>>> {
        let sql = format!("select bytes from {} where key = ?1", what.table());
        self.look_up_each("looking up notes", keys, |c, keys| {
            let mut statement = c.prepare_cached(&sql)?;
            let mut get = |key: &DerivationKey| {
                let found = statement.query_row([key.0.as_bytes()], |row| row.get(0));
                found.optional()
            };
            keys.iter().map(&mut get).collect()
        })
    }

    /// Keeps these, and where there is a limit, lets those go that came longest ago.
    pub fn notes_put(&self, what: Noted, notes: &[(DerivationKey, Vec<u8>)]) -> Result<()> {
        let table = what.table();
        self.change("writing notes", false, |t| {
            let sql = format!("insert or replace into {table} (key, bytes) values (?1, ?2)");
            let mut statement = t.prepare_cached(&sql)?;
            for (key, bytes) in notes {
                statement.execute(params![key.0.as_bytes(), bytes])?;
            }
            let Some(most) = what.most() else {
                return Ok(());
            };
            let sql = format!("delete from {table} where id <= (select max(id) from {table}) - ?1");
            t.prepare_cached(&sql)?.execute([most]).map(drop)
        })
    }

    /// Drops the briefs of the keys of traces, and all cards, which say the same of many at once.
    pub fn briefs_drop(&self, traces: impl Iterator<Item = TraceId>) -> Result<()> {
        self.change("dropping briefs", false, |t| {
            let sql = "delete from brief where key = (select key from trace where hash = ?1)";
            let mut statement = t.prepare_cached(sql)?;
            for trace in traces {
                statement.execute([trace.0.as_bytes()])?;
            }
            t.execute("delete from card", ()).map(drop)
        })
    }
}
