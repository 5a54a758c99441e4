//! What firmware looks for: the El Torito catalog, and where a boot image is told its own place.

use super::BLOCK;
use super::record::narrow;
use crate::formats::gpt::SECTOR;
use crate::ids::TreePath;

/// How the image boots; all of it may be left out.
#[derive(Debug, Clone, Default)]
pub struct Boot {
    /// From a disc, by BIOS.
    pub bios: Option<Bios>,
    /// From a disc or a disk, by UEFI: a FAT image among the files.
    pub efi: Option<TreePath>,
    /// From a disk, by BIOS: GRUB's `boot_hybrid.img`, which loads the rest of the image for BIOS.
    pub disk: Option<Vec<u8>>,
}

/// A boot image without emulation, which begins with GRUB's `cdboot.img` and reads on by itself.
#[derive(Debug, Clone)]
pub struct Bios {
    pub path: TreePath,
    /// The bytes of the file at the path.
    pub bytes: Vec<u8>,
}

/// Where the boot info table begins, and what it covers (mkisofs, `-boot-info-table`).
const TABLE: usize = 8;
const COVERED: usize = 64;
/// Where the block list of `diskboot.img` begins, which follows the 2048 bytes of `cdboot.img`.
pub const BLOCK_LIST: usize = 2048 + 0x1f4;
/// No byte behind this one depends on the place.
pub const TOLD: usize = BLOCK_LIST + 12;

impl Bios {
    /// The image as it stands at a block: with the boot info table, and with what GRUB needs on a disk.
    ///
    /// The table is: block of the primary descriptor, block and length of the image, sum of its words behind byte 64.
    /// The block list counts sectors, and begins behind the five that were loaded already.
    pub fn at(&self, block: u64) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        let list = block * (BLOCK / SECTOR) + 5;
        bytes[BLOCK_LIST..BLOCK_LIST + 8].copy_from_slice(&list.to_le_bytes());
        let word = |chunk: &[u8]| {
            let mut word = [0; 4];
            word[..chunk.len()].copy_from_slice(chunk);
            u32::from_le_bytes(word)
        };
        let words = bytes[COVERED..].chunks(4).map(word);
        let sum = words.fold(0u32, u32::wrapping_add);
        let table = [
            narrow(super::PRIMARY),
            narrow(block),
            narrow(bytes.len() as u64),
            sum,
        ];
        bytes[TABLE..COVERED].fill(0);
        for (number, value) in table.into_iter().enumerate() {
            let at = TABLE + number * 4;
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        bytes
    }
}

/// The boot record (El Torito, figure 7): names the specification, and where the catalog is.
pub fn record(catalog: u64) -> Vec<u8> {
    let mut bytes = vec![0];
    bytes.extend(super::STANDARD);
    bytes.push(1);
    bytes.extend(b"EL TORITO SPECIFICATION");
    bytes.resize(71, 0);
    bytes.extend(narrow(catalog).to_le_bytes());
    bytes.resize(BLOCK as usize, 0);
    bytes
}

const X86: u8 = 0;
const EFI: u8 = 0xef;

/// The catalog: one entry, or one and a section of another. `efi` is block and length of the image.
pub fn catalog(bios: Option<u64>, efi: Option<(u64, u64)>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let efi = efi.map(|(block, length)| {
        let sectors = u16::try_from(length.div_ceil(SECTOR)).unwrap_or(u16::MAX);
        entry(block, sectors)
    });
    // GRUB and isolinux read the rest themselves: four sectors are one block of the disc.
    let bios = bios.map(|block| entry(block, 4));
    match (bios, efi) {
        (Some(bios), Some(efi)) => {
            bytes.extend(validation(X86));
            bytes.extend(bios);
            let mut header = [0; 32];
            header[..4].copy_from_slice(&[0x91, EFI, 1, 0]);
            bytes.extend(header);
            bytes.extend(efi);
        }
        (Some(bios), None) => bytes.extend([validation(X86), bios].concat()),
        (None, Some(efi)) => bytes.extend([validation(EFI), efi].concat()),
        (None, None) => {}
    }
    bytes.resize(BLOCK as usize, 0);
    bytes
}

/// The first entry; its words add up to zero.
fn validation(platform: u8) -> [u8; 32] {
    let mut bytes = [0; 32];
    (bytes[0], bytes[1]) = (1, platform);
    (bytes[30], bytes[31]) = (0x55, 0xaa);
    let words = bytes
        .chunks(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let sum = words.fold(0u16, u16::wrapping_add);
    bytes[28..30].copy_from_slice(&sum.wrapping_neg().to_le_bytes());
    bytes
}

/// A bootable entry without emulation.
fn entry(block: u64, sectors: u16) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0] = 0x88;
    bytes[6..8].copy_from_slice(&sectors.to_le_bytes());
    bytes[8..12].copy_from_slice(&narrow(block).to_le_bytes());
    bytes
}
