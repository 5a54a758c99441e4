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
    /// A repository.
    Repository(Repository),
}

/// A repository, as the lock has it.
#[derive(Debug, Clone)]
pub struct Repository {
    pub metadata: parameters::Metadata,
    /// Whether any of its packages is of a module.
    pub modular: bool,
    /// What the texts of manifests were answered with when the lock was written: see [`Asker::asked`].
    pub answers: BTreeMap<String, SourcePackage>,
    /// Whether a text without an answer was asked, and is answered by what is at hand beside the repository.
    pub settled: bool,
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

/// Who asks with the text of a manifest, as far as the answer depends on that.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// `NAME:STREAM`
    pub stream: &'a str,
    /// Whether any of the repositories has packages of modules.
    pub modular: bool,
    /// The repositories that the module draws from, in its order.
    pub repositories: &'a [&'a Name],
}

impl Asker<'_> {
    /// What a lock calls a text: `npm`. Where there are modules, one text has another answer in each stream,
    /// which stands before it then: `nodejs:18/npm`. So have other repositories, where they answer together: `base,updates/npm`.
    pub fn asked(self, text: &str) -> String {
        let mut asked = String::new();
        if let [_, _, ..] = self.repositories {
            let names: Vec<&str> = self.repositories.iter().map(|name| name.as_str()).collect();
            asked += &names.join(",");
            asked.push('/');
        }
        if self.modular {
            asked += self.stream;
            asked.push('/');
        }
        asked + text
    }
}

/// The repositories that answered together what a lock calls a text; none where one did by itself.
pub fn together(asked: &str) -> impl Iterator<Item = &str> {
    let names = asked.split_once('/').map_or("", |(names, _)| names);
    names
        .split(',')
        .filter(move |name| name.len() < names.len())
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
