//! BLAKE3 hashes, and a type for each thing that is named by one.
//!
//! A blob id is the plain BLAKE3 of the bytes, so `b3sum` can check it.
//! Every other id is derived with a context string of its own:
//! a blob can then never be mistaken for a tree, nor a tree for an entry.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::str::FromStr;

use data_encoding::{Encoding, Specification};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::LazyLock;

/// RFC 4648 base32, lower case, no padding. Part of every file name and JSON document.
static BASE32: LazyLock<Encoding> = LazyLock::new(|| {
    let mut spec = Specification::new();
    spec.symbols.push_str("abcdefghijklmnopqrstuvwxyz234567");
    spec.encoding()
        .expect("the alphabet has 32 distinct symbols")
});

/// Characters of a hash in full text form.
pub const TEXT_LEN: usize = 52;

/// Characters of a hash in `entries/` names and on terminals.
pub const SHORT_LEN: usize = 32;

/// A hash is 32 bytes of BLAKE3.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 32]);

/// The text is not a hash: 52 characters of lower-case base32.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a hash: expected {TEXT_LEN} characters of a-z and 2-7")]
pub struct InvalidHash(pub String);

impl Hash {
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Hash(bytes)
    }

    /// Hashes bytes in a context of their own.
    pub fn derived(context: &str, bytes: &[u8]) -> Self {
        Hash(blake3::derive_key(context, bytes))
    }

    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first [`SHORT_LEN`] characters of the text form.
    pub fn short(&self) -> String {
        let mut text = self.to_string();
        text.truncate(SHORT_LEN);
        text
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&BASE32.encode(&self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.short())
    }
}

impl FromStr for Hash {
    type Err = InvalidHash;

    fn from_str(text: &str) -> Result<Self, InvalidHash> {
        BASE32
            .decode(text.as_bytes())
            .ok()
            .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
            .map(Hash)
            .ok_or_else(|| InvalidHash(text.to_owned()))
    }
}

/// Text in formats that people read, 32 bytes elsewhere.
impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_bytes(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Either form tells by itself which it is, so a value in memory can be read without being written first.
        deserializer.deserialize_any(Form)
    }
}

struct Form;

impl Visitor<'_> for Form {
    type Value = Hash;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a hash: 32 bytes, or {TEXT_LEN} characters of a-z and 2-7"
        )
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Hash, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Hash, E> {
        <[u8; 32]>::try_from(bytes)
            .map(Hash)
            .map_err(|_| E::invalid_length(bytes.len(), &self))
    }
}

/// A map by ids: they are hashes already, and are not hashed once more.
pub type ById<K, V> = HashMap<K, V, BuildHasherDefault<Prefix>>;

/// Takes the beginning of what it is given, for spread out evenly.
#[derive(Debug, Clone, Default)]
pub struct Prefix(u64);

impl Hasher for Prefix {
    fn write(&mut self, bytes: &[u8]) {
        let mut start = [0; 8];
        let length = bytes.len().min(start.len());
        start[..length].copy_from_slice(&bytes[..length]);
        self.0 = self.0.rotate_left(8) ^ u64::from_le_bytes(start);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident $(, $context:literal)?) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub self::Hash);

        impl $name {
            $(
                /// Names `canonical` bytes. The context is part of every such id ever written.
                pub fn of(canonical: &[u8]) -> Self {
                    $name(self::Hash::derived($context, canonical))
                }
            )?

            pub fn short(&self) -> String {
                self.0.short()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0.short())
            }
        }

        impl FromStr for $name {
            type Err = InvalidHash;

            fn from_str(text: &str) -> Result<Self, InvalidHash> {
                text.parse().map($name)
            }
        }
    };
}

id!(
    /// Names the bytes of a file: their plain BLAKE3.
    BlobId
);
id!(
    /// Names a directory with everything below it.
    TreeId, "store 2026 tree v1"
);
id!(
    /// Names what a compose produced. It says what came out.
    EntryId, "store 2026 entry v1"
);
id!(
    /// Names a derivation. It says what was asked for.
    DerivationKey, "store 2026 derivation v1"
);
id!(
    /// Names the record that a derivation gave an entry.
    TraceId, "store 2026 trace v1"
);

impl BlobId {
    pub fn of(bytes: &[u8]) -> Self {
        BlobId(Hash(*blake3::hash(bytes).as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_is_52_characters_and_reads_back() {
        let id = BlobId::of(b"");
        // b3sum of nothing: af1349b9f5f9a1a6…
        assert_eq!(id.0.as_bytes()[..4], [0xaf, 0x13, 0x49, 0xb9]);
        let text = id.to_string();
        assert_eq!(text.len(), TEXT_LEN);
        assert_eq!(text.parse(), Ok(id));
        assert!(text.to_uppercase().parse::<BlobId>().is_err());
    }

    #[test]
    fn equal_bytes_have_unequal_ids_in_unequal_roles() {
        let ids = [
            BlobId::of(b"x").0,
            TreeId::of(b"x").0,
            EntryId::of(b"x").0,
            DerivationKey::of(b"x").0,
            TraceId::of(b"x").0,
        ];
        let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
    }
}
