//! What planning may know of the world, handed in as values.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Derivation;
use super::parameters;
use crate::formats::rpm::{Brief, Record, Solvable};
use crate::ids::{Digest, EntryId, Hash, Name, Nevra, TraceId, canonical};

/// Facts for planning; two equal sets of facts give two equal plans.
pub trait Known {
    /// The version of the composer of a kind, which is part of every key.
    fn composer(&self, kind: &str) -> u32;

    /// What each of some derivations is known to have given, in their order.
    fn outcomes(&self, derivations: &[Derivation]) -> Vec<Option<Outcome>>;

    /// What a source offers; `None` for one that was not looked at.
    fn source(&self, source: &Name) -> Option<&Offer>;

    /// What an RPM file says of itself, once it was imported.
    fn record(&self, rpm: EntryId) -> Option<Arc<Record>>;

    /// What of that solving needs, of many, in their order.
    fn solvables(&self, rpms: &[EntryId]) -> Vec<Option<Arc<Solvable>>>;

    /// What a repository's metadata lists; `None` until its bytes are here.
    fn catalog(&self, source: &Name) -> Result<Option<Arc<dyn Catalog>>, CatalogError>;

    /// The files that the lock has as the answer to an artifact's question.
    fn solved(&self, artifact: &Name, question: Hash) -> Option<BTreeSet<Digest>>;
}

/// What a source offers.
#[derive(Debug, Clone)]
pub enum Offer {
    /// A directory: all that lies in it.
    Directory(Vec<SourcePackage>),
    /// A repository, as the lock has it.
    Repository {
        metadata: parameters::Metadata,
        /// Whether any of its packages is of a module; then each answer is for one stream: see [`asked`].
        modular: bool,
        /// What the texts of manifests were answered with when the lock was written.
        answers: BTreeMap<String, SourcePackage>,
    },
}

/// A package of a source.
#[derive(Debug, Clone)]
pub struct SourcePackage {
    pub nevra: Nevra,
    /// Of the file: what the package is.
    pub digest: Digest,
    /// Bytes of the file.
    pub size: u64,
    /// `NAME:STREAM…` of each module that it is of, as far as they are known. Streams of a repository may share a package.
    pub labels: Vec<String>,
    /// The file as an entry; `None` for one that is fetched by its digest.
    pub rpm: Option<EntryId>,
}

/// What a lock calls the text of a manifest. Of a repository with modules one text has another answer in each stream,
/// so that the stream stands before it: `nodejs:18/npm`.
pub fn asked(text: &str, own: &str, modular: bool) -> String {
    match modular {
        true => format!("{own}/{text}"),
        false => text.to_owned(),
    }
}

impl SourcePackage {
    /// A package whose file the store knows.
    pub fn of(brief: &Brief, rpm: EntryId) -> Self {
        SourcePackage {
            nevra: brief.nevra.clone(),
            digest: brief.digest.clone(),
            size: brief.size,
            labels: brief.label.iter().cloned().collect(),
            rpm: Some(rpm),
        }
    }
}

/// The packages of a repository, as its metadata tells.
pub trait Catalog {
    fn packages(&self) -> &[SourcePackage];

    /// Whether any of them is of a module.
    fn is_modular(&self) -> bool;

    fn solvable(&self, package: &Digest) -> Option<Arc<Solvable>>;

    /// Who owns each of these paths, by digest, of those that the packages' solvables do not list.
    fn owners(
        &self,
        paths: &BTreeSet<Vec<u8>>,
    ) -> Result<BTreeMap<Vec<u8>, BTreeSet<Digest>>, CatalogError>;
}

/// Why metadata that is here can't be read.
pub type CatalogError = Box<dyn std::error::Error + Send + Sync>;

/// What a step gave: its outputs by role, and the facts that came with them.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    pub trace: TraceId,
    pub outputs: BTreeMap<String, EntryId>,
    pub facts: Option<canonical::Value>,
}

impl Outcome {
    /// The facts, if they have the shape that the caller expects.
    pub fn facts<T: serde::de::DeserializeOwned>(&self) -> Option<T> {
        self.facts.as_ref()?.to().ok()
    }
}
