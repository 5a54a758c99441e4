//! Payloads in every form that rpm has written, and damaged on purpose.

use std::io::{Read, Write};

use proptest::prelude::*;
use store::formats::rpm::relations::Relation;
use store::formats::rpm::{Error, Header, Package, Payload, tags};

use crate::support::fixtures;
use crate::support::rpm::{Draft, spec};
use crate::support::workspace::Memory;

/// A header, and the archive in its payload, uncompressed.
struct Pair {
    image: Vec<u8>,
    archive: Vec<u8>,
}

fn pair(draft: &Draft) -> Pair {
    let bytes = draft.bytes(&Memory::default());
    let package = Package::read(&mut bytes.as_slice()).unwrap();
    let payload = &bytes[package.record.header_range.1 as usize..];
    Pair {
        image: package.header.image().to_vec(),
        archive: zstd::decode_all(payload).unwrap(),
    }
}

fn two_files() -> Draft {
    spec("two-1-1.noarch")
        .file("/usr/a", b"same")
        .file("/usr/b", b"same")
}

/// Where the index of a header names a tag: its entry, and its data.
fn find(image: &[u8], tag: u32) -> (usize, usize) {
    let word = |at: usize| u32::from_be_bytes(image[at..at + 4].try_into().unwrap()) as usize;
    let entry = (16..)
        .step_by(16)
        .find(|&at| word(at) == tag as usize)
        .unwrap();
    (entry, 16 + word(8) * 16 + word(entry + 8))
}

impl Pair {
    /// Overwrites the data of a tag.
    fn patch(mut self, tag: u32, bytes: &[u8]) -> Self {
        let (_, data) = find(&self.image, tag);
        self.image[data..data + bytes.len()].copy_from_slice(bytes);
        self
    }

    /// Renames a tag out of the way.
    fn without(mut self, tag: u32) -> Self {
        let (entry, _) = find(&self.image, tag);
        self.image[entry..entry + 4].copy_from_slice(&9_999u32.to_be_bytes());
        self
    }

    /// Reads a payload to its end; the contents, by path.
    fn read(&self, payload: &[u8]) -> Result<Vec<(String, String)>, Error> {
        let header = Header::parse(&self.image).unwrap();
        let mut payload = Payload::open(&header, payload)?;
        let mut read = Vec::new();
        while let Some(packed) = payload.next_file()? {
            let path = payload.files()[packed.number].path.clone();
            let mut content = String::new();
            if packed.content
                && let Err(error) = payload.read_to_string(&mut content)
            {
                assert!(
                    payload.next_file().is_err(),
                    "nothing comes after bad content"
                );
                return Err(*error.into_inner().unwrap().downcast().unwrap());
            }
            read.push((String::from_utf8(path).unwrap(), content));
        }
        Ok(read)
    }

    fn refusal(&self, payload: &[u8]) -> String {
        self.read(payload).unwrap_err().to_string()
    }
}

fn member(magic: &str, name: &str, content: &[u8], sum: u32) -> Vec<u8> {
    let (size, length) = (content.len(), name.len() + 1);
    let mut bytes = format!(
        "{magic}{:08x}{:08x}{}{size:08x}{}{length:08X}{sum:08x}{name}\0",
        1,
        0o100_644,
        "00000000".repeat(4),
        "00000000".repeat(4)
    )
    .into_bytes();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn newc(members: &[(&str, &str)]) -> Vec<u8> {
    let mut archive: Vec<u8> = members
        .iter()
        .flat_map(|(name, content)| member("070701", name, content.as_bytes(), 0))
        .collect();
    archive.extend(member("070701", "TRAILER!!!", b"", 0));
    archive
}

fn same(paths: [&str; 2]) -> Vec<(String, String)> {
    paths
        .map(|path| (path.to_owned(), "same".to_owned()))
        .to_vec()
}

#[test]
fn every_compressor_is_known_by_its_first_bytes() {
    let pair = pair(&two_files());
    let archive = pair.archive.as_slice();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(archive).unwrap();
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
    bzip2.write_all(archive).unwrap();
    let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 6);
    xz.write_all(archive).unwrap();
    let zstd = zstd::encode_all(archive, 3).unwrap();
    let wanted = same(["/usr/a", "/usr/b"]);
    for payload in [
        gzip.finish().unwrap(),
        bzip2.finish().unwrap(),
        xz.finish().unwrap(),
        zstd,
        archive.to_vec(),
    ] {
        assert_eq!(pair.read(&payload).unwrap(), wanted);
        // Cut anywhere, it is an error.
        for cut in [payload.len() - 1, payload.len() / 2, 3, 0] {
            assert!(
                pair.read(&payload[..cut]).is_err(),
                "{cut} of {}",
                payload.len()
            );
        }
    }
    let options = liblzma::stream::LzmaOptions::new_preset(6).unwrap();
    let stream = liblzma::stream::Stream::new_lzma_encoder(&options).unwrap();
    let mut lzma = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
    lzma.write_all(archive).unwrap();
    let lzma = lzma.finish().unwrap();
    assert!(pair.refusal(&lzma).contains("known compression"));
    let pair = pair.patch(tags::PAYLOAD_COMPRESSOR, b"lzma");
    assert_eq!(pair.read(&lzma).unwrap(), wanted);
}

