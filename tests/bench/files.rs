//! Files that no compressor makes smaller.

use std::fs;
use std::path::Path;

use super::Made;

/// In each of ten directories a tenth of `count` files of `size` bytes.
pub fn make(at: &Path, count: usize, size: usize) -> Made {
    let mut bytes = vec![0; size];
    for number in 0..count {
        let directory = at.join(format!("part-{}", number % 10));
        fs::create_dir_all(&directory)?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(&number.to_le_bytes());
        hasher.finalize_xof().fill(&mut bytes);
        fs::write(directory.join(format!("file-{number:05}")), &bytes)?;
    }
    Ok(())
}
