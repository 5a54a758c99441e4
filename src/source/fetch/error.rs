//! What can go wrong while fetching: one attempt at a mirror, and all of them.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::metalink::INDEX;
use super::url::{InvalidUrl, Url};
use crate::ids::Digest;

/// What was wanted could not be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Url(#[from] InvalidUrl),
    #[error("reading the root certificates {}", path.display())]
    Roots { path: PathBuf, source: io::Error },
    #[error("{} holds no certificate in PEM form", path.display())]
    NoRoots { path: PathBuf },
    #[error("the proxy {proxy} can't be used; it must be http://HOST:PORT or https://HOST:PORT")]
    Proxy { proxy: String },
    #[error("no mirror is known for {what}")]
    NoMirror { what: String },
    #[error("{what} could not be fetched{attempts}{}", hint(attempts))]
    Exhausted { what: String, attempts: Attempts },
    #[error("writing {}{}", path.display(), full(source))]
    Local { path: PathBuf, source: io::Error },
    #[error("{url} can't be read as a {kind}: {reason}")]
    List {
        url: Url,
        kind: &'static str,
        reason: String,
    },
    #[error("{digest} is no checksum that {what} could have")]
    Checksum { what: String, digest: Digest },
    #[error("fetching {what} was stopped")]
    Stopped { what: String },
}

impl Error {
    /// The mirrors that were refused only because they lag behind, those that do least first.
    pub(super) fn behind(&self) -> Vec<Url> {
        let Error::Exhausted { attempts, .. } = self else {
            return Vec::new();
        };
        let attempts = attempts.0.iter();
        let behind = attempts.filter_map(|attempt| match &attempt.failure {
            Failure::Older { found, .. } => Some((found.parse::<u64>().ok(), &attempt.url)),
            _ => None,
        });
        let mut behind: Vec<(Option<u64>, &Url)> = behind.collect();
        behind.sort_by_key(|(revision, _)| std::cmp::Reverse(*revision));
        behind.into_iter().map(|(_, url)| url.clone()).collect()
    }

    /// Adds what was tried after that; fails with what is no matter of mirrors.
    pub(super) fn and(self, later: Error) -> Result<Error, Error> {
        match (self, later) {
            (Error::Exhausted { what, mut attempts }, Error::Exhausted { attempts: more, .. }) => {
                attempts.0.extend(more.0);
                Ok(Error::Exhausted { what, attempts })
            }
            (_, later) => Err(later),
        }
    }
}

/// What was tried, in order; shown one a line.
#[derive(Debug, Default)]
pub struct Attempts(pub Vec<Attempt>);

/// One attempt that failed.
#[derive(Debug)]
pub struct Attempt {
    pub url: Url,
    pub failure: Failure,
}

impl fmt::Display for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|Attempt { url, failure }| write!(f, "\n  {url}: {failure}"))
    }
}

/// Why one attempt at one URL failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("{0}")]
    Connection(String),
    #[error("nothing came for {} s", .0.as_secs_f32())]
    Silent(Duration),
    #[error("fewer than {0} bytes a second came")]
    Slow(u64),
    #[error("there is no such file (status {0})")]
    Missing(u16),
    #[error("it may not be read (status {0})")]
    Forbidden(u16),
    #[error("the server answered with status {status}")]
    Status {
        status: u16,
        /// How long the server asks to be left alone.
        after: Option<Duration>,
    },
    #[error("an HTML page came instead of the file")]
    Page,
    #[error("the server answered with another part than was asked for ({0:?})")]
    Part(String),
    #[error("redirected more than {0} times")]
    Redirects(usize),
    #[error("redirected to {0}")]
    Redirect(InvalidUrl),
    #[error("it came compressed as {0:?}, which was not asked for")]
    Encoded(String),
    #[error("{found} bytes came, not {wanted}")]
    Size { wanted: u64, found: u64 },
    #[error("more than {0} bytes came")]
    TooLong(u64),
    #[error("its checksum is {found}, not {wanted}")]
    Digest { wanted: Digest, found: Digest },
    #[error("it is none of the versions that the metalink names")]
    Unlisted,
    #[error("it is of an older state ({found}) than the one that was locked ({known})")]
    Older { found: String, known: String },
    #[error("it is no repository index: {0}")]
    Index(String),
    #[error("it is not signed as it should be: {0}")]
    Signature(String),
    #[error("of the files that it names, {what} could not be fetched{attempts}")]
    Incomplete { what: String, attempts: Attempts },
    #[error("{0}")]
    File(io::Error),
}

impl Failure {
    /// Whether the same URL may give the file a little later.
    pub fn passes(&self) -> bool {
        match self {
            Failure::Connection(_) | Failure::Silent(_) | Failure::Slow(_) => true,
            Failure::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500..),
            _ => false,
        }
    }

    /// Whether the mirror gave something else than it should, and is asked last from now on.
    pub fn lies(&self) -> bool {
        matches!(
            self,
            Failure::Page
                | Failure::Part(_)
                | Failure::Encoded(_)
                | Failure::Size { .. }
                | Failure::TooLong(_)
                | Failure::Digest { .. }
                | Failure::Unlisted
                | Failure::Index(_)
                | Failure::Signature(_)
        )
    }

    /// Whether the file is not there any more, or another one by its name.
    fn is_moved(&self) -> bool {
        match self {
            Failure::File(error) => error.kind() == io::ErrorKind::NotFound,
            Failure::Missing(_)
            | Failure::Size { .. }
            | Failure::TooLong(_)
            | Failure::Digest { .. } => true,
            _ => false,
        }
    }

    /// How long the server asks to be left alone.
    pub fn after(&self) -> Option<Duration> {
        match self {
            Failure::Status { after, .. } => *after,
            _ => None,
        }
    }
}

/// What a person can do about it, where all attempts ended alike.
fn hint(attempts: &Attempts) -> &'static str {
    let all = |of: fn(&Failure) -> bool| attempts.0.iter().all(|attempt| of(&attempt.failure));
    if attempts.0.is_empty() {
        ""
    } else if all(|failure| matches!(failure, Failure::Missing(_))) && indexes(attempts) {
        "\nthe URL of a repository is that of the directory that holds repodata/"
    } else if all(|failure| matches!(failure, Failure::Forbidden(_))) {
        "\ncredentials go into the URL: https://USER:PASSWORD@HOST/"
    } else if all(|failure| matches!(failure, Failure::Page)) {
        "\nis there a login page or a proxy in between?"
    } else if all(
        |failure| matches!(failure, Failure::Connection(why) if why.contains("certificate")),
    ) {
        "\na certificate authority of your own is given with SSL_CERT_FILE"
    } else if attempts.0.iter().any(|one| one.failure.is_moved()) && !indexes(attempts) {
        "\nthe repository may have moved on, or have built it anew: `store update` looks again"
    } else {
        ""
    }
}

/// What a person can do where a file that came has no room.
fn full(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; the disk is full or the quota used up: `store gc` frees what nothing keeps alive"
        }
        _ => "",
    }
}

/// Whether only indexes of repositories were asked for.
fn indexes(attempts: &Attempts) -> bool {
    let mut urls = attempts.0.iter().map(|attempt| &attempt.url);
    urls.all(|url| url.without(INDEX).is_some())
}
