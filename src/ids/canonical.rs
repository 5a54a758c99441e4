//! The one encoding that hashed values are written in: CBOR by RFC 8949 §4.2.
//!
//! Text keys only, sorted bytewise; shortest integers; no floats, no tags, no nulls, no indefinite lengths.
//! What is read is encoded again and compared, so two byte strings never mean the same value.
//!
//! `serde_cbor` is unmaintained and not canonical by itself; it is used here and nowhere else.
//! Its `Value` sorts text keys as RFC 8949 does, which the golden vectors below
//! and the cross-check with a second library in `tests/suite` hold fast.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The bytes are not canonical, or the value can't be written canonically.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("not valid CBOR")]
    Syntax(#[source] serde_cbor::Error),
    #[error("not canonical: {0} are not allowed in hashed data")]
    Forbidden(&'static str),
    #[error("not canonical: the same value has another encoding")]
    NotCanonical,
    #[error("canonical CBOR of another shape than expected")]
    Shape(#[source] serde_cbor::Error),
}

/// Any canonical value, for data whose shape the reader does not know.
#[derive(Debug, Clone, PartialEq)]
pub struct Value(serde_cbor::Value);

impl Value {
    /// Turns data into a value; fails where the data has no canonical form.
    pub fn of<T: Serialize>(data: &T) -> Result<Self, Error> {
        let loose = serde_cbor::to_vec(data).map_err(Error::Shape)?;
        let value = serde_cbor::from_slice(&loose).map_err(Error::Syntax)?;
        check(&value)?;
        Ok(Value(value))
    }

    pub fn to<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_cbor::value::from_value(self.0.clone()).map_err(Error::Shape)
    }

    pub fn encode(&self) -> Vec<u8> {
        serde_cbor::to_vec(&self.0).expect("a checked value is made of encodable parts")
    }

    /// The text under a key of a map, followed through nested maps.
    pub fn text(&self, path: &[&str]) -> Option<&str> {
        let mut value = &self.0;
        for key in path {
            let serde_cbor::Value::Map(map) = value else {
                return None;
            };
            value = map.get(&serde_cbor::Value::Text((*key).to_owned()))?;
        }
        match value {
            serde_cbor::Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Where two values differ: the keys of nested maps, joined by dots, in order.
    pub fn differences(&self, other: &Value) -> Vec<String> {
        let mut found = Vec::new();
        differ(&self.0, &other.0, "", &mut found);
        found
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let value: serde_cbor::Value = serde_cbor::from_slice(bytes).map_err(Error::Syntax)?;
        check(&value)?;
        let value = Value(value);
        if value.encode() == bytes {
            Ok(value)
        } else {
            Err(Error::NotCanonical)
        }
    }
}

/// Writes data in its only encoding.
pub fn encode<T: Serialize>(data: &T) -> Result<Vec<u8>, Error> {
    Ok(Value::of(data)?.encode())
}

/// Reads data, refusing every encoding but the only one.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    serde_cbor::value::from_value(Value::decode(bytes)?.0).map_err(Error::Shape)
}

fn differ(a: &serde_cbor::Value, b: &serde_cbor::Value, at: &str, found: &mut Vec<String>) {
    use serde_cbor::Value as V;
    let (V::Map(left), V::Map(right)) = (a, b) else {
        if a != b {
            found.push(at.to_owned());
        }
        return;
    };
    let keys: std::collections::BTreeSet<&V> = left.keys().chain(right.keys()).collect();
    for key in keys {
        let name = if let V::Text(name) = key {
            name.as_str()
        } else {
            "?"
        };
        let path = if at.is_empty() {
            name.to_owned()
        } else {
            format!("{at}.{name}")
        };
        match (left.get(key), right.get(key)) {
            (Some(a), Some(b)) => differ(a, b, &path, found),
            _ => found.push(path),
        }
    }
}

fn check(value: &serde_cbor::Value) -> Result<(), Error> {
    use serde_cbor::Value as V;
    match value {
        V::Bool(_) | V::Integer(_) | V::Bytes(_) | V::Text(_) => Ok(()),
        V::Array(items) => items.iter().try_for_each(check),
        V::Map(map) => map.iter().try_for_each(|(key, value)| match key {
            V::Text(_) => check(value),
            _ => Err(Error::Forbidden("keys that are not text")),
        }),
        V::Null => Err(Error::Forbidden("nulls")),
        V::Float(_) => Err(Error::Forbidden("floats")),
        V::Tag(..) => Err(Error::Forbidden("tags")),
        _ => Err(Error::Forbidden("values of an unknown type")),
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_cbor::Value::deserialize(deserializer)?;
        check(&value).map_err(serde::de::Error::custom)?;
        Ok(Value(value))
    }
}

/// Diagnostic notation (RFC 8949 §8), one line: the text form in which derivations are shown and compared.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(&self.0, f)
    }
}

fn show(value: &serde_cbor::Value, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    use serde_cbor::Value as V;
    match value {
        V::Bool(b) => write!(f, "{b}"),
        V::Integer(n) => write!(f, "{n}"),
        V::Text(text) => write!(f, "{text:?}"),
        V::Bytes(bytes) => match <[u8; 32]>::try_from(bytes.as_slice()) {
            Ok(hash) => write!(f, "h'{}'", super::Hash::from_bytes(hash)),
            Err(_) => write!(f, "'{}'", bytes.escape_ascii()),
        },
        V::Array(items) => {
            f.write_str("[")?;
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    f.write_str(", ")?;
                }
                show(item, f)?;
            }
            f.write_str("]")
        }
        V::Map(map) => {
            f.write_str("{")?;
            for (i, (key, item)) in map.iter().enumerate() {
                if i > 0 {
                    f.write_str(", ")?;
                }
                show(key, f)?;
                f.write_str(": ")?;
                show(item, f)?;
            }
            f.write_str("}")
        }
        _ => f.write_str("?"),
    }
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
