//! Kind `disk`: images with a tree deployed, judged by `ostree`, `e2fsck`, `sfdisk`, `fsck.vfat`, `qemu-img` and firmware.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::bench::Bench;
use crate::support::bootable::bootable;
use crate::support::machine::{Machine, uefi};
use crate::support::materialize::is_root;
use crate::support::sample::run;
use crate::support::told;

const MIB: u64 = 1 << 20;

/// Recipes of a disk with the boot loaders of this machine, and what `extra` says of the disk.
fn bench(extra: &str) -> Bench {
    let bench = bootable();
    bench.write(
        "recipes/host.toml",
        "kind = \"ostree\"\nfrom = [\"base\", \"boot\"]\ninstall = [\"@base/default\", \"@boot/default\"]\nref = \"sampler/1/host\"\n",
    );
    bench.write("recipes/machine.toml", recipe(extra));
    bench
}

fn recipe(extra: &str) -> String {
    format!("kind = \"disk\"\npayload = \"host\"\nsize = \"512 MiB\"\n{extra}")
}

/// Start and length in bytes of the partitions, as `sfdisk` reads them.
fn partitions(image: &Path) -> Vec<(u64, u64)> {
    let image = image.to_str().unwrap();
    let said = run("/sbin/sfdisk", &["--verify", image]);
    assert!(said.contains("No errors detected."), "{said}");
    let told = run("/sbin/sfdisk", &["--dump", image]);
    let value = |line: &str, key: &str| -> u64 {
        let (_, rest) = line.split_once(key).unwrap();
        rest.trim()
            .split(',')
            .next()
            .unwrap()
            .trim()
            .parse()
            .unwrap()
    };
    let lines = told.lines().filter(|line| line.contains("start="));
    lines
        .map(|line| (value(line, "start=") * 512, value(line, "size=") * 512))
        .collect()
}

/// The bytes of a partition, in a file of its own.
fn cut(image: &Path, (start, length): (u64, u64), to: &Path) -> PathBuf {
    use std::io::{Read, Seek, SeekFrom};
    let mut file = fs::File::open(image).unwrap();
    file.seek(SeekFrom::Start(start)).unwrap();
    let mut out = fs::File::create(to).unwrap();
    std::io::copy(&mut file.take(length), &mut out).unwrap();
    to.to_owned()
}

/// The paths of a directory that are not objects, nor what was checked out, with their modes and targets.
fn layout(base: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in walkdir::WalkDir::new(base).sort_by_file_name() {
        let entry = entry.unwrap();
        let at = entry.path().strip_prefix(base).unwrap().to_str().unwrap();
        let made = [
            "/objects/",
            "/usr/",
            "/lost+found",
            "fstab",
            "/etc/ostree/",
            "grub",
            "/.lock",
        ];
        if made.iter().any(|made| format!("/{at}/").contains(made)) {
            continue;
        }
        let kind = entry.file_type();
        let target = fs::read_link(entry.path()).unwrap_or_default();
        let kind = if kind.is_dir() {
            "d"
        } else if kind.is_symlink() {
            "l"
        } else {
            "f"
        };
        lines.push(format!("{kind} {at} {}", target.display()));
    }
    lines
}

