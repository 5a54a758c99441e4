//! What the real clients say of the artifacts of a distribution.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use store::compose::Output;
use store::formats::rpm::Record;
use store::ids::EntryId;
use store::store::Store;

use super::held::Held;
use super::place::{Place, Realized};
use crate::repodata;
use crate::support::dnf::Machine;
use crate::support::materialize::{is_root, materialize};
use crate::support::root::run;
use crate::support::told;

const MODULES: [&str; 5] = [
    "accelerator",
    "applications",
    "base",
    "connectivity",
    "graphics",
];

/// createrepo_c indexes the packages of an edition as we did, field by field.
pub fn createrepo_agrees(edition: &Path) -> usize {
    let mut files: Vec<PathBuf> = fs::read_dir(edition.join("Packages"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let theirs = repodata::createrepo(&files);
    for kind in ["primary", "filelists", "other"] {
        let index = |base: &Path| {
            let document = repodata::index(&base.join("repodata"), kind);
            repodata::packages(&document)
        };
        let (ours, theirs) = (index(edition), index(theirs.path()));
        assert_eq!((ours.len(), theirs.len()), (files.len(), files.len()));
        for (id, mut expected) in theirs {
            let mut found = ours[&id].clone();
            repodata::known_differences(&mut expected, &mut found);
            let surprises = repodata::differences(&id, &expected, &found);
            assert!(surprises.is_empty(), "{kind}: {surprises:?}");
        }
    }
    files.len()
}

/// dnf lists every package, shows the default streams, and installs from them unasked.
pub fn dnf_agrees(edition: &Path, records: &[Record]) {
    let machine = Machine::new(&[("edition", edition)]).of("armv7l");
    let format = "--queryformat=%{name}-%{epoch}:%{version}-%{release}.%{arch}";
    let listed = machine.run(&["repoquery", format]);
    let mut listed: BTreeSet<String> = listed.lines().map(str::to_owned).collect();
    assert!(listed.remove("elsewhere-0:1-1.noarch"));
    assert!(listed.remove("placeholder-kernel-0:3.10-1.noarch"));
    let chosen = records
        .iter()
        .filter(|record| super::recipes::module_of(&record.nevra.name) != "development");
    let expected: BTreeSet<String> = chosen.map(|record| record.nevra.with_epoch()).collect();
    assert_eq!(listed, expected);

    let modules = machine.run(&["module", "list"]);
    for module in MODULES {
        let line = modules.lines().find(|line| line.starts_with(module));
        let line = line.unwrap_or_else(|| panic!("no {module} in:\n{modules}"));
        assert!(
            line.contains("3.0 [d]") && line.contains("default [d]"),
            "{line}"
        );
    }
    // From three modules, none of them enabled.
    let files = machine.download(&["install", "bash", "libsoup", "pango"]);
    for name in [
        "bash-4.1",
        "libsoup-2.46",
        "pango-1",
        "cairo",
        "glib-networking",
        "elsewhere-1",
    ] {
        let there = files.iter().any(|file| file.starts_with(name));
        assert_eq!(there, name != "cairo", "{name}: {files:?}");
    }
    // The add-on's packages are not of the edition itself.
    let hidden = machine.try_run(&["install", "--downloadonly", "zlib-devel"]);
    assert!(hidden.is_err(), "{hidden:?}");
    let profile = machine.download(&["module", "install", "base"]);
    assert!(
        profile.iter().any(|file| file.starts_with("coreutils-6.9")),
        "{profile:?}"
    );
}

/// A system that dnf really installs from the edition, scripts aside.
pub fn dnf_installs(edition: &Path) {
    if !is_root() {
        told::left_out("only root can install with dnf");
        return;
    }
    let machine = Machine::new(&[("edition", edition)]).of("armv7l");
    machine.run(&[
        "install",
        "--setopt=tsflags=noscripts",
        "findutils",
        "which",
    ]);
    let root = machine.root();
    assert!(root.join("usr/bin/find").exists());
    let (success, text) = run(
        "rpm",
        &[
            "--root",
            root.to_str().unwrap(),
            "-q",
            "findutils",
            "which",
            "elsewhere",
        ],
    );
    assert!(success, "{text}");
}

fn ostree(repository: &Path, arguments: &[&str]) -> String {
    let option = format!("--repo={}", repository.display());
    let (success, text) = run("ostree", &[&[option.as_str()], arguments].concat());
    assert!(success, "ostree {arguments:?}: {text}");
    text
}

/// OSTree finds the commit sound, pulls and checks it out; rpm finds the planned packages in it.
pub fn ostree_agrees(host: &Path, planned: &BTreeSet<String>, scratch: &Path) {
    const REFERENCE: &str = "tizen/3/armv7l/atomic-host";
    assert_eq!(ostree(host, &["refs"]).trim(), REFERENCE);
    let said = ostree(host, &["fsck"]);
    assert!(said.contains("no errors found"), "{said}");
    let top = ostree(host, &["ls", REFERENCE]);
    for name in [
        "/usr",
        "/boot",
        "/sysroot",
        "/var",
        "/ostree -> sysroot/ostree",
    ] {
        assert!(
            top.lines().any(|line| line.ends_with(name)),
            "{name} in {top}"
        );
    }
    let kernel = ostree(host, &["ls", REFERENCE, "/usr/lib/modules/3.10/vmlinuz"]);
    assert!(kernel.contains("vmlinuz"), "{kernel}");

    let pulled = scratch.join("pulled");
    ostree(&pulled, &["init", "--mode=archive"]);
    ostree(&pulled, &["pull-local", host.to_str().unwrap(), REFERENCE]);
    let said = ostree(&pulled, &["fsck"]);
    assert!(said.contains("no errors found"), "{said}");
    let checkout = scratch.join("checkout");
    ostree(
        &pulled,
        &["checkout", "-U", REFERENCE, checkout.to_str().unwrap()],
    );
    assert_eq!(
        installed(&checkout.join("usr/lib/sysimage/rpm"), scratch),
        *planned
    );
}

/// The packages of an rpm database, as its file names write them with the epoch in front of the version.
fn installed(database: &Path, scratch: &Path) -> BTreeSet<String> {
    // rpm writes beside what it reads.
    let copy = scratch.join("rpmdb");
    fs::create_dir(&copy).unwrap();
    for entry in fs::read_dir(database).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
    }
    let format = "%{NAME}-%{EPOCHNUM}:%{VERSION}-%{RELEASE}.%{ARCH}\\n";
    let (success, text) = run(
        "rpm",
        &["--dbpath", copy.to_str().unwrap(), "-qa", "--qf", format],
    );
    assert!(success, "{text}");
    text.lines().map(str::to_owned).collect()
}

/// What the plan says that the host holds.
pub fn planned(place: &Place) -> BTreeSet<String> {
    let plan = place.json(&["plan", "atomic-host"]);
    let packages = plan["packages"]["atomic-host"].as_array().unwrap().iter();
    packages
        .map(|nevra| with_epoch(nevra.as_str().unwrap()))
        .collect()
}

fn with_epoch(nevra: &str) -> String {
    let (rest, release) = nevra.rsplit_once('-').unwrap();
    let (name, version) = rest.rsplit_once('-').unwrap();
    match version.contains(':') {
        true => nevra.to_owned(),
        false => format!("{name}-0:{version}-{release}"),
    }
}

/// rpm finds every file of the plain root as its package says.
pub fn rpm_verifies(place: &Place, realized: &Realized, scratch: &Path) {
    let closure = place.json(&["closure", "atomic-host"]);
    let nodes = closure["nodes"].as_array().unwrap();
    let root = nodes.iter().find(|node| node["kind"] == "root").unwrap();
    let entry: EntryId = root["entry"].as_str().unwrap().parse().unwrap();
    assert_ne!(entry.to_string(), realized.entries()["atomic-host"]);
    let held = Held(Store::open(&place.store).unwrap());
    let manifest = held.0.entry(entry).unwrap();
    let mut output = Output::new("root", manifest.root);
    output.links = manifest.links.into_iter().collect();
    let base = scratch.join("root");
    fs::create_dir(&base).unwrap();
    materialize(&held, &output, &base);
    if !is_root() {
        told::left_out("only root can verify with rpm --root");
        return;
    }
    let arguments = "--dbpath /usr/lib/sysimage/rpm -Va --nodeps --noscripts --root";
    let mut arguments: Vec<&str> = arguments.split(' ').collect();
    arguments.push(base.to_str().unwrap());
    let (_, text) = run("rpm", &arguments);
    // A package's file that its packager left out, and owners that nobody defines, are said in the log.
    let log = place.run(&["log", "atomic-host"]);
    let mut unexpected = BTreeMap::new();
    for line in text.lines() {
        let (flags, path) = line.split_at(line.find('/').unwrap_or(0));
        let owner = flags
            .trim_end_matches([' ', 'c', 'd', 'g'])
            .chars()
            .all(|c| ".UG".contains(c));
        if !(owner && log.contains("is not defined: root is used")) {
            unexpected.insert(path.to_owned(), flags.to_owned());
        }
    }
    assert!(unexpected.is_empty(), "{unexpected:?}\n{log}");
}
