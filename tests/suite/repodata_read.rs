//! Reading the metadata of repositories: real ones, our own, and those that nobody should have written.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as _;
use std::fs::File;
use std::io::{Read, Write as _};
use std::path::Path;

use proptest::prelude::*;
use store::formats::repodata::{
    Damage, Group, Listed, Metadata, Primary, ReadError, Reference, Rendered, Repomd, is_primary,
    join, owners,
};
use store::formats::rpm::checksum::Hasher;
use store::formats::rpm::{Dependency, Package, Record, Sense, Solvable};
use store::ids::{Algorithm, Digest, Evr};

use crate::support::records::{Says, record};
use crate::support::{fixtures, primary};

/// The packages of a repository on disk.
fn listed(repository: &Path) -> Vec<Listed> {
    let document = std::fs::read(repository.join("repodata/repomd.xml")).unwrap();
    let repomd = Repomd::read(&document).unwrap();
    let reference = repomd.get("primary").unwrap();
    let file = File::open(repository.join(&reference.href)).unwrap();
    let opened = reference.open(file).unwrap();
    Primary::new(&reference.href, opened)
        .collect::<Result<_, _>>()
        .unwrap()
}

/// What the reader of the tests, which keeps whole documents, makes of the same files.
#[test]
fn real_repositories_are_read_as_another_reader_reads_them() {
    for (name, count) in [
        ("centos-baseos-imagebuilder", 1125),
        ("centos-stream9-osbuild/custom", 1),
        ("tizen3-armv7l", 592),
    ] {
        let Some(repository) = fixtures::folder(&format!("repos/{name}")) else {
            return;
        };
        let ours = listed(&repository);
        assert_eq!(ours.len(), count);
        let theirs: BTreeMap<String, Solvable> = primary::read(&repository)
            .iter()
            .map(|record| (record.sha256.hex.clone(), Solvable::of(record)))
            .collect();
        for package in &ours {
            let mut ours = package.solvable.clone();
            let mut theirs = theirs[&ours.digest.hex].clone();
            theirs.source = ours.source;
            theirs.paths.retain(|path| is_primary(path));
            theirs.paths.sort();
            ours.paths.sort();
            for dependency in ours.requires.iter_mut().chain(&mut theirs.requires) {
                dependency.pre = false;
            }
            assert_eq!(ours, theirs);
            assert!(package.size > 0 && package.build_time > 1_000_000_000);
            assert!(package.location.href.ends_with(".rpm"));
        }
    }
}

#[test]
fn the_owners_of_paths_are_found_in_filelists() {
    let Some(repository) = fixtures::folder("repos/centos-baseos-imagebuilder") else {
        return;
    };
    let document = std::fs::read(repository.join("repodata/repomd.xml")).unwrap();
    let repomd = Repomd::read(&document).unwrap();
    let reference = repomd.get("filelists").unwrap();
    let file = File::open(repository.join(&reference.href)).unwrap();
    let paths = ["/usr/share/licenses/bash/COPYING", "/usr/share", "/none"];
    let wanted: BTreeSet<Vec<u8>> = paths.iter().map(|p| p.as_bytes().to_vec()).collect();
    let opened = reference.open(file).unwrap();
    let found = owners(&reference.href, opened, &wanted).unwrap();
    let names: BTreeMap<String, String> = listed(&repository)
        .into_iter()
        .map(|one| (one.solvable.digest.hex, one.solvable.nevra.name))
        .collect();
    let of = |path: &str| -> BTreeSet<&str> {
        let owners = found[path.as_bytes()].iter();
        owners.map(|id| names[id].as_str()).collect()
    };
    assert_eq!(of("/usr/share/licenses/bash/COPYING"), ["bash"].into());
    assert_eq!(of("/usr/share"), ["filesystem"].into());
    assert_eq!(of("/none"), BTreeSet::new());
}

/// What primary keeps of a record.
fn in_primary(record: &Record, listed: &Solvable) -> Solvable {
    let mut solvable = Solvable::of(record);
    solvable.modularity_labels.clear();
    if solvable.source {
        solvable.nevra.arch = "src".to_owned();
    }
    solvable.paths.retain(|path| is_primary(path));
    let Solvable {
        provides,
        conflicts,
        obsoletes,
        recommends,
        suggests,
        supplements,
        enhances,
        ..
    } = &mut solvable;
    for list in [
        provides,
        conflicts,
        obsoletes,
        recommends,
        suggests,
        supplements,
        enhances,
    ] {
        list.retain(|one| !one.name.is_empty());
        for one in list {
            one.pre = false;
            one.rpmlib = one.name.starts_with("rpmlib(");
        }
    }
    // Of requirements it drops some by rules of its own, which have tests of their own.
    for one in &listed.requires {
        assert!(solvable.requires.contains(one), "{}: {one:?}", record.nevra);
    }
    solvable.requires.clone_from(&listed.requires);
    solvable
}

