//! A GUID partition table: a header and 128 entries behind the boot record, and the same again at the end.
//!
//! Facts: the UEFI specification 2.10, chapter 5; types of partitions from the Discoverable Partitions Specification.

/// Bytes of a sector, in which all addresses count.
pub const SECTOR: u64 = 512;

/// Sectors of a table: a header, and 128 entries of 128 bytes.
pub const TABLE: u64 = 33;
const ENTRIES: u32 = 128;
const ENTRY: usize = 128;

/// A type of partitions, mixed-endian, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind([u8; 16]);

impl Kind {
    /// Data that Linux reads, and others might.
    pub const DATA: Kind = kind(0xEBD0_A0A2, 0xB9E5, 0x4433, 0x87C0_68B6_B726_99C7);
    pub const EFI_SYSTEM: Kind = kind(0xC12A_7328, 0xF81F, 0x11D2, 0xBA4B_00A0_C93E_C93B);
    /// Where GRUB lies for BIOS; no file system.
    pub const BIOS_BOOT: Kind = kind(0x2168_6148, 0x6449, 0x6E6F, 0x744E_6565_6445_4649);
    pub const ROOT_X86_64: Kind = kind(0x4F68_BCE3, 0xE8CD, 0x4DB1, 0x96E7_FBCA_F984_B709);
    pub const LINUX: Kind = kind(0x0FC6_3DAF, 0x8483, 0x4772, 0x8E79_3D69_D847_7DE4);
}

const fn kind(a: u32, b: u16, c: u16, d: u64) -> Kind {
    let (a, b, c, d) = (
        a.to_le_bytes(),
        b.to_le_bytes(),
        c.to_le_bytes(),
        d.to_be_bytes(),
    );
    Kind([
        a[0], a[1], a[2], a[3], b[0], b[1], c[0], c[1], d[0], d[1], d[2], d[3], d[4], d[5], d[6],
        d[7],
    ])
}

#[derive(Debug, Clone, Copy)]
pub struct Partition<'a> {
    pub kind: Kind,
    /// At most 36 characters.
    pub name: &'a str,
    /// Its first and its last sector.
    pub first: u64,
    pub last: u64,
}

/// The table of a whole disk.
#[derive(Debug, Clone, Copy)]
pub struct Table<'a> {
    /// Sectors of the disk.
    pub sectors: u64,
    /// What the identifiers are made of.
    pub seed: &'a str,
    pub partitions: &'a [Partition<'a>],
}

impl Table<'_> {
    /// The sectors behind the boot record.
    pub fn primary(&self) -> Vec<u8> {
        let entries = self.entries();
        let header = self.header(1, self.sectors - 1, 2, &entries);
        [header, entries].concat()
    }

    /// The last sectors of the disk.
    pub fn backup(&self) -> Vec<u8> {
        let entries = self.entries();
        let header = self.header(self.sectors - 1, 1, self.sectors - TABLE, &entries);
        [entries, header].concat()
    }

    fn entries(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for partition in self.partitions {
            let mut entry = partition.kind.0.to_vec();
            entry.extend(identifier(partition.name, self.seed));
            entry.extend(partition.first.to_le_bytes());
            entry.extend(partition.last.to_le_bytes());
            entry.extend(0u64.to_le_bytes());
            entry.extend(partition.name.encode_utf16().flat_map(u16::to_le_bytes));
            entry.resize(ENTRY, 0);
            bytes.extend(entry);
        }
        bytes.resize(ENTRIES as usize * ENTRY, 0);
        bytes
    }

    /// A header (table 5.5) in its sector.
    fn header(&self, own: u64, other: u64, table: u64, entries: &[u8]) -> Vec<u8> {
        const LENGTH: usize = 92;
        let mut bytes = b"EFI PART".to_vec();
        bytes.extend(0x0001_0000u32.to_le_bytes());
        bytes.extend((LENGTH as u32).to_le_bytes());
        bytes.extend([0; 8]);
        for sector in [own, other, TABLE + 1, self.sectors - TABLE - 1] {
            bytes.extend(sector.to_le_bytes());
        }
        bytes.extend(identifier("disk", self.seed));
        bytes.extend(table.to_le_bytes());
        bytes.extend(ENTRIES.to_le_bytes());
        bytes.extend((ENTRY as u32).to_le_bytes());
        bytes.extend(crc32(entries).to_le_bytes());
        let sum = crc32(&bytes);
        bytes[16..20].copy_from_slice(&sum.to_le_bytes());
        bytes.resize(SECTOR as usize, 0);
        bytes
    }
}

/// A GUID that depends on its words alone, marked as made from a name (RFC 9562, version 8).
pub fn identifier(of: &str, seed: &str) -> [u8; 16] {
    let whole = blake3::derive_key("store 2026 partition v1", format!("{of} {seed}").as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&whole[..16]);
    bytes[7] = bytes[7] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    bytes
}

/// An entry of the boot record: its flag, its type, its first sector and how many there are.
pub fn record_entry(flag: u8, kind: u8, start: u32, sectors: u32) -> [u8; 16] {
    let mut bytes = [
        flag, 0xfe, 0xff, 0xff, kind, 0xfe, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0,
    ];
    bytes[8..12].copy_from_slice(&start.to_le_bytes());
    bytes[12..].copy_from_slice(&sectors.to_le_bytes());
    bytes
}

/// The entries of a boot record that says: see GPT. Some BIOSes boot only from a disk with an active
/// partition, and GPT wants its own one passive; so a second entry is active, and empty.
pub fn protective(sectors: u64, bootable: bool) -> Vec<u8> {
    let sectors = u32::try_from(sectors).unwrap_or(u32::MAX);
    let mut entries = record_entry(0, 0xee, 1, sectors - 1).to_vec();
    if bootable {
        entries.extend(record_entry(0x80, 0, 0, 1));
    }
    entries
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}