#[test]
fn names_in_the_archive_may_begin_with_dot_slash_or_neither() {
    let pair = pair(&two_files()).without(tags::PAYLOAD_DIGEST_ALT);
    for prefix in ["./", "/", ""] {
        let (a, b) = (format!("{prefix}usr/a"), format!("{prefix}usr/b"));
        let read = pair.read(&newc(&[(&b, "same"), (&a, "same")]));
        assert_eq!(read.unwrap(), same(["/usr/b", "/usr/a"]));
    }
}

#[test]
fn the_sum_of_bytes_is_checked_in_the_form_that_has_one() {
    let pair = pair(&two_files()).without(tags::PAYLOAD_DIGEST_ALT);
    let archive = |sum: u32| {
        let members = ["./usr/a", "./usr/b"].map(|name| member("070702", name, b"same", sum));
        [members.concat(), member("070702", "TRAILER!!!", b"", 0)].concat()
    };
    let sum = b"same".iter().map(|&byte| u32::from(byte)).sum();
    assert_eq!(
        pair.read(&archive(sum)).unwrap(),
        same(["/usr/a", "/usr/b"])
    );
    assert!(pair.refusal(&archive(sum + 1)).contains("add up"));
}

#[test]
fn the_stripped_form_takes_names_and_sizes_from_the_header() {
    let pair = pair(&two_files()).without(tags::PAYLOAD_DIGEST_ALT);
    let file = |number: u32| format!("07070X{number:08x}\0\0same").into_bytes();
    let archive = |numbers: [u32; 2]| {
        let files = numbers.map(file).concat();
        [files, member("070701", "TRAILER!!!", b"", 0)].concat()
    };
    assert_eq!(
        pair.read(&archive([1, 0])).unwrap(),
        same(["/usr/b", "/usr/a"])
    );
    assert!(pair.refusal(&archive([0, 2])).contains("the header has 2"));
    assert!(pair.refusal(&archive([1, 1])).contains("comes twice"));
}

#[test]
fn the_content_of_hard_links_comes_with_any_of_them() {
    let pair = pair(&two_files())
        .without(tags::PAYLOAD_DIGEST_ALT)
        .patch(tags::FILE_INODES, &[0, 0, 0, 1, 0, 0, 0, 1]);
    let archive = |a, b| newc(&[("./usr/a", a), ("./usr/b", b)]);
    for (a, b) in [("same", ""), ("", "same"), ("same", "same")] {
        let read = pair.read(&archive(a, b)).unwrap();
        assert!(
            read.iter()
                .all(|(_, content)| content == "same" || content.is_empty())
        );
    }
    assert!(
        pair.refusal(&archive("", ""))
            .contains("none of its hard links")
    );
    let stripped = [
        &b"07070X00000000\0\0"[..],
        b"07070X00000001\0\0same",
        &member("070701", "TRAILER!!!", b"", 0),
    ];
    assert_eq!(pair.read(&stripped.concat()).unwrap()[1].1, "same");
}

#[test]
fn a_payload_with_other_files_than_the_header_is_refused() {
    let pair = pair(&two_files());
    let refusal = |members: &[(&str, &str)]| pair.refusal(&newc(members));
    let (a, b) = (("./usr/a", "same"), ("./usr/b", "same"));
    assert!(refusal(&[a]).contains("never comes"));
    assert!(refusal(&[a, b, ("./usr/c", "")]).contains("does not list it"));
    assert!(refusal(&[a, b, a]).contains("comes twice"));
    assert!(refusal(&[a, ("./usr/b", "SAME")]).contains("digest"));
    assert!(refusal(&[a, ("./usr/b", "samesame")]).contains("8 bytes"));
    assert!(refusal(&[a, ("./usr/../usr/b", "same")]).contains("does not list it"));
    let mut junk = pair.archive.clone();
    junk.extend(b"junk");
    assert!(pair.refusal(&junk).contains("follow the end"));
}

