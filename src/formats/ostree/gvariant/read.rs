//! Bytes as a value of a known type.

use super::{DEPTH, Type, UnknownType, Value, align, offset_size, write};

/// The bytes are not the normal form of a value of the type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("a value of type {kind} at byte {at} has a length that its type forbids")]
    Length { kind: String, at: usize },
    #[error("an offset at byte {at} points outside of its container")]
    Offset { at: usize },
    #[error("the text at byte {at} is not UTF-8 with one NUL at its end")]
    Text { at: usize },
    #[error("the variant at byte {at} has no type that can be read")]
    Variant {
        at: usize,
        #[source]
        source: Option<UnknownType>,
    },
    #[error("values are nested deeper than {DEPTH} times")]
    Depth,
    #[error("the value is not in normal form")]
    NotNormal,
}

/// Reads a value; whatever is not the normal form of one is refused.
pub fn read(kind: &Type, bytes: &[u8]) -> Result<Value, Malformed> {
    let value = any(kind, Slice { bytes, at: 0 }, DEPTH)?;
    // Padding, superfluous bytes and too wide offsets all show here.
    if write(&value) == bytes {
        Ok(value)
    } else {
        Err(Malformed::NotNormal)
    }
}

/// A part of the bytes, which knows where it lies for messages.
#[derive(Clone, Copy)]
struct Slice<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Slice<'a> {
    fn part(self, start: usize, end: usize) -> Result<Slice<'a>, Malformed> {
        let outside = Malformed::Offset {
            at: self.at + self.bytes.len(),
        };
        let bytes = self.bytes.get(start..end).ok_or(outside)?;
        Ok(Slice {
            bytes,
            at: self.at + start,
        })
    }

    fn fixed<const N: usize>(self, kind: &Type) -> Result<[u8; N], Malformed> {
        self.bytes.try_into().map_err(|_| self.length(kind))
    }

    fn length(self, kind: &Type) -> Malformed {
        Malformed::Length {
            kind: kind.to_string(),
            at: self.at,
        }
    }

    /// The offset of `size` bytes at `position`.
    fn offset(self, position: usize, size: usize) -> Result<usize, Malformed> {
        let raw = self.part(position, position + size)?.bytes;
        let mut wide = [0; 8];
        wide[..size].copy_from_slice(raw);
        usize::try_from(u64::from_le_bytes(wide)).map_err(|_| Malformed::Offset {
            at: self.at + position,
        })
    }

    /// How wide the offsets of this container are, by its own length.
    fn offset_size(self) -> usize {
        offset_size(self.bytes.len(), 0)
    }
}

fn any(kind: &Type, slice: Slice<'_>, depth: usize) -> Result<Value, Malformed> {
    let depth = depth.checked_sub(1).ok_or(Malformed::Depth)?;
    Ok(match kind {
        Type::Byte => Value::Byte(u8::from_le_bytes(slice.fixed(kind)?)),
        Type::Bool => Value::Bool(u8::from_le_bytes(slice.fixed(kind)?) != 0),
        Type::U32 => Value::U32(u32::from_le_bytes(slice.fixed(kind)?)),
        Type::U64 => Value::U64(u64::from_le_bytes(slice.fixed(kind)?)),
        Type::String => Value::String(text(slice)?),
        Type::Variant => variant(slice, depth)?,
        Type::Array(element) if **element == Type::Byte => Value::Bytes(slice.bytes.to_vec()),
        Type::Array(element) => Value::Array((**element).clone(), array(element, slice, depth)?),
        Type::Tuple(types) => Value::Tuple(tuple(
            kind,
            &types.iter().collect::<Vec<_>>(),
            slice,
            depth,
        )?),
        Type::Pair(key, value) => {
            let mut members = tuple(kind, &[key, value], slice, depth)?.into_iter();
            match (members.next(), members.next()) {
                (Some(key), Some(value)) => Value::Pair(Box::new(key), Box::new(value)),
                _ => return Err(slice.length(kind)),
            }
        }
    })
}

fn text(slice: Slice<'_>) -> Result<String, Malformed> {
    let bad = || Malformed::Text { at: slice.at };
    let (end, text) = slice.bytes.split_last().ok_or_else(bad)?;
    if *end != 0 || text.contains(&0) {
        return Err(bad());
    }
    String::from_utf8(text.to_vec()).map_err(|_| bad())
}

fn variant(slice: Slice<'_>, depth: usize) -> Result<Value, Malformed> {
    let bad = |source| Malformed::Variant {
        at: slice.at,
        source,
    };
    let nul = slice.bytes.iter().rposition(|&b| b == 0);
    let nul = nul.ok_or_else(|| bad(None))?;
    let kind = std::str::from_utf8(&slice.bytes[nul + 1..]).map_err(|_| bad(None))?;
    let kind = Type::parse(kind).map_err(|unknown| bad(Some(unknown)))?;
    any(&kind, slice.part(0, nul)?, depth).map(|value| Value::Variant(Box::new(value)))
}

fn array(element: &Type, slice: Slice<'_>, depth: usize) -> Result<Vec<Value>, Malformed> {
    let length = slice.bytes.len();
    if let Some(size) = element.size() {
        if !length.is_multiple_of(size) {
            return Err(slice.length(element));
        }
        return (0..length / size)
            .map(|n| any(element, slice.part(n * size, (n + 1) * size)?, depth))
            .collect();
    }
    if length == 0 {
        return Ok(Vec::new());
    }
    let size = slice.offset_size();
    // The last offset is the end of the last element, where the offsets begin.
    let body = slice.offset(length.saturating_sub(size), size)?;
    if body > length || !(length - body).is_multiple_of(size) {
        return Err(Malformed::Offset { at: slice.at });
    }
    let mut start = 0;
    (body..length)
        .step_by(size)
        .map(|position| {
            let end = slice.offset(position, size)?;
            let value = any(
                element,
                slice.part(align(start, element.alignment()), end)?,
                depth,
            );
            start = end;
            value
        })
        .collect()
}

fn tuple(
    kind: &Type,
    types: &[&Type],
    slice: Slice<'_>,
    depth: usize,
) -> Result<Vec<Value>, Malformed> {
    let size = slice.offset_size();
    let mut offsets = slice.bytes.len();
    let mut end = 0;
    let mut members = Vec::with_capacity(types.len());
    for (at, member) in types.iter().enumerate() {
        let start = align(end, member.alignment());
        end = match member.size() {
            Some(length) => start + length,
            None if at + 1 == types.len() => offsets,
            None => {
                offsets = offsets
                    .checked_sub(size)
                    .ok_or_else(|| slice.length(kind))?;
                slice.offset(offsets, size)?
            }
        };
        members.push(any(member, slice.part(start, end)?, depth)?);
    }
    Ok(members)
}
