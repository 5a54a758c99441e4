//! Records read from a repository's metadata, where its packages themselves are not at hand.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use store::formats::rpm::{Dependency, FileKind, ListedFile, Record, Sense};
use store::ids::{BlobId, Evr, Nevra};

use super::records;

/// All packages of a repository, with every file that `filelists` names.
pub fn read(repository: &Path) -> Vec<Record> {
    let mut lists = file_lists(&metadata(repository, "filelists.xml"));
    packages(&metadata(repository, "primary.xml"), &mut lists)
}

/// The text of the one metadata file of this kind, whatever it is compressed with.
fn metadata(repository: &Path, kind: &str) -> String {
    let mut found: Vec<PathBuf> = fs::read_dir(repository.join("repodata"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains(kind))
        .collect();
    found.sort();
    let path = found.first().expect("the repository has this metadata");
    let file = File::open(path).unwrap();
    let mut text = String::new();
    let mut reader: Box<dyn Read> = match path.extension().unwrap().to_str().unwrap() {
        "gz" => Box::new(flate2::read::MultiGzDecoder::new(file)),
        "xz" => Box::new(liblzma::read::XzDecoder::new(file)),
        "zst" => Box::new(zstd::Decoder::new(file).unwrap()),
        _ => Box::new(file),
    };
    reader.read_to_string(&mut text).unwrap();
    text
}

fn attributes(element: &BytesStart) -> BTreeMap<String, String> {
    element
        .attributes()
        .map(|attribute| {
            let attribute = attribute.unwrap();
            (
                attribute.key.as_ref().to_owned(),
                unescape(&attribute.value),
            )
        })
        .collect()
}

fn unescape(text: &str) -> String {
    quick_xml::escape::unescape(text).unwrap().into_owned()
}

fn evr(of: &BTreeMap<String, String>) -> Evr {
    let part = |name: &str| of.get(name).cloned().unwrap_or_default();
    Evr {
        epoch: part("epoch").parse().unwrap_or(0),
        version: part("ver"),
        release: part("rel"),
    }
}

fn dependency(entry: &BTreeMap<String, String>) -> Dependency {
    let sense = entry.get("flags").map(|flags| match flags.as_str() {
        "LT" => Sense::Lt,
        "LE" => Sense::Le,
        "EQ" => Sense::Eq,
        "GE" => Sense::Ge,
        "GT" => Sense::Gt,
        other => panic!("{other} is no comparison"),
    });
    Dependency {
        name: entry["name"].clone(),
        version: sense.map(|sense| (sense, evr(entry))),
        pre: entry.get("pre").is_some_and(|pre| pre == "1"),
        rpmlib: entry["name"].starts_with("rpmlib("),
    }
}

/// Calls back with each element (its name, its attributes, its text) when it ends.
fn each(text: &str, mut visit: impl FnMut(&str, &BTreeMap<String, String>, &str)) {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<(String, BTreeMap<String, String>, String)> = Vec::new();
    let name = |element: &BytesStart| element.local_name().as_ref().to_owned();
    loop {
        match reader.read_event().unwrap() {
            Event::Start(element) => {
                open.push((name(&element), attributes(&element), String::new()));
            }
            Event::Empty(element) => visit(&name(&element), &attributes(&element), ""),
            Event::Text(text) => {
                if let Some(last) = open.last_mut() {
                    last.2.push_str(&text);
                }
            }
            Event::GeneralRef(reference) => {
                if let Some(last) = open.last_mut() {
                    last.2.push_str(&unescape(&format!("&{};", &*reference)));
                }
            }
            Event::End(_) => {
                let (name, attributes, text) = open.pop().unwrap();
                visit(&name, &attributes, &text);
            }
            Event::Eof => return,
            _ => {}
        }
    }
}

fn file_lists(text: &str) -> BTreeMap<String, Vec<ListedFile>> {
    let mut lists = BTreeMap::new();
    let mut files = Vec::new();
    each(text, |name, attributes, text| match name {
        "file" => files.push(ListedFile {
            path: text.as_bytes().to_vec(),
            kind: match attributes.get("type").map(String::as_str) {
                Some("dir") => FileKind::Directory,
                Some("ghost") => FileKind::Ghost,
                _ => FileKind::File,
            },
        }),
        "package" => {
            lists.insert(attributes["pkgid"].clone(), std::mem::take(&mut files));
        }
        _ => {}
    });
    lists
}

fn packages(text: &str, lists: &mut BTreeMap<String, Vec<ListedFile>>) -> Vec<Record> {
    let mut records = Vec::new();
    let (mut name, mut arch, mut pkgid) = (String::new(), String::new(), String::new());
    let mut version = Evr::parse("0");
    let mut entries = Vec::new();
    let mut kinds: BTreeMap<String, Vec<Dependency>> = BTreeMap::new();
    each(text, |element, attributes, text| match element {
        "name" => name = text.to_owned(),
        "arch" => arch = text.to_owned(),
        "checksum" => pkgid = text.to_owned(),
        "version" => version = evr(attributes),
        "entry" => entries.push(dependency(attributes)),
        "provides" | "requires" | "conflicts" | "obsoletes" | "recommends" | "suggests"
        | "supplements" | "enhances" => {
            kinds.insert(element.to_owned(), std::mem::take(&mut entries));
        }
        "package" => {
            let mut record = records::of(Nevra {
                name: std::mem::take(&mut name),
                evr: version.clone(),
                arch: std::mem::take(&mut arch),
            });
            record.content = BlobId::of(pkgid.as_bytes());
            record.file = record.content;
            record.sha256.hex.clone_from(&pkgid);
            record.files = lists.remove(&pkgid).unwrap_or_default();
            let mut take = |kind: &str| kinds.remove(kind).unwrap_or_default();
            record.provides = take("provides");
            record.requires = take("requires");
            record.conflicts = take("conflicts");
            record.obsoletes = take("obsoletes");
            record.recommends = take("recommends");
            record.suggests = take("suggests");
            record.supplements = take("supplements");
            record.enhances = take("enhances");
            records.push(record);
        }
        _ => {}
    });
    records
}
