//! The canonical encoding, held against a second library that knows nothing of ours.

use std::collections::BTreeMap;

use ciborium::Value as Theirs;
use proptest::prelude::*;
use store::ids::canonical::{self, Value};

/// Any value that has a canonical form, as the other library holds it: keys in the order that RFC 8949 §4.2 asks for.
fn value() -> impl Strategy<Value = Theirs> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Theirs::Bool),
        any::<u64>().prop_map(|n| Theirs::Integer(n.into())),
        any::<i64>().prop_map(|n| Theirs::Integer(n.into())),
        (-300..300i64).prop_map(|n| Theirs::Integer(n.into())),
        ".{0,30}".prop_map(Theirs::Text),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Theirs::Bytes),
    ];
    leaf.prop_recursive(4, 64, 30, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..30).prop_map(Theirs::Array),
            prop::collection::btree_map(".{0,30}", inner, 0..30).prop_map(sorted),
        ]
    })
}

/// The order of the encoded keys: shorter first, then by their bytes.
fn sorted(map: BTreeMap<String, Theirs>) -> Theirs {
    let mut pairs: Vec<_> = map.into_iter().collect();
    pairs.sort_by(|(a, _), (b, _)| (a.len(), a).cmp(&(b.len(), b)));
    Theirs::Map(
        pairs
            .into_iter()
            .map(|(key, value)| (Theirs::Text(key), value))
            .collect(),
    )
}

fn written_by_theirs(value: &Theirs) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).unwrap();
    bytes
}

fn read_by_theirs(bytes: &[u8]) -> Result<Theirs, impl std::fmt::Debug> {
    ciborium::from_reader::<Theirs, _>(bytes)
}

/// The rule in its plainest form: read as a value, nothing forbidden in it, and the same bytes when written again.
fn is_written_again_the_same(bytes: &[u8]) -> bool {
    use serde_cbor::Value as V;
    fn allowed(value: &V) -> bool {
        match value {
            V::Bool(_) | V::Integer(_) | V::Bytes(_) | V::Text(_) => true,
            V::Array(items) => items.iter().all(allowed),
            V::Map(map) => map
                .iter()
                .all(|(key, value)| matches!(key, V::Text(_)) && allowed(value)),
            _ => false,
        }
    }
    let read: Result<V, _> = serde_cbor::from_slice(bytes);
    read.is_ok_and(|value| allowed(&value) && serde_cbor::to_vec(&value).unwrap() == bytes)
}

/// Bytes that begin like CBOR more often than chance would have it.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        any::<u8>(),
        prop::sample::select(
            &[
                0x00, 0x17, 0x18, 0x19, 0x20, 0x40, 0x41, 0x5f, 0x60, 0x61, 0x62, 0x80, 0x81, 0x82,
                0x9f, 0xa0, 0xa1, 0xa2, 0xb8, 0xbf, 0xc0, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xff
            ][..]
        )
    ];
    prop::collection::vec(byte, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_libraries_write_the_same_bytes(value in value()) {
        let theirs = written_by_theirs(&value);
        prop_assert_eq!(&canonical::encode(&value).unwrap(), &theirs);
        prop_assert_eq!(&Value::decode(&theirs).unwrap().encode(), &theirs);
    }

    #[test]
    fn the_other_library_reads_what_we_write(value in value()) {
        let ours = canonical::encode(&value).unwrap();
        prop_assert_eq!(read_by_theirs(&ours).unwrap(), value);
    }

    #[test]
    fn the_order_of_keys_in_memory_does_not_show(value in value(), seed in any::<u64>()) {
        let ours = canonical::encode(&value).unwrap();
        prop_assert_eq!(canonical::encode(&shuffled(value, seed)).unwrap(), ours);
    }

    /// A changed byte gives another value or an error, never the same value in other bytes.
    #[test]
    fn a_changed_byte_never_means_the_same(value in value(), at in any::<prop::sample::Index>(), flip in 1u8..) {
        let ours = canonical::encode(&value).unwrap();
        let mut changed = ours.clone();
        let at = at.index(changed.len());
        changed[at] ^= flip;
        if let Ok(read) = Value::decode(&changed) {
            prop_assert_eq!(read.encode(), changed);
            prop_assert_ne!(read, Value::decode(&ours).unwrap());
        }
    }

    #[test]
    fn what_is_read_is_what_would_be_written_again_the_same(bytes in nearly()) {
        prop_assert_eq!(Value::decode(&bytes).is_ok(), is_written_again_the_same(&bytes));
    }

    #[test]
    fn so_it_is_for_values_with_changed_bytes(value in value(), at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let mut bytes = canonical::encode(&value).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = to;
        prop_assert_eq!(Value::decode(&bytes).is_ok(), is_written_again_the_same(&bytes));
    }

    #[test]
    fn a_value_inside_other_data_is_the_data_itself(value in value()) {
        let inner = Value::of(&value).unwrap();
        let bytes = canonical::encode(&("a", &inner)).unwrap();
        prop_assert_eq!(&bytes, &canonical::encode(&("a", &value)).unwrap());
        prop_assert_eq!(canonical::decode::<(String, Value)>(&bytes).unwrap().1, inner);
    }

    #[test]
    fn a_cut_or_prolonged_value_is_refused(value in value(), at in any::<prop::sample::Index>(), more in any::<u8>()) {
        let mut bytes = canonical::encode(&value).unwrap();
        prop_assert!(Value::decode(&bytes[..at.index(bytes.len())]).is_err());
        bytes.push(more);
        prop_assert!(Value::decode(&bytes).is_err());
    }

    #[test]
    fn maps_in_another_order_are_refused(value in value(), seed in any::<u64>()) {
        let ours = written_by_theirs(&value);
        let other = written_by_theirs(&shuffled(value, seed));
        prop_assert_eq!(Value::decode(&other).is_ok(), other == ours);
    }
}

