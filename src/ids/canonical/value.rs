//! A canonical value whose shape its reader does not know.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::ser::{Error as _, SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_cbor::Value as Tree;

use super::items::{Items, Kind};
use super::{Error, check, encode};
use crate::ids::Hash;

/// Any canonical value, as its bytes.
#[derive(Clone, PartialEq)]
pub struct Value(pub(super) Vec<u8>);

const CHECKED: &str = "the bytes of a value were checked when it was made";

impl Value {
    /// Turns data into a value; fails where the data has no canonical form.
    pub fn of<T: Serialize>(data: &T) -> Result<Self, Error> {
        encode(data).map(Value)
    }

    pub fn to<T: DeserializeOwned>(&self) -> Result<T, Error> {
        super::read(&self.0)
    }

    pub fn encode(&self) -> Vec<u8> {
        self.0.clone()
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text under a key of a map, followed through nested maps.
    pub fn text(&self, path: &[&str]) -> Option<&str> {
        let mut at: &[u8] = &self.0;
        for name in path {
            at = entry(at, name)?;
        }
        super::read(at).ok()
    }

    /// What stands under a key of a map, followed through nested maps.
    pub fn get(&self, path: &[&str]) -> Option<Value> {
        let mut at: &[u8] = &self.0;
        for name in path {
            at = entry(at, name)?;
        }
        Some(Value(at.to_vec()))
    }

    /// Where two values differ: the keys of nested maps, joined by dots, in order.
    pub fn differences(&self, other: &Value) -> Vec<String> {
        let paths = self.differing(other).into_iter();
        paths.map(|path| path.join(".")).collect()
    }

    /// The same, each place as the keys that lead to it.
    pub fn differing(&self, other: &Value) -> Vec<Vec<String>> {
        let mut found = Vec::new();
        differ(&self.tree(), &other.tree(), &[], &mut found);
        found
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        check(bytes)?;
        Ok(Value(bytes.to_vec()))
    }

    fn tree(&self) -> Tree {
        serde_cbor::from_slice(&self.0).expect(CHECKED)
    }
}
/// What a map has under a key.
fn entry<'a>(map: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut items = Items::checked(map);
    let head = items.head().ok()?;
    if head.kind != Kind::Map {
        return None;
    }
    for _ in 0..head.number {
        let found = super::read::<&str>(items.key().ok()?).ok()? == name;
        let value = items.item().ok()?;
        if found {
            return Some(value);
        }
    }
    None
}

fn differ(a: &Tree, b: &Tree, at: &[String], found: &mut Vec<Vec<String>>) {
    use Tree as V;
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
        let path = [at, &[name.to_owned()]].concat();
        match (left.get(key), right.get(key)) {
            (Some(a), Some(b)) => differ(a, b, &path, found),
            _ => found.push(path),
        }
    }
}

/// For people, 32 bytes are a hash, and stand as its text.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Item(&self.0).serialize(serializer)
    }
}

/// The canonical bytes of one item, handed to another serializer.
struct Item<'a>(&'a [u8]);

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut items = Items::checked(self.0);
        let head = items.head().map_err(S::Error::custom)?;
        let number = head.number;
        let count = usize::try_from(number).ok();
        match head.kind {
            Kind::Bool => serializer.serialize_bool(number == 1),
            Kind::Unsigned => serializer.serialize_u64(number),
            Kind::Negative => serializer.serialize_i128(-1 - i128::from(number)),
            Kind::Bytes => {
                let bytes = items.string(head).map_err(S::Error::custom)?;
                match <[u8; 32]>::try_from(bytes) {
                    Ok(hash) if serializer.is_human_readable() => {
                        serializer.collect_str(&Hash::from_bytes(hash))
                    }
                    _ => serializer.serialize_bytes(bytes),
                }
            }
            Kind::Text => {
                let bytes = items.string(head).map_err(S::Error::custom)?;
                serializer.serialize_str(std::str::from_utf8(bytes).map_err(S::Error::custom)?)
            }
            Kind::Array => {
                let mut list = serializer.serialize_seq(count)?;
                for _ in 0..number {
                    list.serialize_element(&Item(items.item().map_err(S::Error::custom)?))?;
                }
                list.end()
            }
            Kind::Map => {
                let mut map = serializer.serialize_map(count)?;
                for _ in 0..number {
                    let key = items.key().map_err(S::Error::custom)?;
                    let value = items.item().map_err(S::Error::custom)?;
                    map.serialize_entry(&Item(key), &Item(value))?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tree = Tree::deserialize(deserializer)?;
        Value::of(&tree).map_err(serde::de::Error::custom)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Diagnostic notation (RFC 8949 §8), one line: the text form in which derivations are shown and compared.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(&self.tree(), f)
    }
}

fn show(value: &Tree, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    use Tree as V;
    match value {
        V::Bool(b) => write!(f, "{b}"),
        V::Integer(n) => write!(f, "{n}"),
        V::Text(text) => write!(f, "{text:?}"),
        V::Bytes(bytes) => match <[u8; 32]>::try_from(bytes.as_slice()) {
            Ok(hash) => write!(f, "h'{}'", Hash::from_bytes(hash)),
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
