//! The one encoding that hashed values are written in: CBOR by RFC 8949 §4.2.
//!
//! Text keys only, sorted bytewise; shortest integers; no floats, no tags, no nulls, no indefinite lengths.
//! What is read is refused unless it is the only encoding of its value, so two byte strings never mean the same.
//! That is seen by walking the bytes once, before anything is built from them.
//!
//! `serde_cbor` is unmaintained and not canonical by itself: it is used here and nowhere else,
//! to bring checked CBOR into data; what is written is written here, in order.

mod fields;
mod items;
mod value;
mod writer;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use fields::{Cell, Fields, Map};
use items::Items;
pub use value::Value;
use writer::Writer;

/// The bytes are not canonical, or the value can't be written canonically.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("not valid CBOR at byte {at}: {problem}")]
    Malformed { at: usize, problem: &'static str },
    #[error("not canonical: {0} are not allowed in hashed data")]
    Forbidden(&'static str),
    #[error("not canonical: the same value has another encoding")]
    NotCanonical,
    #[error("canonical CBOR of another shape than expected")]
    Shape(#[source] serde_cbor::Error),
    #[error("canonical CBOR of another shape than expected: it lacks the field {0}")]
    Missing(&'static str),
    #[error("canonical CBOR of another shape than expected: {0}")]
    Unexpected(&'static str),
}

/// Writes data in its only encoding.
pub fn encode<T: Serialize>(data: &T) -> Result<Vec<u8>, Error> {
    Writer::encode(data)
}

/// Reads data, refusing every encoding but the only one.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    check(bytes)?;
    read(bytes)
}

/// Reads data that is hashed, refusing also what deserializing is generous with: a list in place of a map of fields.
pub fn decode_exact<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> Result<T, Error> {
    check(bytes)?;
    read_exact(bytes)
}

/// The same, of bytes that were checked.
fn read_exact<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> Result<T, Error> {
    let data = read(bytes)?;
    match encode(&data)? == bytes {
        true => Ok(data),
        false => Err(Error::Unexpected("a list stands for the fields of a map")),
    }
}

/// Refuses bytes that are not the only encoding of one value.
fn check(bytes: &[u8]) -> Result<(), Error> {
    let mut items = Items::canonical(bytes);
    items.item()?;
    items.end()
}

/// Reads data from bytes that were checked.
///
/// Enumerations and structures have other forms in `serde_cbor` too, as lists and with numbers as keys;
/// they are not read.
fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Error> {
    let mut reader = serde_cbor::Deserializer::from_slice(bytes)
        .disable_legacy_enums()
        .disable_packed_format();
    T::deserialize(&mut reader).map_err(Error::Shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn hex(bytes: &[u8]) -> String {
        data_encoding::HEXLOWER.encode(bytes)
    }

    /// Worked out by hand from RFC 8949 §3 and §4.2.1.
    #[test]
    fn golden_vectors() {
        let map: BTreeMap<&str, u32> = [("zz", 1), ("a", 2), ("bbb", 3), ("b", 4)].into();
        assert_eq!(
            hex(&encode(&map).unwrap()),
            "a46161026162\
04627a7a016362626203"
                .replace('\n', "")
        );
        assert_eq!(
            hex(&encode(&[0u64, 23, 24, 255, 256, 65536, 1 << 32]).unwrap()),
            "87001718181\
8ff1901001a000100001b0000000100000000"
        );
        assert_eq!(hex(&encode(&-500i32).unwrap()), "3901f3");
        assert_eq!(
            hex(&encode(&serde_bytes::Bytes::new(b"\0\xff")).unwrap()),
            "4200ff"
        );
        assert_eq!(hex(&encode(&("ü", true)).unwrap()), "8262c3bcf5");
    }

    /// Worked out by hand as well: variants are maps of one entry, and what is not counted beforehand is counted.
    #[test]
    fn every_shape_of_data_has_its_form() {
        #[derive(Serialize)]
        enum Any {
            Unit,
            New(Option<u8>),
            Tuple(u8, u8),
            Struct { b: u8, a: u8 },
        }
        struct Odd;
        impl Serialize for Odd {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_seq((1..30).filter(|n| n % 2 == 1))
            }
        }
        struct Names;
        impl Serialize for Names {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                let names = ["bb", "", "c", "a"].into_iter();
                to.collect_map(names.filter(|n| !n.is_empty()).map(|n| (n, Odd)))
            }
        }
        let written = |hexes: &[&str]| hexes.concat();
        let odd = "8f01030507090b0d0f111315171819181b181d";
        assert_eq!(hex(&encode(&Odd).unwrap()), odd);
        assert_eq!(
            hex(&encode(&Names).unwrap()),
            written(&["a3", "6161", odd, "6163", odd, "626262", odd])
        );
        let any = [Any::Unit, Any::New(Some(1)), Any::Tuple(1, 2)];
        assert_eq!(
            hex(&encode(&any).unwrap()),
            "8364556e6974a1634e657701a1655475706c65820102"
        );
        assert_eq!(
            hex(&encode(&Any::Struct { b: 1, a: 2 }).unwrap()),
            "a166537472756374a2616102616201"
        );
        assert!(encode(&Any::New(None)).is_err(), "there are no nulls");
        assert!(encode(&1.0f64).is_err(), "there are no floats");
        assert!(encode(&BTreeMap::from([(1, 2)])).is_err(), "keys are text");
    }

    #[test]
    fn what_is_nested_too_deep_to_be_read_is_not_written() {
        fn nested(depth: usize) -> Result<Vec<u8>, Error> {
            struct Nested(usize);
            impl Serialize for Nested {
                fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                    to.collect_seq((0..1).take(self.0).map(|_| Nested(self.0 - 1)))
                }
            }
            encode(&Nested(depth))
        }
        assert!(Value::decode(&nested(126).unwrap()).is_ok());
        assert!(nested(127).is_err());
    }

    #[test]
    fn a_map_of_parts_is_encoded_as_the_whole_would_be() {
        let whole: BTreeMap<&str, BTreeMap<&str, u32>> = [
            ("bb", [("z", 1)].into()),
            ("a", BTreeMap::new()),
            ("c", [("y", 500)].into()),
        ]
        .into();
        let parts = whole.iter().fold(Map::default(), |map, (name, part)| {
            map.with_value(name, &Value::of(part).unwrap())
        });
        assert_eq!(hex(&parts.encode()), hex(&encode(&whole).unwrap()));
    }

    #[test]
    fn differences_are_named_by_their_keys() {
        let value = |text: &str| {
            Value::of(&BTreeMap::from([("a", BTreeMap::from([("b", text)]))])).unwrap()
        };
        assert_eq!(value("x").differences(&value("y")), ["a.b"]);
        assert_eq!(value("x").text(&["a", "b"]), Some("x"));
        assert!(value("x").differences(&value("x")).is_empty());
    }

    #[test]
    fn every_other_encoding_of_a_value_is_refused() {
        let refused = |bytes: &[u8]| assert!(Value::decode(bytes).is_err(), "{}", hex(bytes));
        refused(&[0x18, 0x17]); // 23 in two bytes
        refused(&[0x9f, 0x01, 0xff]); // indefinite array
        refused(&[0xa2, 0x61, b'b', 0x01, 0x61, b'a', 0x02]); // keys out of order
        refused(&[0xa2, 0x61, b'a', 0x01, 0x61, b'a', 0x02]); // key twice
        refused(&[0xa1, 0x01, 0x02]); // key is not text
        refused(&[0xf6]); // null
        refused(&[0xf9, 0x3c, 0x00]); // 1.0
        refused(&[0xc0, 0x60]); // tag
        refused(&[0x00, 0x00]); // trailing byte
        refused(&[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]); // false length
        refused(&[0x81; 100_000]); // nesting
    }
}
