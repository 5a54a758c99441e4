//! `repomd.xml` and the files that it names.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::io;

use libdeflater::Decompressor;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::ReadError;
use super::group::{Group, INDEXES, member};
use super::xml::Xml;

/// No clock is read: the metadata is of its content, not of a day.
/// Clients take any number. They compare it with that of an older copy, and equal ones pass;
/// what has changed they see by the digests.
const TIMESTAMP: &str = "0";

/// The files of a `repodata` directory, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    pub files: BTreeMap<String, Vec<u8>>,
}

/// A file that `repomd.xml` names, as the stretches that it is joined from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    pub sums: Sums,
    pub stretches: Vec<Stretch>,
}

/// What `repomd.xml` says of a file, as it is and decompressed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sums {
    /// `primary`, `modules`.
    pub kind: String,
    /// The end of its name, behind its digest: `primary.xml`.
    pub title: String,
    /// SHA-256 in hex, and bytes.
    pub digest: String,
    pub size: u64,
    /// The same of what it decompresses to.
    pub open: String,
    pub open_size: u64,
}

/// What a stretch of a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stretch {
    Own(Vec<u8>),
    /// The member for one index of the group with this number.
    Member {
        group: usize,
        index: usize,
    },
}

impl Stretch {
    pub fn bytes<'a>(&'a self, groups: &'a [impl Borrow<Group>]) -> &'a [u8] {
        match self {
            Stretch::Own(bytes) => bytes,
            Stretch::Member { group, index } => &groups[*group].borrow().members[*index],
        }
    }
}

/// Joins the indexes of groups of packages: primary, filelists and other.
///
/// Fails for groups that are not compressed as [`Group::of`] does it.
pub fn join<G: Borrow<Group> + Sync>(groups: &[G], packages: usize) -> io::Result<Vec<Joined>> {
    let index = |(index, (kind, root, ns)): (usize, &(&str, &str, &str))| {
        let start = format!("{DECLARATION}<{root} {ns} packages=\"{packages}\">\n");
        let end = format!("</{root}>\n");
        let own = |text: &str| Stretch::Own(member([text.as_bytes()]));
        let members = (0..groups.len()).map(|group| Stretch::Member { group, index });
        let stretches = [own(&start)].into_iter().chain(members).chain([own(&end)]);
        Joined::of((kind, "xml"), stretches.collect(), groups)
    };
    INDEX.par_iter().enumerate().map(index).collect()
}

impl Joined {
    /// A file with nothing in it of packages: `modules`, a stream of YAML documents, or `comps`, the XML of groups of another kind.
    pub fn alone(kind: &str, title: (&str, &str), bytes: &[u8]) -> io::Result<Joined> {
        let mut joined = Self::of(title, vec![Stretch::Own(member([bytes]))], &[] as &[Group])?;
        joined.sums.kind = kind.to_owned();
        Ok(joined)
    }

    fn of(
        (title, ending): (&str, &str),
        stretches: Vec<Stretch>,
        groups: &[impl Borrow<Group> + Sync],
    ) -> io::Result<Joined> {
        let opened = stretches
            .par_iter()
            .map(|stretch| open(stretch.bytes(groups)));
        let opened: Vec<Vec<u8>> = opened.collect::<io::Result<_>>()?;
        let closed = stretches.iter().map(|stretch| stretch.bytes(groups));
        let opened = opened.iter().map(Vec::as_slice);
        let ((digest, size), (open, open_size)) = rayon::join(|| sum(closed), || sum(opened));
        let sums = Sums {
            kind: title.to_owned(),
            title: format!("{title}.{ending}"),
            digest,
            size,
            open,
            open_size,
        };
        Ok(Joined { sums, stretches })
    }
}

impl Sums {
    /// What the file is called: by its digest.
    pub fn name(&self) -> String {
        format!("{}-{}.gz", self.digest, self.title)
    }
}

