//! One file by its digest, from whichever mirror gives it.

use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::client::{Answer, Client, Rest};
use super::error::{Attempt, Attempts, Error, Failure};
use super::mirrors::Mirrors;
use super::partial::{Held, Partial};
use super::slots::Slots;
use super::url::Url;
use crate::ids::Digest;

/// A file that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What a person calls it.
    pub what: String,
    /// Where it lies, counted from a mirror's base; or whole URLs.
    pub locations: Vec<String>,
    pub digest: Digest,
    pub size: Option<u64>,
}

/// A file that has come, its digest checked. It is gone when this is dropped.
#[derive(Debug)]
pub struct Fetched {
    held: Held,
    pub size: u64,
    /// Who gave it.
    pub from: Url,
}

impl Fetched {
    pub fn path(&self) -> &Path {
        self.held.path()
    }
}

/// How often, how long and how much.
#[derive(Debug, Clone)]
pub struct Persistence {
    /// How often all mirrors are asked.
    pub rounds: u32,
    /// Waited before the second round, and twice as long before each further one.
    pub pause: Duration,
    /// The longest pause, whatever a server asks for.
    pub longest_pause: Duration,
    /// Of a file whose size is not known.
    pub largest: u64,
    /// Files on their way at a time, and of those from one host.
    pub at_once: usize,
    pub per_host: usize,
}

impl Default for Persistence {
    fn default() -> Self {
        Persistence {
            rounds: 4,
            pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(60),
            largest: 16 << 30,
            at_once: 8,
            per_host: 4,
        }
    }
}

/// What a person may want to know while files come.
#[derive(Debug)]
pub enum Event<'e> {
    /// So many bytes of a file are here. Fewer than before, if it had to begin again.
    Bytes {
        what: &'e str,
        here: u64,
        of: Option<u64>,
    },
    /// An attempt failed; others may follow.
    Failed {
        what: &'e str,
        url: &'e Url,
        failure: &'e Failure,
    },
    /// All mirrors failed for now.
    Waiting {
        what: &'e str,
        pause: Duration,
    },
    Done {
        what: &'e str,
        size: u64,
    },
    /// Nobody gave it, or it is no longer wanted.
    GaveUp {
        what: &'e str,
    },
}

/// Is told of every [`Event`], from several threads.
pub type Observer<'o> = &'o (dyn Fn(Event<'_>) + Sync);

/// Fetches files from mirrors, each into a directory of the caller's.
pub struct Fetcher<'f> {
    pub(super) client: &'f Client,
    pub(super) persistence: Persistence,
    pub(super) observer: Observer<'f>,
    pub(super) slots: Slots,
    pub(super) stop: AtomicBool,
}

/// Why an attempt did not end well.
pub(super) enum Trouble {
    /// Another mirror may do better.
    Mirror(Failure),
    /// No mirror can help.
    Fatal(Error),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Trouble::Mirror(failure)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Trouble::Fatal(error)
    }
}

impl<'f> Fetcher<'f> {
    pub fn new(client: &'f Client, persistence: Persistence, observer: Observer<'f>) -> Self {
        Fetcher {
            client,
            slots: Slots::new(persistence.per_host),
            persistence,
            observer,
            stop: AtomicBool::new(false),
        }
    }

