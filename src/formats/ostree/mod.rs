//! OSTree: the objects of a commit, and the archive repository that holds them.
//!
//! ```text
//! refs/heads/REF ─▶ commit ─▶ dirtree ─▶ NAME: dirtree + dirmeta   (a directory)
//!                      └────▶ dirmeta └▶ NAME: file                (a file or symbolic link)
//! ```
//!
//! Every object is named by a SHA-256: of its bytes, except that a file's is taken before it is compressed,
//! so that the compressor never shows in a checksum.
//! There are no times in the model, and no file types but directories, regular files and symbolic links.
//! Facts: `src/libostree/ostree-core.h` and `ostree-core.c`.

pub mod commit;
pub mod directory;
pub mod dump;
pub mod file;
pub mod filez;
pub mod gvariant;
pub mod object;
pub mod repository;

pub use commit::Commit;
pub use directory::{DirMeta, DirTree};
pub use dump::dump;
pub use file::FileHeader;
pub use object::{Checksum, Kind, Malformed, Xattrs};
