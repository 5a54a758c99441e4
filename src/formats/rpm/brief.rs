//! Which package a file is, without what is in it.

use super::Record;
use crate::ids::{BlobId, Digest, Nevra};

/// A brief is the part of a record that says which package it is: what choosing and placing packages ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brief {
    pub nevra: Nevra,
    pub license: String,
    /// `name:stream:version:context`, in packages of a module.
    pub label: Option<String>,
    pub source: bool,
    pub source_rpm: Option<String>,
    /// SHA-256 of the whole file.
    pub digest: Digest,
    /// Length of the whole file in bytes.
    pub size: u64,
    /// BLAKE3 of the whole file, and of header and payload alone.
    pub file: BlobId,
    pub content: BlobId,
}

impl Brief {
    pub fn of(record: &Record) -> Self {
        Brief {
            nevra: record.nevra.clone(),
            license: record.license.clone(),
            label: record.modularity_label.clone(),
            source: record.source,
            source_rpm: record.source_rpm.clone(),
            digest: record.sha256.clone(),
            size: record.file_size,
            file: record.file,
            content: record.content,
        }
    }
}