/// What our own indexes say of packages.
fn read_back(records: &[Record]) -> Vec<Listed> {
    let rendered: Vec<Rendered> = records
        .iter()
        .map(|record| Rendered::of(record, &format!("p/{}", record.nevra.file_name())))
        .collect();
    let groups: Vec<Group> = rendered.chunks(3).map(Group::of).collect();
    let metadata = Metadata::of(&join(&groups, rendered.len()).unwrap(), &groups);
    let repomd = Repomd::read(&metadata.files["repomd.xml"]).unwrap();
    let reference = repomd.get("primary").unwrap();
    let file = &metadata.files[reference.href.strip_prefix("repodata/").unwrap()];
    Primary::new("primary", reference.open(file.as_slice()).unwrap())
        .collect::<Result<_, _>>()
        .unwrap()
}

fn comes_back(records: &[Record]) {
    let listed = read_back(records);
    assert_eq!(listed.len(), records.len());
    for (record, listed) in records.iter().zip(listed) {
        assert_eq!(listed.solvable, in_primary(record, &listed.solvable));
        assert_eq!(
            listed.location.href,
            format!("p/{}", record.nevra.file_name())
        );
        assert_eq!(listed.location.base, None);
        assert_eq!(listed.size, record.file_size);
        assert_eq!(listed.build_time, record.build_time);
        assert_eq!(listed.source_rpm, record.source_rpm);
    }
}

#[test]
fn what_we_write_of_real_packages_is_what_we_read() {
    let records: Vec<Record> = fixtures::packages("rpms")
        .iter()
        .filter_map(|path| Package::read(&mut std::fs::read(path).unwrap().as_slice()).ok())
        .map(|package| package.record)
        // Characters that XML forbids are left out when written, and paths that are no text become some.
        .filter(|record| Rendered::of(record, "").notes.is_empty())
        .filter(|record| record.files.iter().all(|file| file.path.is_ascii()))
        .collect();
    comes_back(&records);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn what_we_write_is_what_we_read(
        names in proptest::collection::vec("[ -~äÿ€\u{10ffff}]{1,12}", 8),
        senses in proptest::collection::vec(proptest::option::of(0usize..5), 8),
        version in "[0-9a-z.~^+]{1,6}",
        release in "[0-9a-z.~^+]{0,6}",
        epoch in any::<u32>(),
        path in "/[ -~]{0,6}bin/[ -~ä&<>\"']{1,9}",
        source_rpm in proptest::option::of("[!-~]{1,9}"),
        pre in any::<bool>(),
    ) {
        const SENSES: [Sense; 5] = [Sense::Lt, Sense::Le, Sense::Eq, Sense::Ge, Sense::Gt];
        let mut one = record("x-1-1.noarch").file(&path).file("/usr/share/x");
        one.nevra.evr.epoch = epoch;
        one.nevra.evr.version.clone_from(&version);
        one.source_rpm = source_rpm;
        let evr = Evr { epoch, version, release };
        let mut all = names.into_iter().zip(senses).map(|(name, sense)| Dependency {
            rpmlib: false,
            name: name.trim().to_owned() + "x",
            version: sense.map(|sense| (SENSES[sense], evr.clone())),
            pre: false,
        });
        for list in [
            &mut one.provides, &mut one.requires, &mut one.conflicts, &mut one.obsoletes,
            &mut one.recommends, &mut one.suggests, &mut one.supplements, &mut one.enhances,
        ] {
            list.extend(all.next());
        }
        one.requires[0].pre = pre;
        comes_back(&[one]);
    }

    #[test]
    fn no_document_breaks_the_readers(text in "(<(metadata|package|version|format|rpm:requires|rpm:entry|name|file|/[a-z]{1,8})( (ver|name|flags|epoch|type)=\"[a-zA-Z0-9&;]{0,4}\")*/?>|&[a-z#0-9]{0,4};|[a-z<>&\"/]|\u{7}|ä){0,20}") {
        let _ = Repomd::read(text.as_bytes());
        let _ = Primary::new("primary.xml", text.as_bytes()).count();
        let _ = owners("filelists.xml", text.as_bytes(), &BTreeSet::new());
    }
}

