//! Rows of the table `stream`: blobs whose compressed form other blobs have.

use std::collections::BTreeSet;

use rusqlite::params;

use super::super::error::Result;
use super::Index;
use crate::ids::{BlobId, Hash};

/// The raw deflate stream of a blob, as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NewStream {
    pub content: BlobId,
    /// The blob that has it, and behind how many bytes it begins there.
    pub object: BlobId,
    pub at: u64,
}

/// The same of two objects that have files of their own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stream {
    /// Row, id and length of the content.
    pub content: i64,
    pub hash: Hash,
    pub length: u64,
    pub object: i64,
    pub object_hash: Hash,
    pub at: u64,
}

const PUT: &str = "insert or ignore into stream (blob, object, at)
    select content.id, object.id, ?3 from object as content, object
    where content.kind = 0 and content.hash = ?1 and object.kind = 0 and object.hash = ?2";

const LIST: &str = "select content.id, content.hash, content.length, object.id, object.hash, stream.at
    from stream join object as content on content.id = stream.blob join object on object.id = stream.object
    where content.form = 0 and content.state = 0 and object.form = 0 and object.state = 0
    order by content.id, object.id";

const ASSEMBLE: &str = "update object set form = 1, size = ?2 where id = ?1";
const PART: &str = "insert or ignore into part (assembly, blob) values (?1, ?2)";

impl Index {
    pub fn streams_put(&self, streams: &[NewStream]) -> Result<()> {
        self.change("noting compressed forms", false, |t| {
            let mut statement = t.prepare_cached(PUT)?;
            for stream in streams {
                let (content, object) = (stream.content.0.as_bytes(), stream.object.0.as_bytes());
                statement.execute(params![content, object, stream.at as i64])?;
            }
            Ok(())
        })
    }

    /// Blobs that are here as files beside their streams, in the order of rows; each with one of its streams.
    pub fn streams(&self) -> Result<Vec<Stream>> {
        let mut seen = BTreeSet::new();
        let mut streams = self.ask("listing compressed forms", |c| {
            let mut statement = c.prepare(LIST)?;
            let rows = statement.query_map((), |row| {
                Ok(Stream {
                    content: row.get(0)?,
                    hash: Hash::from_bytes(row.get(1)?),
                    length: row.get::<_, i64>(2)? as u64,
                    object: row.get(3)?,
                    object_hash: Hash::from_bytes(row.get(4)?),
                    at: row.get::<_, i64>(5)? as u64,
                })
            })?;
            rows.collect::<rusqlite::Result<Vec<Stream>>>()
        })?;
        streams.retain(|stream| seen.insert(stream.content));
        Ok(streams)
    }

    /// Notes that blobs, by their rows, are held as lists now; each with the size of its list, and its one part.
    ///
    /// At full sync: their own files go next.
    pub fn assembled(&self, lists: &[(i64, u64, i64)]) -> Result<()> {
        self.change("noting lists", true, |t| {
            let mut assemble = t.prepare_cached(ASSEMBLE)?;
            let mut add = t.prepare_cached(PART)?;
            for (row, size, part) in lists {
                assemble.execute(params![row, *size as i64])?;
                add.execute([row, part])?;
            }
            Ok(())
        })
    }
}
