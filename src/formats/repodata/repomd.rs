//! `repomd.xml` and the files that it names.

use std::collections::BTreeMap;
use std::io::Write;

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use sha2::{Digest as _, Sha256};

use super::xml::Xml;
use super::{ReadError, Rendered};

/// No clock is read: the metadata is of its content, not of a day.
/// Clients take any number. They compare it with that of an older copy, and equal ones pass;
/// what has changed they see by the digests.
const TIMESTAMP: &str = "0";

/// Shapes the bytes of every index, with the pinned flate2.
const LEVEL: u32 = 6;

/// The files of a `repodata` directory, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    pub files: BTreeMap<String, Vec<u8>>,
}

/// An index being compressed, with the digest of what went in.
struct Index {
    encoder: GzEncoder<Vec<u8>>,
    open: Sha256,
    open_size: u64,
}

impl Index {
    fn new() -> Self {
        // Neither a name nor a time, and "unknown" as the system: a gzip header is no place for news.
        let encoder = GzBuilder::new()
            .operating_system(255)
            .write(Vec::new(), Compression::new(LEVEL));
        Index {
            encoder,
            open: Sha256::new(),
            open_size: 0,
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.open.update(bytes);
        self.open_size += bytes.len() as u64;
        self.encoder
            .write_all(bytes)
            .expect("compressing to memory does not fail");
    }
}

impl Metadata {
    /// Indexes packages in the order given, which the caller has sorted.
    ///
    /// `modules` is a stream of YAML documents, `comps` the XML of groups.
    pub fn write<'a>(
        packages: impl Iterator<Item = &'a Rendered> + Clone,
        modules: Option<&str>,
        comps: Option<&[u8]>,
    ) -> Metadata {
        let count = packages.clone().count();
        let mut writer = Writer::new();
        let index = |root: &str, namespaces: &str, part: fn(&'a Rendered) -> &'a [u8]| {
            let mut index = Index::new();
            index.push(DECLARATION.as_bytes());
            index.push(format!("<{root} {namespaces} packages=\"{count}\">\n").as_bytes());
            packages
                .clone()
                .for_each(|package| index.push(part(package)));
            index.push(format!("</{root}>\n").as_bytes());
            index
        };
        writer.add(
            "primary",
            "primary.xml",
            index("metadata", COMMON, |p| &p.primary),
        );
        writer.add(
            "filelists",
            "filelists.xml",
            index("filelists", FILELISTS, |p| &p.filelists),
        );
        writer.add(
            "other",
            "other.xml",
            index("otherdata", OTHER, |p| &p.other),
        );
        let extras = [
            ("modules", "modules.yaml", modules.map(str::as_bytes)),
            ("group", "comps.xml", comps),
        ];
        for (kind, name, bytes) in extras {
            if let Some(bytes) = bytes {
                let mut index = Index::new();
                index.push(bytes);
                writer.add(kind, name, index);
            }
        }
        writer.finish()
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

/// `repomd.xml` in the making.
struct Writer {
    xml: Xml,
    files: BTreeMap<String, Vec<u8>>,
}

impl Writer {
    fn new() -> Self {
        let mut xml = Xml::new();
        let namespaces = [
            ("xmlns", "http://linux.duke.edu/metadata/repo"),
            ("xmlns:rpm", "http://linux.duke.edu/metadata/rpm"),
        ];
        xml.open("repomd", &namespaces);
        xml.text("revision", &[], TIMESTAMP);
        Writer {
            xml,
            files: BTreeMap::new(),
        }
    }

    fn add(&mut self, kind: &str, name: &str, index: Index) {
        let bytes = index
            .encoder
            .finish()
            .expect("compressing to memory does not fail");
        let hex = |digest: &[u8]| data_encoding::HEXLOWER.encode(digest);
        let digest = hex(&Sha256::digest(&bytes));
        let file = format!("{digest}-{name}.gz");
        let xml = &mut self.xml;
        xml.open("data", &[("type", kind)]);
        xml.text("checksum", &[("type", "sha256")], &digest);
        xml.text(
            "open-checksum",
            &[("type", "sha256")],
            &hex(&index.open.finalize()),
        );
        xml.empty("location", &[("href", &format!("repodata/{file}"))]);
        xml.text("timestamp", &[], TIMESTAMP);
        xml.text("size", &[], &bytes.len().to_string());
        xml.text("open-size", &[], &index.open_size.to_string());
        xml.close("data");
        self.files.insert(file, bytes);
    }

    fn finish(mut self) -> Metadata {
        self.xml.close("repomd");
        let mut repomd = DECLARATION.as_bytes().to_vec();
        repomd.extend(self.xml.finish().xml);
        self.files.insert("repomd.xml".to_owned(), repomd);
        Metadata { files: self.files }
    }
}
