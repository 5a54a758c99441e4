//! Other people's formats, as pure code: bytes in, values out, and back.
//!
//! Nothing here knows the store. Facts about a format name their source where they are used.

pub mod accounts;
pub mod calendar;
pub mod comps;
pub mod deflate;
pub mod ext4;
pub mod fat;
pub mod gpt;
pub mod grub;
pub mod iso9660;
pub mod modulemd;
pub mod oci;
pub mod openpgp;
pub mod ostree;
pub mod productmd;
pub mod qcow2;
pub mod repodata;
pub mod rpm;
pub mod rpmdb;
pub mod squashfs;
pub mod tar;
