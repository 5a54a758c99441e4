//! What is a file tree as a value, and its canonical bytes?
//!
//! A tree is what an entry holds: names, owners, modes, capabilities, links and devices as data,
//! so composing one needs no privileges. The bytes of files are elsewhere, named by their blob ids.
//!
//! ```text
//! TreeId ──▶ Directory { meta, entries: name ─▶ Node }
//!                                          │
//!                    ┌─────────────────────┴───────┐
//!                    ▼                             ▼
//!            Directory(TreeId)           Leaf { meta, content }
//!                                           File { size, blob } | Symlink { target }
//!                                           | Character | Block | Fifo | Socket
//! ```

pub mod assembly;
pub mod builder;
pub mod deflate;
pub mod difference;
pub mod directory;
pub mod walk;

pub use assembly::{Assembly, Part};
pub use builder::{Builder, Child, Occupied};
pub use deflate::Deflated;
pub use difference::Difference;
pub use directory::{Content, Directory, Held, Leaf, Malformed, Meta, Node};
pub use walk::{Visit, walk};
