//! What is going on, told to whoever listens.

use std::time::Duration;

use super::forecast::Left;
use super::report::{How, StepName};
use crate::source::fetch::Event;

/// Hears of progress; the library itself stays silent.
pub trait Observer: Sync {
    /// Files of a source are being looked at: `done` of `of`.
    fn reading(&self, _source: &str, _done: usize, _of: usize) {}
    /// A round of steps begins; this many are in it.
    fn planned(&self, _steps: usize) {}
    /// A step runs; `expected` from what such steps took before.
    fn started(&self, _step: &StepName, _expected: Option<Duration>) {}
    /// Another process makes a step; this one waits for it.
    fn waiting(&self, _step: &StepName) {}
    /// What is left, whenever that changes.
    fn left(&self, _left: &Left) {}
    fn finished(&self, _step: &StepName, _how: How, _took: Duration, _notes: &[String]) {}
    fn failed(&self, _step: &StepName, _error: &dyn std::error::Error) {}
    /// So many bytes of a file are here; fewer than before, if it had to begin again.
    fn fetching(&self, _what: &str, _here: u64, _of: Option<u64>) {}
    /// Whether nothing more is to be begun. What runs comes to its end, and what ended is kept.
    fn is_stopped(&self) -> bool {
        false
    }
    /// Something that people should know although nothing failed.
    fn warning(&self, _text: &str) {}
}

/// Passes on what happens to a file on its way.
pub(super) fn tell(observer: &dyn Observer, event: Event<'_>) {
    match event {
        Event::Bytes { what, here, of } => observer.fetching(what, here, of),
        Event::Done { what, size } => observer.fetching(what, size, Some(size)),
        Event::GaveUp { what } => observer.fetching(what, 0, Some(0)),
        Event::Failed { what, url, failure } => {
            observer.warning(&format!("{what}: {url}: {failure}"));
        }
        Event::Waiting { what, pause } => {
            let seconds = pause.as_secs_f64();
            observer.warning(&format!("{what}: asking again in {seconds:.0} s"));
        }
    }
}

/// Listens to nothing.
pub struct Silent;

impl Observer for Silent {}
