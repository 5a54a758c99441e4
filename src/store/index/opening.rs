//! The way to an index: made, opened, brought up to date, or copied where it can't be.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, SystemTime};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, ffi};

use super::super::error::{Error, Result};
use super::super::layout::Layout;
use super::super::lock::{Lock, Name};
use super::super::reserve;
use super::{Index, damaged, failed};

/// Append, never edit: the index of every older store is brought up to date by them.
const MIGRATIONS: &[&str] = &[
    include_str!("../../../store-schema/01.sql"),
    include_str!("../../../store-schema/02.sql"),
    include_str!("../../../store-schema/03.sql"),
    include_str!("../../../store-schema/04.sql"),
    include_str!("../../../store-schema/05.sql"),
    include_str!("../../../store-schema/06.sql"),
    include_str!("../../../store-schema/07.sql"),
    include_str!("../../../store-schema/08.sql"),
    include_str!("../../../store-schema/09.sql"),
];

/// KiB of pages that are kept, negative as SQLite wants it: those of some hundred thousand objects.
const CACHE: i64 = -32 * 1024;

/// Lengths and times of a database and of its WAL: what changes with every commit.
pub(super) type Look = [Option<(u64, SystemTime)>; 2];

impl Index {
    /// Opens the index of a store that has one.
    pub fn open(layout: &Layout) -> Result<Index> {
        let path = layout.index();
        match std::fs::metadata(&path) {
            Ok(file) if file.len() > 0 => {}
            Ok(_) => return Err(damaged(&path, "is empty")),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                return Err(damaged(&path, "is missing"));
            }
            Err(e) => return Err(Error::io("reading", path, e)),
        }
        let writable = rustix::fs::access(layout.root(), rustix::fs::Access::WRITE_OK).is_ok();
        match Self::open_at(layout, path.clone(), writable) {
            // A full disk shows in many ways.
            Err(_) if writable && reserve::lend(layout) => Self::open_at(layout, path, writable),
            opened => opened,
        }
    }

    fn open_at(layout: &Layout, path: PathBuf, writable: bool) -> Result<Index> {
        let (open, connection) = if writable {
            is_alone(&path)?;
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let lock = Lock::shared(layout, Name::Index)?;
            (Some(lock), Connection::open_with_flags(&path, flags))
        } else {
            (None, open_read_only(&path))
        };
        let index = Index {
            connection: Mutex::new(connection.map_err(|e| failed(&path, "opening it", e))?),
            second: OnceLock::new(),
            not_live: Mutex::default(),
            numbers: Mutex::default(),
            copied: OnceLock::new(),
            _open: open,
            path,
        };
        index.prepare(writable)?;
        Ok(index)
    }

    /// Makes an empty index, for a store that is being made or whose index is made anew.
    pub fn create(layout: &Layout) -> Result<()> {
        Self::create_at(&layout.index()).map(drop)
    }

    pub fn create_at(path: &Path) -> Result<Index> {
        let connection = Connection::open(path).map_err(|e| failed(path, "making it", e))?;
        let index = Index {
            connection: Mutex::new(connection),
            second: OnceLock::new(),
            not_live: Mutex::default(),
            numbers: Mutex::default(),
            copied: OnceLock::new(),
            _open: None,
            path: path.to_owned(),
        };
        index.prepare(true)?;
        Ok(index)
    }

    fn prepare(&self, writable: bool) -> Result<()> {
        let mut connection = self.connection.lock().expect("no panic while held");
        let prepare = |c: &Connection| {
            set_up(c)?;
            if writable {
                c.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
                // Losing the last inserts in a power cut leaves orphans, which are harmless; deletions ask for more.
                c.pragma_update(None, "synchronous", "normal")?;
                c.pragma_update(None, "wal_autocheckpoint", 4000)?;
            }
            c.pragma_query_value(None, "user_version", |row| row.get(0))
        };
        let version: u32 = prepare(&connection).map_err(|e| failed(&self.path, "opening it", e))?;
        let known = MIGRATIONS.len() as u32;
        if version > known {
            return Err(Error::NewerIndex {
                path: self.path.clone(),
                found: version,
                known,
            });
        }
        if version < known && !writable {
            self.copied.get_or_init(|| look(&self.path));
            *connection = newer_copy(&connection).map_err(|e| uncopied(&self.path, e))?;
        } else if version < known {
            migrate(&mut connection).map_err(|e| failed(&self.path, "migrating it", e))?;
        }
        Ok(())
    }

    /// Readers beside writers are what a WAL is for.
    pub(super) fn open_second(&self) -> Option<Mutex<Connection>> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        self._open.as_ref()?;
        let connection = Connection::open_with_flags(&self.path, flags).ok()?;
        set_up(&connection).ok()?;
        Some(Mutex::new(connection))
    }

    /// Whether this is what the index was, and somebody changed it since.
    pub fn is_past(&self) -> bool {
        let copied = self.copied.get();
        copied.is_some_and(|copied| *copied != look(&self.path))
    }
}

