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
use super::boot::SECTOR;
use super::record::narrow;

/// Sectors of a table: a header, and 128 entries of 128 bytes.
const TABLE: u64 = 33;
const ENTRIES: u64 = 128;
const ENTRY: usize = 128;

/// Blocks that the second table takes at the end.
pub const BACKUP: u64 = (TABLE * SECTOR).div_ceil(BLOCK);

/// Partition types: data that Linux reads, and the EFI system partition; mixed-endian, as they are written.
const DATA: [u8; 16] = guid(0xEBD0_A0A2, 0xB9E5, 0x4433, 0x87C0_68B6_B726_99C7);
const ESP: [u8; 16] = guid(0xC12A_7328, 0xF81F, 0x11D2, 0xBA4B_00A0_C93E_C93B);

const fn guid(a: u32, b: u16, c: u16, d: u64) -> [u8; 16] {
    let (a, b, c, d) = (
        a.to_le_bytes(),
        b.to_le_bytes(),
        c.to_le_bytes(),
        d.to_be_bytes(),
    );
    [
        a[0], a[1], a[2], a[3], b[0], b[1], c[0], c[1], d[0], d[1], d[2], d[3], d[4], d[5], d[6],
        d[7],
    ]
}

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
            let entries = self.entries(block, length);
            system.extend(self.header(1, self.sectors() - 1, 2, &entries));
            system.extend(&entries);
            let start = last.len() - (TABLE * SECTOR) as usize;
            let header = self.header(self.sectors() - 1, 1, self.sectors() - TABLE, &entries);
            let table = [entries, header].concat();
            last[start..].copy_from_slice(&table);
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
            bytes[0x1b8..0x1bc].copy_from_slice(&self.identifier("disk")[..4]);
        } else if self.efi.is_none() {
            return bytes;
        }
        let sectors = u32::try_from(self.sectors()).unwrap_or(u32::MAX);
        let mut entries = match self.efi {
            // Some BIOSes boot only from a disk with an active partition, and GPT wants its own one passive.
            Some(_) => vec![partition(0, 0xee, 1, sectors - 1), partition(0x80, 0, 0, 1)],
            None => vec![partition(0x80, 0x17, 0, sectors)],
        };
        if self.code.is_none() {
            entries.truncate(1);
        }
        let entries = entries.concat();
        bytes[446..446 + entries.len()].copy_from_slice(&entries);
        (bytes[510], bytes[511]) = (0x55, 0xaa);
        bytes
    }

    fn entries(&self, block: u64, length: u64) -> Vec<u8> {
        let start = block * (BLOCK / SECTOR);
        let end = start + length.div_ceil(SECTOR) - 1;
        let first = super::PRIMARY * (BLOCK / SECTOR);
        let mut bytes = Vec::new();
        for (kind, name, start, end) in [
            (DATA, "ISO9660", first, start - 1),
            (ESP, "EFI", start, end),
        ] {
            let mut entry = kind.to_vec();
            entry.extend(self.identifier(name));
            entry.extend(start.to_le_bytes());
            entry.extend(end.to_le_bytes());
            entry.extend(0u64.to_le_bytes());
            entry.extend(name.encode_utf16().flat_map(u16::to_le_bytes));
            entry.resize(ENTRY, 0);
            bytes.extend(entry);
        }
        bytes.resize(ENTRIES as usize * ENTRY, 0);
        bytes
    }

    /// A GPT header (UEFI, table 5.5) in its sector.
    fn header(&self, own: u64, other: u64, table: u64, entries: &[u8]) -> Vec<u8> {
        const LENGTH: usize = 92;
        let mut bytes = b"EFI PART".to_vec();
        bytes.extend(0x0001_0000u32.to_le_bytes());
        bytes.extend((LENGTH as u32).to_le_bytes());
        bytes.extend([0; 8]);
        for sector in [own, other, TABLE + 1, self.sectors() - TABLE - 1] {
            bytes.extend(sector.to_le_bytes());
        }
        bytes.extend(self.identifier("disk"));
        bytes.extend(table.to_le_bytes());
        bytes.extend(narrow(ENTRIES).to_le_bytes());
        bytes.extend((ENTRY as u32).to_le_bytes());
        bytes.extend(crc32(entries).to_le_bytes());
        let sum = crc32(&bytes);
        bytes[16..20].copy_from_slice(&sum.to_le_bytes());
        bytes.resize(SECTOR as usize, 0);
        bytes
    }

    /// A GUID that depends on the seed alone, marked as made from a name (RFC 9562, version 8).
    fn identifier(&self, of: &str) -> [u8; 16] {
        let whole = blake3::derive_key(
            "store 2026 partition v1",
            format!("{of} {}", self.seed).as_bytes(),
        );
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&whole[..16]);
        bytes[7] = bytes[7] & 0x0f | 0x80;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        bytes
    }
}

fn partition(flag: u8, kind: u8, start: u32, sectors: u32) -> [u8; 16] {
    let mut bytes = [
        flag, 0xfe, 0xff, 0xff, kind, 0xfe, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0,
    ];
    bytes[8..12].copy_from_slice(&start.to_le_bytes());
    bytes[12..].copy_from_slice(&sectors.to_le_bytes());
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}
