//! GRUB's kernel, an ELF file, as it lies in memory.

use super::Error;

/// Where the kernel is linked to.
const LINKED_AT: usize = 0x9000;
/// No kernel is so long.
const MOST: usize = 1 << 20;

const FILE: &str = "kernel.img";

/// The bytes from where the kernel is linked to, to the last that the file says.
pub fn loaded(file: &[u8]) -> Result<Vec<u8>, Error> {
    let bad = |what| Error::File { file: FILE, what };
    if !file.starts_with(b"\x7fELF\x01\x01") {
        return Err(bad("no ELF file of 32 bits"));
    }
    let long = |at: usize| -> Result<usize, Error> {
        match file.get(at..at.saturating_add(4)) {
            Some(&[a, b, c, d]) => Ok(u32::from_le_bytes([a, b, c, d]) as usize),
            _ => Err(bad("it was cut")),
        }
    };
    let short = |at: usize| Ok::<usize, Error>(long(at)? & 0xffff);
    let (table, size, count) = (long(28)?, short(42)?, short(44)?);
    let mut memory = Vec::new();
    for number in 0..count {
        const LOAD: usize = 1;
        let at = table.saturating_add(number * size);
        if long(at)? != LOAD {
            continue;
        }
        let (offset, address, length) = (long(at + 4)?, long(at + 8)?, long(at + 16)?);
        let bytes = file.get(offset..offset.saturating_add(length));
        let bytes = bytes.ok_or(bad("a segment is longer than the file"))?;
        let start = address.checked_sub(LINKED_AT);
        let start = start
            .filter(|start| start + length <= MOST)
            .ok_or(bad("a segment lies elsewhere than a kernel"))?;
        if memory.len() < start + length {
            memory.resize(start + length, 0);
        }
        memory[start..start + length].copy_from_slice(bytes);
    }
    match memory.is_empty() {
        true => Err(bad("it has nothing to load")),
        false => Ok(memory),
    }
}
