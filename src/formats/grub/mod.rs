//! GRUB for BIOS, linked as `grub-mkimage` links it for discs (`-O i386-pc-eltorito`) and for disks (`-O i386-pc`),
//! from the files of its package.
//!
//! ```text
//! cdboot.img            loads the rest from a disc; on a disk a boot record does, boot.img
//! diskboot.img          loads the rest from a disk; its block list is filled in where the place is known
//! lzma_decompress.img   with the lengths of what follows
//! LZMA of               kernel.img as it lies in memory, then a header, modules and the prefix
//! ```
//!
//! Facts: `util/mkimage.c`, `include/grub/kernel.h` `include/grub/offsets.h`, and `util/setup.c` of GRUB 2.06.

mod elf;
mod image;
mod modules;

pub use image::{Parts, disc, disk, record};
pub use modules::{Dependencies, with_dependencies};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("GRUB's {file} is not as expected: {what}")]
    File {
        file: &'static str,
        what: &'static str,
    },
    #[error("GRUB has no module {0}")]
    NoModule(String),
    #[error("GRUB can't be compressed")]
    Compress(#[source] std::io::Error),
}
