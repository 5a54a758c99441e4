//! `filelists.xml`: every path of each package.

use super::Fragment;
use super::primary::{arch, path, version};
use super::xml::Xml;
use crate::formats::rpm::Record;

/// The element of one package.
pub fn package(record: &Record) -> Fragment {
    let mut xml = Xml::new();
    open(&mut xml, record);
    for file in &record.files {
        path(&mut xml, &file.path, file.kind);
    }
    xml.close("package");
    xml.finish()
}

/// The start of a package's element in filelists and other, which name it in the same way.
pub(super) fn open(xml: &mut Xml, record: &Record) {
    let attributes = [
        ("pkgid", record.sha256.hex.as_str()),
        ("name", &record.nevra.name),
        ("arch", arch(record)),
    ];
    xml.open("package", &attributes);
    version(xml, record);
}