#[test]
fn a_disk_is_what_ostree_deploys_and_ostree_takes_it_from_there() {
    let bench = bench("[updates]\nurl = \"http://updates.example/repo\"\n");
    let paths = bench.realize(&["host", "machine"]);
    let image = paths[1].join("machine.raw");
    assert_eq!(fs::metadata(&image).unwrap().len(), 512 * MIB);
    let parts = partitions(&image);
    assert_eq!(parts.len(), 4);
    let at = |name: &str| bench.path().join(name);
    let efi = cut(&image, parts[1], &at("efi"));
    run("/sbin/fsck.vfat", &["-n", efi.to_str().unwrap()]);
    let listed = run("mdir", &["-/", "-b", "-i", efi.to_str().unwrap()]);
    assert!(listed.contains("/EFI/BOOT/BOOTX64.EFI"), "{listed}");
    assert!(
        listed.contains("/EFI/DEBIAN/GRUB.CFG") || listed.contains("/EFI/FEDORA/GRUB.CFG"),
        "{listed}"
    );
    let (boot, root) = (at("boot-partition"), at("root-partition"));
    for (to, part) in [(&boot, parts[2]), (&root, parts[3])] {
        cut(&image, part, to);
        let said = run("/sbin/e2fsck", &["-f", "-n", to.to_str().unwrap()]);
        assert!(!said.contains("Fix?"), "{said}");
    }
    let deployment = run(
        "/sbin/debugfs",
        &[
            "-R",
            "ls -p /ostree/deploy/sampler/deploy",
            root.to_str().unwrap(),
        ],
    );
    let deployment = deployment
        .split('/')
        .find(|name| name.ends_with(".0"))
        .unwrap();
    let said = run(
        "/sbin/debugfs",
        &[
            "-R",
            &format!("stat /ostree/deploy/sampler/deploy/{deployment}"),
            root.to_str().unwrap(),
        ],
    );
    assert!(said.contains("Flags: 0x80010"), "{said}");
    if !is_root() {
        told::left_out("only root can take files out of a file system with their owners");
        return;
    }
    let (ours, theirs) = (at("ours"), at("theirs"));
    fs::create_dir_all(ours.join("boot")).unwrap();
    fs::create_dir(&theirs).unwrap();
    for (from, what, to) in [
        (&root, "/ostree", ours.clone()),
        (&boot, "/", ours.join("boot")),
    ] {
        let command = format!("rdump {what} {}", to.display());
        let said = run("/sbin/debugfs", &["-R", &command, from.to_str().unwrap()]);
        assert!(!said.contains("rdump:"), "{said}");
    }
    let repo = format!("--repo={}", ours.join("ostree/repo").display());
    run("ostree", &[&repo, "fsck", "-q"]);
    let sysroot = |of: &Path| format!("--sysroot={}", of.display());
    let reference = "sampler:sampler/1/host";
    let system = sysroot(&theirs);
    run(
        "ostree",
        &["admin", "init-fs", "--modern", theirs.to_str().unwrap()],
    );
    run("ostree", &["admin", "os-init", &system, "sampler"]);
    let repo = format!("--repo={}", theirs.join("ostree/repo").display());
    run(
        "ostree",
        &[&repo, "config", "set", "sysroot.bootloader", "none"],
    );
    run(
        "ostree",
        &[&repo, "config", "set", "sysroot.readonly", "true"],
    );
    run(
        "ostree",
        &[
            &repo,
            "pull-local",
            "--remote=sampler",
            paths[0].to_str().unwrap(),
            "sampler/1/host",
        ],
    );
    run(
        "ostree",
        &[
            "admin",
            "deploy",
            &system,
            "--os=sampler",
            "--karg=root=UUID=x",
            "--karg=rw",
            reference,
        ],
    );
    let mut expected = layout(&theirs);
    // Whether anything has to be labelled is found out at the first boot here.
    expected.retain(|line| !line.contains(".ostree-selabeled"));
    let mut found = layout(&ours);
    found.retain(|line| line != "d boot/efi ");
    assert_eq!(found, expected);
    let read = |at: &str| fs::read_to_string(ours.join(at)).unwrap();
    let entry = "boot/loader/entries/ostree-1-sampler.conf";
    let theirs_said = fs::read_to_string(theirs.join(entry)).unwrap();
    let same = |text: &str| -> Vec<String> {
        let words = text
            .split_whitespace()
            .filter(|word| !word.starts_with("root="));
        words.map(str::to_owned).collect()
    };
    assert_eq!(same(&read(entry)), same(&theirs_said));
    let config = |text: String| {
        text.lines()
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        config(read("ostree/repo/config")),
        config(fs::read_to_string(theirs.join("ostree/repo/config")).unwrap())
    );
    // The next tree is deployed beside it.
    let said = run("ostree", &["admin", "status", &sysroot(&ours)]);
    assert!(
        said.contains("origin refspec: sampler:sampler/1/host"),
        "{said}"
    );
    run(
        "chattr",
        &[
            "-i",
            ours.join(format!("ostree/deploy/sampler/deploy/{deployment}"))
                .to_str()
                .unwrap(),
        ],
    );
    run(
        "ostree",
        &[
            "admin",
            "deploy",
            &sysroot(&ours),
            "--os=sampler",
            reference,
        ],
    );
    let said = run("ostree", &["admin", "status", &sysroot(&ours)]);
    assert!(
        said.contains(".1\n") || said.matches("sampler ").count() == 2,
        "{said}"
    );
    let said = Command::new("chattr")
        .arg("-R")
        .arg("-i")
        .arg(bench.path())
        .output();
    drop(said);
}

