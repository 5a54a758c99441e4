//! `images.json`: the images of a compose.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Compose, Error};

/// An image where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The variant's id.
    pub variant: String,
    pub arch: String,
    /// Relative to the directory `compose`.
    pub path: String,
    /// Seconds since 1970.
    pub mtime: i64,
    pub size: u64,
    /// What it is for: `dvd`, `boot`, `qcow2`, `container`.
    pub kind: String,
    /// What its file is: `iso`, `qcow2`, `ociarchive`.
    pub format: String,
    pub volume_id: Option<String>,
    /// The sum that a medium carries of itself.
    pub implanted_md5: Option<String>,
    pub bootable: bool,
    /// In hex.
    pub sha256: String,
    /// What tells it from others of its kind in a compose: the artifact's name.
    pub subvariant: String,
}

/// Formats by the ends of files, longest first, each with what an image of it is for where nobody says.
///
/// `IMAGE_TYPE_FORMAT_MAPPING` of `productmd/images.py`.
const FORMATS: [(&str, &str); 9] = [
    ("ociarchive", "container"),
    ("raw.xz", "raw-xz"),
    ("tar.gz", "tar-gz"),
    ("qcow2", "qcow2"),
    ("vmdk", "vmdk"),
    ("iso", "dvd"),
    ("raw", "raw"),
    ("vdi", "vdi"),
    ("vhd", "vpc"),
];

/// The format of an image by its file's name, and what it is for unless its maker says otherwise.
pub fn format(file: &str) -> Option<(&'static str, &'static str)> {
    let of = |(end, _): &&(&str, &str)| {
        let stem = file.strip_suffix(end).and_then(|s| s.strip_suffix('.'));
        stem.is_some_and(|stem| !stem.is_empty())
    };
    FORMATS.iter().find(of).copied()
}

/// The file.
pub fn write(compose: &Compose, images: &[Image]) -> Result<String, Error> {
    let mut told: BTreeMap<&str, BTreeMap<&str, Vec<Value>>> = BTreeMap::new();
    let mut sorted: Vec<&Image> = images.iter().collect();
    sorted.sort_by(|a, b| a.path.cmp(&b.path));
    for image in sorted {
        let value = json!({
            "path": image.path,
            "mtime": image.mtime,
            "size": image.size,
            "volume_id": image.volume_id,
            "type": image.kind,
            "format": image.format,
            "arch": image.arch,
            "disc_number": 1,
            "disc_count": 1,
            "checksums": { "sha256": image.sha256 },
            "implant_md5": image.implanted_md5,
            "bootable": image.bootable,
            "subvariant": image.subvariant,
        });
        let arches = told.entry(&image.variant).or_default();
        arches.entry(&image.arch).or_default().push(value);
    }
    let payload = Map::from_iter([("images".to_owned(), json!(told))]);
    compose.file("images", payload)
}

#[cfg(test)]
mod tests {
    use super::format;

    #[test]
    fn the_end_of_a_file_says_what_it_is() {
        assert_eq!(format("host.iso"), Some(("iso", "dvd")));
        assert_eq!(format("host.raw.xz"), Some(("raw.xz", "raw-xz")));
        assert_eq!(format("host.1.qcow2"), Some(("qcow2", "qcow2")));
        assert_eq!(
            (format(".iso"), format("iso"), format("iso.txt")),
            (None, None, None)
        );
    }
}
