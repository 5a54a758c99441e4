//! The bytes of an assembly that is not stored yet.

use std::io::{self, Read};

use flate2::read::DeflateDecoder;

use crate::compose::Workspace;
use crate::tree::{Assembly, Deflated, Part};

/// Reads the parts of an assembly one after the other.
pub struct PartsReader<'a> {
    parts: std::slice::Iter<'a, Part>,
    current: Box<dyn Read + Send + 'a>,
    workspace: &'a dyn Workspace,
}

impl<'a> PartsReader<'a> {
    pub fn new(assembly: &'a Assembly, workspace: &'a dyn Workspace) -> Self {
        PartsReader {
            parts: assembly.parts.iter(),
            current: Box::new(io::empty()),
            workspace,
        }
    }
}

impl Read for PartsReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let length = self.current.read(buffer)?;
            if length > 0 || buffer.is_empty() {
                return Ok(length);
            }
            let Some(part) = self.parts.next() else {
                return Ok(0);
            };
            let open = |blob, offset, length| {
                let reader = self.workspace.read(blob, offset, length);
                reader.map_err(io::Error::other)
            };
            self.current = match part {
                Part::Inline { bytes } => Box::new(bytes.as_slice()),
                Part::Range {
                    blob,
                    offset,
                    length,
                } => open(*blob, *offset, Some(*length))?,
                Part::Deflate { blob, level, .. } => {
                    Box::new(Deflated::new(open(*blob, 0, None)?, *level))
                }
                Part::Inflate {
                    blob,
                    offset,
                    length,
                } => {
                    let stream = open(*blob, *offset, None)?;
                    Box::new(DeflateDecoder::new(stream).take(*length))
                }
            };
        }
    }
}
