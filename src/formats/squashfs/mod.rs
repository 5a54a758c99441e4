//! SquashFS 4.0 images, written so that the same tree always gives the same bytes.
//!
//! ```text
//! superblock    96 bytes
//! data          blocks of files, and fragments: blocks shared by files that are smaller than one
//! inodes        ┐
//! directories   │ metadata: 8 KiB at a time, compressed, pointed into by block and offset
//! fragments     │
//! ids, xattrs   ┘
//! padding       to 4 KiB
//! ```
//!
//! Blocks are compressed many at a time and written in their order, so the number of threads does not show.
//! Files with the same bytes share them.
//!
//! Own code: `backhand`, the crate that is there, writes neither extended attributes, without which a root loses its
//! capabilities, nor hard links, and compresses one block after another.
//!
//! Facts: `Documentation/filesystems/squashfs.rst` and `fs/squashfs/squashfs_fs.h` of Linux.

mod compress;
mod data;
mod directory;
mod error;
mod inode;
mod metadata;
mod write;
mod xattrs;

pub use compress::Compression;
pub use error::Error;
pub use write::{Options, write};
pub use xattrs::holds as holds_xattr;

use std::io::Read;

use crate::ids::BlobId;

/// Gives the bytes of a file.
pub type Open<'a> = dyn Fn(BlobId) -> std::io::Result<Box<dyn Read + Send>> + Sync + 'a;

/// A place that is not there: no table, no fragment, no attributes.
const NONE: u64 = u64::MAX;
const NONE32: u32 = u32::MAX;
