//! What can go wrong between the store and its disk.

use std::io;
use std::path::{Path, PathBuf};

use super::layout::Kind;
use super::reserve;
use super::root::RootName;
use crate::ids::{EntryId, Hash};

/// Why the store could not do what it was asked.
///
/// Damaged is not missing, and neither is "try again".
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{action} {}", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("{} is a directory with something in it, where a file of the store belongs; move it away", path.display())]
    InTheWay { path: PathBuf },
    #[error("the disk is full, the quota used up or a limit reached (`ulimit -f`): {action} {}; `store gc` frees what nothing keeps alive", path.display())]
    Full {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("the disk is full, no inodes are left for files: {action} {}; `store gc` frees what nothing keeps alive, and every file that goes frees one", path.display())]
    NoInodes {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("the file system is read-only: {action} {}", path.display())]
    ReadOnly {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("no permission: {action} {}", path.display())]
    Denied {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("a file can't be so large here, by the file system or by `ulimit -f`: {action} {}", path.display())]
    TooLarge {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("{} can't be made in {}: {problem}; have that directory on another, or read what is in the entry with `store files` and `store cat`", path.display(), place.display())]
    Unfit {
        path: PathBuf,
        problem: &'static str,
        place: PathBuf,
    },
    #[error("the file system of {} keeps no modes of files, and what a command is given has to have them; have the store on another", path.display())]
    NoModes { path: PathBuf },
    #[error("reading what is to be stored")]
    Input(#[source] io::Error),

    #[error("{kind} {id} is not in the store")]
    Missing { kind: Kind, id: Hash },
    #[error("{kind} {id} is damaged: {problem} ({})", path.display())]
    Damaged {
        kind: Kind,
        id: Hash,
        path: PathBuf,
        problem: String,
    },
    #[error("entry {entry} is incomplete: {kind} {id} is not in the store")]
    Incomplete {
        entry: EntryId,
        kind: Kind,
        id: Hash,
    },
    #[error("a tree says that blob {id} has {said} bytes, but it has {has}")]
    WrongSize { id: Hash, said: u64, has: u64 },
    #[error("the entry can't be stored: {problem}")]
    BadEntry { problem: &'static str },
    #[error("the assembly can't be made: {problem}")]
    BadAssembly { problem: String },
    #[error("the {kind} can't be written canonically")]
    NotCanonical {
        kind: Kind,
        source: crate::ids::canonical::Error,
    },

    #[error("no entry in the store begins with {text:?}")]
    NoSuchEntry { text: String },
    #[error("{text:?} is no hash prefix and no path of an entry")]
    NotAPrefix { text: String },
    #[error("{text:?} could be any of {}", list(entries))]
    Ambiguous { text: String, entries: Vec<EntryId> },
    #[error("{text:?} can't be the name of a root: {problem}")]
    BadRootName { text: String, problem: String },
    #[error("root {name} has no generation {number}")]
    NoSuchGeneration { name: RootName, number: u32 },

    #[error("the root file {} can't be read: {problem}; nothing is deleted while it is so; \
        bring it back from a copy, or remove it to give up that generation", path.display())]
    BadRoot { path: PathBuf, problem: String },
    #[error("{} is nothing that the store wrote among its roots; nothing is deleted while it is there; \
        move it away, and if it lies in place of a root, bring that back from a copy", path.display())]
    StrayRoot { path: PathBuf },
    #[error("the lease {} can't be read: {problem}; nothing is deleted while it is so", path.display())]
    BadLease { path: PathBuf, problem: String },

    #[error("{} is not a store: {problem}", path.display())]
    NotAStore { path: PathBuf, problem: String },
    #[error("{} can't be a store: it is a file, or below one", path.display())]
    NotADirectory { path: PathBuf },
    #[error("{} can't become a store: it is not empty, it holds {name:?}; name an empty or a new directory", path.display())]
    Occupied { path: PathBuf, name: String },
    #[error("there can be no store: {} is a link to {}, and there is nothing; make that directory, or name another", path.display(), target.display())]
    LinkToNothing { path: PathBuf, target: PathBuf },
    #[error("{} has format {found}, newer than {known}, the newest that this program knows", path.display())]
    NewerFormat {
        path: PathBuf,
        found: u32,
        known: u32,
    },
    #[error("{} needs feature {feature:?}, which this program (format {known}) does not know", path.display())]
    UnknownFeature {
        path: PathBuf,
        feature: String,
        known: u32,
    },
    #[error("{} has schema {found}, newer than {known}, the newest that this program knows", path.display())]
    NewerIndex {
        path: PathBuf,
        found: u32,
        known: u32,
    },
    #[error("the index {} {problem}; `store verify --rebuild-index` makes it anew from the files of the store", path.display())]
    IndexDamaged { path: PathBuf, problem: String },
    #[error("the index {} failed while {action}", path.display())]
    Index {
        action: &'static str,
        path: PathBuf,
        source: rusqlite::Error,
    },
    #[error("the index {} has no shared memory; if its file system can't have any, or no locks, have the store on another", path.display())]
    Unshared {
        path: PathBuf,
        source: rusqlite::Error,
    },

    #[error("nothing more can be stored: an earlier part of the same work could not be")]
    Unfinished,

    #[error("{what}")]
    Busy { what: String },
}

fn list(entries: &[EntryId]) -> String {
    let shown: Vec<String> = entries.iter().take(8).map(EntryId::short).collect();
    let more = entries.len().saturating_sub(shown.len());
    let tail = match more {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    shown.join(", ") + &tail
}

impl Error {
    /// An I/O error with its path, sorted by what a person can do about it.
    pub(crate) fn io(action: &'static str, path: impl AsRef<Path>, source: io::Error) -> Self {
        use io::ErrorKind as K;
        let path = path.as_ref().to_owned();
        match source.kind() {
            K::StorageFull if reserve::lacks_inodes(&path) => Error::NoInodes {
                action,
                path,
                source,
            },
            K::StorageFull | K::QuotaExceeded => Error::Full {
                action,
                path,
                source,
            },
            K::ReadOnlyFilesystem => Error::ReadOnly {
                action,
                path,
                source,
            },
            K::FileTooLarge => Error::TooLarge {
                action,
                path,
                source,
            },
            K::PermissionDenied => Error::Denied {
                action,
                path,
                source,
            },
            _ => Error::Io {
                action,
                path,
                source,
            },
        }
    }

    /// Whether the store, not the request, is at fault.
    pub fn is_damage(&self) -> bool {
        matches!(
            self,
            Error::Damaged { .. }
                | Error::BadRoot { .. }
                | Error::StrayRoot { .. }
                | Error::BadLease { .. }
                | Error::IndexDamaged { .. }
                | Error::NotAStore { .. }
        )
    }

    /// Whether a thing that was asked for is simply not there.
    pub fn is_missing(&self) -> bool {
        matches!(
            self,
            Error::Missing { .. } | Error::NoSuchEntry { .. } | Error::NoSuchGeneration { .. }
        )
    }
}

pub type Result<T, E = Error> = std::result::Result<T, E>;
