//! ISO 9660 images as lists of parts: what is new is inline, the bytes of files stay where they are.
//!
//! ```text
//! blocks 0..16    system area: boot code and partition tables, for machines that take the image for a disk
//!        16…      primary descriptor, boot record, terminator
//!        …        path tables, directories with their Rock Ridge continuations, boot catalog
//!        …        the bytes of each file once, in the order of their paths; the EFI image last
//!        …        padding, the second partition table
//! ```
//!
//! Interchange level 3: files over 4 GiB are several extents. Names, modes, owners, links and devices are Rock Ridge's;
//! directories may lie deeper than eight levels, as every reader that knows Rock Ridge allows.
//!
//! Facts: ECMA-119 (4th edition), the System Use Sharing Protocol 1.12 and the Rock Ridge Interchange Protocol 1.12,
//! the "El Torito" Bootable CD-ROM Format Specification 1.0, and the UEFI specification 2.10, chapter 5.3 for GPT.

pub mod apart;
mod boot;
mod descriptor;
pub mod disk;
pub mod dump;
mod error;
mod files;
mod identifier;
pub mod media_check;
mod numbers;
pub mod read;
mod record;
mod rock_ridge;
pub mod write;

pub use boot::{Bios, Boot};
pub use error::Error;
pub use write::{Image, Volume, write};

/// Bytes of a logical block, and of a sector.
pub const BLOCK: u64 = 2048;

/// The block of the primary volume descriptor; what lies before is the system area.
pub const PRIMARY: u64 = 16;

/// What `CD001` descriptors are called by.
const STANDARD: &[u8; 5] = b"CD001";

/// Longest volume identifier.
pub const VOLUME_ID: usize = 32;

/// Blocks that hold some bytes.
fn blocks(bytes: u64) -> u64 {
    bytes.div_ceil(BLOCK)
}

/// A text as a volume identifier: letters, digits and `_` stay, everything else becomes `-`, at most 32 characters.
///
/// As lorax does it: blanks and other marks would have to be escaped wherever a kernel is told the label.
pub fn volume_id(text: &str) -> String {
    let keep = |c: char| match c {
        c if c.is_ascii_alphanumeric() || c == '_' || c == '.' => c,
        _ => '-',
    };
    text.chars().map(keep).take(VOLUME_ID).collect()
}
