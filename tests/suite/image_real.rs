//! Images of real packages, in layers and on top of each other, judged by what umoci unpacks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use store::compose::{Composed, MAIN};
use store::ids::EntryId;
use store::plan::facts::ImageFacts;
use store::plan::parameters;

use crate::support::checkout::checkout;
use crate::support::fixtures;
use crate::support::materialize::{is_root, listing, materialize};
use crate::support::root::{EPOCH, output, root, unpack};
use crate::support::rpm::try_compose;
use crate::support::told;
use crate::support::workspace::Memory;

fn parameters(layers: u32, compression: &str) -> parameters::Image {
    parameters::Image {
        arch: "armv7l".to_owned(),
        version: "3".to_owned(),
        epoch: EPOCH,
        layers,
        compression: compression.to_owned(),
        bootable: false,
        config: parameters::ImageConfig::default(),
        annotations: BTreeMap::new(),
    }
}

/// The basic packages of a distribution, and one of forty of the others.
fn packages() -> Vec<PathBuf> {
    let files = fixtures::packages("repos/tizen3-armv7l/rpms");
    let basic = ["filesystem-", "setup-", "dbus-1", "bash-", "identifier-"];
    let chosen = files.into_iter().enumerate().filter(|(number, file)| {
        let name = fixtures::name(file);
        number % 40 == 0 || basic.iter().any(|basic| name.starts_with(basic))
    });
    chosen.map(|(_, file)| file).collect()
}

fn facts(image: &Composed) -> ImageFacts {
    image.facts.as_ref().unwrap().to().unwrap()
}

fn unpacked(memory: &Memory, image: &Composed, directory: &Path) -> PathBuf {
    let layout = directory.join("oci");
    checkout(memory, image.outputs[MAIN].root, &layout);
    let bundle = directory.join("bundle");
    let mut umoci = Command::new("umoci");
    umoci.args(["unpack", "--image"]).arg(&layout).arg(&bundle);
    let output = umoci.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    bundle.join("rootfs")
}

/// Owners, modes, times, capabilities, links and bytes are those of the installed root.
fn assert_same(memory: &Memory, installed: &Composed, image: &Composed) {
    let directory = tempfile::tempdir().unwrap();
    let found = unpacked(memory, image, directory.path());
    let expected = directory.path().join("expected");
    materialize(memory, output(installed), &expected);
    // What was composed, the package database above all, has no time before it is in an image.
    let timeless = |listing: BTreeMap<String, String>| -> BTreeMap<String, String> {
        let made = [
            "rpmdb.sqlite",
            "etc/passwd",
            "etc/group",
            "etc/shadow",
            "etc/gshadow",
            "var/lib/rpm",
        ];
        let clean = |(path, line): (String, String)| {
            let line = match made.iter().any(|made| path.ends_with(made)) {
                true => line
                    .split(' ')
                    .filter(|word| word.len() != 10)
                    .collect::<Vec<_>>()
                    .join(" "),
                false => line,
            };
            (path, line)
        };
        listing
            .into_iter()
            .filter(|(path, _)| !path.is_empty())
            .map(clean)
            .collect()
    };
    let (found, expected) = (timeless(listing(&found)), timeless(listing(&expected)));
    assert!(expected.len() > 300, "only {} paths", expected.len());
    for path in found.keys().chain(expected.keys()) {
        assert_eq!(found.get(path), expected.get(path), "{path}");
    }
}

#[test]
fn real_packages_in_many_layers_are_unpacked_as_they_were_installed() {
    let files = packages();
    if files.is_empty() {
        return;
    }
    if !is_root() {
        told::left_out("only root unpacks owners, devices and capabilities");
        return;
    }
    let memory = Memory::default();
    let entries: Vec<EntryId> = files.iter().map(|file| unpack(&memory, file)).collect();
    let installed = root(&memory, "armv7l", &entries).unwrap();
    let entry = memory.enter(output(&installed));
    let packages = entries.iter().map(|&entry| ("package", entry));
    let inputs = packages.chain([("root", entry)]);
    let image = try_compose(&memory, "image", &parameters(20, "gzip"), inputs).unwrap();
    let layers = facts(&image).layers.len();
    assert!((8..=20).contains(&layers), "{layers} layers");
    assert_same(&memory, &installed, &image);
}

#[test]
fn real_packages_on_top_of_others_are_unpacked_as_if_they_were_installed_together() {
    let files = packages();
    if files.is_empty() {
        return;
    }
    if !is_root() {
        told::left_out("only root unpacks owners, devices and capabilities");
        return;
    }
    let memory = Memory::default();
    let entries: Vec<EntryId> = files.iter().map(|file| unpack(&memory, file)).collect();
    let compose = |entries: &[EntryId], below: Option<(EntryId, EntryId)>, layers: u32| {
        let installed = root(&memory, "armv7l", entries).unwrap();
        let mut inputs = vec![("root", memory.enter(output(&installed)))];
        inputs.extend(entries.iter().map(|&entry| ("package", entry)));
        if let Some((base, root)) = below {
            inputs.extend([("base", base), ("base-root", root)]);
        }
        let image = try_compose(&memory, "image", &parameters(layers, "gzip"), inputs).unwrap();
        (installed, image)
    };
    let (half, _) = entries.split_at(entries.len() / 2);
    let (below, base) = compose(half, None, 4);
    let entries_below = (
        memory.enter(&base.outputs[MAIN]),
        memory.enter(output(&below)),
    );
    let (installed, image) = compose(&entries, Some(entries_below), 6);
    let (base, all) = (facts(&base).layers, facts(&image).layers);
    assert!(all.starts_with(&base) && all.len() > base.len());
    assert_same(&memory, &installed, &image);

    // Back again: what goes is gone.
    let entries_above = (
        memory.enter(&image.outputs[MAIN]),
        memory.enter(output(&installed)),
    );
    let (installed, image) = compose(half, Some(entries_above), 3);
    assert_same(&memory, &installed, &image);
}
