//! What a solver needs of a package, be it from its own header or from a repository's metadata.

use super::describe::describe;
use super::record::{Dependency, Record};
use super::{Error, Header};
use crate::ids::{Digest, Nevra};

/// A package as a solver sees it. Its identity is its NEVRA with the digest of its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Solvable {
    pub nevra: Nevra,
    pub source: bool,
    /// Of the whole file, by the algorithm that the repository chose; SHA-256 where a header was read.
    pub digest: Digest,
    /// `name:stream:version:context`; metadata of repositories leaves it out.
    pub modularity_labels: Vec<String>,
    pub provides: Vec<Dependency>,
    pub requires: Vec<Dependency>,
    pub conflicts: Vec<Dependency>,
    pub obsoletes: Vec<Dependency>,
    pub recommends: Vec<Dependency>,
    pub suggests: Vec<Dependency>,
    pub supplements: Vec<Dependency>,
    pub enhances: Vec<Dependency>,
    /// The paths that it owns, as far as they are known: primary metadata lists only some.
    pub paths: Vec<Vec<u8>>,
}

impl Solvable {
    /// The package of a record, with every path and every dependency of its header.
    pub fn of(record: &Record) -> Solvable {
        Solvable {
            nevra: record.nevra.clone(),
            source: record.source,
            digest: record.sha256.clone(),
            modularity_labels: record.modularity_label.iter().cloned().collect(),
            provides: record.provides.clone(),
            requires: record.requires.clone(),
            conflicts: record.conflicts.clone(),
            obsoletes: record.obsoletes.clone(),
            recommends: record.recommends.clone(),
            suggests: record.suggests.clone(),
            supplements: record.supplements.clone(),
            enhances: record.enhances.clone(),
            paths: record.files.iter().map(|file| file.path.clone()).collect(),
        }
    }

    /// The package of a header; what is not in a header, the digest of the file, is empty.
    pub fn read(header: &Header) -> Result<Solvable, Error> {
        Ok(Solvable::of(&describe(header)?))
    }

    /// What two packages of one universe are told apart and ordered by.
    pub fn identity(&self) -> (&Nevra, &Digest) {
        (&self.nevra, &self.digest)
    }
}

impl AsRef<Solvable> for Solvable {
    fn as_ref(&self) -> &Solvable {
        self
    }
}

impl From<&Record> for Solvable {
    fn from(record: &Record) -> Solvable {
        Solvable::of(record)
    }
}
