//! Rows of the table `card`.

use rusqlite::params;

use super::super::error::Result;
use super::Index;
use crate::ids::Hash;

impl Index {
    /// Every card of a directory, with its key.
    pub fn cards_get(&self, directory: Hash) -> Result<Vec<(Hash, Vec<u8>)>> {
        self.ask("looking up cards", |c| {
            c.prepare_cached("select key, bytes from card where directory = ?1")?
                .query_map([directory.as_bytes()], |row| {
                    Ok((Hash::from_bytes(row.get(0)?), row.get(1)?))
                })?
                .collect()
        })
    }

    pub fn cards_put(&self, directory: Hash, gone: &[Hash], new: &[(Hash, Vec<u8>)]) -> Result<()> {
        self.change("writing cards", false, |t| {
            let sql = "delete from card where directory = ?1 and key = ?2";
            let mut delete = t.prepare_cached(sql)?;
            for key in gone {
                delete.execute([directory.as_bytes(), key.as_bytes()])?;
            }
            let sql = "insert or replace into card (directory, key, bytes) values (?1, ?2, ?3)";
            let mut insert = t.prepare_cached(sql)?;
            for (key, bytes) in new {
                insert.execute(params![directory.as_bytes(), key.as_bytes(), bytes])?;
            }
            Ok(())
        })
    }
}
