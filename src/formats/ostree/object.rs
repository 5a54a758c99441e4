//! What all objects have in common: a checksum as name, a kind, extended attributes.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use super::gvariant::{self, Type, Value};

/// Extended attributes by their names; without the NUL that ends a name in an object.
pub type Xattrs = BTreeMap<Vec<u8>, Vec<u8>>;

/// A checksum is the SHA-256 that names an object.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Checksum(pub [u8; 32]);

/// The text is not a checksum: 64 digits of lower-case hex.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a checksum: expected 64 characters of 0-9 and a-f")]
pub struct InvalidChecksum(pub String);

impl Checksum {
    pub fn of(bytes: &[u8]) -> Self {
        Checksum(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Checksum {
    type Err = InvalidChecksum;

    fn from_str(text: &str) -> Result<Self, InvalidChecksum> {
        data_encoding::HEXLOWER
            .decode(text.as_bytes())
            .ok()
            .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
            .map(Checksum)
            .ok_or_else(|| InvalidChecksum(text.to_owned()))
    }
}

/// The kinds of object that a commit is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Commit,
    DirTree,
    DirMeta,
    /// A file or symbolic link, compressed.
    File,
}

impl Kind {
    /// What object files of an archive repository end in.
    pub const fn extension(self) -> &'static str {
        match self {
            Kind::Commit => "commit",
            Kind::DirTree => "dirtree",
            Kind::DirMeta => "dirmeta",
            Kind::File => "filez",
        }
    }
}

/// The bytes are not those of an object.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    #[error("the {what} is not a GVariant of type {expected}")]
    Value {
        what: &'static str,
        expected: &'static str,
        source: gvariant::Malformed,
    },
    #[error("the {what} has a checksum of {length} bytes, not 32")]
    Checksum { what: &'static str, length: usize },
    #[error(
        "the {what} has an extended attribute whose name is empty or does not end with one NUL"
    )]
    XattrName { what: &'static str },
    #[error("the {what} is not sorted at {name:?}")]
    Order { what: &'static str, name: String },
    #[error("the {what} holds a bad name {name:?}: {reason}")]
    Name {
        what: &'static str,
        name: String,
        reason: &'static str,
    },
    #[error("the {what} has mode {mode:o}, which can't be its mode")]
    Mode { what: &'static str, mode: u32 },
    #[error("the {what} ends after {length} bytes, inside of its header")]
    Short { what: &'static str, length: usize },
    #[error("the {what} has another shape than it should")]
    Shape { what: &'static str },
}

/// Reads bytes as a tuple of the type.
pub(super) fn members<const N: usize>(
    what: &'static str,
    expected: &'static str,
    bytes: &[u8],
) -> Result<[Value; N], Malformed> {
    let kind = Type::parse(expected).expect("the types of objects are types");
    let value = gvariant::read(&kind, bytes).map_err(|source| Malformed::Value {
        what,
        expected,
        source,
    })?;
    match value {
        Value::Tuple(members) => members.try_into().map_err(|_| Malformed::Shape { what }),
        _ => Err(Malformed::Shape { what }),
    }
}

pub(super) fn checksum(what: &'static str, bytes: &[u8]) -> Result<Checksum, Malformed> {
    let length = bytes.len();
    <[u8; 32]>::try_from(bytes)
        .map(Checksum)
        .map_err(|_| Malformed::Checksum { what, length })
}

/// `a(ayay)`, sorted by name.
pub(super) fn write_xattrs(xattrs: &Xattrs) -> Value {
    let pair = |(name, value): (&Vec<u8>, &Vec<u8>)| {
        let name = [name.as_slice(), b"\0"].concat();
        Value::Tuple(vec![Value::Bytes(name), Value::Bytes(value.clone())])
    };
    let kind = Type::parse("(ayay)").expect("a constant type");
    Value::Array(kind, xattrs.iter().map(pair).collect())
}

pub(super) fn read_xattrs(what: &'static str, value: Value) -> Result<Xattrs, Malformed> {
    let Value::Array(_, pairs) = value else {
        return Err(Malformed::Shape { what });
    };
    let mut xattrs = Xattrs::new();
    for pair in pairs {
        let Value::Tuple(pair) = pair else {
            return Err(Malformed::Shape { what });
        };
        let Ok([Value::Bytes(mut name), Value::Bytes(value)]) = <[Value; 2]>::try_from(pair) else {
            return Err(Malformed::Shape { what });
        };
        if name.pop() != Some(0) || name.is_empty() || name.contains(&0) {
            return Err(Malformed::XattrName { what });
        }
        if xattrs
            .last_key_value()
            .is_some_and(|(last, _)| *last >= name)
        {
            let name = String::from_utf8_lossy(&name).into_owned();
            return Err(Malformed::Order { what, name });
        }
        xattrs.insert(name, value);
    }
    Ok(xattrs)
}

/// Numbers that OSTree keeps big-endian inside of the little-endian GVariant.
pub(super) fn swapped(number: u32) -> Value {
    Value::U32(number.swap_bytes())
}
