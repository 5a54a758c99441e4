//! Rows of the table `signed`.

use rusqlite::params;

use super::super::error::Result;
use super::Index;
use crate::ids::{EntryId, Hash};

const GET: &str = "select exists (select 1 from signed where keys = ?1 and entry = ?2)";

const PUT: &str = "insert or ignore into signed (keys, entry) values (?1, ?2)";

impl Index {
    pub fn signed_get(&self, rpm: EntryId, keys: Hash) -> Result<bool> {
        self.ask("looking up a signed package", |c| {
            let key = params![keys.as_bytes(), rpm.0.as_bytes()];
            c.prepare_cached(GET)?.query_row(key, |row| row.get(0))
        })
    }

    pub fn signed_put(&self, rpms: &[EntryId], keys: Hash) -> Result<()> {
        self.change("writing signed packages", false, |t| {
            let mut put = t.prepare_cached(PUT)?;
            for rpm in rpms {
                put.execute(params![keys.as_bytes(), rpm.0.as_bytes()])?;
            }
            Ok(())
        })
    }
}
