//! Everything else that a distribution is shipped as: images, a disc, a disk, and the release directory of them all.

use std::fs;
use std::path::Path;

use super::place::Realized;
use crate::support::materialize::is_root;
use crate::support::productmd;
use crate::support::sample::run;

pub const ARTIFACTS: [&str; 6] = [
    "base-image",
    "disc",
    "host-image",
    "machine",
    "web-image",
    "whole",
];

const RECIPES: [(&str, &str); 6] = [
    (
        "base-image",
        "kind = \"image\"\nfrom = [\"base\"]\ninstall = [\"@base/default\"]\nlayers = 8\n\
         [config]\ncmd = [\"/bin/bash\"]\n",
    ),
    (
        "web-image",
        "kind = \"image\"\nbase = \"base-image\"\nfrom = [\"connectivity\", \"graphics\"]\ninstall = [\"gssdp\"]\n",
    ),
    (
        "host-image",
        "kind = \"image\"\nfrom = [\"base\"]\ninstall = [\"@base/host\"]\nbootable = true\n",
    ),
    (
        "disc",
        "kind = \"installer\"\nfrom = [\"base\"]\nruntime = [\"@base/host\"]\nrepository = \"server\"\npayload = \"atomic-host\"\n",
    ),
    (
        "machine",
        "kind = \"disk\"\npayload = \"atomic-host\"\nsize = \"1 GiB\"\nformat = \"qcow2\"\n",
    ),
    (
        "whole",
        "kind = \"compose\"\n[variants]\nServer = [\"server\", \"disc\"]\nHost = [\"atomic-host\", \"machine\", \"host-image\"]\n\
         Base = [\"base-image\", \"web-image\"]\n",
    ),
];

/// Adds their recipes to the others.
pub fn write(directory: &Path) {
    for (name, text) in RECIPES {
        fs::write(directory.join(format!("{name}.toml")), text).unwrap();
    }
}

/// Each of them, looked at by who uses such things.
pub fn clients_agree(realized: &Realized, scratch: &Path) {
    for name in ["base-image", "web-image", "host-image"] {
        let layout = realized.path(name);
        let layout = layout.to_str().unwrap();
        let said = run("skopeo", &["inspect", &format!("oci:{layout}")]);
        assert!(said.contains("\"Layers\""), "{said}");
        if is_root() {
            let bundle = scratch.join(name);
            run(
                "umoci",
                &["unpack", "--image", layout, bundle.to_str().unwrap()],
            );
            assert!(bundle.join("rootfs/bin/bash").exists(), "{name}");
        }
    }
    let disc = realized.path("disc").join("disc.iso");
    let disc = disc.to_str().unwrap();
    run("checkisomd5", &[disc]);
    let listed = run("bsdtar", &["-tf", disc]);
    for path in [
        "images/install.img",
        "repodata/repomd.xml",
        "ostree/repo/config",
        ".treeinfo",
    ] {
        assert!(listed.lines().any(|line| line == path), "{path}");
    }
    let stage2 = scratch.join("stage2");
    fs::create_dir(&stage2).unwrap();
    run(
        "bsdtar",
        &[
            "-xf",
            disc,
            "-C",
            stage2.to_str().unwrap(),
            "images/install.img",
        ],
    );
    let image = stage2.join("images/install.img");
    let listed = run("unsquashfs", &["-ll", image.to_str().unwrap()]);
    assert!(listed.contains("squashfs-root/bin/bash"), "{listed}");

    let machine = realized.path("machine").join("machine.qcow2");
    let raw = scratch.join("machine.raw");
    run("qemu-img", &["check", machine.to_str().unwrap()]);
    run(
        "qemu-img",
        &[
            "convert",
            "-O",
            "raw",
            machine.to_str().unwrap(),
            raw.to_str().unwrap(),
        ],
    );
    let told = run("/sbin/sfdisk", &["--dump", raw.to_str().unwrap()]);
    let root = told
        .lines()
        .find(|line| line.contains("name=\"root\""))
        .unwrap();
    let (_, start) = root.split_once("start=").unwrap();
    let start: u64 = start.trim().split(',').next().unwrap().parse().unwrap();
    let said = run(
        "/sbin/e2fsck",
        &[
            "-f",
            "-n",
            &format!("{}?offset={}", raw.display(), start * 512),
        ],
    );
    assert!(!said.contains("Fix?"), "{said}");

    let told = productmd::compose(&realized.path("whole"));
    let images = told["images"]["payload"]["images"].as_object().unwrap();
    assert_eq!(images.len(), 3, "{images:?}");
}
