//! Rows of the table `element`.

use rusqlite::{OptionalExtension, params};

use super::super::error::Result;
use super::Index;
use crate::ids::DerivationKey;

/// So many are kept, of a kilobyte or two mostly: those of a distribution, not of its history.
const MOST: i64 = 32_768;

impl Index {
    pub fn elements_get(&self, keys: &[DerivationKey]) -> Result<Vec<Option<Vec<u8>>>> {
        self.look_up_each("looking up elements", keys, |c, keys| {
            let mut statement = c.prepare_cached("select bytes from element where key = ?1")?;
            let mut get = |key: &DerivationKey| {
                let found = statement.query_row([key.0.as_bytes()], |row| row.get(0));
                found.optional()
            };
            keys.iter().map(&mut get).collect()
        })
    }

    /// Keeps these, and lets those go that came longest ago.
    pub fn elements_put(&self, elements: &[(DerivationKey, Vec<u8>)]) -> Result<()> {
        self.change("writing elements", false, |t| {
            let sql = "insert or replace into element (key, bytes) values (?1, ?2)";
            let mut statement = t.prepare_cached(sql)?;
            for (key, bytes) in elements {
                statement.execute(params![key.0.as_bytes(), bytes])?;
            }
            let sql = "delete from element where id <= (select max(id) from element) - ?1";
            t.prepare_cached(sql)?.execute([MOST]).map(drop)
        })
    }
}
