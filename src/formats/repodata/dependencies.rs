//! Which of a package's dependencies and files primary shows: the rules of createrepo_c (`parsehdr.c`).

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::formats::rpm::{Dependency, Record};
use crate::ids::Evr;

/// The paths that primary lists, so that a solver finds the usual file dependencies without filelists.
pub fn is_primary(path: &[u8]) -> bool {
    path.starts_with(b"/etc/")
        || path == b"/usr/lib/sendmail"
        || path.windows(4).any(|window| window == b"bin/")
}

/// The requirements that primary lists.
///
/// Left out: features of rpm, files of the package that primary lists anyway, what the package provides in just that version,
/// the same requirement again, and every `libc.so.6` symbol version but the highest, which goes last.
pub fn requires(record: &Record) -> Vec<&Dependency> {
    let own: BTreeSet<&[u8]> = record
        .files
        .iter()
        .map(|file| file.path.as_slice())
        .filter(|path| path.starts_with(b"/"))
        .collect();
    let provided: BTreeSet<_> = record.provides.iter().map(identity).collect();
    // The last one of each name: a requirement is the same again only if nothing of that name came between.
    let mut latest: BTreeMap<&str, &Dependency> = BTreeMap::new();
    let mut libc: Option<&Dependency> = None;
    let mut listed = Vec::new();
    for dependency in &record.requires {
        let name = dependency.name.as_str();
        if name.starts_with("rpmlib(")
            || (own.contains(name.as_bytes()) && is_primary(name.as_bytes()))
            || provided.contains(&identity(dependency))
            || latest.get(name).is_some_and(|last| *last == dependency)
        {
            continue;
        }
        if name.starts_with("libc.so.6") {
            if libc.is_none_or(|highest| symbol_order(&highest.name, name) == Ordering::Less) {
                libc = Some(dependency);
            }
            continue;
        }
        latest.insert(name, dependency);
        listed.push(dependency);
    }
    listed.extend(libc);
    listed
}

/// Name, comparison and version: what makes two dependencies the same, whoever needs them.
fn identity(dependency: &Dependency) -> (&str, Option<&(crate::formats::rpm::Sense, Evr)>) {
    (&dependency.name, dependency.version.as_ref())
}

/// Ranks `libc.so.6(GLIBC_2.4)(64bit)` by the version in its first parentheses; one without a version is lowest.
fn symbol_order(a: &str, b: &str) -> Ordering {
    fn version(name: &str) -> Option<Evr> {
        let (_, rest) = name.split_once('(')?;
        let (symbol, _) = rest.split_once(')')?;
        let digits = symbol.find(|c: char| c.is_ascii_digit())?;
        Some(Evr {
            epoch: 0,
            version: symbol[digits..].to_owned(),
            release: String::new(),
        })
    }
    match (version(a), version(b)) {
        (Some(a), Some(b)) => a.compare(&b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_symbol_version_wins() {
        let ranked = [
            "libc.so.6()(64bit)",
            "libc.so.6(GLIBC_2.2.5)(64bit)",
            "libc.so.6(GLIBC_2.4)(64bit)",
            "libc.so.6(GLIBC_2.14)(64bit)",
        ];
        for pair in ranked.windows(2) {
            assert_eq!(symbol_order(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
        assert_eq!(symbol_order(ranked[0], "libc.so.6"), Ordering::Equal);
    }
}
