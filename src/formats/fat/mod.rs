//! A FAT file system as a list of parts: what firmware reads its boot loaders from.
//!
//! ```text
//! sector 0      boot record: FAT16, in the smallest clusters that are few enough
//!        1..    the table, twice
//!        …      the root directory, 512 entries
//!        …      clusters: directories first, then each file in one stretch
//! ```
//!
//! Names are of eight letters and three, in upper case, as loaders have them by specification; others get long ones. Own code: a few structures
//! of fixed places, which give parts instead of bytes, so a loader lies in the store once; `fatfs` writes bytes,
//! and was last released years ago.
//!
//! Facts: "FAT: General Overview of On-Disk Format" 1.03, and the UEFI specification 2.10, chapter 13.3.

mod names;
mod write;

pub use write::write;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "{0} has no name that FAT can hold: letters, digits and marks, none of them \"*/:<>?\\| or a blank"
    )]
    Name(crate::ids::TreePath),
    #[error("{0} is neither a file nor a directory that was opened")]
    Kind(crate::ids::TreePath),
    #[error("the boot loaders have {0} bytes, and their file system can hold 127 MiB")]
    TooLong(u64),
    #[error("the directory {0} has more entries than fit")]
    TooMany(crate::ids::TreePath),
}
