//! productmd: what composes and trees say of themselves, in the files that installers and release tools read.
//!
//! Version 1.2 of the formats, as the library of that name writes and checks them (`release-engineering/productmd`).
//! Pure writers: values in, text out. What the library would refuse to load is an error here.

pub mod compose;
pub mod composeinfo;
pub mod images;
mod json;
pub mod modules;
pub mod rpms;
pub mod treeinfo;

pub use compose::Compose;
pub use treeinfo::TreeInfo;

/// The version that the headers of all files carry.
const VERSION: &str = "1.2";

/// What a release is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// As people read it: `Sampler`.
    pub name: String,
    /// As ids have it: `sampler`.
    pub short: String,
    /// Numbers joined by dots, or something that begins with no digit: `40`, `9.4`, `Rawhide`.
    pub version: String,
}

/// Why something can't be said in a productmd file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error(
        "the release's version {version:?} can't be said in productmd files: use numbers joined by dots, \
         or a word that begins with no digit"
    )]
    Version { version: String },
    #[error("{what} {value:?} can't be said in a productmd file: it has to be one line of text")]
    Line { what: &'static str, value: String },
    #[error(
        "the path {path:?} can't be said in a .treeinfo: it has to be relative, and without \":\", \"=\" and line ends"
    )]
    Path { path: String },
    #[error("two variants of a tree would have the id {id}")]
    Twice { id: String },
    #[error("platform {platform} has images, but is not among the platforms of the tree")]
    Platform { platform: String },
}

impl Release {
    /// `RELEASE_VERSION_RE` of `productmd/common.py`, and texts of one line.
    pub fn check(&self) -> Result<(), Error> {
        let numbers = |text: &str| {
            text.split('.')
                .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
        };
        let numeric = self.version.starts_with(|c: char| c.is_ascii_digit());
        if self.version.is_empty() || numeric && !numbers(&self.version) {
            let version = self.version.clone();
            return Err(Error::Version { version });
        }
        line("the release's name", &self.name)?;
        line("the release's short name", &self.short)?;
        line("the release's version", &self.version)
    }
}

fn line(what: &'static str, value: &str) -> Result<(), Error> {
    if value.is_empty() || value.contains(char::is_control) || value.trim() != value {
        let value = value.to_owned();
        return Err(Error::Line { what, value });
    }
    Ok(())
}
