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
    pub fn stamp_get(&self, s: &Stamp) -> Result<Option<EntryId>> {
        self.ask("looking up a stamp", |c| {
            let key = params![
                s.dev as i64,
                s.ino as i64,
                s.size as i64,
                s.mtime_ns,
                s.ctime_ns
            ];
            c.prepare_cached(GET)?
                .query_row(key, |row| row.get(0))
                .optional()
        })
        .map(|hash| hash.map(|hash| EntryId(Hash::from_bytes(hash))))
    }

    pub fn stamp_put(&self, s: &Stamp, entry: EntryId) -> Result<()> {
        self.change("writing a stamp", false, |t| {
            let row = params![
                s.dev as i64,
                s.ino as i64,
                s.size as i64,
                s.mtime_ns,
                s.ctime_ns,
                entry.0.as_bytes()
            ];
            t.prepare_cached(PUT)?.execute(row).map(drop)
        })
    }
}
