//! Dependencies of a package to write: its own, and those that rpmbuild would add.

use super::assemble::HeaderBuilder;
use super::relations::{Relation, sense};
use super::{Dependency, Sense, Spec, tags};
use crate::ids::Evr;

/// RPMSENSE_INTERP: needed because a scriptlet is run by it.
const INTERPRETER: u32 = 1 << 8;

const RELATIONS: [Relation; 8] = [
    Relation::Provides,
    Relation::Requires,
    Relation::Conflicts,
    Relation::Obsoletes,
    Relation::Recommends,
    Relation::Suggests,
    Relation::Supplements,
    Relation::Enhances,
];

/// Tags of a scriptlet's text and program, and the flag of what it needs.
pub(super) fn script(name: &str) -> Option<(u32, u32, u32)> {
    Some(match name {
        "pre" => (tags::PRE, tags::PRE_PROGRAM, sense::SCRIPT_PRE),
        "post" => (tags::POST, tags::POST_PROGRAM, sense::SCRIPT_POST),
        "preun" => (tags::PREUN, tags::PREUN_PROGRAM, 1 << 11),
        "postun" => (tags::POSTUN, tags::POSTUN_PROGRAM, 1 << 12),
        "pretrans" => (tags::PRETRANS, tags::PRETRANS_PROGRAM, 1 << 7),
        "posttrans" => (tags::POSTTRANS, tags::POSTTRANS_PROGRAM, 1 << 5),
        _ => return None,
    })
}

pub(super) fn has_capabilities(spec: &Spec) -> bool {
    spec.files.iter().any(|file| !file.capabilities.is_empty())
}

/// A dependency as its three lists have it.
type Line = (String, String, u32);

pub(super) fn write(header: &mut HeaderBuilder, spec: &Spec) {
    for relation in RELATIONS {
        let mut lines: Vec<Line> = relation.of(spec).iter().map(line).collect();
        match relation {
            Relation::Provides => lines.extend(own_names(spec)),
            Relation::Requires => lines.extend(own_needs(spec)),
            _ => {}
        }
        // rpmbuild sorts them, too.
        lines.sort();
        lines.dedup();
        let (names, versions, flags) = relation.tags();
        header.strings(names, lines.iter().map(|line| &line.0));
        header.strings(versions, lines.iter().map(|line| &line.1));
        header.words(flags, lines.iter().map(|line| line.2));
    }
}

fn line(dependency: &Dependency) -> Line {
    let (comparison, version) = match &dependency.version {
        Some((sense, evr)) => (sense.flags(), evr.to_string()),
        None => (0, String::new()),
    };
    let pre = match dependency.pre {
        true => sense::SCRIPT_PRE | sense::SCRIPT_POST,
        false => 0,
    };
    let rpmlib = match dependency.rpmlib {
        true => sense::RPMLIB,
        false => 0,
    };
    (dependency.name.clone(), version, comparison | pre | rpmlib)
}

/// Every package provides itself, and itself for its architecture.
fn own_names(spec: &Spec) -> Vec<Line> {
    let nevra = &spec.nevra;
    let own = |name: String| (name, nevra.evr.to_string(), Sense::Eq.flags());
    let mut lines = vec![own(nevra.name.clone())];
    if let Some(isa) = isa(&nevra.arch) {
        lines.push(own(format!("{}({isa})", nevra.name)));
    }
    lines
}

/// What rpm's macro `%_isa` says of an architecture.
fn isa(arch: &str) -> Option<&'static str> {
    Some(match arch {
        "x86_64" | "x86_64_v2" | "x86_64_v3" | "x86_64_v4" => "x86-64",
        "i386" | "i486" | "i586" | "i686" => "x86-32",
        "aarch64" => "aarch-64",
        "armv7hl" => "armv7hl-32",
        "ppc64" | "ppc64le" => "ppc-64",
        "s390x" => "s390-64",
        "riscv64" => "riscv-64",
        "loongarch64" => "loongarch-64",
        _ => return None,
    })
}

/// Features that an rpm must have to install this, and the shell for scriptlets.
fn own_needs(spec: &Spec) -> Vec<Line> {
    let feature = |name: &str, since: &str| {
        let flags = sense::RPMLIB | sense::LESS | sense::EQUAL;
        (format!("rpmlib({name})"), since.to_owned(), flags)
    };
    let mut lines = vec![
        feature("CompressedFileNames", "3.0.4-1"),
        feature("PayloadFilesHavePrefix", "4.0-1"),
        feature("FileDigests", "4.6.0-1"),
        feature("PayloadIsZstd", "5.4.18-1"),
    ];
    if has_capabilities(spec) {
        lines.push(feature("FileCaps", "4.6.1-1"));
    }
    let mut dependencies = RELATIONS.iter().flat_map(|relation| relation.of(spec));
    if dependencies.any(|dependency| dependency.name.starts_with('(')) {
        lines.push(feature("RichDependencies", "4.12.0-1"));
    }
    if uses(spec, '~') {
        lines.push(feature("TildeInVersions", "4.10.0-1"));
    }
    if uses(spec, '^') {
        lines.push(feature("CaretInVersions", "4.15.0-1"));
    }
    for name in spec.scripts.keys() {
        let (_, _, flag) = script(name).expect("scriptlets are checked before anything is written");
        lines.push(("/bin/sh".to_owned(), String::new(), INTERPRETER | flag));
    }
    lines
}

/// Whether any version in the package has this character.
fn uses(spec: &Spec, character: char) -> bool {
    let has = |evr: &Evr| evr.version.contains(character) || evr.release.contains(character);
    let dependencies = RELATIONS.iter().flat_map(|relation| relation.of(spec));
    let mut versions = dependencies.filter_map(|dependency| dependency.version.as_ref());
    has(&spec.nevra.evr) || versions.any(|(_, evr)| has(evr))
}

impl Relation {
    fn of(self, spec: &Spec) -> &[Dependency] {
        match self {
            Relation::Provides => &spec.provides,
            Relation::Requires => &spec.requires,
            Relation::Conflicts => &spec.conflicts,
            Relation::Obsoletes => &spec.obsoletes,
            Relation::Recommends => &spec.recommends,
            Relation::Suggests => &spec.suggests,
            Relation::Supplements => &spec.supplements,
            Relation::Enhances => &spec.enhances,
        }
    }
}
