//! The index: what the files of a store say, made quick to ask.
//!
//! It can be lost and made anew; see store-schema/README.md for who is right about what.

mod apart;
mod cards;
mod contents;
mod graph;
mod harmed;
mod noted;
mod numbers;
mod objects;
mod pieces;
mod rows;
mod signed;
mod stamps;
mod streams;
mod took;
mod traces;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, SystemTime};

use rusqlite::backup::Backup;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

pub use apart::End;
pub(crate) use contents::Contents;
pub(crate) use graph::Graph;
pub(crate) use objects::{Below, Form, NewObject, Object, State, Type};
pub(crate) use rows::Rows;
pub(crate) use streams::{NewStream, Stream};
pub(crate) use traces::NewTrace;

use super::error::{Error, Result};
use super::layout::Layout;
use super::lock::{Lock, Name};
use super::reserve;
use numbers::Numbers;
use objects::NotLive;

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

/// So many keys are looked up by two threads: those of an edition.
const MANY: usize = 2048;

pub(crate) struct Index {
    path: std::path::PathBuf,
    /// For who looks something up while another writes or looks; `None` where a second one can't be had.
    ///
    /// Closed first: the last to close takes the journal away, which one that only reads can't.
    second: OnceLock<Option<Mutex<Connection>>>,
    connection: Mutex<Connection>,
    not_live: Mutex<NotLive>,
    numbers: Mutex<Numbers>,
    /// What the file was like when it was copied, if this is a private copy of it.
    copied: OnceLock<Look>,
    _open: Option<Lock>,
}

