//! The list of an assembly in its file; a long one in pieces, which other lists share.
//!
//! A disc of a tree has forty thousand parts, and the next one has all but some of them too, in the same order.
//! So a long list is cut where the parts themselves say, and a piece in which nothing changed is there already.
//! Where a file lies changes with every file before it: such numbers, bytes that are said in place and few,
//! are kept apart, so that pieces have none.
//!
//! A piece is much shorter than a block of the file system: those that are new with a list lie in one bundle.
//!
//! ```text
//! file of the list:  { bundles: [blob-id], runs: [{ bundle, first, count }], numbers: bytes }, or, of a short one, the list itself
//! bundle, a blob:    { pieces: [bytes] }, each the list of some parts, with zeros where numbers are
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::layout::Kind;
use super::packed;
use crate::ids::{BlobId, Hash, canonical};
use crate::tree::{Assembly, Part};

/// Shorter lists are not cut.
const LONG: usize = 1024;

/// After one part of so many a piece ends: the fewer, the less a piece has that did not change.
const PIECE: u8 = 8;

/// So many bytes that are said in place are a number.
const NUMBER: usize = 8;

/// Neighbours in the list of a disc say two numbers each, and those that correspond are much alike.
const DISTANCE: usize = 2 * NUMBER;

const CANONICAL: &str = "ids, numbers and bytes have a canonical form";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bundle {
    pieces: Vec<ByteBuf>,
}

/// Pieces that follow each other in a bundle as they do in the list.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    bundle: u32,
    first: u32,
    count: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    bundles: Vec<BlobId>,
    runs: Vec<Run>,
    #[serde(with = "serde_bytes")]
    numbers: Vec<u8>,
}

/// What lists were before there were bundles: each piece a blob, which is the list of some parts.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Before {
    pieces: Vec<BlobId>,
    #[serde(with = "serde_bytes")]
    numbers: Vec<u8>,
}

/// A long list, in pieces.
pub(super) struct Cut {
    pub pieces: Vec<Piece>,
    numbers: Vec<u8>,
}

pub(super) struct Piece {
    pub hash: Hash,
    bytes: Vec<u8>,
}

/// Where a piece lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub bundle: BlobId,
    pub nth: u32,
}

/// The file of a list that is not cut.
pub(super) fn whole(assembly: &Assembly) -> Vec<u8> {
    packed::pack(Kind::Assembly, assembly.encode())
}

/// The pieces of a list, if it is long.
pub(super) fn cut(assembly: &Assembly) -> Option<Cut> {
    if assembly.parts.len() < LONG {
        return None;
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
            pieces.push(Piece::of(&piece));
            piece.parts.clear();
        }
    }
    if !piece.parts.is_empty() {
        pieces.push(Piece::of(&piece));
    }
    for at in (DISTANCE..numbers.len()).rev() {
        numbers[at] = numbers[at].wrapping_sub(numbers[at - DISTANCE]);
    }
    Some(Cut { pieces, numbers })
}

impl Piece {
    fn of(parts: &Assembly) -> Piece {
        let bytes = parts.encode();
        let hash = Hash::from_bytes(*blake3::hash(&bytes).as_bytes());
        Piece { hash, bytes }
    }
}

/// The blob of some pieces, in their order.
pub(super) fn bundle(pieces: &[&Piece]) -> Vec<u8> {
    let pieces = pieces
        .iter()
        .map(|piece| ByteBuf::from(piece.bytes.clone()));
    let bundle = Bundle {
        pieces: pieces.collect(),
    };
    packed::pack(Kind::Assembly, canonical::encode(&bundle).expect(CANONICAL))
}

