//! The package database, judged by rpm itself.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rusqlite::Connection;
use store::formats::rpm::{Header, tags};
use store::formats::rpmdb::{FileState, Installed, write};

use crate::support::fixtures;

const TIME: u32 = 1_700_000_000;

/// The header image inside an RPM file: behind the lead and the padded signature header.
fn header_image(rpm: &[u8]) -> Option<&[u8]> {
    let word = |at: usize| -> Option<usize> {
        Some(u32::from_be_bytes(rpm.get(at..at + 4)?.try_into().ok()?) as usize)
    };
    let length = |at: usize| Some(16 + word(at + 8)? * 16 + word(at + 12)?);
    let header = 96 + length(96)?.next_multiple_of(8);
    rpm.get(header..header + length(header)?)
}

fn rpm(database: &Path, arguments: &[&str]) -> (bool, String) {
    let output = Command::new("rpm")
        .arg("--dbpath")
        .arg(database)
        .args(arguments)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .expect("rpm is installed");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), text + &errors)
}

/// Binary packages with different names that the judge can install, with its own database of them.
fn judged(fixtures: &Path, database: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<PathBuf> = fs::read_dir(fixtures)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "rpm"))
        .collect();
    files.sort();
    let mut names = BTreeSet::new();
    let mut taken = Vec::new();
    for path in files {
        let bytes = fs::read(&path).unwrap();
        let Some(image) = header_image(&bytes) else {
            continue;
        };
        let Ok(header) = Header::parse(image) else {
            continue;
        };
        let source = header.is_source();
        let name = header.strings(tags::NAME).unwrap()[0].to_vec();
        if source || names.contains(&name) {
            continue;
        }
        let all = "-i --justdb --force --nodeps --noscripts --notriggers --nosignature --nodigest --ignorearch --ignoreos --ignoresize";
        let mut arguments: Vec<&str> = all.split(' ').collect();
        arguments.push(path.to_str().unwrap());
        if rpm(database, &arguments).0 {
            names.insert(name);
            taken.push((path, image.to_vec()));
        }
    }
    taken
}

fn written(path: &Path, images: &[(PathBuf, Vec<u8>)]) {
    let headers: Vec<Header> = images
        .iter()
        .map(|(_, i)| Header::parse(i).unwrap())
        .collect();
    let packages = headers.iter().map(|header| Installed {
        header,
        states: vec![FileState::Normal; header.paths().unwrap().len()],
        time: TIME,
        color: 3,
    });
    write(path, packages).unwrap();
}

/// Every row of an index: name of the package, key, place.
fn rows(connection: &Connection, table: &str) -> BTreeSet<(String, String, i64)> {
    let query = format!(
        "select hex(n.key), hex(i.key), i.idx from '{table}' i join Name n on n.hnum = i.hnum"
    );
    let mut statement = connection.prepare(&query).unwrap();
    statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect()
}

#[test]
fn the_indexes_are_those_that_rpm_would_have_written() {
    let Some(fixtures) = fixtures::folder("rpms") else {
        return;
    };
    let judge = tempfile::tempdir().unwrap();
    let images = judged(&fixtures, judge.path());
    assert!(images.len() > 40, "only {} packages", images.len());
    let ours = tempfile::tempdir().unwrap();
    let path = ours.path().join("rpmdb.sqlite");
    written(&path, &images);
    let ours = Connection::open(&path).unwrap();
    let theirs = Connection::open(judge.path().join("rpmdb.sqlite")).unwrap();
    let tables = "Name Basenames Group Requirename Providename Conflictname Obsoletename Triggername Dirnames \
                  Filetriggername Transfiletriggername Recommendname Suggestname Supplementname Enhancename";
    for table in tables.split_whitespace() {
        let (ours, theirs) = (rows(&ours, table), rows(&theirs, table));
        let extra: Vec<_> = ours.difference(&theirs).take(5).collect();
        let missing: Vec<_> = theirs.difference(&ours).take(5).collect();
        assert!(
            extra.is_empty() && missing.is_empty(),
            "{table}: not in rpm's {extra:?}, only in rpm's {missing:?}"
        );
    }
    // rpm indexes the digest where the signature header has one; here every package has it.
    let (ours, theirs) = (rows(&ours, "Sha1header"), rows(&theirs, "Sha1header"));
    assert!(
        theirs.is_subset(&ours),
        "{:?}",
        theirs.difference(&ours).next()
    );
}

#[test]
fn rpm_answers_the_same_from_our_database_as_from_its_own() {
    let Some(fixtures) = fixtures::folder("rpms") else {
        return;
    };
    let judge = tempfile::tempdir().unwrap();
    let images = judged(&fixtures, judge.path());
    let ours = tempfile::tempdir().unwrap();
    written(&ours.path().join("rpmdb.sqlite"), &images);
    let sorted = |(success, text): (bool, String)| {
        assert!(success, "{text}");
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    for question in [
        "-qa",
        "-qa --list",
        "-qa --dump",
        "-qa --requires",
        "-qa --provides",
        "-qa --triggers",
        "-qa --scripts",
        "-qa --changelog",
        "-q --whatprovides /bin/sh rpm",
        "-q --whatrequires /bin/sh",
    ] {
        let arguments: Vec<&str> = question.split(' ').collect();
        let (ours, theirs) = (rpm(ours.path(), &arguments), rpm(judge.path(), &arguments));
        if theirs.0 {
            assert_eq!(sorted(ours), sorted(theirs), "{question}");
        } else {
            assert_eq!(ours, theirs, "{question}");
        }
    }
    let (success, text) = rpm(ours.path(), &["--verifydb"]);
    assert!(success && text.is_empty(), "{text}");
}

#[test]
fn the_database_has_the_same_bytes_every_time_and_is_one_file_that_can_be_read_only() {
    let Some(fixtures) = fixtures::folder("rpms") else {
        return;
    };
    let images: Vec<(PathBuf, Vec<u8>)> = [
        "rpm__hello-2.0-1.x86_64-signed.rpm",
        "rpm-rs__rpm-scriptlets-1.0-1.noarch.rpm",
    ]
    .iter()
    .map(|name| {
        let path = fixtures.join(name);
        let bytes = fs::read(&path).unwrap();
        let image = header_image(&bytes).unwrap().to_vec();
        (path, image)
    })
    .collect();
    let mut seen = BTreeSet::new();
    for _ in 0..2 {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rpmdb.sqlite");
        written(&path, &images);
        seen.insert(fs::read(&path).unwrap());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o555)).unwrap();
        let (success, text) = rpm(directory.path(), &["-qa"]);
        assert!(success && text.lines().count() == 2, "{text}");
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
    assert_eq!(seen.len(), 1);
}

#[test]
fn a_damaged_header_is_an_error() {
    let Some(fixtures) = fixtures::folder("rpms") else {
        return;
    };
    let bytes = fs::read(fixtures.join("rpm__hello-2.0-1.x86_64-signed.rpm")).unwrap();
    let image = header_image(&bytes).unwrap();
    assert!(Header::parse(&image[..image.len() - 1]).is_err());
    for at in (0..image.len().min(1600)).step_by(3) {
        let mut damaged = image.to_vec();
        damaged[at] ^= 0x80;
        let Ok(header) = Header::parse(&damaged) else {
            continue;
        };
        let package = Installed {
            header: &header,
            states: Vec::new(),
            time: 0,
            color: 0,
        };
        let directory = tempfile::tempdir().unwrap();
        // Either is fine; a panic is not.
        let _ = write(&directory.path().join("rpmdb.sqlite"), [package]);
    }
}
