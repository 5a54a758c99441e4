//! A second way to hold a blob: as a list of parts of others.
//!
//! The blob's id stays the BLAKE3 of the whole, so nobody above notices.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::ids::{BlobId, canonical};

/// What long stretches of zeros are ranges of: a blob of one MiB, which whoever stores an assembly with them stores too.
pub static ZEROS: [u8; 1 << 20] = [0; 1 << 20];

/// As many zeros as are said in place, since naming a range takes about as many bytes.
const FEW: u64 = 128;

/// The id of [`ZEROS`].
pub fn zeros() -> BlobId {
    static ID: OnceLock<BlobId> = OnceLock::new();
    *ID.get_or_init(|| BlobId::of(&ZEROS))
}

/// One stretch of an assembly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Part {
    /// Bytes `offset..offset + length` of another blob.
    Range {
        blob: BlobId,
        offset: u64,
        length: u64,
    },
    /// Bytes that no blob has.
    Inline {
        #[serde(with = "serde_bytes")]
        bytes: Vec<u8>,
    },
    /// A whole blob after raw deflate, as [`super::Deflated`] does it; `length` is what comes out.
    Deflate {
        blob: BlobId,
        level: u32,
        length: u64,
    },
    /// What raw deflate (RFC 1951) was made of: the stream begins at `offset` of a blob, and gives `length` bytes.
    Inflate {
        blob: BlobId,
        offset: u64,
        length: u64,
    },
}

impl Part {
    pub fn length(&self) -> u64 {
        match self {
            Part::Range { length, .. }
            | Part::Deflate { length, .. }
            | Part::Inflate { length, .. } => *length,
            Part::Inline { bytes } => bytes.len() as u64,
        }
    }

    /// The blob that this part can't be read without.
    pub fn blob(&self) -> Option<BlobId> {
        match self {
            Part::Range { blob, .. } | Part::Deflate { blob, .. } | Part::Inflate { blob, .. } => {
                Some(*blob)
            }
            Part::Inline { .. } => None,
        }
    }
}

/// The parts that a blob is made of, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assembly {
    pub parts: Vec<Part>,
}

impl Assembly {
    /// Length of the blob in bytes; `None` if it does not fit 64 bits, as only hostile data would say.
    pub fn length(&self) -> Option<u64> {
        self.parts
            .iter()
            .try_fold(0u64, |sum, part| sum.checked_add(part.length()))
    }

    /// Adds bytes that no blob has.
    pub fn say(&mut self, more: &[u8]) {
        match self.parts.last_mut() {
            _ if more.is_empty() => {}
            Some(Part::Inline { bytes }) => bytes.extend_from_slice(more),
            _ => self.parts.push(Part::Inline {
                bytes: more.to_vec(),
            }),
        }
    }

    /// Adds zeros.
    pub fn fill(&mut self, mut length: u64) {
        if length <= FEW {
            if length > 0 {
                let bytes = vec![0; length as usize];
                self.parts.push(Part::Inline { bytes });
            }
            return;
        }
        while length > 0 {
            let taken = length.min(ZEROS.len() as u64);
            self.parts.push(Part::Range {
                blob: zeros(),
                offset: 0,
                length: taken,
            });
            length -= taken;
        }
    }

    pub fn encode(&self) -> Vec<u8> {
        canonical::encode(self).expect("parts are made of text keys, integers and bytes")
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, canonical::Error> {
        canonical::decode_exact(bytes)
    }
}
