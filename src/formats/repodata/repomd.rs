//! `repomd.xml` and the files that it names.

use std::collections::BTreeMap;
use std::io;

use libdeflater::Decompressor;
use rayon::prelude::*;
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

/// A file of `repodata`, as the stretches that it is joined from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    pub name: String,
    pub stretches: Vec<Stretch>,
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
    pub fn bytes<'a>(&'a self, groups: &'a [Group]) -> &'a [u8] {
        match self {
            Stretch::Own(bytes) => bytes,
            Stretch::Member { group, index } => &groups[*group].members[*index],
        }
    }
}

/// Joins the indexes of groups of packages, and writes the `repomd.xml` that names them.
///
/// `modules` is a stream of YAML documents, `comps` the XML of groups of another kind.
/// Fails for groups that are not compressed as [`Group::of`] does it.
pub fn join(
    groups: &[Group],
    packages: usize,
    modules: Option<&str>,
    comps: Option<&[u8]>,
) -> io::Result<Vec<Joined>> {
    let indexes = INDEX.iter().enumerate().map(|(index, (kind, root, ns))| {
        let start = format!("{DECLARATION}<{root} {ns} packages=\"{packages}\">\n");
        let end = format!("</{root}>\n");
        let own = |text: &str| Stretch::Own(member([text.as_bytes()]));
        let members = (0..groups.len()).map(|group| Stretch::Member { group, index });
        let stretches = [own(&start)].into_iter().chain(members).chain([own(&end)]);
        File {
            kind,
            name: format!("{kind}.xml"),
            stretches: stretches.collect(),
        }
    });
    let extras = [
        ("modules", "modules.yaml", modules.map(str::as_bytes)),
        ("group", "comps.xml", comps),
    ];
    let extras = extras.iter().filter_map(|(kind, name, bytes)| {
        let bytes = (*bytes)?;
        Some(File {
            kind,
            name: (*name).to_owned(),
            stretches: vec![Stretch::Own(member([bytes]))],
        })
    });
    let files: Vec<File> = indexes.chain(extras).collect();
    let sums = files.par_iter().map(|file| Sums::of(file, groups));
    let sums: Vec<Sums> = sums.collect::<io::Result<_>>()?;
    Ok(name(files, &sums))
}

/// A file that has no name yet: it is named by its digest.
struct File {
    kind: &'static str,
    name: String,
    stretches: Vec<Stretch>,
}

/// What `repomd.xml` says of a file, as it is and decompressed.
struct Sums {
    digest: String,
    size: u64,
    open: String,
    open_size: u64,
}

impl Sums {
    fn of(file: &File, groups: &[Group]) -> io::Result<Sums> {
        let stretches = file.stretches.par_iter();
        let opened = stretches.map(|stretch| open(stretch.bytes(groups)));
        let opened: Vec<Vec<u8>> = opened.collect::<io::Result<_>>()?;
        let closed = file.stretches.iter().map(|stretch| stretch.bytes(groups));
        let opened = opened.iter().map(Vec::as_slice);
        let ((digest, size), (open, open_size)) = rayon::join(|| sum(closed), || sum(opened));
        Ok(Sums {
            digest,
            size,
            open,
            open_size,
        })
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
    /// The bytes of joined files.
    pub fn of(files: &[Joined], groups: &[Group]) -> Metadata {
        let bytes = |file: &Joined| {
            let stretches = file.stretches.iter();
            stretches.flat_map(|s| s.bytes(groups)).copied().collect()
        };
        let files = files.iter().map(|file| (file.name.clone(), bytes(file)));
        Metadata {
            files: files.collect(),
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

/// Names the files, and writes the one that lists them.
fn name(files: Vec<File>, sums: &[Sums]) -> Vec<Joined> {
    let mut xml = Xml::new();
    let namespaces = [
        ("xmlns", "http://linux.duke.edu/metadata/repo"),
        ("xmlns:rpm", "http://linux.duke.edu/metadata/rpm"),
    ];
    xml.open("repomd", &namespaces);
    xml.text("revision", &[], TIMESTAMP);
    let mut joined = Vec::new();
    for (file, sums) in files.into_iter().zip(sums) {
        let name = format!("{}-{}.gz", sums.digest, file.name);
        let sha256 = [("type", "sha256")];
        xml.open("data", &[("type", file.kind)]);
        xml.text("checksum", &sha256, &sums.digest);
        xml.text("open-checksum", &sha256, &sums.open);
        xml.empty("location", &[("href", &format!("repodata/{name}"))]);
        xml.text("timestamp", &[], TIMESTAMP);
        xml.text("size", &[], &sums.size.to_string());
        xml.text("open-size", &[], &sums.open_size.to_string());
        xml.close("data");
        joined.push(Joined {
            name,
            stretches: file.stretches,
        });
    }
    xml.close("repomd");
    let mut repomd = DECLARATION.as_bytes().to_vec();
    repomd.extend(xml.finish().xml);
    joined.push(Joined {
        name: "repomd.xml".to_owned(),
        stretches: vec![Stretch::Own(repomd)],
    });
    joined
}