/// A `primary.xml` of one package, from what stands inside of it.
fn document(inside: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE metadata>\n\
         <metadata xmlns=\"c\" xmlns:rpm=\"r\" packages=\"1\">\n<package type=\"rpm\">{inside}</package></metadata>"
    )
}

const CHECKSUM: &str =
    "<checksum type=\"md5\" pkgid=\"YES\">d41d8cd98f00b204e9800998ecf8427e</checksum>";

/// A whole package but for the name; `more` goes in front, so it may say things first.
fn package(name: &str, more: &str) -> String {
    document(&format!(
        "{more}<name>{name}</name><arch>noarch</arch><version epoch=\"0\" ver=\"1\" rel=\"2\"/>{CHECKSUM}\
         <size package=\"7\"/><location xml:base=\"http://h/&amp;\" href=\"a%20b&#x2e;rpm\"/>"
    ))
}

fn read(document: &str) -> Result<Vec<Listed>, ReadError> {
    Primary::new("primary.xml", document.as_bytes()).collect()
}

#[test]
fn entities_sections_and_other_prefixes_are_understood() {
    let more = "<time build=\"12.5\"/><r:format xmlns:r=\"rpm\"><r:requires><!-- no --><r:entry name=\"a&lt;b&#98;\" \
                flags='GE' ver='1&quot;' pre='1'/></r:requires><file>/bin/&amp;<![CDATA[<x>]]>&apos;&#10;</file></r:format>";
    let [listed] = &read(&package("c&#43;&#x2b;", more)).unwrap()[..] else {
        panic!("one package");
    };
    assert_eq!(listed.solvable.nevra.to_string(), "c++-1-2.noarch");
    assert_eq!(listed.solvable.digest.algorithm, Algorithm::Md5);
    assert_eq!(listed.solvable.paths, [b"/bin/&<x>'\n"]);
    let [requirement] = &listed.solvable.requires[..] else {
        panic!("one requirement");
    };
    assert_eq!(requirement.name, "a<bb");
    let (sense, evr) = requirement.version.as_ref().unwrap();
    assert_eq!(
        (*sense, evr.version.as_str(), evr.epoch),
        (Sense::Ge, "1\"", 0)
    );
    assert!(requirement.pre);
    assert_eq!(listed.location.href, "a%20b.rpm");
    assert_eq!(listed.location.base.as_deref(), Some("http://h/&"));
    assert_eq!((listed.size, listed.build_time), (7, 12));
}

/// The whole chain of an error, as people see it.
fn told(error: &ReadError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text += &format!(": {error}");
        source = error.source();
    }
    text
}

#[test]
fn what_is_wrong_is_told_with_file_and_package() {
    let entry = |attributes: &str| {
        format!("<format><rpm:requires><rpm:entry {attributes}/></rpm:requires></format>")
    };
    for (document, expected) in [
        (String::new(), "primary.xml: it has no <metadata>"),
        (
            "<html><body>Welcome".to_owned(),
            "primary.xml: <html> where <metadata> is expected",
        ),
        (
            "<metadata>".to_owned(),
            "primary.xml: it ends in the middle of an element",
        ),
        (
            document(""),
            "primary.xml: package number 1: it has no <version>",
        ),
        (
            document("<name>x</name>"),
            "primary.xml: package x: it has no <version>",
        ),
        (
            package("x", "").replace(CHECKSUM, ""),
            "primary.xml: package x-1-2: it has no <checksum>",
        ),
        (
            package("x", "").replace("md5", "sha256"),
            "primary.xml: package x-1-2: \"d41d8cd98f00b204e9800998ecf8427e\" is no sha256 checksum",
        ),
        (
            package("x", "").replace("md5", "crc"),
            "primary.xml: package x-1-2: unknown checksum type \"crc\"; known are md5, sha1 (or sha), \
             sha224, sha256, sha384, sha512",
        ),
        (
            package("x", "").replace("package=\"7\"", "package=\"-7\""),
            "primary.xml: package x-1-2: size is no number: \"-7\"",
        ),
        (
            package("../x", ""),
            "primary.xml: package ../x-1-2: \"../x\" is no name of a package",
        ),
        (
            package("x", &entry("flags=\"GE\"")),
            "primary.xml: package number 1: a dependency has no name",
        ),
        (
            package("x", &entry("name=\"a\" flags=\"NE\"")),
            "primary.xml: package number 1: \"NE\" is no comparison of versions",
        ),
        (
            package("x", &entry("name=\"a\" epoch=\"4294967296\"")),
            "primary.xml: package number 1: the epoch \"4294967296\" is no number",
        ),
        (
            package("&lol;", ""),
            "primary.xml: package number 1: &lol; stands for nothing",
        ),
        (
            document(&"<a>".repeat(100)),
            "primary.xml: package number 1: elements are nested more than 64 deep",
        ),
        (
            package(&"x".repeat(3 << 20), ""),
            "primary.xml can't be read: one element or text is longer than 1048576 bytes",
        ),
        (
            package("x", &format!("<y z=\"{}\"/>", "y".repeat(3 << 20))),
            "primary.xml can't be read: one element or text is longer than 1048576 bytes",
        ),
        (
            package(&"&amp;".repeat(2 << 20), ""),
            "primary.xml can't be read: one element or text is longer than 1048576 bytes",
        ),
    ] {
        let start: String = document.chars().take(300).collect();
        let error = read(&document).expect_err(&start);
        assert_eq!(told(&error), expected, "{start}");
    }
    let error = read("<metadata><package></metadata>").unwrap_err();
    assert!(
        told(&error).starts_with("primary.xml is not well-formed XML at byte 19"),
        "{}",
        told(&error)
    );
}

