//! The sum that `checkisomd5` and an installer's media check look for.
//!
//! It covers the image but for its last fifteen blocks, with the place that it is written to blank.
//! Besides the whole, it says a few digits at twenty places on the way, so that a bad disc is known early.
//!
//! Facts: `libimplantisomd5.c` and `utilities.c` of isomd5sum.

use std::io::{self, Read};

use md5::{Digest, Md5};

use super::{BLOCK, Error, Image, PRIMARY};
use crate::tree::Part;

/// Where the descriptor has room for applications, and how much.
const PLACE: usize = (PRIMARY * BLOCK) as usize + 883;
const ROOM: usize = 512;
/// Blocks at the end that are left out.
const SKIPPED: u64 = 15;
const FRAGMENTS: u64 = 20;
/// Digits of each fragment's sum.
const DIGITS: usize = 3;
/// Fragments are looked for in steps of this length.
const STEP: usize = 32 * 1024;

impl Image {
    /// Writes the sum into the image, whose bytes a reader gives as they are without it; returns it in hex.
    pub fn implant(&mut self, reader: &mut dyn Read) -> Result<String, Error> {
        let (whole, text) = sums(reader, self.blocks * BLOCK)?;
        let Some(Part::Inline { bytes }) = self.assembly.parts.first_mut() else {
            return Err(Error::NoImage("its first part is not what was written"));
        };
        let place = bytes
            .get_mut(PLACE..PLACE + ROOM)
            .ok_or(Error::NoImage("it has no descriptor"))?;
        place.fill(b' ');
        place[..text.len()].copy_from_slice(text.as_bytes());
        Ok(whole)
    }
}

/// The sum in hex, and the text that says it, of an image of some length in bytes.
fn sums(reader: &mut dyn Read, length: u64) -> io::Result<(String, String)> {
    let total = length.saturating_sub(SKIPPED * BLOCK);
    let mut sum = Md5::new();
    let mut fragments = String::new();
    let mut buffer = vec![0; STEP];
    let (mut offset, mut last) = (0u64, 0);
    while offset < total {
        let step = (total - offset).min(STEP as u64) as usize;
        reader.read_exact(&mut buffer[..step])?;
        sum.update(&buffer[..step]);
        let fragment = (u128::from(offset) * u128::from(FRAGMENTS + 1) / u128::from(total)) as u64;
        if fragment != last {
            fragments.extend(sum.clone().finalize().iter().take(DIGITS).map(first_digit));
            last = fragment;
        }
        offset += step as u64;
    }
    let whole = data_encoding::HEXLOWER.encode(&sum.finalize());
    let text = format!(
        "ISO MD5SUM = {whole};SKIPSECTORS = {SKIPPED};RHLISOSTATUS=0;FRAGMENT SUMS = {fragments};\
         FRAGMENT COUNT = {FRAGMENTS};THIS IS NOT THE SAME AS RUNNING MD5SUM ON THIS ISO!!"
    );
    Ok((whole, text))
}

/// The first digit of a byte in hex, without leading zeros: as much as the original has room for.
fn first_digit(byte: &u8) -> char {
    let digit = if *byte < 16 { *byte } else { byte >> 4 };
    char::from_digit(u32::from(digit), 16).expect("it is below 16")
}