/// The same value with the pairs of each map in some other order.
fn shuffled(value: Theirs, seed: u64) -> Theirs {
    match value {
        Theirs::Array(items) => {
            Theirs::Array(items.into_iter().map(|item| shuffled(item, seed)).collect())
        }
        Theirs::Map(pairs) => {
            let mut pairs: Vec<_> = pairs
                .into_iter()
                .map(|(key, value)| (key, shuffled(value, seed)))
                .collect();
            let half = seed as usize % pairs.len().max(1);
            pairs.rotate_left(half);
            if seed & (1 << 40) != 0 {
                pairs.reverse();
            }
            Theirs::Map(pairs)
        }
        leaf => leaf,
    }
}

#[test]
fn longer_forms_of_the_same_number_are_refused() {
    // The major types with an argument, where every longer form means the same.
    for (shortest, longer) in [
        (&[0x17][..], &[0x18, 0x17][..]),
        (&[0x18, 0xff], &[0x19, 0x00, 0xff]),
        (&[0x19, 0xff, 0xff], &[0x1a, 0, 0, 0xff, 0xff]),
        (
            &[0x1a, 0xff, 0xff, 0xff, 0xff],
            &[0x1b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
        ),
        (&[0x20], &[0x38, 0x00]),
        (&[0x41, b'x'], &[0x58, 0x01, b'x']),
        (&[0x61, b'x'], &[0x78, 0x01, b'x']),
        (&[0x81, 0x00], &[0x98, 0x01, 0x00]),
        (&[0xa1, 0x60, 0x00], &[0xb8, 0x01, 0x60, 0x00]),
    ] {
        assert!(Value::decode(shortest).is_ok(), "{shortest:02x?}");
        assert_eq!(
            read_by_theirs(longer).unwrap(),
            read_by_theirs(shortest).unwrap()
        );
        assert!(Value::decode(longer).is_err(), "{longer:02x?}");
    }
}

#[test]
fn values_without_a_canonical_form_are_not_written() {
    let refused = [
        Theirs::Null,
        Theirs::Float(1.0),
        Theirs::Array(vec![Theirs::Null]),
        Theirs::Map(vec![(Theirs::Integer(1.into()), Theirs::Bool(true))]),
    ];
    for value in refused {
        assert!(canonical::encode(&value).is_err(), "{value:?}");
        assert!(
            Value::decode(&written_by_theirs(&value)).is_err(),
            "{value:?}"
        );
    }
}

#[test]
fn nesting_is_bounded_where_the_library_bounds_it() {
    let nested = |depth: usize| [vec![0x81; depth], vec![0x00]].concat();
    for depth in [1, 100, 126, 127, 128, 129, 200, 100_000] {
        let bytes = nested(depth);
        let as_before = is_written_again_the_same(&bytes);
        assert_eq!(Value::decode(&bytes).is_ok(), as_before, "{depth}");
    }
}

#[test]
fn a_structure_is_read_from_a_map_with_names_only() {
    use store::tree::Part;
    let inline = Part::Inline { bytes: vec![1] };
    let bytes = canonical::encode(&inline).unwrap();
    assert_eq!(canonical::decode::<Part>(&bytes).unwrap(), inline);
    // As a list of the variant and its content.
    let legacy = canonical::encode(&("inline", BTreeMap::from([("bytes", [1])]))).unwrap();
    assert!(canonical::decode::<Part>(&legacy).is_err());
}
