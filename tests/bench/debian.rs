//! Real packages in the shape of RPMs: those of Debian, each turned into one by the writer that `store` has.
//!
//! Carried over are names, versions, dependencies with their alternatives, and files with modes, owners and links.
//! Maintainers' scripts are not: they are written for another package manager.
//! `/bin`, `/sbin` and `/lib*` are below `/usr`, as the distributions of RPMs have it;
//! directories that several packages have belong to one package more, `filesystem`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use store::formats::rpm::{self, Dependency, FileFlags, Sense, Spec, SpecContent, SpecFile};
use store::ids::{BlobId, Evr, Nevra};

use super::Made;
use super::deb::{Content, Deb, Member};

const TIME: u64 = 1_700_000_000;
const MERGED: [&str; 6] = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"];
const FILESYSTEM: &str = "filesystem";

/// A directory: its mode and owners.
type Owned = (u32, String, String);

/// Bytes of files by their names.
type Blobs = BTreeMap<BlobId, Vec<u8>>;

/// Turns every `.deb` of a directory into an RPM in another.
pub fn make(at: &Path, debs: &Path) -> Made {
    std::fs::create_dir_all(at)?;
    let mut paths: Vec<PathBuf> = Vec::new();
    for item in std::fs::read_dir(debs)? {
        let path = item?.path();
        if path.extension().is_some_and(|end| end == "deb") {
            paths.push(path);
        }
    }
    paths.sort();
    let shared = shared(&paths)?;
    let written = paths.par_iter().map(|path| {
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let deb = Deb::read(path).map_err(|e| failed(&e))?;
        let (spec, blobs) = spec(deb, &shared);
        write(at, &spec, &blobs).map_err(|e| failed(&e))
    });
    written.collect::<Result<(), String>>()?;
    Ok(write(at, &filesystem(shared), &Blobs::new())?)
}

/// The directories that more than one package has, as `base-files` has them, or else the first.
fn shared(paths: &[PathBuf]) -> Result<BTreeMap<String, Owned>, std::io::Error> {
    let listed = paths.par_iter().map(|path| {
        let deb = Deb::read(path)?;
        let base = deb
            .fields()
            .get("Package")
            .is_some_and(|name| name == "base-files");
        let directories = deb
            .members
            .into_iter()
            .filter_map(|member| match member.content {
                Content::Directory => {
                    let owned = (member.mode, member.user, member.group);
                    Some((merged(&member.path), owned))
                }
                _ => None,
            });
        Ok((base, directories.collect::<BTreeMap<String, Owned>>()))
    });
    let listed: Vec<(bool, BTreeMap<String, Owned>)> = listed.collect::<std::io::Result<_>>()?;
    let mut counted: BTreeMap<String, (usize, Owned)> = BTreeMap::new();
    for (base, directories) in listed {
        for (path, owned) in directories {
            let known = counted.entry(path).or_insert_with(|| (0, owned.clone()));
            known.0 += 1;
            if base {
                known.1 = owned;
            }
        }
    }
    counted.retain(|path, (count, _)| *count > 1 && !path.is_empty());
    Ok(counted
        .into_iter()
        .map(|(path, (_, owned))| (path, owned))
        .collect())
}

fn merged(path: &str) -> String {
    let top = path.split('/').next().unwrap_or_default();
    match MERGED.contains(&top) {
        true => format!("usr/{path}"),
        false => path.to_owned(),
    }
}

fn filesystem(shared: BTreeMap<String, Owned>) -> Spec {
    let mut files: BTreeMap<String, SpecFile> = BTreeMap::new();
    for top in ["bin", "lib", "lib64", "sbin"] {
        let target = format!("usr/{top}").into_bytes().into();
        let content = SpecContent::Symlink { target };
        files.insert(top.to_owned(), file(top, content, 0o777, "root", "root"));
        for path in ["usr".to_owned(), format!("usr/{top}")] {
            let made = file(&path, SpecContent::Directory, 0o755, "root", "root");
            files.insert(path, made);
        }
    }
    for (path, (mode, user, group)) in shared {
        let made = file(&path, SpecContent::Directory, mode, &user, &group);
        files.insert(path, made);
    }
    let evr = Evr::parse("1-1");
    let files = files.into_values().collect();
    empty(
        FILESYSTEM,
        evr,
        "noarch",
        "The directories that packages share",
        files,
    )
}

