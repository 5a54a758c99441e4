//! The memory of a step: this was asked for, these went in, this came out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{DerivationKey, EntryId, Hash, TraceId, canonical};

/// A trace is the record of one run of a derivation, with all its outputs.
///
/// Facts and the head of the log are inside, because records outlive bytes.
/// One record holds all outputs, so that those of two runs never mix.
/// Shape `trace` of store-schema/hashed.cddl.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    pub key: DerivationKey,
    /// The derivation that `key` is the hash of; the store does not look inside.
    pub derivation: canonical::Value,
    /// Sorted, without duplicates.
    pub inputs: Vec<TraceInput>,
    pub outputs: BTreeMap<String, EntryId>,
    pub facts: Option<canonical::Value>,
    pub log: Vec<String>,
}

/// An entry that went in, in its role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TraceInput {
    pub role: String,
    pub entry: EntryId,
}

impl Trace {
    pub fn encode(&self) -> Vec<u8> {
        // Facts may be large, and are canonical already: they are not taken apart again.
        let encode = || {
            let map = canonical::Map::default()
                .with("key", &self.key)?
                .with_value("derivation", &self.derivation)
                .with("inputs", &self.inputs)?
                .with("outputs", &self.outputs)?
                .with("log", &self.log)?;
            Ok::<_, canonical::Error>(match &self.facts {
                Some(facts) => map.with_value("facts", facts),
                None => map,
            })
        };
        let map = encode().expect("text and hashes have a canonical form");
        map.encode()
    }

    pub fn id(&self) -> TraceId {
        TraceId::of(&self.encode())
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, canonical::Error> {
        let (mut trace, facts) = Self::split(bytes)?;
        trace.facts = facts.map(canonical::Cell::value);
        Ok(trace)
    }

    /// The same without its facts, which may be most of it.
    pub fn decode_head(bytes: &[u8]) -> Result<Self, canonical::Error> {
        Self::split(bytes).map(|(trace, _)| trace)
    }

    fn split(bytes: &[u8]) -> Result<(Self, Option<canonical::Cell<'_>>), canonical::Error> {
        // Most traces are of packages, and facts most of a trace: they are not looked into here.
        let mut fields = canonical::Fields::of(bytes)?;
        let trace = Trace {
            key: fields.read("key")?,
            derivation: fields.value("derivation")?,
            inputs: inputs(&mut fields)?,
            outputs: fields.read("outputs")?,
            facts: None,
            log: fields.read("log")?,
        };
        let facts = fields.optional("facts");
        fields.end()?;
        Ok((trace, facts))
    }
}

/// An edition has ten thousand of them.
fn inputs(fields: &mut canonical::Fields) -> Result<Vec<TraceInput>, canonical::Error> {
    let rows = fields.rows("inputs", ["role", "entry"])?;
    let input = |[role, entry]: [canonical::Cell; 2]| {
        Ok(TraceInput {
            role: role.text()?.to_owned(),
            entry: EntryId(Hash::from_bytes(entry.bytes()?)),
        })
    };
    rows.into_iter().map(input).collect()
}
