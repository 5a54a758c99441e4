//! Rows of the table `brief`.

use rusqlite::{OptionalExtension, params};

use super::super::error::Result;
use super::Index;
use crate::ids::{DerivationKey, TraceId};

impl Index {
    pub fn briefs_get(&self, keys: &[DerivationKey]) -> Result<Vec<Option<Vec<u8>>>> {
        self.look_up_each("looking up briefs", keys, |c, keys| {
            let mut statement = c.prepare_cached("select bytes from brief where key = ?1")?;
            let mut get = |key: &DerivationKey| {
                let found = statement.query_row([key.0.as_bytes()], |row| row.get(0));
                found.optional()
            };
            keys.iter().map(&mut get).collect()
        })
    }

    /// Drops what was noted of the keys of traces, and all cards, which say the same of many at once.
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

    pub fn briefs_put(&self, briefs: &[(DerivationKey, Vec<u8>)]) -> Result<()> {
        self.change("writing briefs", false, |t| {
            let sql = "insert or replace into brief (key, bytes) values (?1, ?2)";
            let mut statement = t.prepare_cached(sql)?;
            for (key, bytes) in briefs {
                statement.execute(params![key.0.as_bytes(), bytes])?;
            }
            Ok(())
        })
    }
}
