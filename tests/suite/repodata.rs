//! Yum metadata, with createrepo_c as the judge.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use store::formats::repodata::{Group, Metadata, Rendered, join, open};
use store::formats::rpm::{Package, Record};

use crate::support::fixtures;

/// An element: name, sorted attributes, children, text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    name: String,
    attributes: BTreeMap<String, String>,
    children: Vec<Element>,
    text: String,
}

impl Element {
    fn new(start: &BytesStart<'_>) -> Element {
        let attributes = start.attributes().map(|attribute| {
            let attribute = attribute.unwrap();
            let value = quick_xml::escape::unescape(&attribute.value).unwrap();
            (attribute.key.0.to_owned(), value.into_owned())
        });
        Element {
            name: start.name().0.to_owned(),
            attributes: attributes.collect(),
            children: Vec::new(),
            text: String::new(),
        }
    }

    fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// White space around elements is layout.
    fn closed(mut self) -> Element {
        if !self.children.is_empty() {
            self.text.clear();
        }
        self
    }
}

/// The root element of a document.
fn parse(document: &[u8]) -> Element {
    let mut reader = Reader::from_reader(document);
    let mut buffer = Vec::new();
    let mut open: Vec<Element> = Vec::new();
    loop {
        let done = match reader.read_event_into(&mut buffer).unwrap() {
            Event::Start(start) => {
                open.push(Element::new(&start));
                None
            }
            Event::Empty(start) => Some(Element::new(&start)),
            Event::End(_) => open.pop().map(Element::closed),
            Event::Text(text) => {
                if let Some(element) = open.last_mut() {
                    element.text.push_str(&text);
                }
                None
            }
            Event::GeneralRef(reference) => {
                let entity = format!("&{};", &*reference);
                let text = quick_xml::escape::unescape(&entity).unwrap().into_owned();
                open.last_mut().unwrap().text.push_str(&text);
                None
            }
            Event::Eof => panic!("no root element"),
            _ => None,
        };
        if let Some(element) = done {
            match open.last_mut() {
                Some(parent) => parent.children.push(element),
                None => return element,
            }
        }
        buffer.clear();
    }
}

/// The packages of an index by digest, without what differs by design.
pub fn packages(document: &[u8]) -> BTreeMap<String, Element> {
    let canonical = |mut package: Element| {
        let id = match package.child("checksum") {
            Some(checksum) => checksum.text.clone(),
            None => package.attributes["pkgid"].clone(),
        };
        for child in &mut package.children {
            match child.name.as_str() {
                // createrepo_c has the time of the file on disk there, we the build time.
                "time" => drop(child.attributes.remove("file")),
                // Its packages lie flat, under their old names.
                "location" => drop(child.attributes.remove("href")),
                // Packages of rpm 6 state the size of their payload in another tag, which it does not know yet.
                _ => {}
            }
        }
        (id, package)
    };
    parse(document)
        .children
        .into_iter()
        .map(canonical)
        .collect()
}

/// One index of a repository on disk.
pub fn index(repodata: &Path, kind: &str) -> Vec<u8> {
    let mut metadata = Metadata::default();
    for entry in std::fs::read_dir(repodata).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        metadata.files.insert(name, std::fs::read(&path).unwrap());
    }
    metadata.get(kind).unwrap().unwrap()
}

/// Copies packages into a directory of their own and has createrepo_c index them.
pub fn createrepo(files: &[PathBuf]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for file in files {
        std::os::unix::fs::symlink(file, directory.path().join(file.file_name().unwrap())).unwrap();
    }
    let output = Command::new("createrepo_c")
        .args(["--no-database", "--quiet", "--workers", "2"])
        .arg(directory.path())
        .output()
        .expect("createrepo_c is installed");
    // It says 2 when it has left packages out.
    assert!(
        directory.path().join("repodata/repomd.xml").exists(),
        "{output:?}"
    );
    directory
}

