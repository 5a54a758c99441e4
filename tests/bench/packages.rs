//! Small packages with distinct names, files and dependencies, as many as a distribution has.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use store::formats::rpm::{self, Changelog, Dependency, Spec, SpecContent, SpecFile};
use store::ids::{BlobId, Evr, Nevra};

use super::Made;

const TIME: u64 = 1_700_000_000;

/// Writes `count` packages, the first `changed` of them in another version.
pub fn make(at: &Path, count: usize, changed: usize) -> Made {
    fs::create_dir_all(at)?;
    for number in 0..count {
        let spec = spec(number, count, number < changed);
        let name = &spec.nevra.name;
        let mut payload = Vec::new();
        let mut open = |blob: BlobId| -> std::io::Result<Box<dyn std::io::Read + Send>> {
            let bytes = (0..files(number)).map(|file| content(name, file));
            let found = bytes.into_iter().find(|bytes| BlobId::of(bytes) == blob);
            Ok(Box::new(Cursor::new(
                found.ok_or(std::io::ErrorKind::NotFound)?,
            )))
        };
        let mut bytes = rpm::write(&spec, &mut open, &mut payload)?;
        bytes.extend(payload);
        fs::write(at.join(format!("{}.rpm", spec.nevra)), bytes)?;
    }
    Ok(())
}

/// Between four and twelve.
fn files(number: usize) -> usize {
    4 + number % 9
}

fn content(name: &str, file: usize) -> Vec<u8> {
    format!("file {file} of {name}\n").into_bytes()
}

fn dependency(name: String) -> Dependency {
    Dependency {
        name,
        version: None,
        pre: false,
        rpmlib: false,
    }
}

fn spec(number: usize, count: usize, changed: bool) -> Spec {
    let name = format!("part-{number:05}");
    let evr = Evr::parse(&format!(
        "{}.{}-{}",
        1 + number % 7,
        number % 13,
        1 + usize::from(changed)
    ));
    let needs = (1..=1 + number % 6).map(|step| (number * 31 + step * 7919) % count);
    let needs = needs.filter(|needed| *needed != number);
    let mut paths: Vec<SpecFile> = (0..files(number))
        .map(|file| {
            let bytes = content(&name, file);
            SpecFile {
                path: path(&name, file),
                content: SpecContent::File {
                    blob: BlobId::of(&bytes),
                    size: bytes.len() as u64,
                },
                mode: if file % 3 == 0 { 0o755 } else { 0o644 },
                user: "root".to_owned(),
                group: "root".to_owned(),
                flags: 0,
                capabilities: String::new(),
            }
        })
        .collect();
    paths.sort_by(|a, b| a.path.cmp(&b.path));
    Spec {
        summary: format!("Part {number} of a distribution"),
        description: format!("Part {number} of a distribution that nobody will install."),
        license: "MIT".to_owned(),
        url: String::new(),
        vendor: String::new(),
        build_time: TIME,
        modularity_label: None,
        provides: vec![dependency(format!("part({})", number % 97))],
        requires: needs
            .map(|needed| dependency(format!("part-{needed:05}")))
            .collect(),
        conflicts: Vec::new(),
        obsoletes: Vec::new(),
        recommends: Vec::new(),
        suggests: Vec::new(),
        supplements: Vec::new(),
        enhances: Vec::new(),
        files: paths,
        scripts: Default::default(),
        changelogs: vec![Changelog {
            author: "Part Maker <parts@example.org> - 1".to_owned(),
            time: TIME as i64,
            text: format!("- part {number}, release {}", evr.release),
        }],
        nevra: Nevra {
            name,
            evr,
            arch: "noarch".to_owned(),
        },
    }
}

fn path(name: &str, file: usize) -> String {
    match file % 3 {
        0 => format!("/usr/bin/{name}-{file}"),
        1 => format!("/usr/lib/{name}/module{file}.so"),
        _ => format!("/usr/share/{name}/data/{file}.txt"),
    }
}
