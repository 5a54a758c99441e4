//! Rows of the table `piece`: where the pieces of long lists lie.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, params};

use super::super::error::Result;
use super::super::list::Place;
use super::Index;
use crate::ids::{BlobId, Hash};

const GET: &str = "select object.hash, piece.nth from piece join object on object.id = piece.bundle
    where piece.hash = ?1";

const PUT: &str = "insert or replace into piece (hash, bundle, nth)
    select ?1, id, ?3 from object where kind = 0 and hash = ?2";

impl Index {
    /// Where some pieces lie, of those that are known.
    pub fn pieces(&self, hashes: impl Iterator<Item = Hash>) -> Result<BTreeMap<Hash, Place>> {
        self.ask_at_once("looking up pieces of lists", |c| {
            let mut statement = c.prepare_cached(GET)?;
            let mut places = BTreeMap::new();
            for hash in hashes {
                let place = statement.query_row([hash.as_bytes()], |row| {
                    Ok(Place {
                        bundle: BlobId(Hash::from_bytes(row.get(0)?)),
                        nth: row.get(1)?,
                    })
                });
                places.extend(place.optional()?.map(|place| (hash, place)));
            }
            Ok(places)
        })
    }

    pub fn pieces_put(&self, pieces: &[(Hash, Place)]) -> Result<()> {
        self.change("noting pieces of lists", false, |t| {
            let mut statement = t.prepare_cached(PUT)?;
            for (hash, Place { bundle, nth }) in pieces {
                statement.execute(params![hash.as_bytes(), bundle.0.as_bytes(), nth])?;
            }
            Ok(())
        })
    }
}
