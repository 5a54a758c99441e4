//! The image as a disk: a boot record, and partition tables where it has an EFI image.
//!
//! ```text
//! sector 0        boot code, and a partition table that says: see GPT (or: all of this is one partition)
//!        1..34    GPT
//!        64…      partition 1: the file system, all but the first 32 KiB
//!        …        partition 2: the EFI image
//!        last 33  GPT again
//! ```

use super::BLOCK;
use crate::formats::gpt::{self, Kind, Partition, SECTOR, TABLE, Table};

/// Blocks that the second table takes at the end.
pub const BACKUP: u64 = (TABLE * SECTOR).div_ceil(BLOCK);

/// What the system area says of the whole image.
pub struct Disk<'a> {
    /// Blocks of the image.
    pub blocks: u64,
    /// First block and bytes of the EFI image.
    pub efi: Option<(u64, u64)>,
    /// Boot code, and the block of the image for BIOS that it loads.
    pub code: Option<(&'a [u8], u64)>,
    /// What the identifiers are made of.
    pub seed: &'a str,
}

impl Disk<'_> {
    /// The system area, and what fills the last [`BACKUP`] blocks.
    pub fn areas(&self) -> (Vec<u8>, Vec<u8>) {
        let mut system = self.boot_record();
        let mut last = vec![0; (BACKUP * BLOCK) as usize];
        if let Some((block, length)) = self.efi {
            let start = block * (BLOCK / SECTOR);
            let partition = |kind, name, first, last| Partition {
                kind,
                name,
                first,
                last,
            };
            let end = start + length.div_ceil(SECTOR) - 1;
            let first = super::PRIMARY * (BLOCK / SECTOR);
            let table = Table {
                sectors: self.sectors(),
                seed: self.seed,
                partitions: &[
                    partition(Kind::DATA, "ISO9660", first, start - 1),
                    partition(Kind::EFI_SYSTEM, "EFI", start, end),
                ],
            };
            system.extend(table.primary());
            let start = last.len() - (TABLE * SECTOR) as usize;
            last[start..].copy_from_slice(&table.backup());
        }
        system.resize((super::PRIMARY * BLOCK) as usize, 0);
        (system, last)
    }

    fn sectors(&self) -> u64 {
        self.blocks * (BLOCK / SECTOR)
    }

    fn boot_record(&self) -> Vec<u8> {
        let mut bytes = vec![0; SECTOR as usize];
        if let Some((code, block)) = self.code {
            bytes[..code.len()].copy_from_slice(code);
            // GRUB's code is told the sector behind the first block of the image.
            let sector = block * (BLOCK / SECTOR) + 4;
            bytes[0x1b0..0x1b8].copy_from_slice(&sector.to_le_bytes());
            bytes[0x1b8..0x1bc].copy_from_slice(&gpt::identifier("disk", self.seed)[..4]);
        } else if self.efi.is_none() {
            return bytes;
        }
        let sectors = u32::try_from(self.sectors()).unwrap_or(u32::MAX);
        let entries = match self.efi {
            Some(_) => gpt::protective(self.sectors(), self.code.is_some()),
            None => gpt::record_entry(0x80, 0x17, 0, sectors).to_vec(),
        };
        bytes[446..446 + entries.len()].copy_from_slice(&entries);
        (bytes[510], bytes[511]) = (0x55, 0xaa);
        bytes
    }
}
