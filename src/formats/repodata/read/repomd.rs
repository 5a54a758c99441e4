//! `repomd.xml`: which files make up the metadata, and how to know them.

use std::collections::BTreeSet;
use std::io::Read;
use std::str::FromStr;
use std::sync::Arc;

use super::decompress::decompress;
use super::elements::{Element, Elements, Handler};
use super::error::ReadError;
use super::located;
use super::verified::Verified;
use crate::ids::{Algorithm, Digest};

/// What `repomd.xml` says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Repomd {
    pub revision: String,
    /// In the order of the document; one of a kind.
    pub data: Vec<Reference>,
}

/// A file that `repomd.xml` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// `primary`, `filelists`, `other`, `modules`, `group`.
    pub kind: String,
    /// Counted from the directory above `repodata`, or from `base`.
    pub href: String,
    /// `xml:base`.
    pub base: Option<String>,
    pub checksum: Digest,
    /// Of the file when decompressed; files that are not compressed need none.
    pub open_checksum: Option<Digest>,
    pub size: Option<u64>,
    pub open_size: Option<u64>,
}

impl Repomd {
    /// Whether this state came before that of a revision, where both are numbers: by convention the seconds since 1970.
    pub fn is_older_than(&self, revision: &str) -> bool {
        match (self.revision.parse::<u64>(), revision.parse::<u64>()) {
            (Ok(own), Ok(other)) => own < other,
            _ => false,
        }
    }

    pub fn read(document: &[u8]) -> Result<Repomd, ReadError> {
        let mut state = State::default();
        let mut elements = Elements::new("repomd.xml", document);
        while elements.step(&mut state)? {}
        match state.seen_root {
            true => Ok(state.repomd),
            false => Err(elements.malformed(None, "it has no <repomd>".to_owned())),
        }
    }

    /// The file of a kind.
    pub fn get(&self, kind: &str) -> Option<&Reference> {
        self.data.iter().find(|data| data.kind == kind)
    }
}

/// The files that `repomd.xml` names, in its order.
pub fn references(repomd: &[u8]) -> Result<Vec<Reference>, ReadError> {
    Repomd::read(repomd).map(|repomd| repomd.data)
}

impl Reference {
    /// Where it lies: counted from the directory above `repodata`, or a URL.
    pub fn location(&self) -> String {
        located(self.base.as_deref(), &self.href)
    }

    /// The file decompressed; reading it to its end fails unless sizes and checksums are those stated here.
    pub fn open<'a, R: Read + 'a>(&self, file: R) -> Result<impl Read + use<'a, R>, ReadError> {
        let file = Verified::new(file, "the file", self.size, Some(&self.checksum));
        let opened = decompress(file).map_err(|source| ReadError::Stream {
            file: self.href.clone(),
            source: Arc::new(source),
        })?;
        let (size, checksum) = (self.open_size, self.open_checksum.as_ref());
        Ok(Verified::new(opened, "what is in it", size, checksum))
    }
}

/// A `<data>` that is not closed yet.
#[derive(Default)]
struct Unfinished {
    kind: String,
    location: Option<(String, Option<String>)>,
    checksum: Option<Digest>,
    open_checksum: Option<Digest>,
    size: Option<u64>,
    open_size: Option<u64>,
}

#[derive(Default)]
struct State {
    repomd: Repomd,
    kinds: BTreeSet<String>,
    data: Unfinished,
    /// The algorithm of the checksum that is being read.
    algorithm: Option<Algorithm>,
    seen_root: bool,
}

impl Handler for State {
    fn open(&mut self, depth: usize, element: &Element<'_>) -> Result<(), String> {
        match (depth, element.name()) {
            (0, "repomd") => self.seen_root = true,
            (0, other) => return Err(format!("<{other}> where <repomd> is expected")),
            (1, "data") => {
                self.data = Unfinished {
                    kind: element.need("type")?,
                    ..Unfinished::default()
                };
            }
            (2, "location") => {
                self.data.location = Some((element.need("href")?, element.attribute("base")?));
            }
            (2, "checksum" | "open-checksum") => {
                self.algorithm = Some(algorithm(&element.need("type")?)?);
            }
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, depth: usize, name: &str, text: &str) -> Result<(), String> {
        let text = text.trim();
        match (depth, name) {
            (1, "revision") => self.repomd.revision = text.to_owned(),
            (2, "checksum") => self.data.checksum = Some(digest(self.algorithm.take(), text)?),
            (2, "open-checksum") => {
                self.data.open_checksum = Some(digest(self.algorithm.take(), text)?);
            }
            (2, "size") => self.data.size = Some(number("size", text)?),
            (2, "open-size") => self.data.open_size = Some(number("open-size", text)?),
            (1, "data") => {
                let part = std::mem::take(&mut self.data).finish()?;
                // As librepo has it, the first of a kind counts.
                if self.kinds.insert(part.kind.clone()) {
                    self.repomd.data.push(part);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl Unfinished {
    fn finish(self) -> Result<Reference, String> {
        let lacks = |what: &str| format!("<data type=\"{}\"> has no {what}", self.kind);
        let (href, base) = self.location.clone().ok_or_else(|| lacks("location"))?;
        Ok(Reference {
            href,
            base,
            checksum: self.checksum.clone().ok_or_else(|| lacks("checksum"))?,
            kind: self.kind,
            open_checksum: self.open_checksum,
            size: self.size,
            open_size: self.open_size,
        })
    }
}

pub(super) fn algorithm(text: &str) -> Result<Algorithm, String> {
    Algorithm::from_str(text).map_err(|error| error.to_string())
}

/// A checksum, once it is known to be one of its algorithm.
pub(super) fn digest(algorithm: Option<Algorithm>, text: &str) -> Result<Digest, String> {
    let algorithm = algorithm.ok_or("a checksum has no type")?;
    let hex = text.trim().to_ascii_lowercase();
    if hex.len() != 2 * algorithm.bytes() || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(format!("{text:?} is no {} checksum", algorithm.name()));
    }
    Ok(Digest { algorithm, hex })
}

pub(super) fn number(what: &str, text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|_| format!("{what} is no number: {text:?}"))
}
