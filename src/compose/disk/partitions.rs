//! How a disk is divided.
//!
//! ```text
//! 0          boot record, GPT
//! 1 MiB      GRUB for BIOS
//! 2 MiB      EFI system partition: loaders, and where the menu is
//!            boot: the menu, kernels
//!            root: the rest, but for the second table
//! ```

use crate::formats::gpt::{Kind, Partition, SECTOR, TABLE, Table, identifier, protective};
use crate::tree::{Assembly, Part};

const MIB: u64 = 1 << 20;
/// Bytes of the file system of UEFI's loaders: room for the next ones beside those that are there.
pub const EFI: u64 = 96 * MIB;
/// What FAT says of itself comes on top.
const EFI_PARTITION: u64 = EFI + 4 * MIB;
/// Of a whole disk, the part that is for kernels, within bounds.
const BOOT_SHARE: u64 = 8;
const BOOT_LEAST: u64 = 64 * MIB;
const BOOT_MOST: u64 = 1024 * MIB;

/// Where GRUB lies for BIOS.
pub const CORE_SECTOR: u64 = MIB / SECTOR;
pub const CORE_MOST: u64 = MIB;
/// Where its menu lies, on whatever disk it was loaded from.
pub const MENU: &str = "(,gpt3)/grub";

const CORE_NAME: &str = "BIOS-BOOT";
pub const EFI_NAME: &str = "EFI-SYSTEM";
pub const BOOT_NAME: &str = "boot";
pub const ROOT_NAME: &str = "root";

/// Bytes of the two file systems that are not for firmware.
pub struct Sizes {
    pub boot: u64,
    pub root: u64,
}

impl Sizes {
    /// On a disk of so many bytes, a multiple of a MiB.
    pub fn of(disk: u64) -> Self {
        let boot = (disk / BOOT_SHARE).clamp(BOOT_LEAST, BOOT_MOST) / MIB * MIB;
        let last = (disk - TABLE * SECTOR) / MIB * MIB;
        Sizes {
            boot,
            root: last - 2 * MIB - EFI_PARTITION - boot,
        }
    }
}

/// What is on the disk.
pub struct Contents {
    /// Boot code, and what it loads, where there is any.
    pub bios: Option<(Vec<u8>, Vec<u8>)>,
    pub efi: Assembly,
    pub boot: Assembly,
    pub root: Assembly,
}

/// The whole disk.
pub fn disk(size: u64, arch: &str, seed: &str, contents: Contents) -> Assembly {
    let sizes = Sizes::of(size);
    let efi = 2 * MIB;
    let boot = efi + EFI_PARTITION;
    let root = boot + sizes.boot;
    let partition = |kind, name, start: u64, length: u64| Partition {
        kind,
        name,
        first: start / SECTOR,
        last: (start + length) / SECTOR - 1,
    };
    let root_kind = match arch {
        "x86_64" => Kind::ROOT_X86_64,
        _ => Kind::LINUX,
    };
    let partitions = [
        partition(Kind::BIOS_BOOT, CORE_NAME, MIB, CORE_MOST),
        partition(Kind::EFI_SYSTEM, EFI_NAME, efi, EFI_PARTITION),
        // Of the type for boot entries, systemd would mount the EFI system partition at /efi, which no tree has.
        partition(Kind::LINUX, BOOT_NAME, boot, sizes.boot),
        partition(root_kind, ROOT_NAME, root, sizes.root),
    ];
    let table = Table {
        sectors: size / SECTOR,
        seed,
        partitions: &partitions,
    };
    let (code, core) = contents.bios.unwrap_or_default();
    let mut head = code;
    head.resize(440, 0);
    head.extend(&identifier("disk", seed)[..4]);
    head.resize(446, 0);
    head.extend(protective(size / SECTOR, !core.is_empty()));
    head.resize(SECTOR as usize - 2, 0);
    head.extend([0x55, 0xaa]);
    head.extend(table.primary());
    let inline = |bytes| Assembly {
        parts: vec![Part::Inline { bytes }],
    };
    let backup = table.backup();
    let last = size - backup.len() as u64;
    let mut disk = Assembly::default();
    let mut at = 0;
    for (start, part) in [
        (0, inline(head)),
        (MIB, inline(core)),
        (efi, contents.efi),
        (boot, contents.boot),
        (root, contents.root),
        (last, inline(backup)),
    ] {
        disk.fill(start - at);
        at = start + part.length().unwrap_or(0);
        disk.parts.extend(part.parts);
    }
    disk.parts.retain(|part| part.length() > 0);
    disk
}

/// A GUID as it is written for people; `mixed` if its first parts lie as numbers do, as in GPT.
pub fn text(id: &[u8; 16], mixed: bool) -> String {
    let mut id = *id;
    if mixed {
        id[..4].reverse();
        id[4..6].reverse();
        id[6..8].reverse();
    }
    let hex = data_encoding::HEXLOWER.encode(&id);
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    parts.join("-")
}