#[test]
fn a_tag_with_very_many_attributes_is_read_in_no_time() {
    let many: String = (0..100_000).map(|n| format!(" a{n}=\"\"")).collect();
    let error = read(&document(&format!("<version{many}/>"))).unwrap_err();
    assert!(matches!(
        error,
        ReadError::Package { .. } | ReadError::Stream { .. }
    ));
}

fn repomd(data: &str) -> Result<Repomd, ReadError> {
    Repomd::read(format!("<repomd><revision>7</revision>{data}</repomd>").as_bytes())
}

#[test]
fn repomd_names_files_with_all_that_is_stated_of_them() {
    let zeros = "0".repeat(40);
    let text = format!(
        "<data type=\"primary\"><checksum type=\"sha\">{zeros}</checksum><open-checksum type=\"md5\">\
         D41D8CD98F00B204E9800998ECF8427E</open-checksum><location xml:base=\"http://m/\" href=\"repodata/p&amp;.xml\"/>\
         <timestamp>1.5</timestamp><size>3</size><open-size>4</open-size><database_version>10</database_version></data>"
    );
    let found = repomd(&text).unwrap();
    assert_eq!(found.revision, "7");
    let digest = |algorithm, hex: &str| Digest {
        algorithm,
        hex: hex.to_owned(),
    };
    assert_eq!(
        found.get("primary"),
        Some(&Reference {
            kind: "primary".to_owned(),
            href: "repodata/p&.xml".to_owned(),
            base: Some("http://m/".to_owned()),
            checksum: digest(Algorithm::Sha1, &zeros),
            open_checksum: Some(digest(Algorithm::Md5, "d41d8cd98f00b204e9800998ecf8427e")),
            size: Some(3),
            open_size: Some(4),
        })
    );
    assert_eq!(found.get("other"), None);
    let part = |href: &str| {
        format!(
            "<data type=\"x\"><checksum type=\"sha\">{zeros}</checksum><location href=\"{href}\"/></data>"
        )
    };
    let twice = repomd(&(part("first") + &part("second"))).unwrap();
    let parts = twice.data.iter().map(|part| part.href.as_str());
    assert_eq!(parts.collect::<Vec<_>>(), ["first"], "as librepo has it");
    for (text, expected) in [
        ("<data/>", "repomd.xml: <data> has no type"),
        (
            "<data type=\"x\"/>",
            "repomd.xml: <data type=\"x\"> has no location",
        ),
        (
            "<data type=\"x\"><location href=\"y\"/></data>",
            "repomd.xml: <data type=\"x\"> has no checksum",
        ),
        (
            "<data type=\"x\"><size>many</size></data>",
            "repomd.xml: size is no number: \"many\"",
        ),
    ] {
        assert_eq!(told(&repomd(text).unwrap_err()), expected);
    }
    let html = Repomd::read(b"<!DOCTYPE html><html></html>").unwrap_err();
    assert_eq!(told(&html), "repomd.xml: <html> where <repomd> is expected");
}

const ALGORITHMS: [Algorithm; 6] = [
    Algorithm::Md5,
    Algorithm::Sha1,
    Algorithm::Sha224,
    Algorithm::Sha256,
    Algorithm::Sha384,
    Algorithm::Sha512,
];

