//! A host as a container image: the same system as the OSTree tree of the same packages.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::bench::Bench;
use crate::support::materialize::{is_root, listing};
use crate::support::told;

const REF: &str = "sampler/1/x86_64/atomic-host";

fn run(command: &mut Command) -> String {
    let output = command.env("LC_ALL", "C.UTF-8").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Modes, owners, targets, capabilities and content; OSTree has neither times nor hard links.
fn system(base: &Path) -> BTreeMap<String, String> {
    let clean = |line: &str| -> String {
        let mut words: Vec<&str> = line.split(' ').collect();
        if let Some(at) = words.iter().position(|word| *word == "at") {
            words.drain(at..at + 2);
        }
        if let Some(at) = words.iter().position(|word| *word == "same") {
            words.drain(at..at + 3);
        }
        words.join(" ")
    };
    let lines = listing(base);
    let lines = lines.iter().filter(|(path, _)| !path.is_empty());
    lines
        .map(|(path, line)| (path.clone(), clean(line)))
        .collect()
}

#[test]
fn a_host_that_ships_is_the_tree_that_ostree_checks_out() {
    let bench = Bench::shipped();
    let paths = bench.realize(&["atomic-host", "atomic-host-image"]);
    let [tree, image] = &paths[..] else {
        panic!("{paths:?}")
    };

    let mut inspect = Command::new("skopeo");
    inspect
        .arg("inspect")
        .arg(format!("oci:{}", image.display()));
    let said: Value = serde_json::from_str(&run(&mut inspect)).unwrap();
    let expected = serde_json::json!({
        "containers.bootc": "1",
        "org.opencontainers.image.version": "1",
        "ostree.bootable": "1",
        "ostree.linux": "0.0.0-placeholder",
    });
    assert_eq!(said["Labels"], expected);
    let components: Vec<&str> = said["LayersData"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|layer| layer["Annotations"]["ostree.components"].as_str())
        .collect();
    if said.get("LayersData").is_some() {
        assert!(components.contains(&"placeholder-kernel"), "{components:?}");
    }

    if !is_root() {
        told::left_out("only root gives files their owners, and reads those of mode 0");
        return;
    }
    let bundle = bench.path().join("bundle");
    run(Command::new("umoci")
        .arg("unpack")
        .arg("--image")
        .arg(image)
        .arg(&bundle));
    let out = bench.path().join("out");
    let mut ostree = Command::new("ostree");
    ostree
        .arg("checkout")
        .arg(format!("--repo={}", tree.display()));
    run(ostree.arg("--fsync=no").arg(REF).arg(&out));

    let found = system(&bundle.join("rootfs"));
    let mut expected = BTreeMap::new();
    for (path, line) in system(&out) {
        // Containers have their configuration where programs look for it.
        let path = match path.strip_prefix("usr/etc") {
            Some(rest) => format!("etc{rest}"),
            None => path,
        };
        expected.insert(path, line);
    }
    assert_eq!(found, expected);
}

/// It moves from `/boot` to its modules, and stays in the layer of its package.
#[test]
fn a_kernel_is_not_in_the_layer_that_every_package_changes() {
    let package = "kind = \"package\"\nsummary = \"A\"\nversion = \"1\"\nrelease = \"1\"\nlicense = \"MIT\"\n";
    let file = |path: &str| format!("[[files]]\npath = \"{path}\"\ncontent = \"{path}\"\n");
    let kernel = file("/boot/vmlinuz-1") + &file("/usr/lib/modules/1/modules.dep");
    let bench = Bench::of(&[
        ("kernel.toml", &format!("{package}{kernel}")),
        ("tool.toml", &format!("{package}{}", file("/usr/bin/tool"))),
        (
            "all.toml",
            "kind = \"module\"\nstream = \"1\"\nversion = 1\nfrom = [\"kernel\", \"tool\"]\n",
        ),
        (
            "host.toml",
            "kind = \"image\"\nfrom = [\"all\"]\ninstall = [\"kernel\", \"tool\"]\nbootable = true\n",
        ),
    ]);
    let image = bench.realize(&["host"]).remove(0);
    let mut layers = Vec::new();
    for blob in std::fs::read_dir(image.join("blobs/sha256")).unwrap() {
        let mut tar = Command::new("tar");
        let listed = tar.arg("-tzf").arg(blob.unwrap().path()).output().unwrap();
        layers.push(String::from_utf8(listed.stdout).unwrap());
    }
    let of = |name: &str| {
        layers
            .iter()
            .position(|layer| layer.contains(name))
            .unwrap()
    };
    assert_eq!(
        of("usr/lib/modules/1/vmlinuz\n"),
        of("usr/lib/modules/1/modules.dep\n")
    );
    assert_ne!(of("usr/lib/modules/1/vmlinuz\n"), of("rpmdb.sqlite\n"));
}

/// Up to March 2026 bootc moved a file below `/etc` by its header, and a record still said where it had been:
/// the host then had an `/etc` beside its `/usr/etc`, and was not deployed.
#[test]
fn a_path_that_a_header_can_hold_is_in_no_record() {
    let path = format!("/etc/{}/{}", "d".repeat(60), "f".repeat(60));
    let package = format!(
        "kind = \"package\"\nsummary = \"A\"\nversion = \"1\"\nrelease = \"1\"\nlicense = \"MIT\"\n\
         [[files]]\npath = \"/boot/vmlinuz-1\"\ncontent = \"A\"\n[[files]]\npath = \"{path}\"\ncontent = \"A\"\n"
    );
    let bench = Bench::of(&[
        (
            "all.toml",
            "kind = \"module\"\nstream = \"1\"\nversion = 1\nfrom = [\"kernel\"]\n",
        ),
        (
            "host.toml",
            "kind = \"image\"\nfrom = [\"all\"]\ninstall = [\"kernel\"]\nbootable = true\n",
        ),
        ("kernel.toml", &package),
    ]);
    let image = bench.realize(&["host"]).remove(0);
    let records = "import sys, tarfile; [print(\"/\" + entry.name, sorted(entry.pax_headers)) \
                   for entry in tarfile.open(sys.argv[1])]";
    let mut said = String::new();
    for blob in std::fs::read_dir(image.join("blobs/sha256")).unwrap() {
        let mut python = Command::new("python3");
        let output = python.args(["-c", records]).arg(blob.unwrap().path());
        // Documents are blobs too, and no archives.
        said += &String::from_utf8_lossy(&output.output().unwrap().stdout);
    }
    assert!(said.contains(&format!("{path} []\n")), "{said}");
}