/// Lengths and times of a database and of its WAL: what changes with every commit.
type Look = [Option<(u64, SystemTime)>; 2];

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
            *connection = newer_copy(&connection).map_err(|source| Error::Index {
                action: "copying it to a temporary one, for it is of an older program and can't be written",
                path: self.path.clone(),
                source,
            })?;
        } else if version < known {
            migrate(&mut connection).map_err(|e| failed(&self.path, "migrating it", e))?;
        }
        Ok(())
    }

    /// Looks many things up as of one moment, also while another thread writes: what is committed is seen, or is not yet.
    fn look_up<T>(
        &self,
        action: &'static str,
        look: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let connection = match self.connection.try_lock() {
            Ok(first) => first,
            Err(_) => self.beside().lock().expect("no panic while held"),
        };
        let run = |c: &Connection| {
            let moment = c.unchecked_transaction()?;
            let answer = look(&moment)?;
            moment.commit()?;
            Ok(answer)
        };
        run(&connection).map_err(|e| failed(&self.path, action, e))
    }

    /// Looks each of some keys up, in their order: many by both connections at once, and so as of two moments.
    fn look_up_each<K: Sync, T: Send>(
        &self,
        action: &'static str,
        keys: &[K],
        look: impl Fn(&Connection, &[K]) -> rusqlite::Result<Vec<T>> + Sync,
    ) -> Result<Vec<T>> {
        let some = |keys: &[K]| self.look_up(action, |c| look(c, keys));
        if keys.len() < MANY {
            return some(keys);
        }
        let (one, other) = keys.split_at(keys.len() / 2);
        // A thread of its own: who waits for one of a pool does other work meanwhile, and may hold a lock that it needs.
        let (one, other) = std::thread::scope(|scope| {
            let one = scope.spawn(|| some(one));
            let other = some(other);
            (
                one.join().expect("who looks something up does not panic"),
                other,
            )
        });
        let mut found = one?;
        found.extend(other?);
        Ok(found)
    }

    /// The connection that nobody writes by, where there are two.
    fn beside(&self) -> &Mutex<Connection> {
        let second = self.second.get_or_init(|| self.open_second());
        second.as_ref().unwrap_or(&self.connection)
    }

    /// Readers beside writers are what a WAL is for.
    fn open_second(&self) -> Option<Mutex<Connection>> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        self._open.as_ref()?;
        let connection = Connection::open_with_flags(&self.path, flags).ok()?;
        set_up(&connection).ok()?;
        Some(Mutex::new(connection))
    }

    /// Asks something.
    fn ask<T>(
        &self,
        action: &'static str,
        ask: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let connection = self.connection.lock().expect("no panic while held");
        ask(&connection).map_err(|e| failed(&self.path, action, e))
    }

    /// Asks many things as of one moment, which locks the file once and not for each.
    fn ask_at_once<T>(
        &self,
        action: &'static str,
        ask: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        self.ask(action, |c| {
            let moment = c.unchecked_transaction()?;
            let answer = ask(&moment)?;
            moment.commit()?;
            Ok(answer)
        })
    }

    /// Changes something, all or nothing; `durably` where forgetting the change would be unsafe.
    fn change<T>(
        &self,
        action: &'static str,
        durably: bool,
        change: impl FnOnce(&Transaction) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let mut connection = self.connection.lock().expect("no panic while held");
        let sync = |c: &Connection, how: &str| c.pragma_update(None, "synchronous", how);
        let run = |c: &mut Connection| {
            if durably {
                sync(c, "full")?;
            }
            let transaction = c.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = change(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        let result = run(&mut connection);
        if durably {
            sync(&connection, "normal").map_err(|e| failed(&self.path, action, e))?;
        }
        // Before the next lock: `absent` takes the two the other way round, where there is one connection.
        drop(connection);
        self.not_live.lock().expect("no panic while held").forget();
        result.map_err(|e| failed(&self.path, action, e))
    }

    /// What SQLite finds wrong with its own file.
    pub fn problem(&self, full: bool) -> Result<Option<String>> {
        let check = if full {
            "integrity_check"
        } else {
            "quick_check"
        };
        let said: String = self.ask("checking it", |c| {
            c.pragma_query_value(None, check, |row| row.get(0))
        })?;
        Ok((said != "ok").then_some(said))
    }

    /// Whether this is what the index was, and somebody changed it since.
    pub fn is_past(&self) -> bool {
        let copied = self.copied.get();
        copied.is_some_and(|copied| *copied != look(&self.path))
    }

    /// Whether changes may be tried.
    pub fn is_writable(&self) -> bool {
        self._open.is_some()
    }

    /// Closes it, so that the main file is all there is.
    pub fn close(self) -> Result<()> {
        drop(self.second);
        let connection = self.connection.into_inner().expect("no panic while held");
        connection
            .pragma_update_and_check(None, "journal_mode", "delete", |_| Ok(()))
            .map_err(|e| failed(&self.path, "closing it", e))?;
        let close = connection.close();
        close.map_err(|(_, e)| failed(&self.path, "closing it", e))
    }

    /// Makes all earlier commits durable: afterwards a root may name what they say.
    pub fn barrier(&self) -> Result<()> {
        self.change("making it durable", true, |t| {
            t.execute("update barrier set passed = passed + 1", ())
                .map(drop)
        })
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
            let mut wal = path.as_os_str().to_owned();
            wal.push("-wal");
            if std::fs::metadata(wal).is_ok_and(|wal| wal.len() > 0) {
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
    Backup::new(of, &mut copy)?.step(-1)?;
    set_up(&copy)?;
    migrate(&mut copy)?;
    // What was noted here would be lost, and must not seem to be noted.
    copy.pragma_update(None, "query_only", true)?;
    Ok(copy)
}

fn look(path: &Path) -> Look {
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    [path, Path::new(&wal)].map(|path| {
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

fn damaged(path: &Path, problem: &str) -> Error {
    Error::IndexDamaged {
        path: path.to_owned(),
        problem: problem.to_owned(),
    }
}

/// `SQLITE_IOERR_SHMSIZE`: the file of its shared memory can't be made longer.
const NO_SHARED_MEMORY: i32 = 10 | 19 << 8;

/// `SQLITE_IOERR_SHMOPEN`, `SHMLOCK` and `SHMMAP`: there is something, and it can't be used.
const UNSHARED: [i32; 3] = [10 | 18 << 8, 10 | 20 << 8, 10 | 21 << 8];

/// Tells a broken index from a full disk from a busy one.
fn failed(path: &Path, action: &'static str, source: rusqlite::Error) -> Error {
    let io = |errno| {
        let errno = std::io::Error::from_raw_os_error(errno);
        Error::io("writing the index", path, errno)
    };
    match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            damaged(path, &format!("is damaged ({source})"))
        }
        _ if source
            .sqlite_error()
            .is_some_and(|e| e.extended_code == NO_SHARED_MEMORY) =>
        {
            io(rustix::io::Errno::NOSPC.raw_os_error())
        }
        Some(ErrorCode::DiskFull) => io(rustix::io::Errno::NOSPC.raw_os_error()),
        // Its journal and its shared memory are files, and it does not say which of them could not be made, nor why.
        Some(ErrorCode::CannotOpen | ErrorCode::SystemIoFailure) if reserve::lacks_inodes(path) => {
            io(rustix::io::Errno::NOSPC.raw_os_error())
        }
        Some(ErrorCode::ReadOnly) => io(rustix::io::Errno::ROFS.raw_os_error()),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Busy {
            what: format!("the index {} is in use; try again", path.display()),
        },
        _ => {
            let code = source.sqlite_error().map(|error| error.extended_code);
            let path = path.to_owned();
            match code {
                Some(code) if UNSHARED.contains(&code) => Error::Unshared { path, source },
                _ => Error::Index {
                    action,
                    path,
                    source,
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Hash;
    use crate::store::Store;
    use objects::{State, Type};

    #[test]
    fn who_looks_something_up_does_not_wait_for_a_change_and_sees_it_once_it_is_made() {
        let dir = tempfile::tempdir().unwrap();
        Store::create(&dir.path().join("store")).unwrap();
        let index = Index::open(&Layout::new(&dir.path().join("store"))).unwrap();
        let hash = Hash::derived("test", b"an object");
        let state = |index: &Index| {
            let found = index.object(Type::Blob, hash).unwrap();
            found.map(|object| object.state)
        };
        let insert =
            "insert into object (kind, hash, form, size, length, state) values (0, ?1, 0, 1, 1, 2)";
        let absent = index.absent().unwrap();
        index
            .change("testing", false, |t| {
                t.execute(insert, [hash.as_bytes()])?;
                assert_eq!(state(&index), None);
                assert!(index.absent().unwrap().rows.is_empty());
                Ok(())
            })
            .unwrap();
        assert_eq!(state(&index), Some(State::Gone));
        assert_eq!(
            (absent.rows.len(), index.absent().unwrap().rows.len()),
            (0, 1)
        );
        index.close().unwrap();
        let left = std::fs::read_dir(dir.path().join("store")).unwrap();
        let left = left.map(|file| file.unwrap().file_name().into_string().unwrap());
        let journals: Vec<String> = left.filter(|name| name.contains("sqlite-")).collect();
        assert_eq!(journals, [""; 0]);
    }

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