/// How every connection behaves.
fn set_up(c: &Connection) -> rusqlite::Result<()> {
    c.busy_timeout(Duration::from_secs(60))?;
    c.set_prepared_statement_cache_capacity(64);
    // Else statements are planned anew for each value that is looked up, in case that one is rare.
    c.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    c.pragma_update(None, "foreign_keys", true)?;
    c.pragma_update(None, "temp_store", "memory")?;
    c.pragma_update(None, "cache_size", CACHE)
}

/// A directory that can't be written has no place for the files beside a WAL;
/// if there is none, nobody writes, and the main file is all there is.
fn open_read_only(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    let ask = |c: &Connection| c.query_row("select count(*) from sqlite_schema", (), |_| Ok(()));
    match ask(&connection) {
        Ok(()) => Ok(connection),
        Err(e)
            if matches!(
                e.sqlite_error_code(),
                Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly)
            ) =>
        {
            if std::fs::metadata(wal(path)).is_ok_and(|wal| wal.len() > 0) {
                return Err(e);
            }
            let mut uri = String::from("file:");
            for byte in std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()) {
                match byte {
                    b'/' | b'.' | b'-' | b'_' => uri.push(char::from(*byte)),
                    byte if byte.is_ascii_alphanumeric() => uri.push(char::from(*byte)),
                    byte => uri.push_str(&format!("%{byte:02x}")),
                }
            }
            uri.push_str("?immutable=1");
            Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)
        }
        Err(e) => Err(e),
    }
}

/// A copy of an older index that is nobody else's and goes with its connection, brought up to date.
///
/// What is small stays in memory, the rest is a file where temporary ones are. A command that reads copies all of it;
/// where that is too much, whoever owns the store has it brought up to date by any command of theirs.
fn newer_copy(of: &Connection) -> rusqlite::Result<Connection> {
    let mut copy = Connection::open("")?;
    if Backup::new(of, &mut copy)?.step(-1)? != StepResult::Done {
        let busy = ffi::Error::new(ffi::SQLITE_BUSY);
        return Err(rusqlite::Error::SqliteFailure(busy, None));
    }
    set_up(&copy)?;
    migrate(&mut copy)?;
    // What was noted here would be lost, and must not seem to be noted.
    copy.pragma_update(None, "query_only", true)?;
    Ok(copy)
}

/// Where SQLite writes what comes into the main file later.
fn wal(index: &Path) -> PathBuf {
    beside(index, "-wal")
}

fn beside(index: &Path, end: &str) -> PathBuf {
    let mut path = index.as_os_str().to_owned();
    path.push(end);
    path.into()
}

/// Refuses to write an index that is that of another store too: `cp -al` copies a store by making hard links,
/// which is right for objects, whose files never change, but what one of the two forgets then the other loses.
fn is_alone(index: &Path) -> Result<()> {
    for end in ["", "-wal", "-shm"] {
        let file = std::fs::metadata(beside(index, end));
        if file.is_ok_and(|file| file.nlink() > 1) {
            return Err(damaged(index, SHARED));
        }
    }
    Ok(())
}

/// The problem with an index that has more names than one.
const SHARED: &str = "is one file with that of another store, as `cp -al` makes it, and copies of stores are made with `cp -a`";

/// Why there is no copy: a full disk is most likely that of temporary files.
fn uncopied(path: &Path, source: rusqlite::Error) -> Error {
    use ErrorCode::{CannotOpen, DiskFull, SystemIoFailure};
    let action =
        "copying it to a temporary one, for it is of an older program and can't be written";
    match source.sqlite_error_code() {
        Some(DiskFull | CannotOpen | SystemIoFailure) => Error::Index {
            action,
            path: path.to_owned(),
            source,
        },
        _ => failed(path, action, source),
    }
}

fn look(path: &Path) -> Look {
    [path, &wal(path)].map(|path| {
        let found = std::fs::metadata(path).ok()?;
        Some((found.len(), found.modified().ok()?))
    })
}

fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    // Another process may have been quicker.
    let version: usize =
        transaction.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0))? as usize;
    for sql in MIGRATIONS.iter().skip(version) {
        transaction.execute_batch(sql)?;
    }
    transaction.pragma_update(None, "user_version", MIGRATIONS.len() as u32)?;
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[test]
    fn an_older_index_that_can_not_be_written_is_a_copy_that_says_when_it_is_past() {
        let dir = tempfile::tempdir().unwrap();
        Store::create(&dir.path().join("store")).unwrap();
        let layout = Layout::new(&dir.path().join("store"));
        let owner = Connection::open(layout.index()).unwrap();
        owner
            .execute_batch("drop table element; drop table harmed; pragma user_version = 7")
            .unwrap();
        let index = Index::open_at(&layout, layout.index(), false).unwrap();
        assert_eq!(index.harmed_traces().unwrap(), []);
        assert!(!index.is_writable() && !index.is_past());
        index.barrier().unwrap_err();
        owner
            .execute("update barrier set passed = passed + 1", ())
            .unwrap();
        assert!(index.is_past());
        let version: u32 = owner
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .unwrap();
        assert_eq!(version, 7);
    }
}
