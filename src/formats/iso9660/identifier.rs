//! Identifiers: the names that readers without Rock Ridge see.

use std::collections::{BTreeMap, BTreeSet};

/// Longest identifier of level 3, version aside: name, dot and extension.
const LONGEST: usize = 30;
/// Longest extension that is kept.
const EXTENSION: usize = 8;

/// Identifiers for the names of a directory: upper case, letters, digits and `_`, each once.
///
/// Where two names would be one, later ones get a number in place of their last characters.
pub fn identifiers<'a>(
    names: impl IntoIterator<Item = (&'a [u8], bool)>,
) -> BTreeMap<&'a [u8], Vec<u8>> {
    let mut taken = BTreeSet::new();
    let mut found = BTreeMap::new();
    // By what stands before and behind a number, and its length: all such numbers below this one are taken.
    let mut numbers = BTreeMap::new();
    for (name, is_directory) in names {
        let (base, extension) = mangled(name, is_directory);
        let mut number = 0;
        let identifier = loop {
            let tail = match number {
                0 => String::new(),
                number => format!("_{number}"),
            };
            let dot = if is_directory { 0 } else { 1 };
            let room = LONGEST - dot - extension.len() - tail.len();
            let mut whole = base[..base.len().min(room)].to_vec();
            if number > 0 {
                let around = (whole.clone(), tail.len(), extension.clone(), is_directory);
                let free = numbers.entry(around).or_insert(number);
                if *free > number {
                    number = *free;
                    continue;
                }
                *free = number + 1;
            }
            whole.extend_from_slice(tail.as_bytes());
            if !is_directory {
                whole.push(b'.');
                whole.extend_from_slice(&extension);
            }
            if taken.insert(whole.clone()) {
                break whole;
            }
            number += 1;
        };
        let version: &[u8] = if is_directory { b"" } else { b";1" };
        found.insert(name, [identifier.as_slice(), version].concat());
    }
    found
}

fn mangled(name: &[u8], is_directory: bool) -> (Vec<u8>, Vec<u8>) {
    let clean = |bytes: &[u8]| -> Vec<u8> {
        let one = |byte: &u8| match byte.to_ascii_uppercase() {
            byte if byte.is_ascii_uppercase() || byte.is_ascii_digit() => byte,
            _ => b'_',
        };
        bytes.iter().map(one).collect()
    };
    let dot = name.iter().rposition(|&byte| byte == b'.');
    match dot {
        Some(dot) if dot > 0 && !is_directory && name.len() - dot - 1 <= EXTENSION => {
            (clean(&name[..dot]), clean(&name[dot + 1..]))
        }
        _ => (clean(name), Vec::new()),
    }
}

/// Where an identifier stands in its directory (ECMA-119, 10.3): name, then extension, as if filled up with blanks.
pub fn order(identifier: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let identifier = identifier.strip_suffix(b";1").unwrap_or(identifier);
    let filled = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        bytes.resize(LONGEST + 1, b' ');
        bytes
    };
    match identifier.iter().position(|&byte| byte == b'.') {
        Some(dot) => (filled(&identifier[..dot]), filled(&identifier[dot + 1..])),
        None => (filled(identifier), filled(b"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: &[(&str, bool)]) -> Vec<String> {
        let names: Vec<(&[u8], bool)> = names.iter().map(|(n, d)| (n.as_bytes(), *d)).collect();
        let found = identifiers(names.clone());
        let text = |(name, _): (&[u8], bool)| String::from_utf8(found[name].clone()).unwrap();
        names.into_iter().map(text).collect()
    }

    #[test]
    fn names_become_identifiers_that_are_all_different() {
        let names = [
            ("install.img", false),
            (".treeinfo", false),
            ("EFI", true),
            ("a.b.c", true),
            ("bash-5.2-1.x86_64.rpm", false),
            ("bash-5.2+1.x86_64.rpm", false),
            ("00-a-very-long-name-that-goes-on-and-on.conf", false),
            ("00-a-very-long-name-that-goes-on-and-off.conf", false),
        ];
        let expected = [
            "INSTALL.IMG;1",
            "_TREEINFO.;1",
            "EFI",
            "A_B_C",
            "BASH_5_2_1_X86_64.RPM;1",
            "BASH_5_2_1_X86_64_1.RPM;1",
            "00_A_VERY_LONG_NAME_THAT_.CONF;1",
            "00_A_VERY_LONG_NAME_THA_1.CONF;1",
        ];
        assert_eq!(of(&names), expected);
        assert!(expected.iter().all(|name| name.len() <= 32));
    }

    #[test]
    fn many_names_that_begin_alike_are_numbered_in_one_go() {
        let start = "golang-example-with-long-names";
        let names: Vec<String> = (0..30_000).map(|n| format!("{start}-{n:05}.rpm")).collect();
        let names: Vec<(&str, bool)> = names.iter().map(|name| (name.as_str(), false)).collect();
        let found = of(&names);
        assert_eq!(found[0], "GOLANG_EXAMPLE_WITH_LONG_N.RPM;1");
        for (number, identifier) in found.iter().enumerate().skip(1) {
            assert!(
                identifier.ends_with(&format!("_{number}.RPM;1")),
                "{identifier}"
            );
        }
    }
}
