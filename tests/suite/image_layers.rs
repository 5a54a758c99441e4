//! How an image is divided: what stays when something else changes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use serde_json::Value;
use store::compose::image::{Bin, pack};

use crate::support::bench::Bench;

/// Sizes as distributions have them: few large packages, many small ones.
fn sizes(seed: u32, count: usize) -> BTreeMap<String, u64> {
    let uniform = |n: usize, k: usize| {
        let hash = blake3::hash(format!("{seed} {n} {k}").as_bytes());
        let (first, _) = hash.as_bytes().split_first_chunk().unwrap();
        f64::from(u32::from_le_bytes(*first)) / f64::from(u32::MAX)
    };
    let normal = |n| (0..12).map(|k| uniform(n, k)).sum::<f64>() - 6.0;
    let size = |n| (12.5 + 1.9 * normal(n)).exp() as u64;
    (0..count)
        .map(|n| (format!("package-{n}"), size(n)))
        .collect()
}

/// How many groups lie elsewhere, of those that both have.
fn moved(before: &BTreeMap<String, Bin>, after: &BTreeMap<String, Bin>, but: &str) -> usize {
    let others = before.iter().filter(|(name, _)| *name != but);
    others
        .filter(|(name, bin)| after.get(*name).is_some_and(|after| after != *bin))
        .count()
}

proptest! {
    #[test]
    fn one_group_that_changes_comes_or_goes_moves_at_most_one_other(
        groups in prop::collection::btree_map("[a-z]{1,4}", 0..1u64 << 30, 1..300),
        layers in 0..130u32,
        which in any::<prop::sample::Index>(),
        size in 0..1u64 << 40,
    ) {
        let before = pack(&groups, layers);
        let bins: BTreeSet<&Bin> = before.values().collect();
        prop_assert!(bins.len() <= layers.max(1) as usize);
        let name = which.get(&groups.keys().cloned().collect::<Vec<_>>()).clone();
        let mut changed = groups.clone();
        changed.insert(name.clone(), size);
        prop_assert!(moved(&before, &pack(&changed, layers), &name) <= 1);
        changed.remove(&name);
        prop_assert!(moved(&before, &pack(&changed, layers), &name) <= 1);
    }
}

/// Of a host in 64 layers, the topmost of which holds the package database.
#[test]
fn of_four_hundred_packages_one_that_changes_leaves_95_percent_of_the_bytes() {
    for seed in 0..20 {
        let groups = sizes(seed, 400);
        let total: u64 = groups.values().sum();
        // As measured of a real distribution: less than one byte in a hundred.
        let top = total / 100;
        let bins = pack(&groups, 63);
        let mut weights: BTreeMap<&Bin, u64> = BTreeMap::new();
        for (name, bin) in &bins {
            *weights.entry(bin).or_default() += groups[name];
        }
        for (name, size) in &groups {
            // A package that is a twentieth of everything can't change and leave more than the rest.
            if *size > total / 25 {
                continue;
            }
            let touched = weights[&bins[name]] + top;
            assert!(
                touched * 20 <= total,
                "seed {seed}: {name} ({size} of {total} bytes) touches {touched}"
            );
            // It grows past every power of two on its way, and moves at most one other.
            let mut grown = groups.clone();
            grown.insert(name.clone(), size * 2);
            assert!(moved(&bins, &pack(&grown, 63), name) <= 1);
        }
    }
}

const MODULE: &str = "kind = \"module\"\nstream = \"1\"\nversion = 1\n";

fn package(name: &str, version: u32) -> String {
    format!(
        "kind = \"package\"\nsummary = \"A\"\nversion = \"{version}\"\nrelease = \"1\"\nlicense = \"MIT\"\nfiles = [\
         {{ path = \"/usr/share/{name}\", directory = true }}, \
         {{ path = \"/usr/share/{name}/data\", content = \"{name} {version}\" }}, \
         {{ path = \"/usr/bin/{name}\", content = \"{name}\", mode = \"0755\" }}]\n"
    )
}