impl Cut {
    /// The file of the list; `places` has each of its pieces.
    pub fn file(self, places: &BTreeMap<Hash, Place>) -> Vec<u8> {
        let (mut bundles, mut runs): (Vec<BlobId>, Vec<Run>) = (Vec::new(), Vec::new());
        for piece in &self.pieces {
            let Place { bundle, nth } = places[&piece.hash];
            let known = bundles.iter().position(|known| *known == bundle);
            let number = known.unwrap_or(bundles.len()) as u32;
            if known.is_none() {
                bundles.push(bundle);
            }
            match runs.last_mut() {
                Some(run) if run.bundle == number && run.first + run.count == nth => run.count += 1,
                _ => runs.push(Run {
                    bundle: number,
                    first: nth,
                    count: 1,
                }),
            }
        }
        let file = File {
            bundles,
            runs,
            numbers: self.numbers,
        };
        packed::pack(Kind::Assembly, canonical::encode(&file).expect(CANONICAL))
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
pub(super) struct Pieces(File);

impl List {
    pub fn read(file: &[u8]) -> Result<List, Problem> {
        let list = packed::unpack(file)?;
        let whole = match Assembly::decode(&list) {
            Ok(assembly) => return Ok(List::Whole(assembly)),
            Err(error) => error,
        };
        let file = canonical::decode_exact(&list).or_else(|_| {
            let before: Before = canonical::decode_exact(&list)?;
            Ok::<_, canonical::Error>(File::from(before))
        });
        file.map(|file| List::Cut(Pieces(file)))
            .map_err(|_| whole.into())
    }
}

impl From<Before> for File {
    fn from(before: Before) -> Self {
        let run = |bundle| Run {
            bundle,
            first: 0,
            count: 1,
        };
        File {
            runs: (0..before.pieces.len() as u32).map(run).collect(),
            bundles: before.pieces,
            numbers: before.numbers,
        }
    }
}

/// Why a list can't be read.
pub(super) type Problem = Box<dyn std::error::Error + Send + Sync>;

impl Pieces {
    pub fn bundles(&self) -> &[BlobId] {
        &self.0.bundles
    }

    /// The list, of the files of its bundles in their order.
    pub fn join(self, files: impl IntoIterator<Item = Vec<u8>>) -> Result<Assembly, Problem> {
        let File { runs, numbers, .. } = self.0;
        let bundles = files.into_iter().map(|file| open(&file));
        let bundles: Vec<Vec<ByteBuf>> = bundles.collect::<Result<_, Problem>>()?;
        let mut numbers = numbers;
        for at in DISTANCE..numbers.len() {
            numbers[at] = numbers[at].wrapping_add(numbers[at - DISTANCE]);
        }
        let mut numbers = numbers.chunks_exact(NUMBER);
        let mut whole = Assembly::default();
        for run in runs {
            let end = run.first.checked_add(run.count);
            let range = end.map(|end| run.first as usize..end as usize);
            let bundle = bundles.get(run.bundle as usize);
            let pieces = bundle
                .zip(range)
                .and_then(|(bundle, range)| bundle.get(range));
            for piece in pieces.ok_or("it has pieces that its bundles lack")? {
                for mut part in Assembly::decode(piece)?.parts {
                    if let Part::Inline { bytes } = &mut part
                        && bytes.len() == NUMBER
                    {
                        let number = numbers.next().ok_or("it has fewer numbers than places")?;
                        bytes.copy_from_slice(number);
                    }
                    whole.parts.push(part);
                }
            }
        }
        match numbers.next() {
            None if numbers.remainder().is_empty() => Ok(whole),
            _ => Err("it has more numbers than places".into()),
        }
    }
}

/// The pieces in a bundle.
fn open(file: &[u8]) -> Result<Vec<ByteBuf>, Problem> {
    let bytes = packed::unpack(file)?;
    match canonical::decode_exact::<Bundle>(&bytes) {
        Ok(bundle) => Ok(bundle.pieces),
        // A piece by itself, as lists had them before.
        Err(error) => match Assembly::decode(&bytes) {
            Ok(_) => Ok(vec![ByteBuf::from(bytes.into_owned())]),
            Err(_) => Err(error.into()),
        },
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

    /// What is known of pieces, with the bundles that have them.
    #[derive(Default)]
    struct Shelf {
        places: BTreeMap<Hash, Place>,
        bundles: BTreeMap<BlobId, Vec<u8>>,
    }

    impl Shelf {
        /// Stores a list; gives its file, and how many pieces were new.
        fn pack(&mut self, assembly: &Assembly) -> (Vec<u8>, usize) {
            let Some(cut) = cut(assembly) else {
                return (whole(assembly), 0);
            };
            let new = cut.pieces.iter();
            let new: Vec<&Piece> = new
                .filter(|piece| !self.places.contains_key(&piece.hash))
                .collect();
            let file = bundle(&new);
            let bundle = BlobId::of(&file);
            for (nth, piece) in new.iter().enumerate() {
                let nth = nth as u32;
                self.places.insert(piece.hash, Place { bundle, nth });
            }
            let new = new.len();
            self.bundles.insert(bundle, file);
            (cut.file(&self.places), new)
        }

        fn read(&self, file: &[u8]) -> Assembly {
            match List::read(file).unwrap() {
                List::Whole(assembly) => assembly,
                List::Cut(pieces) => {
                    let files: Vec<Vec<u8>> = pieces
                        .bundles()
                        .iter()
                        .map(|bundle| self.bundles[bundle].clone())
                        .collect();
                    pieces.join(files).unwrap()
                }
            }
        }
    }

    #[test]
    fn a_list_reads_as_it_was_and_shares_all_pieces_but_those_that_changed() {
        let mut shelf = Shelf::default();
        let mut assembly = Assembly { parts: parts(0) };
        let (one, pieces) = shelf.pack(&assembly);
        assert_eq!(shelf.read(&one), assembly);
        assert!(pieces > 200, "{pieces}");
        assert!(one.len() < 3_000, "{}", one.len());

        assembly.parts = parts(1000);
        assembly.parts.remove(7000);
        let (two, pieces) = shelf.pack(&assembly);
        assert_eq!(shelf.read(&two), assembly);
        assert!(pieces <= 2, "{pieces}");
        assert!(two.len() < 3_000, "{}", two.len());

        assembly.parts.truncate(LONG - 1);
        let (short, pieces) = shelf.pack(&assembly);
        assert_eq!(shelf.read(&short), assembly);
        assert_eq!(pieces, 0);
    }

    #[test]
    fn a_list_of_before_reads_too() {
        let assembly = Assembly { parts: parts(0) };
        let cut = cut(&assembly).unwrap();
        let pieces = cut.pieces.iter();
        let files: Vec<Vec<u8>> = pieces
            .map(|piece| packed::pack(Kind::Assembly, piece.bytes.clone()))
            .collect();
        let before = Before {
            pieces: files.iter().map(|file| BlobId::of(file)).collect(),
            numbers: cut.numbers,
        };
        let file = packed::pack(Kind::Assembly, canonical::encode(&before).unwrap());
        let List::Cut(pieces) = List::read(&file).unwrap() else {
            panic!("it is long");
        };
        assert_eq!(pieces.join(files).unwrap(), assembly);
    }

    #[test]
    fn what_is_no_list_is_refused() {
        let mut shelf = Shelf::default();
        let (file, _) = shelf.pack(&Assembly { parts: parts(0) });
        assert!(List::read(b"").is_err());
        assert!(List::read(&file[..file.len() - 1]).is_err());
        let join = |bundles: Vec<Vec<u8>>| match List::read(&file).unwrap() {
            List::Cut(pieces) => pieces.join(bundles),
            List::Whole(_) => unreachable!("it is long"),
        };
        let bundle = shelf.bundles.values().next().unwrap().clone();
        assert!(join(vec![bundle.clone()]).is_ok());
        assert!(join(vec![]).is_err());
        assert!(join(vec![bundle[..bundle.len() - 1].to_vec()]).is_err());
        assert!(join(vec![super::bundle(&[])]).is_err());
        assert!(join(vec![file.clone()]).is_err());
        let lacking = File {
            bundles: vec![BlobId::of(&bundle)],
            runs: vec![Run {
                bundle: 0,
                first: u32::MAX,
                count: 2,
            }],
            numbers: Vec::new(),
        };
        let lacking = canonical::encode(&lacking).unwrap();
        let List::Cut(pieces) = List::read(&lacking).unwrap() else {
            panic!("it is cut");
        };
        assert!(pieces.join(vec![bundle]).is_err());
    }
}
