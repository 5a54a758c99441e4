//! The list of an assembly in its file; a long one in pieces, which are blobs that other lists share.
//!
//! A disc of a tree has forty thousand parts, and the next one has all but some of them too, in the same order.
//! So a long list is cut where the parts themselves say, and a piece in which nothing changed is there already.
//! Where a file lies changes with every file before it: such numbers, bytes that are said in place and few,
//! are kept apart, so that pieces have none.
//!
//! ```text
//! file of the list:  { pieces: [blob-id], numbers: bytes }   or, of a short one, the list itself
//! piece:             the list of some parts, with zeros where numbers are
//! ```

use serde::{Deserialize, Serialize};

use super::layout::Kind;
use super::packed;
use crate::ids::{BlobId, canonical};
use crate::tree::{Assembly, Part};

/// Shorter lists are not cut.
const LONG: usize = 1024;

/// After one part of so many a piece ends, so that most fit a block of the file system.
const PIECE: u8 = 32;

/// So many bytes that are said in place are a number.
const NUMBER: usize = 8;

/// Neighbours in the list of a disc say two numbers each, and those that correspond are much alike.
const DISTANCE: usize = 2 * NUMBER;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cut {
    pieces: Vec<BlobId>,
    #[serde(with = "serde_bytes")]
    numbers: Vec<u8>,
}

/// A list in files.
pub(super) struct Packed {
    pub file: Vec<u8>,
    pub pieces: Vec<Vec<u8>>,
}

pub(super) fn pack(assembly: &Assembly) -> Packed {
    if assembly.parts.len() < LONG {
        let file = packed::pack(Kind::Assembly, assembly.encode());
        return Packed {
            file,
            pieces: Vec::new(),
        };
    }
    let (mut numbers, mut pieces) = (Vec::new(), Vec::new());
    let mut piece = Assembly::default();
    for part in &assembly.parts {
        piece.parts.push(match part {
            Part::Inline { bytes } if bytes.len() == NUMBER => {
                numbers.extend_from_slice(bytes);
                let bytes = vec![0; NUMBER];
                Part::Inline { bytes }
            }
            part => part.clone(),
        });
        if ends_with(part) {
            pieces.push(packed::pack(Kind::Assembly, piece.encode()));
            piece.parts.clear();
        }
    }
    if !piece.parts.is_empty() {
        pieces.push(packed::pack(Kind::Assembly, piece.encode()));
    }
    for at in (DISTANCE..numbers.len()).rev() {
        numbers[at] = numbers[at].wrapping_sub(numbers[at - DISTANCE]);
    }
    let cut = Cut {
        pieces: pieces.iter().map(|piece| BlobId::of(piece)).collect(),
        numbers,
    };
    let cut = canonical::encode(&cut).expect("ids and bytes have a canonical form");
    Packed {
        file: packed::pack(Kind::Assembly, cut),
        pieces,
    }
}

/// Whether a piece ends with this part, as it alone decides.
fn ends_with(part: &Part) -> bool {
    let byte = match part {
        Part::Range { blob, .. } | Part::Deflate { blob, .. } | Part::Inflate { blob, .. } => {
            blob.0.as_bytes()[0]
        }
        Part::Inline { bytes } if bytes.len() == NUMBER => return false,
        Part::Inline { bytes } => blake3::hash(bytes).as_bytes()[0],
    };
    byte.is_multiple_of(PIECE)
}

/// What a list's file says.
pub(super) enum List {
    Whole(Assembly),
    Cut(Pieces),
}

/// A list whose pieces are to be read.
pub(super) struct Pieces(Cut);

impl List {
    pub fn read(file: &[u8]) -> Result<List, Problem> {
        let list = packed::unpack(file)?;
        let whole = match Assembly::decode(&list) {
            Ok(assembly) => return Ok(List::Whole(assembly)),
            Err(error) => error,
        };
        match canonical::decode_exact(&list) {
            Ok(cut) => Ok(List::Cut(Pieces(cut))),
            Err(_) => Err(whole.into()),
        }
    }
}

/// Why a list can't be read.
pub(super) type Problem = Box<dyn std::error::Error + Send + Sync>;

impl Pieces {
    pub fn blobs(&self) -> &[BlobId] {
        &self.0.pieces
    }

    /// The list, of the files of its pieces in their order.
    pub fn join(self, files: impl IntoIterator<Item = Vec<u8>>) -> Result<Assembly, Problem> {
        let mut numbers = self.0.numbers;
        for at in DISTANCE..numbers.len() {
            numbers[at] = numbers[at].wrapping_add(numbers[at - DISTANCE]);
        }
        let mut numbers = numbers.chunks_exact(NUMBER);
        let mut whole = Assembly::default();
        for file in files {
            let piece = Assembly::decode(&packed::unpack(&file)?)?;
            for mut part in piece.parts {
                if let Part::Inline { bytes } = &mut part
                    && bytes.len() == NUMBER
                {
                    let number = numbers.next().ok_or("it has fewer numbers than places")?;
                    bytes.copy_from_slice(number);
                }
                whole.parts.push(part);
            }
        }
        match numbers.next() {
            None if numbers.remainder().is_empty() => Ok(whole),
            _ => Err("it has more numbers than places".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(shift: u64) -> Vec<Part> {
        let files = (0..5000u64).flat_map(|n| {
            let number = (n * 7 + shift).to_le_bytes().to_vec();
            [
                Part::Inline { bytes: number },
                Part::Inline {
                    bytes: format!("name of file {n}").into_bytes(),
                },
                Part::Range {
                    blob: BlobId::of(&n.to_le_bytes()),
                    offset: 0,
                    length: n + 1,
                },
            ]
        });
        files.collect()
    }

    fn read(packed: &Packed) -> Assembly {
        match List::read(&packed.file).unwrap() {
            List::Whole(assembly) => assembly,
            List::Cut(pieces) => {
                let ids = packed.pieces.iter().map(|piece| BlobId::of(piece));
                assert!(pieces.blobs().iter().copied().eq(ids));
                pieces.join(packed.pieces.clone()).unwrap()
            }
        }
    }

    #[test]
    fn a_list_reads_as_it_was_and_shares_all_pieces_but_those_that_changed() {
        let mut before = Assembly { parts: parts(0) };
        let one = pack(&before);
        assert_eq!(read(&one), before);
        assert!(one.pieces.len() > 50);
        assert!(one.file.len() < 20_000, "{}", one.file.len());

        before.parts = parts(1000);
        before.parts.remove(7000);
        let two = pack(&before);
        assert_eq!(read(&two), before);
        let new = two
            .pieces
            .iter()
            .filter(|piece| !one.pieces.contains(piece));
        assert!(new.count() <= 2);

        before.parts.truncate(LONG - 1);
        let short = pack(&before);
        assert_eq!(read(&short), before);
        assert!(short.pieces.is_empty());
    }

    #[test]
    fn what_is_no_list_is_refused() {
        let packed = pack(&Assembly { parts: parts(0) });
        assert!(List::read(b"").is_err());
        assert!(List::read(&packed.file[..packed.file.len() - 1]).is_err());
        let cut = || match List::read(&packed.file).unwrap() {
            List::Cut(pieces) => pieces,
            List::Whole(_) => unreachable!("it is long"),
        };
        assert!(cut().join(packed.pieces[1..].to_vec()).is_err());
        assert!(
            cut()
                .join([packed.pieces.clone(), packed.pieces.clone()].concat())
                .is_err()
        );
        assert!(cut().join([packed.file.clone()]).is_err());
    }
}
