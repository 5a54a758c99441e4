//! The database file, the same bytes for the same packages.

use std::path::Path;

use rusqlite::{Connection, params};

use super::index::{INDEXES, Key};
use super::{Error, Installed};

/// Part of the bytes: changing it changes every root.
const PAGE_SIZE: u32 = 4096;

/// Writes a new database; the packages get their numbers, from 1, in the order given.
///
/// The file is one, without a journal beside it, so that a read-only system can open it.
pub fn write<'a>(
    path: &Path,
    packages: impl IntoIterator<Item = Installed<'a>>,
) -> Result<(), Error> {
    let failed = |source| Error::Database {
        path: path.to_owned(),
        source,
    };
    let mut connection = Connection::open(path).map_err(failed)?;
    let options = format!(
        "pragma page_size = {PAGE_SIZE}; pragma encoding = 'UTF-8'; pragma auto_vacuum = 0;
         pragma journal_mode = memory; pragma synchronous = off; pragma user_version = 0;"
    );
    connection.execute_batch(&options).map_err(failed)?;
    connection.execute_batch(&schema()).map_err(failed)?;
    let transaction = connection.transaction().map_err(failed)?;
    for (number, package) in packages.into_iter().enumerate() {
        insert(&transaction, number as i64 + 1, &package, &failed)?;
    }
    transaction.commit().map_err(failed)?;
    connection
        .execute_batch("pragma journal_mode = delete; vacuum;")
        .map_err(failed)?;
    connection.close().map_err(|(_, source)| failed(source))
}

fn schema() -> String {
    let mut schema = String::from(
        "CREATE TABLE IF NOT EXISTS 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL);",
    );
    for index in &INDEXES {
        let table = index.table;
        let kind = if index.text { "TEXT" } else { "BLOB" };
        schema += &format!(
            "CREATE TABLE IF NOT EXISTS '{table}' (key '{kind}' NOT NULL, hnum INTEGER NOT NULL, \
             idx INTEGER NOT NULL, FOREIGN KEY (hnum) REFERENCES 'Packages'(hnum));"
        );
        if index.keyed {
            schema += &format!("CREATE INDEX '{table}_key_idx' ON '{table}'(key ASC);");
        }
        if index.by_header {
            schema += &format!("CREATE INDEX '{table}_hnum_idx' ON '{table}'(hnum ASC);");
        }
    }
    schema
}

fn insert(
    connection: &Connection,
    number: i64,
    package: &Installed<'_>,
    failed: &impl Fn(rusqlite::Error) -> Error,
) -> Result<(), Error> {
    let blob = package.blob()?;
    connection
        .prepare_cached("insert into Packages (hnum, blob) values (?, ?)")
        .and_then(|mut insert| insert.execute(params![number, blob]))
        .map_err(failed)?;
    for index in &INDEXES {
        // Text that is not UTF-8 is kept byte for byte, as rpm keeps it.
        let statement = format!(
            "insert into '{}' (key, hnum, idx) values ({}, ?, ?)",
            index.table,
            if index.text { "cast(? as text)" } else { "?" }
        );
        let mut insert = connection.prepare_cached(&statement).map_err(failed)?;
        for (key, place) in index.keys(package)? {
            let (Key::Text(bytes) | Key::Bytes(bytes)) = key;
            insert
                .execute(params![bytes, number, place])
                .map_err(failed)?;
        }
    }
    Ok(())
}
