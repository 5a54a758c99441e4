//! The archive repository: which files and directories it has, besides its objects.
//!
//! ```text
//! config
//! extensions/  state/  tmp/cache/
//! objects/ab/cdef….{commit,dirtree,dirmeta,filez}
//! refs/heads/REF     the checksum of a commit, and a line end
//! refs/mirrors/  refs/remotes/
//! ```

use super::{Checksum, Kind};

/// What `ostree init --mode=archive` writes as `config`; `archive-z2` is how that mode has been spelled ever since.
pub const CONFIG: &str = "[core]\nrepo_version=1\nmode=archive-z2\n";

/// What `ostree admin init-fs` and `ostree admin deploy` leave as the `config` of a machine's repository
/// where boot entries are all that a boot loader reads, and `/sysroot` is mounted for reading alone.
pub const BARE_CONFIG: &str =
    "[core]\nrepo_version=1\nmode=bare\n\n[sysroot]\nbootloader=none\nreadonly=true\n";

/// Where a file or link lies in a bare repository: as itself, with its owner and mode.
pub fn bare_path(checksum: Checksum) -> String {
    let hex = checksum.to_string();
    format!("objects/{}/{}.file", &hex[..2], &hex[2..])
}

/// The directories that are there from the beginning, as `ostree init` makes them.
pub const DIRECTORIES: [&str; 7] = [
    "extensions",
    "objects",
    "refs/heads",
    "refs/mirrors",
    "refs/remotes",
    "state",
    "tmp/cache",
];

/// Where an object lies in the repository.
pub fn object_path(checksum: Checksum, kind: Kind) -> String {
    let hex = checksum.to_string();
    format!("objects/{}/{}.{}", &hex[..2], &hex[2..], kind.extension())
}

/// Where a ref lies in the repository.
pub fn ref_path(reference: &str) -> String {
    format!("refs/heads/{reference}")
}

/// What a ref's file holds.
pub fn ref_text(commit: Checksum) -> String {
    format!("{commit}\n")
}

/// The text can't name a ref.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} can't be a ref: names of letters, digits, \"-\", \".\", \"_\", joined by \"/\", \
     none of which begins with \"-\" or \".\" or is longer than 255"
)]
pub struct InvalidRef(pub String);

/// Checks a ref by the rule that OSTree has: a name begins with a letter, a digit or `_`, and goes on with these, `-` and `.`.
pub fn check_ref(reference: &str) -> Result<(), InvalidRef> {
    let first = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let name = |name: &str| {
        name.len() <= 255
            && name.starts_with(first)
            && name.chars().all(|c| first(c) || matches!(c, '-' | '.'))
    };
    if reference.split('/').all(name) {
        Ok(())
    } else {
        Err(InvalidRef(reference.to_owned()))
    }
}
