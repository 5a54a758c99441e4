//! How long steps took: for estimates, and for nothing else.

use super::Store;
use super::error::Result;

/// A step that ran.
#[derive(Debug, Clone, PartialEq)]
pub struct Took {
    pub kind: &'static str,
    /// What it worked on, whatever its version; not empty.
    pub topic: String,
    pub seconds: f64,
}

impl Store {
    /// Notes how long steps took.
    pub fn took_put(&self, steps: &[Took]) -> Result<()> {
        match steps.is_empty() {
            true => Ok(()),
            false => self.index_or_create()?.took_put(steps),
        }
    }

    /// How many seconds steps may take, each a kind and a topic, in their order:
    /// what that topic took, else what the kind takes in the mean; `None` where no such step ever ran.
    pub fn took_get(&self, steps: &[(&str, &str)]) -> Result<Vec<Option<f64>>> {
        match self.index()? {
            Some(index) => index.took_get(steps),
            None => Ok(vec![None; steps.len()]),
        }
    }
}
