//! The payload of a package to write: a cpio archive, compressed.

use std::io::{self, Read, Write};

use super::checksum::Hasher;
use super::{Error, Spec, SpecContent, SpecFile, cpio};
use crate::ids::{Algorithm, BlobId};

/// Part of every package's bytes, in the payload and as PAYLOADFLAGS.
pub(super) const LEVEL: i32 = 9;

/// Opens the content of a file by its blob id.
pub type Open<'a> = dyn FnMut(BlobId) -> io::Result<Box<dyn Read + Send>> + 'a;

/// A writer that counts and hashes.
struct Counted<W> {
    inner: W,
    length: u64,
    hasher: Hasher,
}

impl<W: Write> Counted<W> {
    fn new(inner: W) -> Self {
        Counted {
            inner,
            length: 0,
            hasher: Hasher::new(Algorithm::Sha256),
        }
    }
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.inner.write(bytes)?;
        self.length += length as u64;
        self.hasher.update(&bytes[..length]);
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// What is known of a payload once it is written.
pub(super) struct Archive {
    /// SHA-256 of every file; empty for what has no content.
    pub digests: Vec<String>,
    pub length: u64,
    pub digest: String,
    pub compressed_length: u64,
    pub compressed_digest: String,
}

impl Archive {
    pub fn write(spec: &Spec, open: &mut Open<'_>, payload: &mut dyn Write) -> Result<Self, Error> {
        let encoder = zstd::stream::write::Encoder::new(Counted::new(payload), LEVEL);
        let mut cpio = Counted::new(encoder.map_err(Error::Write)?);
        let mut digests = Vec::new();
        for (number, file) in spec.files.iter().enumerate() {
            digests.push(match file.is_ghost() {
                true => String::new(),
                false => member(number, file, spec.build_time as u32, open, &mut cpio)?,
            });
        }
        let end = cpio::Fields {
            inode: 0,
            mode: 0,
            links: 1,
            mtime: 0,
            size: 0,
        };
        let trailer = cpio::begin(cpio::TRAILER, &end);
        cpio.write_all(&trailer).map_err(Error::Write)?;
        let compressed = cpio.inner.finish().map_err(Error::Write)?;
        compressed.inner.flush().map_err(Error::Write)?;
        Ok(Archive {
            digests,
            length: cpio.length,
            digest: cpio.hasher.finish(),
            compressed_length: compressed.length,
            compressed_digest: compressed.hasher.finish(),
        })
    }
}

/// Writes one file, and returns the digest of its content.
fn member(
    number: usize,
    file: &SpecFile,
    mtime: u32,
    open: &mut Open<'_>,
    cpio: &mut impl Write,
) -> Result<String, Error> {
    let fields = cpio::Fields {
        inode: inode(number),
        mode: file.mode_with_type(),
        links: 1,
        mtime,
        size: file.size(),
    };
    let name = [b".", file.path.as_bytes()].concat();
    cpio.write_all(&cpio::begin(&name, &fields))
        .map_err(Error::Write)?;
    let mut digest = String::new();
    match &file.content {
        SpecContent::Directory => {}
        SpecContent::Symlink { target } => cpio.write_all(target).map_err(Error::Write)?,
        SpecContent::File { blob, size } => {
            let mut content = Counted::new(&mut *cpio);
            let mut reader = open(*blob).map_err(Error::Read)?;
            let length = io::copy(&mut reader, &mut content).map_err(Error::Write)?;
            if length != *size {
                let reason = format!("{} has {length} bytes, not {size}", file.path);
                return Err(Error::unwritable(reason));
            }
            digest = content.hasher.finish();
        }
    }
    let padding = (4 - fields.size % 4) as usize % 4;
    cpio.write_all(&[0; 3][..padding]).map_err(Error::Write)?;
    Ok(digest)
}

/// Inodes only tell files apart, as no two of them are one.
pub(super) fn inode(number: usize) -> u32 {
    number as u32 + 1
}
