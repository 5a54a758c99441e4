//! What keeps a tree from becoming an image.

use crate::ids::{BlobId, TreePath};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("a directory below {0} was not opened")]
    NotOpened(TreePath),
    #[error("the files have more than 65535 owners, which SquashFS can't say")]
    Owners,
    #[error("a file (blob {blob}) has {found} bytes where its tree says {expected}")]
    Size {
        blob: BlobId,
        expected: u64,
        found: u64,
    },
    #[error("a file (blob {blob}) can't be read")]
    Read {
        blob: BlobId,
        source: std::io::Error,
    },
    #[error("a block can't be compressed")]
    Compress(#[source] std::io::Error),
    #[error("the SquashFS image can't be written")]
    Write(#[from] std::io::Error),
    #[error("the tree has more than {0}, which SquashFS can't count")]
    TooMany(&'static str),
}