fn empty(name: &str, evr: Evr, arch: &str, summary: &str, mut files: Vec<SpecFile>) -> Spec {
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let nevra = Nevra {
        name: name.to_owned(),
        evr,
        arch: arch.to_owned(),
    };
    Spec {
        nevra,
        summary: summary.to_owned(),
        description: summary.to_owned(),
        license: "Redistributable".to_owned(),
        url: String::new(),
        vendor: "Debian".to_owned(),
        build_time: TIME,
        modularity_label: None,
        provides: Vec::new(),
        requires: Vec::new(),
        conflicts: Vec::new(),
        obsoletes: Vec::new(),
        recommends: Vec::new(),
        suggests: Vec::new(),
        supplements: Vec::new(),
        enhances: Vec::new(),
        files,
        scripts: BTreeMap::new(),
        changelogs: Vec::new(),
    }
}

fn spec(deb: Deb, shared: &BTreeMap<String, Owned>) -> (Spec, Blobs) {
    let fields = deb.fields();
    let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    let conffiles = deb.control.get("conffiles").map(String::as_str);
    let config: BTreeSet<String> = conffiles
        .unwrap_or_default()
        .lines()
        .map(|line| merged(line.trim().trim_start_matches('/')))
        .collect();
    let (files, blobs) = files(deb.members, shared, &config);
    let summary = field("Description").lines().next().unwrap_or_default();
    let arch = match field("Architecture") {
        "all" => "noarch",
        _ => "x86_64",
    };
    let mut spec = empty(
        field("Package"),
        evr(field("Version")),
        arch,
        summary,
        files,
    );
    spec.description = field("Description").to_owned();
    spec.url = field("Homepage").to_owned();
    spec.provides = dependencies(field("Provides"));
    spec.provides.extend(shells(&spec.files));
    for needs in ["Pre-Depends", "Depends"] {
        spec.requires.extend(dependencies(field(needs)));
    }
    spec.requires.extend(dependency(FILESYSTEM));
    spec.recommends = dependencies(field("Recommends"));
    spec.suggests = dependencies(field("Suggests"));
    (spec, blobs)
}

/// The paths that scripts name as their interpreter, as they were before all moved below `/usr`.
fn shells(files: &[SpecFile]) -> Vec<Dependency> {
    let shell = |name: &&str| {
        files
            .iter()
            .any(|file| file.path == format!("/usr/bin/{name}"))
    };
    let path = |name: &str| dependency(&format!("/bin/{name}"));
    ["sh", "bash"]
        .iter()
        .filter(|name| shell(name))
        .filter_map(|name| path(name))
        .collect()
}

fn files(
    members: Vec<Member>,
    shared: &BTreeMap<String, Owned>,
    config: &BTreeSet<String>,
) -> (Vec<SpecFile>, Blobs) {
    let (mut files, mut blobs) = (BTreeMap::<String, SpecFile>::new(), Blobs::new());
    for Member {
        path,
        mode,
        user,
        group,
        content,
    } in members
    {
        let path = merged(&path);
        let content = match content {
            Content::Directory if path.is_empty() || shared.contains_key(&path) => continue,
            Content::Directory => SpecContent::Directory,
            Content::File(bytes) => {
                let (blob, size) = (BlobId::of(&bytes), bytes.len() as u64);
                blobs.insert(blob, bytes);
                SpecContent::File { blob, size }
            }
            Content::Link(target) => match files.get(&merged(&target)) {
                Some(other) => other.content.clone(),
                None => continue,
            },
            // Of two paths that became one, the file is what the link pointed to.
            Content::Symlink(target) => {
                let itself = merged(target.trim_start_matches('/')) == path;
                if itself || files.contains_key(&path) {
                    continue;
                }
                SpecContent::Symlink {
                    target: target.into_bytes().into(),
                }
            }
        };
        let mut made = file(&path, content, mode, &user, &group);
        if config.contains(&path) && matches!(made.content, SpecContent::File { .. }) {
            made.flags = FileFlags::CONFIG | FileFlags::NO_REPLACE;
        }
        files.insert(path, made);
    }
    (files.into_values().collect(), blobs)
}