fn compressed(content: &[u8]) -> [Vec<u8>; 5] {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(content).unwrap();
    let mut bz = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bz.write_all(content).unwrap();
    let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
    xz.write_all(content).unwrap();
    [
        content.to_vec(),
        gz.finish().unwrap(),
        bz.finish().unwrap(),
        xz.finish().unwrap(),
        zstd::stream::encode_all(content, 1).unwrap(),
    ]
}

/// A true reference to a file.
fn reference(algorithm: Algorithm, file: &[u8], content: &[u8]) -> Reference {
    let digest = |bytes| Digest {
        algorithm,
        hex: Hasher::of(algorithm, bytes),
    };
    Reference {
        kind: "primary".to_owned(),
        href: "repodata/primary.xml".to_owned(),
        base: None,
        checksum: digest(file),
        open_checksum: Some(digest(content)),
        size: Some(file.len() as u64),
        open_size: Some(content.len() as u64),
    }
}

fn opened(reference: &Reference, file: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut content = Vec::new();
    match reference.open(file) {
        Ok(mut reader) => reader.read_to_end(&mut content).map(|_| content),
        Err(error) => Err(std::io::Error::other(told(&error))),
    }
}

#[test]
fn every_compression_and_checksum_in_use_is_opened_and_verified() {
    let content = b"<metadata/>".repeat(1000);
    for file in compressed(&content) {
        for algorithm in ALGORITHMS {
            let truth = reference(algorithm, &file, &content);
            assert_eq!(opened(&truth, &file).unwrap(), content);
            let damage = |reference: &Reference, file: &[u8]| {
                let error = opened(reference, file).unwrap_err();
                error.downcast::<Damage>().unwrap()
            };
            let other = Digest {
                algorithm,
                hex: Hasher::of(algorithm, b"other"),
            };
            let lie = Reference {
                checksum: other.clone(),
                ..truth.clone()
            };
            assert!(matches!(
                damage(&lie, &file),
                Damage::Checksum {
                    part: "the file",
                    ..
                }
            ));
            let lie = Reference {
                open_checksum: Some(other),
                ..truth.clone()
            };
            assert!(matches!(
                damage(&lie, &file),
                Damage::Checksum {
                    part: "what is in it",
                    ..
                }
            ));
            let lie = Reference {
                size: Some(file.len() as u64 - 1),
                ..truth.clone()
            };
            assert!(matches!(
                damage(&lie, &file),
                Damage::Long {
                    part: "the file",
                    ..
                }
            ));
            let lie = Reference {
                size: Some(file.len() as u64 + 1),
                ..truth.clone()
            };
            assert!(matches!(
                damage(&lie, &file),
                Damage::Short {
                    part: "the file",
                    ..
                }
            ));
            let lie = Reference {
                open_size: Some(10_999),
                ..truth.clone()
            };
            assert!(matches!(
                damage(&lie, &file),
                Damage::Long {
                    part: "what is in it",
                    ..
                }
            ));
            let lie = Reference {
                open_size: Some(11_001),
                ..truth.clone()
            };
            assert!(matches!(
                damage(&lie, &file),
                Damage::Short {
                    part: "what is in it",
                    ..
                }
            ));
            assert!(opened(&truth, &file[..file.len() - 1]).is_err());
        }
    }
}

#[test]
fn a_file_that_unfolds_to_more_than_was_stated_is_left_at_once() {
    let content = vec![b' '; 8 << 20];
    for file in compressed(&content) {
        let mut lie = reference(Algorithm::Sha256, &file, &content);
        lie.open_size = Some(1000);
        lie.open_checksum = None;
        let mut read = Primary::new("p", lie.open(file.as_slice()).unwrap());
        let error = read.next().unwrap().unwrap_err();
        assert_eq!(
            told(&error),
            "p can't be read: what is in it goes on after the 1000 bytes that repomd.xml states"
        );
        assert!(read.next().is_none());
    }
}

#[test]
fn packages_end_with_an_error_where_the_document_was_not_the_one_that_was_named() {
    let content = package("x", "");
    let mut lie = reference(Algorithm::Sha256, content.as_bytes(), content.as_bytes());
    lie.open_checksum.as_mut().unwrap().hex = "0".repeat(64);
    let read = Primary::new("p", lie.open(content.as_bytes()).unwrap());
    let all: Vec<_> = read.collect();
    assert!(all.last().unwrap().is_err());
}
