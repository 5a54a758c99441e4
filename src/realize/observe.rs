//! What is going on, told to whoever listens.

use std::time::Duration;

use super::report::{How, StepName};

/// Hears of progress; the library itself stays silent.
pub trait Observer: Sync {
    /// Files of a source are being looked at: `done` of `of`.
    fn reading(&self, _source: &str, _done: usize, _of: usize) {}
    /// A round of steps begins; this many are in it.
    fn planned(&self, _steps: usize) {}
    fn started(&self, _step: &StepName) {}
    fn finished(&self, _step: &StepName, _how: How, _took: Duration, _notes: &[String]) {}
    fn failed(&self, _step: &StepName, _error: &dyn std::error::Error) {}
    /// Something that people should know although nothing failed.
    fn warning(&self, _text: &str) {}
}

/// Listens to nothing.
pub struct Silent;

impl Observer for Silent {}
