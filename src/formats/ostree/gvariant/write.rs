//! A value as bytes.

use super::{Type, Value, align, offset_size};

/// The normal form of a value.
pub fn write(value: &Value) -> Vec<u8> {
    match value {
        Value::Byte(byte) => vec![*byte],
        Value::Bool(truth) => vec![u8::from(*truth)],
        Value::U32(number) => number.to_le_bytes().to_vec(),
        Value::U64(number) => number.to_le_bytes().to_vec(),
        Value::String(text) => [text.as_bytes(), b"\0"].concat(),
        Value::Bytes(bytes) => bytes.clone(),
        Value::Variant(inner) => {
            let mut bytes = write(inner);
            bytes.push(0);
            bytes.extend_from_slice(inner.kind().to_string().as_bytes());
            bytes
        }
        Value::Array(element, elements) => array(element, elements),
        Value::Tuple(members) => tuple(&members.iter().collect::<Vec<_>>()),
        Value::Pair(key, value) => tuple(&[key, value]),
    }
}

fn array(element: &Type, elements: &[Value]) -> Vec<u8> {
    let mut body = Vec::new();
    let mut ends = Vec::new();
    for value in elements {
        put(&mut body, element, value);
        if element.size().is_none() {
            ends.push(body.len());
        }
    }
    framed(body, ends.into_iter())
}

fn tuple(members: &[&Value]) -> Vec<u8> {
    let types: Vec<Type> = members.iter().map(|member| member.kind()).collect();
    let mut body = Vec::new();
    let mut ends = Vec::new();
    for (at, (member, kind)) in members.iter().zip(&types).enumerate() {
        put(&mut body, kind, member);
        if kind.size().is_none() && at + 1 < members.len() {
            ends.push(body.len());
        }
    }
    if types.iter().all(|kind| kind.size().is_some()) {
        let alignment = types.iter().map(Type::alignment).max().unwrap_or(1);
        body.resize(align(body.len(), alignment), 0);
    }
    framed(body, ends.into_iter().rev())
}

fn put(body: &mut Vec<u8>, kind: &Type, value: &Value) {
    body.resize(align(body.len(), kind.alignment()), 0);
    body.extend(write(value));
}

fn framed(mut body: Vec<u8>, ends: impl ExactSizeIterator<Item = usize>) -> Vec<u8> {
    let size = offset_size(body.len(), ends.len());
    for end in ends {
        body.extend_from_slice(&end.to_le_bytes()[..size]);
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(value: &Value) -> String {
        data_encoding::HEXLOWER.encode(&write(value))
    }

    /// The examples of the specification, section 2.6, of types that are known here.
    #[test]
    fn the_examples_of_the_specification() {
        assert_eq!(hex(&Value::text("hello world")), "68656c6c6f20776f726c6400");
        let strings = ["i", "can", "has", "strings?"].map(Value::text).to_vec();
        assert_eq!(
            write(&Value::Array(Type::String, strings)),
            b"i\0can\0has\0strings?\0\x02\x06\x0a\x13"
        );
        let pair = Value::Tuple(vec![Value::text("foo"), Value::U32(u32::MAX)]);
        assert_eq!(hex(&pair), "666f6f00ffffffff04");
    }

    #[test]
    fn offsets_grow_with_their_container() {
        let of = |length: usize| {
            let element = Value::Bytes(vec![0; length]);
            let kind = element.kind();
            write(&Value::Array(kind, vec![element])).len() - length
        };
        assert_eq!(of(254), 1);
        assert_eq!(of(255), 2);
        assert_eq!(of(65533), 2);
        assert_eq!(of(65534), 4);
    }
}