fn file(path: &str, content: SpecContent, mode: u32, user: &str, group: &str) -> SpecFile {
    let named = |name: &str| if name.is_empty() { "root" } else { name }.to_owned();
    SpecFile {
        path: format!("/{path}"),
        content,
        mode,
        user: named(user),
        group: named(group),
        flags: 0,
        capabilities: String::new(),
    }
}

/// Debian's revision is the release; a package has one.
fn evr(version: &str) -> Evr {
    let mut evr = bound(version);
    if evr.release.is_empty() {
        evr.release = "0".to_owned();
    }
    evr
}

/// Characters that RPM forbids become dots.
fn bound(version: &str) -> Evr {
    let mut evr = Evr::parse(version);
    for part in [&mut evr.version, &mut evr.release] {
        let good = |c: char| c.is_ascii_alphanumeric() || "._+~^".contains(c);
        *part = part
            .chars()
            .map(|c| if good(c) { c } else { '.' })
            .collect();
    }
    evr
}

fn dependencies(field: &str) -> Vec<Dependency> {
    let clauses = field
        .split(',')
        .map(str::trim)
        .filter(|clause| !clause.is_empty());
    clauses.filter_map(clause).collect()
}

/// `a (>= 1) | b` is the rich dependency `(a >= 1 or b)`.
fn clause(clause: &str) -> Option<Dependency> {
    let either: Vec<Dependency> = clause.split('|').filter_map(dependency).collect();
    if either.len() < 2 {
        return either.into_iter().next();
    }
    let texts: Vec<String> = either.iter().map(written).collect();
    Some(named(format!("({})", texts.join(" or "))))
}

fn named(name: String) -> Dependency {
    Dependency {
        name,
        version: None,
        pre: false,
        rpmlib: false,
    }
}

fn written(dependency: &Dependency) -> String {
    let Some((sense, evr)) = &dependency.version else {
        return dependency.name.clone();
    };
    let sense = match sense {
        Sense::Lt => "<",
        Sense::Le => "<=",
        Sense::Eq => "=",
        Sense::Ge => ">=",
        Sense::Gt => ">",
    };
    format!("{} {sense} {evr}", dependency.name)
}

/// `name:any (>= 1.0)`
fn dependency(text: &str) -> Option<Dependency> {
    let (name, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    let name = name.split(':').next().filter(|name| !name.is_empty())?;
    let inside = rest
        .trim()
        .trim_start_matches('(')
        .trim_end_matches(')')
        .trim();
    let version = inside.trim_start_matches(['<', '>', '=']);
    let sense = match &inside[..inside.len() - version.len()] {
        "<<" => Sense::Lt,
        "<=" | "<" => Sense::Le,
        "=" => Sense::Eq,
        ">=" | ">" => Sense::Ge,
        ">>" => Sense::Gt,
        _ => return Some(named(name.to_owned())),
    };
    let (sense, version) = match (sense, version.trim()) {
        // Below `1.2-.` is every revision of 1.2; RPM says so without a release.
        (Sense::Lt, version) if version.ends_with("-.") => {
            (Sense::Le, version.trim_end_matches("-.").to_owned())
        }
        // Without a revision it is the lowest; in RPM it would be any.
        (Sense::Gt | Sense::Le, version) if !version.contains('-') => {
            (sense, format!("{version}-0"))
        }
        (sense, version) => (sense, version.to_owned()),
    };
    Some(Dependency {
        version: Some((sense, bound(&version))),
        ..named(name.to_owned())
    })
}

fn write(at: &Path, spec: &Spec, blobs: &Blobs) -> Result<(), String> {
    let mut payload = Vec::new();
    let mut open = |blob: BlobId| -> std::io::Result<Box<dyn std::io::Read + Send>> {
        let bytes = blobs.get(&blob).ok_or(std::io::ErrorKind::NotFound)?;
        Ok(Box::new(Cursor::new(bytes.clone())))
    };
    let mut bytes = rpm::write(spec, &mut open, &mut payload).map_err(|e| e.to_string())?;
    bytes.extend(payload);
    std::fs::write(at.join(format!("{}.rpm", spec.nevra)), bytes).map_err(|e| e.to_string())
}