fn compare(folder: &str) {
    let files: Vec<PathBuf> = fixtures::packages(folder);
    let mut good: Vec<(PathBuf, Record)> = Vec::new();
    let mut digests = BTreeSet::new();
    for path in files {
        let bytes = std::fs::read(&path).unwrap();
        if let Ok(Package { record, .. }) = Package::read(&mut bytes.as_slice())
            && digests.insert(record.sha256.hex.clone())
        {
            good.push((path.canonicalize().unwrap(), record));
        }
    }
    if good.is_empty() {
        return;
    }
    good.sort_by(|a, b| a.1.nevra.cmp(&b.1.nevra));
    let paths: Vec<PathBuf> = good.iter().map(|(path, _)| path.clone()).collect();
    let theirs = createrepo(&paths);
    let rendered: Vec<Rendered> = good
        .iter()
        .map(|(_, record)| Rendered::of(record, &format!("Packages/{}", record.nevra.file_name())))
        .collect();
    let groups: Vec<Group> = rendered.chunks(3).map(Group::of).collect();
    let metadata = Metadata::of(&join(&groups, rendered.len()).unwrap(), &groups);

    let names: BTreeMap<&str, String> = good
        .iter()
        .map(|(path, record)| (record.sha256.hex.as_str(), fixtures::name(path)))
        .collect();
    let mut surprises = Vec::new();
    for kind in ["primary", "filelists", "other"] {
        let ours = packages(&metadata.get(kind).unwrap().unwrap());
        assert_eq!(ours.len(), good.len());
        let theirs = packages(&index(&theirs.path().join("repodata"), kind));
        for (id, expected) in &theirs {
            let name = &names[id.as_str()];
            let (mut expected, mut ours) = (expected.clone(), ours[id].clone());
            known_differences(&mut expected, &mut ours);
            surprises.extend(differences(&format!("{name} {kind}"), &expected, &ours));
        }
        for (package, (path, record)) in rendered.iter().zip(&good) {
            if !theirs.contains_key(&record.sha256.hex) && package.notes.is_empty() {
                surprises.push(format!(
                    "{}: createrepo_c leaves it out of {kind}",
                    path.display()
                ));
            }
        }
    }
    println!("{} packages", good.len());
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
}

/// What librpm knows better, or worse, than the header.
pub fn known_differences(expected: &mut Element, ours: &mut Element) {
    // Packages of rpm 6 state the size of their payload in a tag of 64 bits, which createrepo_c does not ask for.
    let archive = |package: &Element| Some(package.child("size")?.attributes["archive"].clone());
    if archive(expected).is_some_and(|size| size == "0") {
        for package in [&mut *expected, ours] {
            let sizes = package
                .children
                .iter_mut()
                .filter(|child| child.name == "size");
            sizes.for_each(|size| drop(size.attributes.remove("archive")));
        }
    }
    // To packages of rpm 3 it adds the name as a provide, also where they have it: how often says nothing.
    for package in [expected, ours] {
        let format = package
            .children
            .iter_mut()
            .find(|child| child.name == "format");
        let mut lists = format.into_iter().flat_map(|format| &mut format.children);
        if let Some(provides) = lists.find(|child| child.name == "rpm:provides") {
            let mut seen = BTreeSet::new();
            provides
                .children
                .retain(|entry| seen.insert(entry.attributes.clone()));
        }
    }
}

/// Where two elements differ, one line each.
pub fn differences(place: &str, expected: &Element, ours: &Element) -> Vec<String> {
    let here = format!("{place}/{}", expected.name);
    let mut found = Vec::new();
    if (&expected.name, &expected.attributes) != (&ours.name, &ours.attributes) {
        found.push(format!(
            "{here}: {:?} became {} {:?}",
            expected.attributes, ours.name, ours.attributes
        ));
    }
    if expected.text != ours.text {
        found.push(format!(
            "{here}: {:?} became {:?}",
            expected.text, ours.text
        ));
    }
    if expected.children.len() != ours.children.len() {
        let odd = expected
            .children
            .iter()
            .find(|c| !ours.children.contains(c));
        let new = ours
            .children
            .iter()
            .find(|c| !expected.children.contains(c));
        found.push(format!(
            "{here}: {} children became {}; not ours {odd:?}, ours alone {new:?}",
            expected.children.len(),
            ours.children.len()
        ));
        return found;
    }
    for (expected, ours) in expected.children.iter().zip(&ours.children) {
        found.extend(differences(&here, expected, ours));
    }
    found
}

#[test]
fn packages_of_all_ages_are_indexed_as_createrepo_c_does() {
    compare("rpms");
}

#[test]
fn a_whole_distribution_is_indexed_as_createrepo_c_does() {
    compare("repos/tizen3-armv7l/rpms");
}

#[test]
fn metadata_opens_whatever_compressed_it() {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gz, b"text").unwrap();
    assert_eq!(open("a.xml.gz", &gz.finish().unwrap()).unwrap(), b"text");
    let zst = zstd::stream::encode_all(&b"text"[..], 3).unwrap();
    assert_eq!(open("a.xml.zst", &zst).unwrap(), b"text");
    assert_eq!(open("a.xml", b"text").unwrap(), b"text");
    assert!(open("a.xml.gz", b"text").is_err());
}
