//! `primary.xml`: what a solver needs of each package.

use super::Fragment;
use super::dependencies::{is_primary, requires};
use super::xml::Xml;
use crate::formats::rpm::header::text;
use crate::formats::rpm::{Dependency, FileKind, Record, Sense};

/// The element of one package.
pub fn package(record: &Record, href: &str) -> Fragment {
    let mut xml = Xml::new();
    xml.open("package", &[("type", "rpm")]);
    xml.text("name", &[], &record.nevra.name);
    xml.text("arch", &[], arch(record));
    version(&mut xml, record);
    let checksum = [("type", record.sha256.algorithm.name()), ("pkgid", "YES")];
    xml.text("checksum", &checksum, &record.sha256.hex);
    xml.text("summary", &[], &record.summary);
    xml.text("description", &[], &record.description);
    xml.text("packager", &[], &record.packager);
    xml.text("url", &[], &record.url);
    // createrepo_c puts the file's own time here, which is no part of a package: the build time stands in for it.
    let built = record.build_time.to_string();
    xml.empty("time", &[("file", &built), ("build", &built)]);
    let sizes = [record.file_size, record.installed_size, record.archive_size];
    let [package, installed, archive] = sizes.map(|size| size.to_string());
    let sizes = [
        ("package", package.as_str()),
        ("installed", &installed),
        ("archive", &archive),
    ];
    xml.empty("size", &sizes);
    xml.empty("location", &[("href", href)]);
    xml.open("format", &[]);
    format(&mut xml, record);
    xml.close("format");
    xml.close("package");
    xml.finish()
}

/// `src` for every source package, as createrepo_c has it, `nosrc` included.
pub(super) fn arch(record: &Record) -> &str {
    if record.source {
        "src"
    } else {
        &record.nevra.arch
    }
}

pub(super) fn version(xml: &mut Xml, record: &Record) {
    let evr = &record.nevra.evr;
    let epoch = evr.epoch.to_string();
    let attributes = [
        ("epoch", epoch.as_str()),
        ("ver", &evr.version),
        ("rel", &evr.release),
    ];
    xml.empty("version", &attributes);
}

fn format(xml: &mut Xml, record: &Record) {
    xml.text("rpm:license", &[], &record.license);
    xml.text("rpm:vendor", &[], &record.vendor);
    xml.text("rpm:group", &[], &record.group);
    xml.text("rpm:buildhost", &[], &record.build_host);
    let source = record.source_rpm.as_deref().unwrap_or_default();
    xml.text("rpm:sourcerpm", &[], source);
    let (start, end) = record.header_range;
    let (start, end) = (start.to_string(), end.to_string());
    xml.empty("rpm:header-range", &[("start", &start), ("end", &end)]);
    entries(xml, "rpm:provides", &record.provides);
    entries(xml, "rpm:requires", requires(record));
    entries(xml, "rpm:conflicts", &record.conflicts);
    entries(xml, "rpm:obsoletes", &record.obsoletes);
    entries(xml, "rpm:suggests", &record.suggests);
    entries(xml, "rpm:enhances", &record.enhances);
    entries(xml, "rpm:recommends", &record.recommends);
    entries(xml, "rpm:supplements", &record.supplements);
    for file in record.files.iter().filter(|file| is_primary(&file.path)) {
        path(xml, &file.path, file.kind);
    }
}

pub(super) fn path(xml: &mut Xml, path: &[u8], kind: FileKind) {
    let path = text(path);
    match kind {
        FileKind::File => xml.text("file", &[], &path),
        FileKind::Directory => xml.text("file", &[("type", "dir")], &path),
        FileKind::Ghost => xml.text("file", &[("type", "ghost")], &path),
    }
}

fn entries<'a>(xml: &mut Xml, name: &str, list: impl IntoIterator<Item = &'a Dependency>) {
    let mut list = list.into_iter().filter(|entry| !entry.name.is_empty());
    let Some(first) = list.next() else { return };
    // Only requirements can say that a scriptlet needs them.
    let pre = name == "rpm:requires";
    xml.open(name, &[]);
    entry(xml, first, pre);
    for dependency in list {
        entry(xml, dependency, pre);
    }
    xml.close(name);
}

fn entry(xml: &mut Xml, dependency: &Dependency, pre: bool) {
    let epoch;
    let mut attributes = vec![("name", dependency.name.as_str())];
    if let Some((sense, evr)) = &dependency.version {
        attributes.push(("flags", flags(*sense)));
        if !(evr.version.is_empty() && evr.release.is_empty()) {
            epoch = evr.epoch.to_string();
            attributes.push(("epoch", &epoch));
            attributes.push(("ver", &evr.version));
            attributes.push(("rel", &evr.release));
            attributes.retain(|(_, value)| !value.is_empty());
        }
    }
    if pre && dependency.pre {
        attributes.push(("pre", "1"));
    }
    xml.empty("rpm:entry", &attributes);
}

fn flags(sense: Sense) -> &'static str {
    match sense {
        Sense::Lt => "LT",
        Sense::Le => "LE",
        Sense::Eq => "EQ",
        Sense::Ge => "GE",
        Sense::Gt => "GT",
    }
}
