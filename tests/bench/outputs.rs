//! What a step may have made: a directory with one small file that nothing else has.

use std::fs;
use std::path::Path;

use super::Made;

/// The bytes of one of them.
pub fn content(number: usize) -> Vec<u8> {
    format!("the output of step {number}\n").into_bytes()
}

pub fn make(at: &Path, count: usize) -> Made {
    for number in 0..count {
        let directory = at.join(format!("output-{number:05}"));
        fs::create_dir_all(&directory)?;
        fs::write(directory.join("out"), content(number))?;
    }
    Ok(())
}
