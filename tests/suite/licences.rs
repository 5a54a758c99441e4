//! What we depend on may be given away with what we build: the lists of `deny.toml` hold without `cargo deny` too.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

const HOUSE: &str = env!("CARGO_MANIFEST_DIR");

fn read(name: &str) -> toml::Table {
    let text = std::fs::read_to_string(Path::new(HOUSE).join(name)).unwrap();
    text.parse().unwrap()
}

/// Whether an SPDX expression can be met by the licences allowed; `/` is the old way to write `OR`.
fn met(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    let met = either(&mut words, allowed);
    met && words.next().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn either(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> bool {
    let mut met = both(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        met |= both(words, allowed);
    }
    met
}

fn both(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> bool {
    let mut met = one(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        met &= one(words, allowed);
    }
    met
}

fn one(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> bool {
    match words.next() {
        Some("(") => {
            let met = either(words, allowed);
            words.next() == Some(")") && met
        }
        Some(licence) => match words.next_if_eq(&"WITH").and_then(|_| words.next()) {
            Some(exception) => allowed.contains(&format!("{licence} WITH {exception}")),
            None => allowed.contains(licence),
        },
        None => false,
    }
}

fn allowed() -> BTreeSet<String> {
    let list = read("deny.toml")["licenses"]["allow"].clone();
    list.try_into().unwrap()
}

#[test]
fn every_dependency_has_an_allowed_licence() {
    let cargo = Command::new(env!("CARGO"))
        .current_dir(HOUSE)
        .args(["tree", "--locked", "--offline", "--prefix=none"])
        .args(["--edges=normal,build,dev", "--format={p}|{l}"])
        .output();
    let listed = match cargo {
        Ok(listed) if listed.status.success() => listed,
        _ if Command::new("cargo")
            .arg("--version")
            .output()
            .is_ok_and(|o| o.status.success()) =>
        {
            panic!("cargo can't list the dependencies")
        }
        _ => return println!("left out: this user has no cargo to ask for the dependencies"),
    };
    let allowed = allowed();
    for line in String::from_utf8(listed.stdout).unwrap().lines() {
        let (package, licence) = line.split_once('|').unwrap();
        let licence = licence.trim_end_matches(" (*)");
        assert!(
            met(licence, &allowed),
            "{package} has the licence {licence:?}, which deny.toml does not allow"
        );
    }
}

#[test]
fn no_banned_crate_is_locked() {
    let lock = read("Cargo.lock");
    let locked: BTreeSet<&str> = lock["package"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|package| package["name"].as_str())
        .collect();
    for banned in read("deny.toml")["bans"]["deny"].as_array().unwrap() {
        // With wrappers it may be there, below them; that much only `cargo deny` can tell.
        if banned.get("wrappers").is_none() {
            let name = banned["crate"].as_str().unwrap();
            assert!(
                !locked.contains(name),
                "{name} is in Cargo.lock: {}",
                banned["reason"]
            );
        }
    }
}

#[test]
fn a_licence_that_is_not_allowed_is_noticed() {
    let allowed = allowed();
    for good in [
        "MIT",
        "MIT/Apache-2.0",
        "(GPL-3.0 OR MIT) AND Zlib",
        "GPL-2.0 OR (MIT AND Zlib)",
    ] {
        assert!(met(good, &allowed), "{good}");
    }
    for bad in [
        "",
        "LGPL-3.0-only",
        "MIT AND GPL-3.0",
        "(MIT",
        "MPL-2.0 OR (GPL-3.0 OR X) AND MIT",
        "GPL-3.0 WITH MIT",
    ] {
        assert!(!met(bad, &allowed), "{bad}");
    }
}
