//! Reading the metadata of a repository, which anybody may have written.
//!
//! ```text
//! repomd.xml ──▶ Repomd ──▶ Reference::open ──▶ decompressed, checked while it is read
//!                                  │
//!                primary.xml ──────┴──▶ Primary: one Listed after the other
//!                filelists.xml ───────▶ owners: who owns the paths that matter
//! ```
//!
//! Memory is bounded by what is asked for, and by limits on elements, texts, nesting and sizes:
//! nothing is allocated because a document says how large it is.

mod decompress;
mod elements;
mod error;
mod filelists;
mod primary;
mod repomd;
mod verified;

pub use decompress::open;
pub use error::{Damage, ReadError};
pub use filelists::owners;
pub use primary::{Listed, Location, Primary};
pub use repomd::{Reference, Repomd, references};

/// What `xml:base` and `href` come to.
fn located(base: Option<&str>, href: &str) -> String {
    match base {
        Some(base) => format!("{}/{href}", base.trim_end_matches('/')),
        None => href.to_owned(),
    }
}
