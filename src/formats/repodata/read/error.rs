//! Why the metadata of a repository can't be read.

use std::sync::Arc;

use super::decompress::LIMIT;

/// What is wrong with a metadata file.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("{file} can't be read")]
    Stream {
        file: String,
        /// A [`Damage`], what a decompressor says, or trouble of the reader below.
        source: Arc<std::io::Error>,
    },
    #[error("{file} is not well-formed XML at byte {at}")]
    Syntax {
        file: String,
        at: u64,
        source: quick_xml::Error,
    },
    #[error("{file}: {what}")]
    Malformed { file: String, what: String },
    #[error("{file}: package {package}: {what}")]
    Package {
        file: String,
        /// Its name as far as it is known, or which one it is of the file.
        package: String,
        what: String,
    },
}

/// Why bytes are not those that `repomd.xml` names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    #[error("{part} has the checksum {found}, but repomd.xml states {stated}")]
    Checksum {
        part: &'static str,
        stated: String,
        found: String,
    },
    #[error("{part} ends after {found} bytes, but repomd.xml states {stated}")]
    Short {
        part: &'static str,
        stated: u64,
        found: u64,
    },
    #[error("{part} goes on after the {stated} bytes that repomd.xml states")]
    Long { part: &'static str, stated: u64 },
    #[error("{part} has more than {LIMIT} bytes, which no metadata needs")]
    Large { part: &'static str },
    #[error("it is not compressed, though its name says so")]
    Plain,
    #[error("one element or text is longer than {limit} bytes")]
    Element { limit: usize },
}

impl From<Damage> for std::io::Error {
    fn from(damage: Damage) -> Self {
        std::io::Error::other(damage)
    }
}
