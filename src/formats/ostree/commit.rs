//! A commit names a tree, and says what it is.

use std::collections::BTreeMap;

use super::gvariant::{self, Type, Value};
use super::object::{self, Checksum, Malformed};

const COMMIT: &str = "(a{sv}aya(say)sstayay)";

/// A commit; without related objects, which nobody writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    pub metadata: BTreeMap<String, Value>,
    pub parent: Option<Checksum>,
    pub subject: String,
    pub body: String,
    /// Seconds since 1970.
    pub timestamp: u64,
    /// The root directory.
    pub tree: Checksum,
    pub meta: Checksum,
}

impl Commit {
    pub fn encode(&self) -> Vec<u8> {
        let kind = |text| Type::parse(text).expect("a constant type");
        let metadata = self.metadata.iter().map(|(key, value)| {
            let value = Value::Variant(Box::new(value.clone()));
            Value::Pair(Box::new(Value::text(key)), Box::new(value))
        });
        let parent = self.parent.map_or(Vec::new(), |parent| parent.0.to_vec());
        gvariant::write(&Value::Tuple(vec![
            Value::Array(kind("{sv}"), metadata.collect()),
            Value::Bytes(parent),
            Value::Array(kind("(say)"), Vec::new()),
            Value::text(&self.subject),
            Value::text(&self.body),
            Value::U64(self.timestamp.swap_bytes()),
            Value::Bytes(self.tree.0.to_vec()),
            Value::Bytes(self.meta.0.to_vec()),
        ]))
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let what = "commit";
        let [
            Value::Array(_, pairs),
            Value::Bytes(parent),
            Value::Array(_, _),
            Value::String(subject),
            Value::String(body),
            Value::U64(timestamp),
            Value::Bytes(tree),
            Value::Bytes(meta),
        ] = object::members(what, COMMIT, bytes)?
        else {
            return Err(Malformed::Shape { what });
        };
        let parent = match parent.as_slice() {
            [] => None,
            bytes => Some(object::checksum(what, bytes)?),
        };
        Ok(Commit {
            metadata: metadata(pairs)?,
            parent,
            subject,
            body,
            timestamp: timestamp.swap_bytes(),
            tree: object::checksum(what, &tree)?,
            meta: object::checksum(what, &meta)?,
        })
    }
}

/// Of a key given twice the first value counts, as in GLib's look-up.
fn metadata(pairs: Vec<Value>) -> Result<BTreeMap<String, Value>, Malformed> {
    let mut metadata = BTreeMap::new();
    for pair in pairs {
        let Value::Pair(key, value) = pair else {
            return Err(Malformed::Shape { what: "commit" });
        };
        let (Value::String(key), Value::Variant(value)) = (*key, *value) else {
            return Err(Malformed::Shape { what: "commit" });
        };
        metadata.entry(key).or_insert(*value);
    }
    Ok(metadata)
}
