//! What was asked for: one action, constant once its inputs are known.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{DerivationKey, EntryId, canonical};

/// Part of every key. Changing it forgets every trace ever written.
pub const SCHEMA: u32 = 1;

/// The output that a step has unless it says otherwise.
pub const MAIN: &str = "out";

/// The output of an import that is the package without lead and signature.
pub const CONTENT: &str = "content";

/// A derivation is a single, constant compose action.
///
/// ```text
/// derivation = { schema, kind, composer, params, inputs: [* {role, entry}] }      key = BLAKE3 of its canonical bytes
/// ```
///
/// Its inputs are named by their content, never by how they were made:
/// an input that was rebuilt to the same bytes gives the same key, and the cascade stops there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Derivation {
    pub schema: u32,
    pub kind: String,
    /// Version of the composer: raised when the same parameters and inputs begin to give other bytes.
    pub composer: u32,
    /// The parameters that can change the bytes; see [`crate::plan::parameters`].
    pub params: canonical::Value,
    /// Sorted, without duplicates.
    pub inputs: Vec<Input>,
}

/// An input in its role: `root`, `package`, `module/gtk`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    pub role: String,
    pub entry: EntryId,
}

impl Derivation {
    pub fn new(
        kind: &str,
        composer: u32,
        params: &impl Serialize,
        inputs: impl IntoIterator<Item = Input>,
    ) -> Result<Self, canonical::Error> {
        let params = canonical::Value::of(params)?;
        Ok(Self::with(kind, composer, params, inputs))
    }

    /// The same, with parameters that have their canonical form already.
    pub fn with(
        kind: &str,
        composer: u32,
        params: canonical::Value,
        inputs: impl IntoIterator<Item = Input>,
    ) -> Self {
        let mut inputs: Vec<Input> = inputs.into_iter().collect();
        inputs.sort();
        inputs.dedup();
        Derivation {
            schema: SCHEMA,
            kind: kind.to_owned(),
            composer,
            params,
            inputs,
        }
    }

    /// Its canonical form.
    pub fn value(&self) -> canonical::Value {
        // The parameters have it already, and are not taken apart again.
        let fields = || {
            let map = canonical::Map::default()
                .with("schema", &self.schema)?
                .with("kind", &self.kind)?
                .with("composer", &self.composer)?
                .with("inputs", &self.inputs)?;
            Ok::<_, canonical::Error>(map.with_value("params", &self.params))
        };
        let map = fields().expect("numbers, names and hashes have a canonical form");
        map.value()
    }

    pub fn encode(&self) -> Vec<u8> {
        self.value().encode()
    }

    pub fn key(&self) -> DerivationKey {
        DerivationKey::of(self.value().as_bytes())
    }

    /// The entries in one role, in the order of their ids.
    pub fn inputs_as<'a>(&'a self, role: &'a str) -> impl Iterator<Item = EntryId> + 'a {
        self.inputs
            .iter()
            .filter(move |input| input.role == role)
            .map(|input| input.entry)
    }
}

/// Its one text form: a line for the action, a line for each input.
impl fmt::Display for Derivation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} (composer {}, schema {})",
            self.kind, self.composer, self.schema
        )?;
        writeln!(f, "  params {}", self.params)?;
        for input in &self.inputs {
            writeln!(f, "  input {} {}", input.role, input.entry)?;
        }
        Ok(())
    }
}
