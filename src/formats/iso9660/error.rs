//! What keeps a tree from becoming an image, and what makes an image unreadable.

use crate::ids::TreePath;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "{0:?} can't be the volume id of an ISO image: use 1 to 32 letters, digits and marks like -._"
    )]
    VolumeId(String),
    #[error("the image would have {0} directories, and the path table of ISO 9660 can count 65535")]
    Directories(usize),
    #[error("the image would be longer than 8 TiB, which ISO 9660 can't say")]
    TooLong,
    #[error("a directory below {0} was not opened")]
    NotOpened(TreePath),
    #[error("the image is to boot from {0}, which is no file in it")]
    NoBootFile(TreePath),
    #[error("the boot image {path} has {length} bytes, and {what} needs {needed}")]
    BootImage {
        path: TreePath,
        length: u64,
        what: &'static str,
        needed: u64,
    },
    #[error("the boot code for disks has {0} bytes, and a boot record has room for 440")]
    BootCode(usize),
    /// Of an image that is read.
    #[error("not an ISO 9660 image: {0}")]
    NoImage(&'static str),
    #[error("the image is damaged at block {block}: {what}")]
    Damaged { block: u64, what: &'static str },
    #[error("the image can't be read")]
    Read(#[from] std::io::Error),
}