#[test]
fn the_uncompressed_payload_is_digested_where_something_would_not_be_covered_otherwise() {
    let swapped = newc(&[("./usr/b", "same"), ("./usr/a", "same")]);
    let all = || pair(&two_files());
    assert_eq!(all().read(&swapped).unwrap(), same(["/usr/b", "/usr/a"]));
    for tag in [tags::PAYLOAD_DIGEST, tags::FILE_DIGESTS] {
        let pair = all().without(tag);
        assert_eq!(
            pair.read(&pair.archive).unwrap(),
            same(["/usr/a", "/usr/b"])
        );
        let refusal = pair.refusal(&swapped);
        assert!(
            refusal.contains("digest of the uncompressed payload"),
            "{refusal}"
        );
    }
}

#[test]
fn false_lengths_are_refused_before_memory_is_taken() {
    let bytes = two_files().bytes(&Memory::default());
    let start = Package::read(&mut bytes.as_slice())
        .unwrap()
        .record
        .header_range
        .0 as usize;
    for at in [96 + 8, 96 + 12, start + 8, start + 12] {
        for lie in [0u32, 0xffff, 0x0fff_ffff, 0xffff_ffff] {
            let mut bytes = bytes.clone();
            bytes[at..at + 4].copy_from_slice(&lie.to_be_bytes());
            assert!(
                Package::read(&mut bytes.as_slice()).is_err(),
                "{lie} at {at}"
            );
        }
    }
}

#[test]
fn a_cut_or_lengthened_package_is_refused() {
    let mut bytes = two_files().bytes(&Memory::default());
    for cut in (0..bytes.len()).step_by(7) {
        assert!(Package::read(&mut &bytes[..cut]).is_err(), "{cut}");
    }
    bytes.push(0);
    assert!(Package::read(&mut bytes.as_slice()).is_err());
}

/// Small packages of several kinds and ages: ours, and real ones where they are at hand.
fn samples() -> &'static [Vec<u8>] {
    static SAMPLES: std::sync::OnceLock<Vec<Vec<u8>>> = std::sync::OnceLock::new();
    SAMPLES.get_or_init(|| {
        let mut samples = vec![two_files().bytes(&Memory::default())];
        for path in fixtures::packages("rpms") {
            let small = std::fs::metadata(&path).unwrap().len() < 7_000;
            samples.extend(small.then(|| std::fs::read(&path).unwrap()));
        }
        samples
    })
}

/// Asks a header for everything; what it answers does not matter.
fn ask(header: &Header) {
    let _ = (
        header.nevra(),
        header.files(),
        header.changelogs(10),
        header.scriptlets(),
    );
    let _ = (
        header.dependencies(Relation::Requires),
        header.dependencies(Relation::Provides),
    );
    for tag in 0..6_000 {
        let _ = (header.strings(tag), header.numbers(tag), header.binary(tag));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_flipped_bit_is_noticed_or_changes_no_content(
        sample: prop::sample::Index, at: prop::sample::Index, bit in 0..8u32,
    ) {
        let good = &samples()[sample.index(samples().len())];
        let mut bad = good.clone();
        bad[at.index(good.len())] ^= 1 << bit;
        let (good, bad) = (Package::read(&mut good.as_slice()), Package::read(&mut bad.as_slice()));
        if let (Ok(good), Ok(bad)) = (good, bad) {
            prop_assert_eq!(good.record.content, bad.record.content);
        }
    }

    #[test]
    fn a_damaged_header_or_payload_never_panics(
        sample: prop::sample::Index, flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let good = &samples()[sample.index(samples().len())];
        let Ok(Package { header, record }) = Package::read(&mut good.as_slice()) else {
            return Ok(()); // a delta
        };
        let mut image = header.image().to_vec();
        let mut payload = good[record.header_range.1 as usize..].to_vec();
        for (at, byte) in flips {
            let place = at.index(image.len() + payload.len());
            match place.checked_sub(image.len()) {
                None => image[place] = byte,
                Some(place) => payload[place] = byte,
            }
        }
        if let Ok(header) = Header::parse(&image) {
            ask(&header);
            if let Ok(mut payload) = Payload::open(&header, payload.as_slice()) {
                while let Ok(Some(_)) = payload.next_file() {}
            }
        }
    }

    #[test]
    fn any_bytes_at_all_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = Package::read(&mut bytes.as_slice());
        let front = [&[0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 200][..], &bytes].concat();
        if let Ok(header) = Header::parse(&front[..front.len().min(16 + 48 + 200)]) {
            ask(&header);
        }
    }
}