/// A module of forty packages, and images of all of them.
fn forty() -> Bench {
    let names: Vec<String> = (0..40).map(|n| format!("tool-{n}")).collect();
    let listed = names.iter().map(|name| format!("\"{name}\""));
    let listed = listed.collect::<Vec<_>>().join(", ");
    let from = format!("from = [\"all\"]\ninstall = [{listed}]\n");
    let bench = Bench::of(&[
        ("all.toml", &format!("{MODULE}from = [{listed}]\n")),
        (
            "many.toml",
            &format!("kind = \"image\"\n{from}layers = 8\n"),
        ),
        (
            "tree.toml",
            &format!("kind = \"ostree\"\n{from}ref = \"tree\"\n"),
        ),
    ]);
    for name in &names {
        bench.write(&format!("recipes/packages/{name}.toml"), package(name, 1));
    }
    bench
}

fn raw(layout: &Path) -> Value {
    let mut command = Command::new("skopeo");
    command.args(["inspect", "--raw"]);
    let output = command
        .arg(format!("oci:{}", layout.display()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn layers(layout: &Path) -> Vec<String> {
    let raw = raw(layout);
    let layers = raw["layers"].as_array().unwrap().iter();
    layers
        .map(|layer| layer["digest"].as_str().unwrap().to_owned())
        .collect()
}

/// Names of the files in a layer.
fn listed(layout: &Path, digest: &str) -> String {
    let blob = layout.join("blobs/sha256").join(&digest["sha256:".len()..]);
    let output = Command::new("tar").arg("-tzf").arg(blob).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_package_that_changed_remakes_its_layer_and_that_of_the_database() {
    let bench = forty();
    let before = bench.realize(&["many"]).remove(0);
    let old = layers(&before);
    assert!((5..=8).contains(&old.len()), "{old:?}");
    // Each layer has the directories that its files lie in.
    for digest in &old {
        let listed = listed(&before, digest);
        assert!(listed.starts_with("./\nusr/\n"), "{listed}");
    }
    let holds = |digest: &&String| listed(&before, digest).contains("usr/bin/tool-17\n");
    let own = old.iter().position(|digest| holds(&digest)).unwrap();

    bench.write("recipes/packages/tool-17.toml", package("tool-17", 2));
    let after = bench.realize(&["many"]).remove(0);
    let new = layers(&after);
    assert_eq!(old.len(), new.len());
    let changed: Vec<usize> = (0..old.len()).filter(|&n| old[n] != new[n]).collect();
    assert_eq!(changed, [own, old.len() - 1]);
    assert!(listed(&after, &new[old.len() - 1]).contains("rpmdb.sqlite"));
}

#[test]
fn a_changed_command_reinstalls_nothing_and_remakes_no_layer() {
    let bench = forty();
    let tree = bench.realize(&["tree"]);
    let plan = bench.json(&["plan", "many"]);
    let to_do = |plan: &Value| -> Vec<String> {
        let steps = plan["steps"].as_array().unwrap().iter();
        let open = steps.filter(|step| step["status"] == "to do");
        open.map(|step| step["kind"].as_str().unwrap().to_owned())
            .collect()
    };
    // The root is that of the tree.
    assert_eq!(to_do(&plan), ["image"], "{tree:?}");
    let before = bench.realize(&["many"]).remove(0);
    bench.edit(
        "many.toml",
        "layers = 8\n",
        "layers = 8\n[config]\ncmd = [\"/bin/sh\"]\n",
    );
    assert_eq!(to_do(&bench.json(&["plan", "many"])), ["image"]);
    let after = bench.realize(&["many"]).remove(0);
    assert_eq!(layers(&before), layers(&after));
    assert_ne!(raw(&before)["config"], raw(&after)["config"]);
}

#[test]
fn an_image_is_the_same_wherever_and_however_often_it_is_made() {
    let (here, there) = (forty(), forty());
    let first = here.realize(&["many"]).remove(0);
    let second = there.print(&["realize", "many", "--jobs", "1"]);
    let second = Path::new(second.trim());
    assert_eq!(first.file_name(), second.file_name());
    assert_eq!(
        fs::read(first.join("index.json")).unwrap(),
        fs::read(second.join("index.json")).unwrap()
    );
    here.print(&["verify", "--full"]);
}
