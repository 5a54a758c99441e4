//! Headers that lie about themselves, one lie at a time.

use store::formats::rpm::kind::Kind;
use store::formats::rpm::relations::Relation;
use store::formats::rpm::{Header, Package, tags};

use crate::support::rpm::spec;
use crate::support::workspace::Memory;

fn image() -> Vec<u8> {
    let draft = spec("x-1-1.noarch")
        .requires("a")
        .file("/usr/a", b"a")
        .file("/usr/b", b"b");
    let bytes = draft.bytes(&Memory::default());
    let package = Package::read(&mut bytes.as_slice()).unwrap();
    package.header.image().to_vec()
}

fn word(image: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(image[at..at + 4].try_into().unwrap())
}

/// The index entry of a tag.
fn entry(image: &[u8], tag: u32) -> usize {
    (16..)
        .step_by(16)
        .find(|&at| word(image, at) == tag)
        .unwrap()
}

/// Why the header is refused once a word of it is another: `field` 0 is the tag, then type, offset, count.
fn refusal(tag: u32, field: usize, change: impl Fn(u32) -> u32) -> String {
    let mut image = image();
    let at = entry(&image, tag) + field * 4;
    let changed = change(word(&image, at));
    image[at..at + 4].copy_from_slice(&changed.to_be_bytes());
    Header::parse(&image).unwrap_err().to_string()
}

#[test]
fn every_lie_of_an_index_entry_is_named() {
    let says = |lie: String, why: &str| assert!(lie.contains(why), "{lie:?} should say {why:?}");
    says(refusal(tags::NAME, 0, |_| 7), "tags below 100 are reserved");
    says(refusal(tags::NAME, 1, |_| 10), "10 is not a type");
    says(refusal(tags::NAME, 1, |_| 0), "reaches outside");
    says(
        refusal(tags::NAME, 2, |_| 0x00ff_ffff),
        "outside the header",
    );
    says(
        refusal(tags::NAME, 2, |_| 0xffff_fff0),
        "outside the header",
    );
    says(refusal(tags::NAME, 3, |_| 0), "can't have 0 values");
    says(refusal(tags::NAME, 3, |_| 2), "reaches outside");
    says(
        refusal(tags::NAME, 3, |_| u32::MAX),
        "can't have 4294967295 values",
    );
    says(
        refusal(tags::FILE_SIZES, 2, |offset| offset + 1),
        "not aligned",
    );
    says(refusal(tags::VERSION, 2, |_| 0), "overlaps");
    says(refusal(tags::BASE_NAMES, 3, |_| 300), "reaches outside");
}

#[test]
fn every_lie_of_the_region_is_named() {
    let says = |lie: String, why: &str| assert!(lie.contains(why), "{lie:?} should say {why:?}");
    says(
        refusal(tags::HEADER_IMMUTABLE, 1, |_| 6),
        "not 16 binary bytes",
    );
    says(
        refusal(tags::HEADER_IMMUTABLE, 3, |_| 17),
        "not 16 binary bytes",
    );
    says(
        refusal(tags::HEADER_IMMUTABLE, 2, |_| 0x00ff_ffff),
        "outside the data",
    );
    says(
        refusal(tags::HEADER_IMMUTABLE, 2, |offset| offset - 16),
        "trailer",
    );
    let mut short = image();
    let at = short.len() - 8;
    let span = word(&short, at).wrapping_add(16);
    short[at..at + 4].copy_from_slice(&span.to_be_bytes());
    let error = Header::parse(&short).unwrap_err().to_string();
    says(error, "does not span the whole header");
}

/// Bytes are cheap in a file: as many of them as rpm allows must not become ten times as many in memory.
#[test]
fn a_header_of_nothing_but_empty_strings_is_refused() {
    let header = |tags: u32, each: u32| {
        let mut image = [0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0].to_vec();
        image.extend(tags.to_be_bytes());
        image.extend((tags * each).to_be_bytes());
        for tag in 0..tags {
            for word in [1000 + tag, 8, tag * each, each] {
                image.extend(word.to_be_bytes());
            }
        }
        image.resize(image.len() + (tags * each) as usize, 0);
        Header::parse(&image)
    };
    assert!(header(4, 1 << 20).is_ok());
    let many = header(1, (1 << 20) + 1).unwrap_err().to_string();
    assert!(many.contains("at most 1048576"), "{many}");
    let together = header(5, 1 << 20).unwrap_err().to_string();
    assert!(together.contains("more than 4194304 strings"), "{together}");
}

#[test]
fn a_header_is_neither_shorter_nor_longer_than_it_says() {
    let image = image();
    for cut in [0, 8, 15, 16, 100, image.len() - 1] {
        assert!(Header::parse(&image[..cut]).is_err(), "{cut}");
    }
    assert!(Header::parse(&[image.as_slice(), b"\0"].concat()).is_err());
    assert_eq!(Header::parse(&image).unwrap().image(), image);
}

#[test]
fn values_of_another_type_than_expected_are_an_error() {
    let header = Header::parse(&image()).unwrap();
    assert_eq!(header.kind(tags::BUILD_TIME), Some(Kind::Int32));
    assert!(header.string(tags::BUILD_TIME).is_err());
    assert!(header.numbers(tags::NAME).is_err());
    assert!(header.binary(tags::NAME).is_err());
    assert_eq!(header.string(tags::VENDOR).unwrap(), None);
    assert_eq!(header.number(tags::EPOCH).unwrap(), None);
}

#[test]
fn lists_of_unequal_length_are_an_error() {
    let refused = |tag: u32, ask: fn(&Header) -> bool| {
        let mut image = image();
        let at = entry(&image, tag) + 12;
        let count = word(&image, at) - 1;
        image[at..at + 4].copy_from_slice(&count.to_be_bytes());
        assert!(ask(&Header::parse(&image).unwrap()), "{tag}");
    };
    refused(tags::FILE_MODES, |header| header.files().is_err());
    refused(tags::BASE_NAMES, |header| header.files().is_err());
    refused(tags::FILE_USERS, |header| header.files().is_err());
    refused(tags::REQUIRE_FLAGS, |header| {
        header.dependencies(Relation::Requires).is_err()
    });
}
