//! RPM packages: reading, checking and writing them.
//!
//! ```text
//! file ──▶ Package::read ──▶ Header ──▶ files, dependencies, scriptlets ──▶ Record
//!                              │
//!          payload bytes ──▶ Payload: one file after the other, each checked against the header
//!
//! Spec ──▶ write ──▶ file
//! ```

mod archive;
mod assemble;
mod brief;
pub mod capabilities;
pub mod checksum;
pub mod compression;
mod cpio;
mod describe;
pub mod error;
pub mod file;
pub mod header;
pub mod identity;
pub mod index;
pub mod kind;
pub mod package;
pub mod payload;
pub mod record;
pub mod relations;
mod requirements;
pub mod signature;
pub mod solvable;
pub mod spec;
pub mod tags;
pub mod write;

pub use brief::Brief;
pub use capabilities::Capabilities;
pub use error::Error;
pub use file::{FileFlags, PackagedFile};
pub use header::Header;
pub use package::Package;
pub use payload::{Packed, Payload};
pub use record::{Changelog, Dependency, FileKind, ListedFile, Record, Scriptlet, Sense};
pub use signature::SignatureError;
pub use solvable::Solvable;
pub use spec::{Spec, SpecContent, SpecFile};
pub use write::write;
