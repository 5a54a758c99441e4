//! An ext4 file system as a list of parts: files stay where they are, and only what is between them is made.
//!
//! ```text
//! group 0    superblock, descriptors of all groups, two bitmaps, a table of inodes, then blocks of data
//!       1 …  the same; superblock and descriptors only as copies, in groups 1 and powers of 3, 5 and 7
//! ```
//!
//! Data lie one after the other in the order of their paths: directories and their attributes, files, then the journal.
//! Nothing is written that a mount would have to repair, and every structure has its checksum, as mke2fs makes them today.
//!
//! Own code: `mke2fs -d` reads a directory whose files have their owners already, which needs privileges, and what there is
//! in Rust writes bytes to a file; here a disk image has to be parts of blobs that the store holds anyway.
//!
//! Facts: `Documentation/filesystems/ext4/` of Linux; `lib/ext2fs/` of e2fsprogs where that says nothing.

mod checksum;
mod directory;
mod geometry;
mod inode;
mod journal;
mod superblock;
mod write;
mod xattrs;

pub use write::{Options, write};
pub use xattrs::holds as holds_xattr;

/// Bytes of a block.
pub const BLOCK: u64 = 4096;

/// Inodes with a meaning of their own.
const ROOT: u32 = 2;
const JOURNAL: u32 = 8;
/// The first that is not reserved: `lost+found`.
const LOST_AND_FOUND: u32 = 11;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("a directory below {0} was not opened")]
    NotOpened(crate::ids::TreePath),
    #[error("the file system has {size} bytes, and what is to be in it needs {needed}")]
    TooSmall { size: u64, needed: u64 },
    #[error(
        "the extended attributes of {0} take more than one block, which is all that ext4 has for them"
    )]
    Xattrs(crate::ids::TreePath),
    #[error("the tree has a file lost+found of its own")]
    LostAndFound,
    #[error("{0} has more links than ext4 can count: 65000")]
    Links(crate::ids::TreePath),
}
