//! GVariant, the serialisation that OSTree's objects are written in: types and values.
//!
//! Only the types that OSTree needs, and only the normal form, which every value has exactly one of.
//! Facts: the GVariant specification by Allison Lortie, and `glib/gvariant-serialiser.c`.
//!
//! ```text
//! tuple   member … member offset … offset    an offset is the end of a member of variable size, the last one's left out;
//!                                            the first member's offset comes last
//! array   element … element offset … offset  offsets only where elements have a variable size
//! variant value 00 type
//! ```
//!
//! Numbers are little-endian as OSTree uses them; those that it calls big-endian are swapped by whoever knows which.

mod read;
mod write;

use std::fmt;

pub use read::{Malformed, read};
pub use write::write;

/// Types and variants may be nested this deep, as in GLib's `G_VARIANT_MAX_RECURSION_DEPTH`, but lower.
const DEPTH: usize = 32;

/// The type of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    Byte,
    Bool,
    U32,
    U64,
    String,
    Variant,
    Array(Box<Type>),
    Tuple(Vec<Type>),
    /// `{sv}` and its like: an entry of a dictionary, which is an array of such.
    Pair(Box<Type>, Box<Type>),
}

/// The text is not one complete type of those known here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a type that OSTree's objects use")]
pub struct UnknownType(pub String);

impl Type {
    /// Reads a type string such as `a(say)`.
    pub fn parse(text: &str) -> Result<Self, UnknownType> {
        let unknown = || UnknownType(text.chars().take(64).collect());
        let mut rest = text.bytes();
        let parsed = parse(&mut rest, DEPTH).ok_or_else(unknown)?;
        if rest.len() == 0 {
            Ok(parsed)
        } else {
            Err(unknown())
        }
    }

    /// Values begin at a multiple of this.
    fn alignment(&self) -> usize {
        match self {
            Type::Byte | Type::Bool | Type::String => 1,
            Type::U32 => 4,
            Type::U64 | Type::Variant => 8,
            Type::Array(element) => element.alignment(),
            Type::Tuple(members) => members.iter().map(Type::alignment).max().unwrap_or(1),
            Type::Pair(key, value) => key.alignment().max(value.alignment()),
        }
    }

    /// The length of every value of this type, where they all have the same one.
    fn size(&self) -> Option<usize> {
        let sum = |members: &mut dyn Iterator<Item = &Type>| {
            let mut end = 0;
            for member in members {
                end = align(end, member.alignment()) + member.size()?;
            }
            Some(align(end, self.alignment()))
        };
        match self {
            Type::Byte | Type::Bool => Some(1),
            Type::U32 => Some(4),
            Type::U64 => Some(8),
            Type::String | Type::Variant | Type::Array(_) => None,
            Type::Tuple(members) => sum(&mut members.iter()),
            Type::Pair(key, value) => sum(&mut [&**key, &**value].into_iter()),
        }
    }
}

/// Takes one type from the front; `None` where there is none.
fn parse(rest: &mut std::str::Bytes<'_>, depth: usize) -> Option<Type> {
    let depth = depth.checked_sub(1)?;
    Some(match rest.next()? {
        b'y' => Type::Byte,
        b'b' => Type::Bool,
        b'u' => Type::U32,
        b't' => Type::U64,
        b's' => Type::String,
        b'v' => Type::Variant,
        b'a' => Type::Array(Box::new(parse(rest, depth)?)),
        b'(' => {
            let mut members = Vec::new();
            loop {
                if rest.peek() == Some(b')') {
                    rest.next();
                    break;
                }
                members.push(parse(rest, depth)?);
            }
            // The empty tuple has rules of its own, and no use here.
            if members.is_empty() {
                return None;
            }
            Type::Tuple(members)
        }
        b'{' => {
            let key = parse(rest, depth)?;
            let value = parse(rest, depth)?;
            let basic = !matches!(
                key,
                Type::Array(_) | Type::Tuple(_) | Type::Pair(..) | Type::Variant
            );
            if rest.next()? != b'}' || !basic {
                return None;
            }
            Type::Pair(Box::new(key), Box::new(value))
        }
        _ => return None,
    })
}

/// Looking at the next byte without taking it.
trait Peek {
    fn peek(&self) -> Option<u8>;
}

impl Peek for std::str::Bytes<'_> {
    fn peek(&self) -> Option<u8> {
        self.clone().next()
    }
}

/// As in a type string.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Byte => f.write_str("y"),
            Type::Bool => f.write_str("b"),
            Type::U32 => f.write_str("u"),
            Type::U64 => f.write_str("t"),
            Type::String => f.write_str("s"),
            Type::Variant => f.write_str("v"),
            Type::Array(element) => write!(f, "a{element}"),
            Type::Tuple(members) => {
                f.write_str("(")?;
                members
                    .iter()
                    .try_for_each(|member| write!(f, "{member}"))?;
                f.write_str(")")
            }
            Type::Pair(key, value) => write!(f, "{{{key}{value}}}"),
        }
    }
}

/// A value; an array knows the type of its elements, so that an empty one has a type too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Byte(u8),
    Bool(bool),
    U32(u32),
    U64(u64),
    /// Without NUL.
    String(String),
    Variant(Box<Value>),
    /// `ay`, which would be an array of many small values.
    Bytes(Vec<u8>),
    Array(Type, Vec<Value>),
    Tuple(Vec<Value>),
    Pair(Box<Value>, Box<Value>),
}

impl Value {
    pub fn text(text: impl Into<String>) -> Self {
        Value::String(text.into())
    }

    pub fn kind(&self) -> Type {
        match self {
            Value::Byte(_) => Type::Byte,
            Value::Bool(_) => Type::Bool,
            Value::U32(_) => Type::U32,
            Value::U64(_) => Type::U64,
            Value::String(_) => Type::String,
            Value::Variant(_) => Type::Variant,
            Value::Bytes(_) => Type::Array(Box::new(Type::Byte)),
            Value::Array(element, _) => Type::Array(Box::new(element.clone())),
            Value::Tuple(members) => Type::Tuple(members.iter().map(Value::kind).collect()),
            Value::Pair(key, value) => Type::Pair(Box::new(key.kind()), Box::new(value.kind())),
        }
    }
}

fn align(position: usize, alignment: usize) -> usize {
    position.next_multiple_of(alignment)
}

/// Bytes that an offset takes in a container of `body` bytes with `count` offsets behind them.
fn offset_size(body: usize, count: usize) -> usize {
    [1, 2, 4]
        .into_iter()
        .find(|&size| body + count * size < 1 << (8 * size))
        .unwrap_or(8)
}
