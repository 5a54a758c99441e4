//! Many files at once.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::download::{Fetched, Fetcher, Wanted};
use super::error::Error;
use super::mirrors::Mirrors;

/// A file and the mirrors that have it.
#[derive(Debug, Clone)]
pub struct Job<'j> {
    pub mirrors: &'j Mirrors,
    pub wanted: Wanted,
}

/// What becomes of the other files when one can't be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// They are stopped; what has come stays.
    Stop,
    /// They go on.
    GoOn,
}

impl Fetcher<'_> {
    /// Fetches all files; the results are in the order of the jobs.
    pub fn fetch_all(
        &self,
        jobs: &[Job<'_>],
        directory: &Path,
        on_error: OnError,
    ) -> Vec<Result<Fetched, Error>> {
        let next = AtomicUsize::new(0);
        let results: Vec<Mutex<Option<Result<Fetched, Error>>>> =
            jobs.iter().map(|_| Mutex::new(None)).collect();
        let work = || {
            while let Some((job, result)) = {
                let at = next.fetch_add(1, Ordering::Relaxed);
                jobs.get(at).zip(results.get(at))
            } {
                let what = &job.wanted.what;
                let done = self
                    .check_stop(what)
                    .and_then(|()| self.fetch(job.mirrors, &job.wanted, directory));
                if done.is_err() && on_error == OnError::Stop {
                    self.stop();
                }
                *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
            }
        };
        let workers = self.persistence.at_once.clamp(1, jobs.len().max(1));
        thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(work);
            }
        });
        results
            .into_iter()
            .map(|result| {
                let result = result.into_inner().unwrap_or_else(PoisonError::into_inner);
                result.expect("the workers take every job")
            })
            .collect()
    }
}
