//! From parts to an image.

use std::io::Write;

use liblzma::stream::{Filters, LzmaOptions, Stream};
use liblzma::write::XzEncoder;

use super::{Error, elf};

/// The files of GRUB that an image is made of.
pub struct Parts<'a> {
    pub diskboot: &'a [u8],
    pub decompressor: &'a [u8],
    pub kernel: &'a [u8],
    /// What is needed first.
    pub modules: &'a [Vec<u8>],
    /// Where GRUB looks for its configuration, on what it was loaded from.
    pub prefix: &'a str,
}

/// Types of what stands behind the kernel.
const MODULE: u32 = 0;
const PREFIX: u32 = 3;
/// `mimg`: what stands behind the kernel begins with it.
const MAGIC: u32 = 0x676d_696d;
/// Where the decompressor is told the lengths before and after.
const COMPRESSED: usize = 8;
const UNCOMPRESSED: usize = 12;
/// Where `diskboot.img` is told from which sector on to load, and how many.
const LIST: usize = 0x1f4;
const SECTORS: usize = 0x1fc;
/// Where `boot.img` is told the sector of `diskboot.img`, and where it jumps over what trusts the BIOS
/// to say which disk it boots from: all do, and `grub-install` writes the same there.
const KERNEL_SECTOR: usize = 0x5c;
const DRIVE_CHECK: usize = 0x66;
const NO_OPERATION: u8 = 0x90;
/// What a boot record has before its table of partitions.
const BOOT_CODE: usize = 440;

/// What a BIOS loads from a disc.
pub fn disc(cdboot: &[u8], parts: &Parts<'_>) -> Result<Vec<u8>, Error> {
    length("cdboot.img", cdboot, 2048)?;
    let (diskboot, rest) = core(parts)?;
    Ok([cdboot, &diskboot, &rest].concat())
}

/// What [`record`] loads from a disk; it lies at the sector.
pub fn disk(parts: &Parts<'_>, sector: u64) -> Result<Vec<u8>, Error> {
    let (mut diskboot, rest) = core(parts)?;
    diskboot[LIST..LIST + 8].copy_from_slice(&(sector + 1).to_le_bytes());
    Ok([diskboot, rest].concat())
}

/// The code of a boot record that loads what lies at the sector.
pub fn record(boot: &[u8], sector: u64) -> Result<Vec<u8>, Error> {
    length("boot.img", boot, 512)?;
    let mut code = boot[..BOOT_CODE].to_vec();
    code[KERNEL_SECTOR..KERNEL_SECTOR + 8].copy_from_slice(&sector.to_le_bytes());
    code[DRIVE_CHECK..DRIVE_CHECK + 2].fill(NO_OPERATION);
    Ok(code)
}

fn length(file: &'static str, bytes: &[u8], expected: usize) -> Result<(), Error> {
    match bytes.len() == expected {
        true => Ok(()),
        false => Err(Error::File {
            file,
            what: "it has another length",
        }),
    }
}

/// `diskboot.img`, and what it loads.
fn core(parts: &Parts<'_>) -> Result<(Vec<u8>, Vec<u8>), Error> {
    length("diskboot.img", parts.diskboot, 512)?;
    if parts.decompressor.len() < 32 {
        return Err(Error::File {
            file: "lzma_decompress.img",
            what: "it is too short",
        });
    }
    let mut memory = elf::loaded(parts.kernel)?;
    memory.extend(behind(parts));
    let compressed = compress(&memory)?;
    let mut decompressor = parts.decompressor.to_vec();
    for (at, value) in [(COMPRESSED, compressed.len()), (UNCOMPRESSED, memory.len())] {
        decompressor[at..at + 4].copy_from_slice(&(value as u32).to_le_bytes());
    }
    let sectors = (decompressor.len() + compressed.len()).div_ceil(512);
    let sectors = u16::try_from(sectors).map_err(|_| Error::File {
        file: "modules",
        what: "they are too many for one image",
    })?;
    let mut diskboot = parts.diskboot.to_vec();
    diskboot[SECTORS..SECTORS + 2].copy_from_slice(&sectors.to_le_bytes());
    Ok((diskboot, [decompressor, compressed].concat()))
}

/// Modules and prefix, each with its type and length.
fn behind(parts: &Parts<'_>) -> Vec<u8> {
    const HEADER: usize = 12;
    let mut bytes = vec![0; HEADER];
    let prefix = [parts.prefix.as_bytes(), b"\0"].concat();
    let modules = parts.modules.iter().map(|module| (MODULE, module));
    for (kind, content) in modules.chain([(PREFIX, &prefix)]) {
        let length = content.len().next_multiple_of(4);
        bytes.extend(kind.to_le_bytes());
        bytes.extend((length as u32 + 8).to_le_bytes());
        bytes.extend(content);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    let header = [MAGIC, HEADER as u32, bytes.len() as u32];
    let header = header.map(u32::to_le_bytes).concat();
    bytes[..HEADER].copy_from_slice(&header);
    bytes
}

/// A bare stream of LZMA with the properties that the decompressor has built in.
fn compress(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let failed = |error| Error::Compress(std::io::Error::other(error));
    let mut options = LzmaOptions::new_preset(9).map_err(failed)?;
    options.dict_size(1 << 16);
    options.literal_context_bits(3);
    options.literal_position_bits(0);
    options.position_bits(2);
    let mut filters = Filters::new();
    filters.lzma1(&options);
    let stream = Stream::new_raw_encoder(&filters).map_err(failed)?;
    let mut encoder = XzEncoder::new_stream(Vec::new(), stream);
    encoder.write_all(bytes).map_err(Error::Compress)?;
    encoder.finish().map_err(Error::Compress)
}
