//! The database of installed packages, as rpm 4.16 and later keep it: `rpmdb.sqlite`.
//!
//! ```text
//! Packages(hnum, blob)          blob: the header as installed, see `installed`
//! Name(key, hnum, idx), …       one table an index: which header has the key, at which place of its list
//! ```
//!
//! Sources: rpm, `lib/rpmdb.c`, `lib/backend/sqlite.c`, `lib/rpmte.c`; and databases that rpm 4.18 wrote.

pub mod index;
pub mod installed;
pub mod write;

pub use installed::{FileState, Installed};
pub use write::write;

/// Why a database could not be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Header(#[from] crate::formats::rpm::Error),
    #[error("the dependency {text:?} unfolds to more names than anybody needs")]
    Unfolds { text: String },
    #[error("writing the package database {path}")]
    Database {
        path: std::path::PathBuf,
        source: rusqlite::Error,
    },
}
