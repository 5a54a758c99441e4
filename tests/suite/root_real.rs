//! Roots of real packages, judged by rpm.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use store::compose::root::Root;
use store::formats::rpm::Package;
use store::ids::EntryId;
use store::plan::parameters;

use crate::support::fixtures;
use crate::support::materialize::{is_root, listing, materialize};
use crate::support::root::{
    conflicts, leaf, output, parameters, root, run, unpack, without_database,
};
use crate::support::rpm::{compose_by, enter};
use crate::support::told;
use crate::support::workspace::Memory;

#[test]
fn a_distribution_fits_into_one_root_but_for_one_quarrel() {
    let files = fixtures::packages("repos/tizen3-armv7l/rpms");
    if files.is_empty() {
        return;
    }
    let memory = Memory::default();
    let entries: Vec<EntryId> = files.iter().map(|file| unpack(&memory, file)).collect();
    let quarrel = conflicts(root(&memory, "armv7l", &entries));
    // Two packages own this directory with different modes, which rpm refuses too.
    let path = "/usr/lib/systemd/system/multi-user.target.wants";
    let between = (
        "privacy-manager-server".to_owned(),
        "timeservices".to_owned(),
    );
    assert_eq!(quarrel, [(path.to_owned(), between.0, between.1)]);
}

/// All of it takes rpm a minute, so the basic packages and some of the others.
#[test]
fn real_packages_are_what_rpm_would_have_installed() {
    let all = fixtures::packages("repos/tizen3-armv7l/rpms");
    if all.is_empty() {
        return;
    }
    let begins = |file: &Path, with: &str| fixtures::name(file).starts_with(with);
    let (accounts, basic) = ("identifier-", ["filesystem-", "setup-", "dbus-1", "bash-"]);
    let mut files: Vec<PathBuf> = Vec::new();
    files.extend(all.iter().filter(|file| begins(file, accounts)).cloned());
    let chosen = all
        .iter()
        .enumerate()
        .filter(|(number, file)| number % 40 == 0 || basic.iter().any(|name| begins(file, name)));
    files.extend(chosen.map(|(_, file)| file.clone()));
    let memory = Memory::default();
    let entries: Vec<EntryId> = files.iter().map(|file| unpack(&memory, file)).collect();
    let composed = root(&memory, "armv7l", &entries).unwrap();
    if !is_root() {
        told::left_out("only root can install with rpm --root");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let ours = directory.path().join("ours");
    materialize(&memory, output(&composed), &ours);
    let theirs = directory.path().join("theirs");
    std::fs::create_dir(&theirs).unwrap();
    // The accounts first, so that all that follow find their owners. Where rpm meets a device node it opens it.
    for files in files.split_inclusive(|file| begins(file, accounts)) {
        let arguments = "-i --nodeps --noscripts --notriggers --nosignature --ignorearch --ignoreos \
                         --excludepath /dev --dbpath /db --root";
        let mut arguments: Vec<&str> = arguments.split_whitespace().collect();
        arguments.push(theirs.to_str().unwrap());
        arguments.extend(files.iter().map(|file| file.to_str().unwrap()));
        let (success, text) = run("rpm", &arguments);
        assert!(success, "{text}");
    }
    let (ours, theirs) = (
        without_database(listing(&ours)),
        without_database(listing(&theirs)),
    );
    let paths: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    assert!(paths.len() > 300, "only {} paths", paths.len());
    for path in paths {
        assert_eq!(ours.get(path), theirs.get(path), "{path}");
    }
}

/// OSTree counts the mode of a link, and a machine that pulled another one than it can have finds its object damaged.
#[test]
fn a_link_has_all_permissions_whatever_its_package_says() {
    let files = fixtures::packages("rpms");
    let named =
        |file: &&PathBuf| fixtures::name(file).contains("centos-release-6-0.el6.centos.5.x86_64");
    let Some(file) = files.iter().find(named) else {
        return;
    };
    let package = Package::read(&mut std::fs::read(file).unwrap().as_slice()).unwrap();
    let files = package.header.files().unwrap();
    let link = files
        .iter()
        .find(|file| file.path == b"/etc/redhat-release");
    assert_eq!(link.unwrap().mode, 0o120_644);
    let memory = Memory::default();
    let composed = root(&memory, "x86_64", &[unpack(&memory, file)]).unwrap();
    assert_eq!(
        leaf(&memory, &composed, "etc/redhat-release").meta.mode,
        0o777
    );
}

#[test]
fn every_real_package_alone_is_what_rpm_expects() {
    let memory = Memory::default();
    let mut checked = 0;
    for file in fixtures::packages("rpms") {
        let bytes = std::fs::read(&file).unwrap();
        let Ok(package) = Package::read(&mut bytes.as_slice()) else {
            continue;
        };
        let nevra = package.record.nevra;
        if package.record.source {
            continue;
        }
        let arch = match nevra.arch.as_str() {
            "noarch" => "x86_64",
            arch => arch,
        };
        // Later than every file, so that no time is changed.
        let late = parameters::Root {
            epoch: 4_000_000_000,
            ..parameters(arch)
        };
        let unpacked = enter(&memory, bytes).unpacked(&memory);
        let alone = [("package", unpacked)];
        let composed = compose_by(&Root { nodeps: true }, &memory, "root", &late, alone);
        let composed = composed.unwrap_or_else(|error| panic!("{nevra}: {error}"));
        let directory = tempfile::tempdir().unwrap();
        let base = directory.path().join("root");
        materialize(&memory, output(&composed), &base);
        let database = base.join("usr/lib/sysimage/rpm");
        let database = database.to_str().unwrap();
        let question = ["--dbpath", database, "-qa", "--qf", "%{NAME}"];
        assert_eq!(run("rpm", &question), (true, nevra.name.clone()), "{nevra}");
        if is_root() {
            let verify = "-Va --nodeps --noscripts --dbpath /usr/lib/sysimage/rpm --root";
            let mut verify: Vec<&str> = verify.split(' ').collect();
            verify.push(base.to_str().unwrap());
            assert_eq!(run("rpm", &verify), (true, String::new()), "{nevra}");
        }
        checked += 1;
    }
    println!("{checked} packages verified");
}
