//! Rows of the table `stamp`.

use rusqlite::{OptionalExtension, params};

use super::super::error::Result;
use super::super::stamp::Stamp;
use super::Index;
use crate::ids::{EntryId, Hash};

const GET: &str = "select entry from stamp
    where device = ?1 and inode = ?2 and size = ?3 and mtime = ?4 and ctime = ?5";

const PUT: &str = "insert or replace into stamp (device, inode, size, mtime, ctime, entry)
    values (?1, ?2, ?3, ?4, ?5, ?6)";

impl Index {
    /// What each file was hashed to, in their order.
    pub fn stamps_get(&self, stamps: &[Stamp]) -> Result<Vec<Option<EntryId>>> {
        self.look_up_each("looking up stamps", stamps, |c, stamps| {
            let mut statement = c.prepare_cached(GET)?;
            let mut get = |s: &Stamp| {
                let key = params![
                    s.dev as i64,
                    s.ino as i64,
                    s.size as i64,
                    s.mtime_ns,
                    s.ctime_ns
                ];
                let hash = statement.query_row(key, |row| row.get(0)).optional()?;
                Ok(hash.map(|hash| EntryId(Hash::from_bytes(hash))))
            };
            stamps.iter().map(&mut get).collect()
        })
    }

    pub fn stamps_put(&self, stamps: &[(Stamp, EntryId)]) -> Result<()> {
        self.change("writing stamps", false, |t| {
            let mut statement = t.prepare_cached(PUT)?;
            for (s, entry) in stamps {
                statement.execute(params![
                    s.dev as i64,
                    s.ino as i64,
                    s.size as i64,
                    s.mtime_ns,
                    s.ctime_ns,
                    entry.0.as_bytes()
                ])?;
            }
            Ok(())
        })
    }
}
