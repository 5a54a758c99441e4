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
mod opening;
mod pieces;
mod rows;
mod signed;
mod stamps;
mod streams;
mod took;
mod traces;

use std::path::Path;
use std::sync::{Mutex, OnceLock};

use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};

pub use apart::End;
pub(crate) use contents::Contents;
pub(crate) use graph::Graph;
pub(crate) use objects::{Below, Form, NewObject, Object, State, Type};
pub(crate) use rows::Rows;
pub(crate) use streams::{NewStream, Stream};
pub(crate) use traces::NewTrace;

use super::error::{Error, Result};
use super::lock::Lock;
use super::reserve;
use numbers::Numbers;
use objects::NotLive;
use opening::Look;

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

impl Index {
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

    /// Another one once anybody has changed anything.
    pub fn moment(&self) -> Result<(i64, u64)> {
        self.ask("asking for changes", |c| {
            let by_others = c
                .prepare_cached("pragma data_version")?
                .query_row((), |row| row.get(0))?;
            Ok((by_others, c.total_changes()))
        })
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
    use super::super::layout::Layout;
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
}
