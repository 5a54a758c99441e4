//! Why bytes are not a good package.

use std::io;

/// What is wrong with a package, or with the wish for one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("reading the package failed")]
    Read(#[source] io::Error),
    #[error("not an RPM package: it does not begin with the bytes of a lead")]
    NotAPackage,
    #[error("a delta RPM, which is no package by itself: import the package that it rebuilds")]
    Delta,
    #[error("the file ends within the {part}")]
    Truncated { part: &'static str },
    #[error("the {part} is malformed: {reason}")]
    Malformed { part: &'static str, reason: String },
    #[error("tag {tag} of the header is malformed: {reason}")]
    Tag { tag: u32, reason: String },
    #[error("the header does not state the package's {what} (tag {tag})")]
    Missing { tag: u32, what: &'static str },
    #[error("the package is damaged: its {what} is {found}, but it states {stated}")]
    Mismatch {
        what: &'static str,
        stated: String,
        found: String,
    },
    #[error("the payload can't be decompressed as {compressor}")]
    Decompress {
        compressor: &'static str,
        #[source]
        source: io::Error,
    },
    #[error("the payload is damaged: {reason}")]
    Payload { reason: String },
    #[error("the payload is damaged at {path:?}: {reason}")]
    PayloadFile { path: String, reason: String },
    #[error("{text:?} are not file capabilities: {reason}")]
    Capabilities { text: String, reason: String },
    #[error("a package can't be written: {reason}")]
    Unwritable { reason: String },
    #[error("writing the package failed")]
    Write(#[source] io::Error),
}

impl Error {
    pub(super) fn malformed(part: &'static str, reason: impl Into<String>) -> Self {
        Error::Malformed {
            part,
            reason: reason.into(),
        }
    }

    pub(super) fn tag(tag: u32, reason: impl Into<String>) -> Self {
        Error::Tag {
            tag,
            reason: reason.into(),
        }
    }

    pub(super) fn payload(reason: impl Into<String>) -> Self {
        Error::Payload {
            reason: reason.into(),
        }
    }

    pub(super) fn unwritable(reason: impl Into<String>) -> Self {
        Error::Unwritable {
            reason: reason.into(),
        }
    }

    pub(super) fn file(path: &[u8], reason: impl Into<String>) -> Self {
        Error::PayloadFile {
            path: String::from_utf8_lossy(path).into_owned(),
            reason: reason.into(),
        }
    }
}