    /// Whatever is on its way ends soon, as [`Error::Stopped`]; what has come so far is kept.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Fetches one file into `directory`, where what came of it before is taken up, and what comes now stays if not all does.
    pub fn fetch(
        &self,
        mirrors: &Mirrors,
        wanted: &Wanted,
        directory: &Path,
    ) -> Result<Fetched, Error> {
        // It becomes the name of a file.
        if !wanted
            .digest
            .hex
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit())
        {
            return Err(Error::Checksum {
                what: wanted.what.clone(),
                digest: wanted.digest.clone(),
            });
        }
        let mut partial = Partial::open(directory, &wanted.digest)?;
        let places = places(mirrors, wanted)?;
        let what = &wanted.what;
        let from = self.any_mirror(what, mirrors, &places, |url| {
            self.receive(url, wanted, &mut partial)
        });
        let from = from.inspect_err(|_| (self.observer)(Event::GaveUp { what }))?;
        let size = partial.length();
        let held = partial.finish();
        (self.observer)(Event::Done { what, size });
        Ok(Fetched { held, size, from })
    }

    /// Tries places until one gives what is wanted; each that may still help once a round.
    pub(super) fn any_mirror(
        &self,
        what: &str,
        mirrors: &Mirrors,
        places: &[(usize, Url)],
        mut attempt: impl FnMut(&Url) -> Result<(), Trouble>,
    ) -> Result<Url, Error> {
        let mut attempts = Attempts::default();
        let mut hopeless = vec![false; places.len()];
        for round in 0..self.persistence.rounds.max(1) {
            let mut asked_for = None;
            for at in order(mirrors, places) {
                if hopeless[at] {
                    continue;
                }
                self.check_stop(what)?;
                let (mirror, url) = &places[at];
                let failure = match attempt(url) {
                    Ok(()) => {
                        mirrors.gave(*mirror);
                        return Ok(url.clone());
                    }
                    Err(Trouble::Mirror(failure)) => failure,
                    Err(Trouble::Fatal(error)) => return Err(error),
                };
                hopeless[at] = !failure.passes();
                match failure.lies() {
                    true => mirrors.lied(*mirror),
                    false => mirrors.failed(*mirror),
                }
                asked_for = asked_for.max(failure.after());
                (self.observer)(Event::Failed {
                    what,
                    url,
                    failure: &failure,
                });
                let url = url.clone();
                attempts.0.push(Attempt { url, failure });
            }
            let mut tried = attempts.0.iter();
            let is_behind = |one: &Attempt| matches!(one.failure, Failure::Older { .. });
            // Where an older state can be had, mirrors that fail get one chance more, and nobody waits longer for them.
            let last = round + 1 >= self.persistence.rounds || round > 0 && tried.any(is_behind);
            if last || hopeless.iter().all(|hopeless| *hopeless) {
                break;
            }
            self.pause(what, round, asked_for)?;
        }
        let what = what.to_owned();
        Err(match attempts.0.is_empty() {
            true => Error::NoMirror { what },
            false => Error::Exhausted { what, attempts },
        })
    }

    fn pause(&self, what: &str, round: u32, asked_for: Option<Duration>) -> Result<(), Error> {
        let own = self.persistence.pause.saturating_mul(1 << round.min(16));
        let pause = own.max(asked_for.unwrap_or_default());
        let pause = pause.min(self.persistence.longest_pause);
        (self.observer)(Event::Waiting { what, pause });
        let start = Instant::now();
        while let Some(left) = pause
            .checked_sub(start.elapsed())
            .filter(|left| !left.is_zero())
        {
            self.check_stop(what)?;
            thread::sleep(left.min(Duration::from_millis(50)));
        }
        Ok(())
    }

    pub(super) fn check_stop(&self, what: &str) -> Result<(), Error> {
        if self.stop.load(Ordering::Relaxed) {
            let what = what.to_owned();
            return Err(Error::Stopped { what });
        }
        Ok(())
    }

    /// Adds what a URL gives to what is here; from the start, where that did not fit together.
    fn receive(&self, url: &Url, wanted: &Wanted, partial: &mut Partial) -> Result<(), Trouble> {
        let _slot = self.slots.take(url.host());
        if partial.length() > 0 && partial.check().is_ok() {
            return Ok(());
        }
        if wanted.size.is_some_and(|size| partial.length() >= size) {
            partial.clear()?;
        }
        let resumed = partial.length() > 0;
        match self.receive_rest(url, wanted, partial) {
            // Who gave the wrong part: this one, or the one before? The whole will show it.
            Err(Trouble::Mirror(failure)) if resumed && failure.lies() => {
                partial.clear()?;
                self.receive_rest(url, wanted, partial)
            }
            done => done,
        }
    }

    fn receive_rest(
        &self,
        url: &Url,
        wanted: &Wanted,
        partial: &mut Partial,
    ) -> Result<(), Trouble> {
        let rest = Rest {
            from: partial.length(),
            version: partial.version_at(url),
        };
        let answer = self.client.get(url, &rest)?;
        if answer.from != partial.length() {
            partial.clear()?;
        }
        partial.comes_from(url, answer.version.clone());
        // Labels may be wrong where the bytes are right; where those are not, the label says why.
        let page = answer.page.then_some(Failure::Page);
        let label = answer.encoding.clone().map(Failure::Encoded).or(page);
        let came = self.stream(answer, wanted, partial).and_then(|()| {
            let checked = match wanted.size {
                Some(size) if size != partial.length() => Err(Failure::Size {
                    wanted: size,
                    found: partial.length(),
                }),
                _ => partial.check(),
            };
            checked.or_else(|failure| {
                partial.clear()?;
                Err(failure.into())
            })
        });
        came.map_err(|trouble| match trouble {
            Trouble::Mirror(failure) if failure.lies() => label.unwrap_or(failure).into(),
            other => other,
        })
    }

    fn stream(
        &self,
        answer: Answer,
        wanted: &Wanted,
        partial: &mut Partial,
    ) -> Result<(), Trouble> {
        let limit = wanted.size.unwrap_or(self.persistence.largest);
        let what = &wanted.what;
        self.read(what, answer, |bytes| {
            if partial.length() + bytes.len() as u64 > limit {
                partial.clear()?;
                return Err(Failure::TooLong(limit).into());
            }
            partial.push(bytes)?;
            let (here, of) = (partial.length(), wanted.size);
            (self.observer)(Event::Bytes { what, here, of });
            Ok(())
        })
    }

    /// Hands on a body in pieces, for as long as it comes fast enough.
    pub(super) fn read(
        &self,
        what: &str,
        mut answer: Answer,
        mut piece: impl FnMut(&[u8]) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        let patience = &self.client.patience;
        let mut buffer = vec![0; 64 << 10];
        let (mut since, mut came) = (Instant::now(), 0);
        loop {
            let read = match answer.body.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(error) => return Err(self.client.broken(error).into()),
            };
            self.check_stop(what)?;
            piece(&buffer[..read])?;
            came += read as u64;
            if since.elapsed() >= patience.silence {
                if came
                    < patience
                        .slowest
                        .saturating_mul(since.elapsed().as_secs().max(1))
                {
                    return Err(Failure::Slow(patience.slowest).into());
                }
                (since, came) = (Instant::now(), 0);
            }
        }
    }
}

/// Every URL that the file may lie at, with the mirror that it is of.
fn places(mirrors: &Mirrors, wanted: &Wanted) -> Result<Vec<(usize, Url)>, Error> {
    let mut places: Vec<(usize, Url)> = Vec::new();
    for (mirror, base) in mirrors.urls().iter().enumerate() {
        for location in &wanted.locations {
            let url = base.join(location)?;
            if !places.iter().any(|(_, known)| *known == url) {
                places.push((mirror, url));
            }
        }
    }
    Ok(places)
}

/// The places by how their mirrors stand now.
fn order(mirrors: &Mirrors, places: &[(usize, Url)]) -> Vec<usize> {
    let of = |mirror| (0..places.len()).filter(move |&at| places[at].0 == mirror);
    mirrors.best_first().into_iter().flat_map(of).collect()
}