#[test]
fn a_qcow2_image_is_the_same_disk() {
    let bench = bench("");
    bench.write("recipes/cloud.toml", recipe("format = \"qcow2\"\n"));
    let paths = bench.realize(&["cloud", "machine"]);
    let raw = paths[1].join("machine.raw");
    let image = paths[0].join("cloud.qcow2");
    let image = image.to_str().unwrap();
    run("qemu-img", &["check", image]);
    let said = run("qemu-img", &["info", image]);
    assert!(said.contains("virtual size: 512 MiB"), "{said}");
    assert!(fs::metadata(image).unwrap().len() < 40 * MIB);
    // Names decide identifiers, so the disks differ there: a raw image of the same name is compared.
    bench.write("recipes/machine.toml", recipe("format = \"qcow2\"\n"));
    let other = bench.realize(&["machine"]).remove(0).join("machine.qcow2");
    let said = run(
        "qemu-img",
        &[
            "compare",
            "-f",
            "raw",
            "-F",
            "qcow2",
            raw.to_str().unwrap(),
            other.to_str().unwrap(),
        ],
    );
    assert!(said.contains("Images are identical."), "{said}");
}

#[test]
fn firmware_reaches_the_menu_of_a_disk_and_the_menu_a_kernel() {
    let bench = bench("arguments = [\"console=ttyS0\"]\ntimeout = 600\n");
    let image = bench.realize(&["machine"]).remove(0).join("machine.raw");
    let disk = format!(
        "-drive file={},format=raw,if=virtio,snapshot=on",
        image.display()
    );
    let mut machine = Machine::start(&disk);
    machine.waits_for("(ostree:0)");
    machine.enter();
    machine.waits_for("the kernel runs");
    let mut machine = Machine::start(&format!("{} {disk}", uefi(bench.path())));
    machine.waits_for("(ostree:0)");
}

#[test]
fn a_disk_that_is_too_small_or_has_nothing_to_boot_is_refused_with_what_to_do() {
    let bench = bench("");
    bench.write(
        "recipes/machine.toml",
        "kind = \"disk\"\npayload = \"host\"\nsize = \"100 MiB\"\nformat = \"vmdk\"\n",
    );
    let said = bench.run(&["realize", "machine"]);
    said.fails(2, &["from \"256 MiB\" to \"2 TiB\"", "a format of disks"]);
    bench.write(
        "recipes/machine.toml",
        "kind = \"disk\"\npayload = \"edition\"\n",
    );
    let said = bench.run(&["realize", "machine"]);
    said.fails(2, &["edition", "ostree"]);
    bench.write("recipes/machine.toml", recipe(""));
    bench.write(
        "recipes/host.toml",
        "kind = \"ostree\"\nfrom = [\"base\"]\ninstall = [\"small\"]\nref = \"sampler/1/host\"\n",
    );
    let said = bench.run(&["realize", "machine"]);
    said.fails(1, &["no kernel"]);
}
