//! What planning may know of the world, handed in as values.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Derivation;
use crate::formats::rpm::Record;
use crate::ids::{BlobId, EntryId, Hash, Name, TraceId, canonical};

/// Facts for planning; two equal sets of facts give two equal plans.
pub trait Known {
    /// The version of the composer of a kind, which is part of every key.
    fn composer(&self, kind: &str) -> u32;

    /// What a derivation is known to have given.
    fn outcome(&self, derivation: &Derivation) -> Option<Outcome>;

    /// The packages that a source offers; `None` for one that was not looked at.
    fn source(&self, source: &Name) -> Option<&[SourcePackage]>;

    /// The files that the lock has as the answer to an artifact's question.
    fn solved(&self, artifact: &Name, question: Hash) -> Option<BTreeSet<BlobId>>;
}

/// A package of a source, already in the store or at hand.
#[derive(Debug, Clone)]
pub struct SourcePackage {
    /// The RPM file as an entry.
    pub rpm: EntryId,
    pub record: Arc<Record>,
}

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
