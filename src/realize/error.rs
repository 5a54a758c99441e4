//! Why something could not be realized.

use std::error::Error as StdError;
use std::path::PathBuf;
use std::sync::Arc;

use crate::formats::rpm::SignatureError;
use crate::ids::Name;
use crate::source::KeysError;
use crate::source::directory::ScanError;
use crate::{compose, plan, store};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("source {name}: a file of its gpgkeys is no key")]
    Keys { name: Name, source: KeysError },
    #[error("source {name}: {package} is not known to be from any of the source's gpgkeys")]
    Signature {
        name: Name,
        package: String,
        source: SignatureError,
    },
    #[error(transparent)]
    Plan(Box<plan::Error>),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("stopped; what had come to its end is kept, and the next realize goes on from there")]
    Stopped,
    #[error("{name} is not a source of the recipes")]
    NoSource { name: Name },
    #[error(
        "source {name}: the name of {path} is not UTF-8, and a lock is text; rename the file, or realize without a lock"
    )]
    Unnamable { name: Name, path: PathBuf },
    #[error("looking at source {name}")]
    Source { name: Name, source: ScanError },
    #[error(
        "source {name} is a repository, and the lock has none of it; `store update {name}` looks at it"
    )]
    NotLocked { name: Name },
    #[error(
        "source {name}: {what} is not in the store, and outside nobody is to be asked; leave --offline away to fetch it"
    )]
    Offline { name: Name, what: String },
    #[error("source {name}")]
    Fetch {
        name: Name,
        /// Shared by all that wait for one list of mirrors.
        source: Arc<crate::source::fetch::Error>,
    },
    #[error("none of the sources that have {package} gives it:{}", all(failed))]
    Nowhere { package: String, failed: Vec<Error> },
    #[error("source {name}: {package} was fetched, and is not a package that can be used")]
    Fetched {
        name: Name,
        package: String,
        source: Box<dyn StdError + Send + Sync>,
    },
    #[error("source {name}: {file} can't be read")]
    Metadata {
        name: Name,
        file: String,
        source: Box<dyn StdError + Send + Sync>,
    },
    #[error("source {name}: {path} is not a package that can be used")]
    Package {
        name: Name,
        path: PathBuf,
        source: Box<dyn StdError + Send + Sync>,
    },
    #[error("source {name} holds {} files that are not packages that can be used:{}", packages.len(), listed(packages))]
    Refused { name: Name, packages: Vec<Error> },
    #[error(
        "source {name}: {package} is in the lock, but can't be found; `store update {name}` looks again"
    )]
    Unlocked {
        name: Name,
        package: String,
        source: ScanError,
    },
    #[error(
        "source {name}: {path} is not the file that the lock names; `store update {name}` looks again"
    )]
    Moved { name: Name, path: PathBuf },
    #[error(
        "{path} is no longer the package that it was when its source was looked at; \
         `store update` looks again, where there is a lock"
    )]
    Changed { path: PathBuf },
    #[error(
        "the bytes of package {package} are neither in the store nor where its source had them; \
         `store update` looks again, where there is a lock"
    )]
    Lost { package: String },
    #[error("the store {} is read-only here: {what}", path.display())]
    OnlyRead { path: PathBuf, what: String },
    #[error("the record of {step} was written, and can't be read back")]
    Forgotten { step: String },
    #[error("the kind {kind} can't be composed")]
    NoComposer { kind: String },
    #[error(transparent)]
    Compose(Box<compose::Error>),
    #[error(
        "{step} was remade and came out otherwise: {old} became {new}; \
         it is not reproducible, and what stands on it is made of the new one"
    )]
    NotReproducible {
        step: String,
        old: String,
        new: String,
    },
    #[error("{step} is not reproducible: composed again, {difference}")]
    Differs { step: String, difference: String },
    #[error("{path} can't be added")]
    Add {
        path: PathBuf,
        source: Box<compose::Error>,
    },
    #[error("reading {path}")]
    Unreadable {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("starting threads")]
    Threads { source: rayon::ThreadPoolBuildError },
}

impl Error {
    /// What was refused of a source, told together.
    pub(super) fn all(name: &Name, mut refused: Vec<Error>) -> Result<(), Error> {
        match refused.len() {
            0 => Ok(()),
            1 => Err(refused.remove(0)),
            _ => Err(Error::Refused {
                name: name.clone(),
                packages: refused,
            }),
        }
    }
}

fn all(errors: &[Error]) -> String {
    let lines = errors.iter().map(|error| format!("\n{}", told(error)));
    lines.collect()
}

/// An error with all of its causes.
pub(super) fn told(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!("\n  because: {cause}"));
        source = cause.source();
    }
    text
}

fn listed(errors: &[Error]) -> String {
    let mut text = String::new();
    for error in errors.iter().take(20) {
        text.push_str(&format!("\n  {error}"));
        if let Some(source) = error.source() {
            text.push_str(&format!(": {source}"));
        }
    }
    if errors.len() > 20 {
        text.push_str(&format!("\n  and {} more", errors.len() - 20));
    }
    text
}

/// Boxed, since the other errors are small.
impl From<plan::Error> for Error {
    fn from(error: plan::Error) -> Self {
        Error::Plan(Box::new(error))
    }
}

impl From<compose::Error> for Error {
    fn from(error: compose::Error) -> Self {
        Error::Compose(Box::new(error))
    }
}

/// Whether an error comes from damage in the store, however deep.
pub(super) fn is_damage(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let store = error.downcast_ref::<crate::store::Error>();
        if store.is_some_and(crate::store::Error::is_damage) {
            return true;
        }
        // The source of an I/O error that wraps another is the source of that.
        let io = error.downcast_ref::<std::io::Error>();
        next = match io.and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    false
}

/// An error with all that caused it, in one text.
pub(super) fn said(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
