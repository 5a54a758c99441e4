//! Reading packages: what real ones of all ages say, and what damaged ones are refused for.

use std::error::Error as _;
use std::fs::{self, File};
use std::io::{BufReader, Seek, SeekFrom};
use std::path::Path;

use store::formats::rpm::{Error, Package, Payload};

use crate::support::fixtures;

fn read(path: &Path) -> Result<Package, Error> {
    Package::read(&mut BufReader::new(File::open(path).unwrap()))
}

fn payload(path: &Path, package: &Package) -> Result<Payload<'static>, Error> {
    let mut file = File::open(path).unwrap();
    file.seek(SeekFrom::Start(package.record.header_range.1))
        .unwrap();
    Payload::open(&package.header, file)
}

/// An error with its causes, on one line.
fn story(error: &Error) -> String {
    let mut story = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        story += &format!(": {error}");
        cause = error.source();
    }
    story
}

fn is_delta(name: &str) -> bool {
    name.ends_with("drpm_test_file_1.rpm")
}

#[test]
fn every_real_package_is_read_with_its_payload() {
    let mut bad = Vec::new();
    for path in fixtures::packages("rpms") {
        let name = fixtures::name(&path);
        let result = read(&path).and_then(|package| {
            let mut payload = payload(&path, &package)?;
            while payload.next_file()?.is_some() {}
            Ok(())
        });
        match result {
            Err(Error::Delta) if is_delta(&name) => {}
            Ok(()) if !is_delta(&name) => {}
            Ok(()) => bad.push(format!("{name}: read, though it is a delta")),
            Err(error) => bad.push(format!("{name}: {}", story(&error))),
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn every_broken_package_is_refused_for_what_is_broken() {
    let expected = [
        (
            "libzypp__18ca278__signed_broken.rpm",
            "digest of the payload",
        ),
        ("libzypp__signed_broken.rpm", "digest of the payload"),
        ("libzypp__signed_broken_header.rpm", "SHA-1 of the header"),
        ("libzypp__unsigned_broken_header.rpm", "SHA-1 of the header"),
        (
            "redline__test-1.0-1.noarch.rpm",
            "tag 1028: it can't have 0 values",
        ),
        (
            "rpm__hello-2.0-1.x86_64-corrupted.rpm",
            "digest of the payload",
        ),
    ];
    let Some(folder) = fixtures::folder("rpms/broken") else {
        return;
    };
    assert_eq!(fs::read_dir(&folder).unwrap().count(), expected.len());
    for (name, reason) in expected {
        let error = read(&folder.join(name)).expect_err(name);
        assert!(story(&error).contains(reason), "{name}: {}", story(&error));
    }
}