fn sum<'a>(parts: impl Iterator<Item = &'a [u8]>) -> (String, u64) {
    let (mut hash, mut size) = (Sha256::new(), 0);
    for part in parts {
        hash.update(part);
        size += part.len() as u64;
    }
    (data_encoding::HEXLOWER.encode(&hash.finalize()), size)
}

/// Decompresses a member that was just compressed, or was as it was read: its last four bytes are its length.
fn open(member: &[u8]) -> io::Result<Vec<u8>> {
    let bad = |problem| io::Error::new(io::ErrorKind::InvalidData, problem);
    let length = member
        .last_chunk::<4>()
        .ok_or_else(|| bad("a member is cut off"))?;
    let length = u32::from_le_bytes(*length) as usize;
    // Deflate packs at most 1032 bytes into one.
    if length > member.len().saturating_mul(1032) {
        return Err(bad("a member claims more than it can hold"));
    }
    let mut bytes = vec![0; length];
    let mut reader = Decompressor::new();
    match reader.gzip_decompress(member, &mut bytes) {
        Ok(written) if written == length => Ok(bytes),
        Ok(_) => Err(bad("a member is shorter than it claims")),
        Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
    }
}

impl Metadata {
    /// The bytes of joined files, and of the list of them.
    pub fn of(files: &[Joined], groups: &[Group]) -> Metadata {
        let bytes = |file: &Joined| {
            let stretches = file.stretches.iter();
            stretches.flat_map(|s| s.bytes(groups)).copied().collect()
        };
        let list = list(files.iter().map(|file| &file.sums));
        let files = files.iter().map(|file| (file.sums.name(), bytes(file)));
        let list = [("repomd.xml".to_owned(), list)];
        Metadata {
            files: files.chain(list).collect(),
        }
    }

    /// The file of a kind, decompressed; `None` where `repomd.xml` names none.
    pub fn get(&self, kind: &str) -> Result<Option<Vec<u8>>, ReadError> {
        let Some(repomd) = self.files.get("repomd.xml") else {
            return Ok(None);
        };
        let data = super::references(repomd)?;
        let named = data.iter().find(|data| data.kind == kind);
        let name = named.and_then(|data| data.href.strip_prefix("repodata/"));
        match name.and_then(|name| Some((name, self.files.get(name)?))) {
            Some((name, bytes)) => super::open(name, bytes).map(Some),
            None => Ok(None),
        }
    }
}

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
const COMMON: &str = "xmlns=\"http://linux.duke.edu/metadata/common\" xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\"";
const FILELISTS: &str = "xmlns=\"http://linux.duke.edu/metadata/filelists\"";
const OTHER: &str = "xmlns=\"http://linux.duke.edu/metadata/other\"";

/// Kind, root element and namespaces of each index.
const INDEX: [(&str, &str, &str); INDEXES] = [
    ("primary", "metadata", COMMON),
    ("filelists", "filelists", FILELISTS),
    ("other", "otherdata", OTHER),
];

/// The `repomd.xml` that names these files.
pub fn list<'a>(files: impl IntoIterator<Item = &'a Sums>) -> Vec<u8> {
    let mut xml = Xml::new();
    let namespaces = [
        ("xmlns", "http://linux.duke.edu/metadata/repo"),
        ("xmlns:rpm", "http://linux.duke.edu/metadata/rpm"),
    ];
    xml.open("repomd", &namespaces);
    xml.text("revision", &[], TIMESTAMP);
    for sums in files {
        let sha256 = [("type", "sha256")];
        xml.open("data", &[("type", &sums.kind)]);
        xml.text("checksum", &sha256, &sums.digest);
        xml.text("open-checksum", &sha256, &sums.open);
        xml.empty(
            "location",
            &[("href", &format!("repodata/{}", sums.name()))],
        );
        xml.text("timestamp", &[], TIMESTAMP);
        xml.text("size", &[], &sums.size.to_string());
        xml.text("open-size", &[], &sums.open_size.to_string());
        xml.close("data");
    }
    xml.close("repomd");
    let mut repomd = DECLARATION.as_bytes().to_vec();
    repomd.extend(xml.finish().xml);
    repomd
}
