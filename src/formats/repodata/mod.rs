//! Yum repository metadata, as createrepo_c writes it and dnf, zypper and libsolv read it.
//!
//! ```text
//! repodata/repomd.xml                      names the others, with their digests
//!          <sha256>-primary.xml.gz         what a solver needs
//!          <sha256>-filelists.xml.gz       every path
//!          <sha256>-other.xml.gz           the ten newest changelog entries
//!          <sha256>-modules.yaml.gz        module metadata
//!          <sha256>-comps.xml.gz           groups, as metadata of type `group`
//! ```
//!
//! A package is rendered by itself, [`Rendered::of`], from its record alone;
//! some are compressed together, a [`Group`], and an index is its start, groups one after the other, and its end.
//! So what was made once can be kept, and an index of thousands costs what has changed.
//!
//! The files are gzip: whatever read yum metadata in the last twenty years reads it,
//! while zstd is unknown to clients older than RHEL 8.4 and to some builds of libsolv.

mod dependencies;
pub mod filelists;
pub mod group;
pub mod other;
pub mod primary;
mod read;
pub mod repomd;
mod xml;

pub use dependencies::is_primary;
pub use group::Group;
pub use read::{
    Damage, Listed, Location, Primary, ReadError, Reference, Repomd, open, owners, references,
};
pub use repomd::{Joined, Metadata, Stretch, Sums, join, list};

use super::rpm::Record;

/// The elements of one package in each index, and what had to be left out of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rendered {
    pub primary: Vec<u8>,
    pub filelists: Vec<u8>,
    pub other: Vec<u8>,
    /// What a person should know: characters dropped since XML forbids them.
    pub notes: Vec<String>,
}

/// The element of a package in one index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    pub xml: Vec<u8>,
    /// How many characters XML forbids and the package had nevertheless.
    pub dropped: usize,
}

impl Rendered {
    /// Renders a package that lies at `href`, counted from the directory above `repodata`.
    pub fn of(record: &Record, href: &str) -> Rendered {
        let [primary, filelists, other] = [
            primary::package(record, href),
            filelists::package(record),
            other::package(record),
        ];
        let dropped = [
            ("primary", primary.dropped),
            ("filelists", filelists.dropped),
            ("other", other.dropped),
        ];
        let notes = dropped
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(index, count)| {
                let (nevra, s) = (&record.nevra, if *count == 1 { "" } else { "s" });
                format!("{nevra}: {count} character{s} that XML forbids left out of {index}")
            })
            .collect();
        Rendered {
            primary: primary.xml,
            filelists: filelists.xml,
            other: other.xml,
            notes,
        }
    }
}
