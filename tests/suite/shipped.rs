//! The recipes that ship, realized and used as a person would: the real clients are the judges.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::support::bench::{Bench, allow};
use super::support::dnf::Machine;
use super::support::materialize::is_root;
use super::support::productmd;
use super::support::told;

const REF: &str = "sampler/1/x86_64/atomic-host";

/// The packages of `base-runtime`, then of `container-runtime`.
const BASE: [&str; 6] = [
    "placeholder-kernel-0.0.0-1.x86_64",
    "sampler-filesystem-1-1.noarch",
    "sampler-init-1.2-3.noarch",
    "sampler-probe-0.4-2.x86_64",
    "sampler-release-1-1.noarch",
    "sampler-shell-1.0-1.noarch",
];
const CONTAINERS: [&str; 2] = [
    "sampler-containers-5.1-1.x86_64",
    "sampler-containers-common-5.1-1.noarch",
];

/// Where a deployed tree is not as its packages say, by intention, as `rpm -V` sees it:
/// accounts of sysusers.d were added to the files that list them, and links lead to where a machine keeps its state.
const DEPLOYED: [&str; 8] = [
    "....L....    /home",
    "....L....    /opt",
    "....L....    /root",
    "....L....    /srv",
    "....L....    /usr/local",
    "S.5......  c /etc/group",
    "S.5......  c /etc/passwd",
    "S.5......  c /etc/shadow",
];

fn run(command: &mut Command) -> String {
    let output = command
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC")
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    said
}

fn packages(edition: &Path) -> Vec<PathBuf> {
    let listed = fs::read_dir(edition.join("Packages")).unwrap();
    let mut files: Vec<PathBuf> = listed.map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

fn seen(machine: &Machine) -> BTreeSet<String> {
    let out = machine.run(&[
        "repoquery",
        "--queryformat=%{name}-%{version}-%{release}.%{arch}",
    ]);
    out.lines().map(str::to_owned).collect()
}

fn set<'a>(names: impl IntoIterator<Item = &'a &'a str>) -> BTreeSet<String> {
    names.into_iter().map(|name| (*name).to_owned()).collect()
}

/// The lines of `dnf module list`, each as its words.
fn modules(machine: &Machine) -> Vec<Vec<String>> {
    let out = machine.run(&["module", "list"]);
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect();
    out.lines().map(words).collect()
}

fn is_default(modules: &[Vec<String>], name: &str, stream: &str) -> bool {
    modules
        .iter()
        .any(|words| words.starts_with(&[name.into(), stream.into(), "[d]".into()]))
}

#[test]
fn dnf_uses_the_editions_that_ship() {
    let bench = Bench::shipped();
    let paths = bench.realize(&["server", "workstation", "cloud"]);
    let [server, workstation, cloud] = &paths[..] else {
        panic!("{paths:?}")
    };

    let machine = Machine::new(&[("cloud", cloud)]);
    let web = ["sampler-httpd-2.4-1.x86_64"];
    assert_eq!(
        seen(&machine),
        set(BASE.iter().chain(&CONTAINERS).chain(&web))
    );
    let listed = modules(&machine);
    for (name, stream) in [
        ("base-runtime", "1"),
        ("container-runtime", "5"),
        ("web-server", "2"),
    ] {
        assert!(
            is_default(&listed, name, stream),
            "{name}:{stream} in {listed:?}"
        );
    }

    let machine = Machine::new(&[("workstation", workstation)]);
    assert_eq!(
        machine.download(&[
            "install",
            "sampler-desktop",
            "--setopt=install_weak_deps=false"
        ]),
        [
            "sampler-desktop-47.2-1.noarch.rpm",
            "sampler-filesystem-1-1.noarch.rpm",
            "sampler-init-1.2-3.noarch.rpm",
            "sampler-release-1-1.noarch.rpm",
            "sampler-shell-1.0-1.noarch.rpm",
            "sampler-toolkit-4.16-1.noarch.rpm"
        ]
    );
    let weak = machine.download(&["install", "sampler-desktop"]);
    assert!(
        weak.contains(&"sampler-wallpapers-1-1.noarch.rpm".to_owned()),
        "{weak:?}"
    );

    let told = productmd::tree(server);
    assert_eq!(told["variants"]["Server-WebServer"]["type"], "addon");
    let addon = server.join(
        told["variants"]["Server-WebServer"]["repository"]
            .as_str()
            .unwrap(),
    );
    let machine = Machine::new(&[("server", server), ("web-server", &addon)]);
    assert!(
        machine
            .try_run(&["install", "--downloadonly", "sampler-httpd"])
            .is_err()
    );
    let listed = modules(&machine);
    assert!(is_default(&listed, "container-runtime", "5"), "{listed:?}");
    assert!(!is_default(&listed, "web-server", "2"), "{listed:?}");
    machine.run(&["module", "enable", "web-server:2"]);
    assert!(
        machine
            .download(&["install", "sampler-httpd"])
            .contains(&"sampler-httpd-2.4-1.x86_64.rpm".to_owned())
    );
}

/// With rpm itself: packages, file lists, owners, scripts' dependencies; then what rpm finds when it looks again.
#[test]
fn dnf_installs_the_editions_that_ship_into_a_root() {
    let bench = Bench::shipped();
    let server = bench.realize(&["server"]).remove(0);
    let addon = server.join("addons/web-server");
    let machine = Machine::new(&[("server", &server), ("web-server", &addon)]);
    if !is_root() {
        told::left_out("only root can install with rpm");
        return;
    }
    // The sample shell runs nothing, so no scriptlet can.
    let quiet = "--setopt=tsflags=noscripts";
    machine.run(&["module", "install", quiet, "container-runtime/host"]);
    machine.run(&["module", "enable", "web-server:2"]);
    machine.run(&["install", quiet, "sampler-httpd", "placeholder-kernel"]);
    let root = machine.root();
    let rpm =
        |arguments: &[&str]| run(Command::new("rpm").arg("--root").arg(&root).args(arguments));
    let installed: BTreeSet<String> = rpm(&["-qa"]).lines().map(str::to_owned).collect();
    let expected = BASE.iter().chain(&CONTAINERS);
    assert_eq!(
        installed,
        set(expected.chain(&["sampler-httpd-2.4-1.x86_64"]))
    );
    // Owners that sysusers.d would make are unknown to a machine that runs no systemd.
    let verified = rpm(&["-Va", "--nouser", "--nogroup", "--nomode"]);
    assert_eq!(verified, "");
}

#[test]
fn rpm_accepts_every_package_of_the_recipes_that_ship() {
    let bench = Bench::shipped();
    let paths = bench.realize(&["server", "workstation", "cloud"]);
    let mut files: BTreeSet<PathBuf> = paths.iter().flat_map(|path| packages(path)).collect();
    files.extend(packages(&paths[0].join("addons/web-server")));
    files.extend(packages(&bench.realize(&["container-runtime-fast"])[0]));
    let mut names = BTreeSet::new();
    for file in &files {
        let checked = run(Command::new("rpm").args(["-K", "--nosignature"]).arg(file));
        assert!(checked.contains("digests OK"), "{checked}");
        let name = run(Command::new("rpm").args(["-qp", "--nosignature"]).arg(file));
        assert_eq!(
            Some(format!("{}.rpm", name.trim()).as_str()),
            file.file_name().unwrap().to_str()
        );
        assert!(
            !run(Command::new("rpm")
                .args([
                    "-qp",
                    "--nosignature",
                    "-i",
                    "--requires",
                    "--provides",
                    "-l",
                    "--scripts"
                ])
                .arg(file))
            .contains("error")
        );
        names.insert(name.trim().to_owned());
    }
    // Every package recipe is in an edition or in the fast module, but for what installs.
    assert_eq!(names.len(), 13, "{names:?}");
    for path in &paths {
        let compressed = fs::read_dir(path.join("repodata"))
            .unwrap()
            .map(|file| file.unwrap().path())
            .find(|path| path.to_string_lossy().ends_with("-modules.yaml.gz"));
        let text = run(Command::new("gzip").arg("-dc").arg(compressed.unwrap()));
        bench.write("modules.yaml", &text);
        run(Command::new("modulemd-validator").arg(bench.path().join("modules.yaml")));
    }
}

fn ostree(arguments: &[&str]) -> String {
    let mut command = Command::new("ostree");
    command.env("OSTREE_SYSROOT_DEBUG", "mutable-deployments");
    run(command.args(arguments))
}

#[test]
fn ostree_deploys_the_atomic_host_that_ships() {
    let bench = Bench::shipped();
    let repository = bench.realize(&["atomic-host"]).remove(0);
    let source = repository.to_str().unwrap();
    let from = format!("--repo={source}");
    ostree(&["fsck", &from]);
    assert_eq!(ostree(&["refs", &from]), format!("{REF}\n"));
    let commit = ostree(&["rev-parse", &from, REF]).trim().to_owned();
    let list = ostree(&["ls", "-R", "-X", &from, REF]);
    let line = |end: &str| {
        list.lines()
            .find(|line| line.ends_with(end))
            .unwrap_or_else(|| panic!("no {end} in\n{list}"))
    };
    assert!(line("/usr/libexec/sampler-containers-helper").starts_with("-02755 0 451 "));
    assert!(line("/usr/bin/sampler-probe").contains("security.capability"));
    assert!(line("/usr/etc/sampler-containers/registries.conf").starts_with("-00640 0 451 "));
    assert!(line("/ostree -> sysroot/ostree").starts_with('l'));
    assert!(
        !list.contains(" /etc\n") && !list.contains("/var/lib"),
        "{list}"
    );

    if !is_root() {
        told::left_out("only root can deploy a tree with owners and set-group-id files");
        return;
    }
    let sysroot = bench.path().join("sysroot");
    fs::create_dir(&sysroot).unwrap();
    let at = format!("--sysroot={}", sysroot.display());
    let to = format!("--repo={}", sysroot.join("ostree/repo").display());
    ostree(&["admin", "init-fs", sysroot.to_str().unwrap()]);
    ostree(&["config", &to, "set", "core.fsync", "false"]);
    ostree(&["config", &to, "set", "sysroot.bootloader", "none"]);
    ostree(&["admin", "os-init", &at, "sampler"]);
    ostree(&["pull-local", &to, source, REF]);
    ostree(&["fsck", &to]);
    ostree(&["admin", "deploy", &at, "--os=sampler", "--karg=quiet", REF]);
    let status = ostree(&["admin", "status", &at]);
    assert!(status.contains(&format!("sampler {commit}.0")), "{status}");
    let entry = sysroot.join("boot/loader/entries/ostree-1-sampler.conf");
    let entry = fs::read_to_string(entry).unwrap();
    assert!(
        entry.contains("title Sampler 1") && entry.contains("quiet"),
        "{entry}"
    );

    let deployed = sysroot.join(format!("ostree/deploy/sampler/deploy/{commit}.0"));
    let rpm = |arguments: &[&str]| {
        let mut command = Command::new("rpm");
        command.arg("--root").arg(&deployed);
        command.args(["--dbpath", "/usr/lib/sysimage/rpm"]);
        let output = command.args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let installed: BTreeSet<String> = rpm(&["-qa"]).lines().map(str::to_owned).collect();
    assert_eq!(installed, set(BASE.iter().chain(&CONTAINERS)));
    // OSTree has no times; what lies in /var is made at the first start.
    let verified = rpm(&["-Va", "--nomtime"]);
    let mut wrong: Vec<&str> = verified
        .lines()
        .filter(|line| !(line.starts_with("missing") && line.contains(" /var/")))
        .collect();
    wrong.sort_unstable();
    assert_eq!(wrong, DEPLOYED);
    allow(&sysroot);
}

/// It holds the newer engine over the same base, and a machine that follows the other can be rebased to it.
#[test]
fn ostree_takes_the_fast_host_that_ships_beside_the_other() {
    let bench = Bench::shipped();
    let paths = bench.realize(&["atomic-host", "atomic-host-fast"]);
    let copy = bench.path().join("copy");
    let to = format!("--repo={}", copy.display());
    ostree(&["init", &to, "--mode=archive"]);
    let fast = format!("{REF}-fast");
    for (repository, reference) in paths.iter().zip([REF, &fast]) {
        ostree(&["pull-local", &to, repository.to_str().unwrap(), reference]);
    }
    ostree(&["fsck", "--quiet", &to]);
    let changed = ostree(&["diff", &to, REF, &fast]);
    let changed: BTreeSet<&str> = changed.lines().collect();
    let expected = [
        "M    /usr/bin/sampler-containers",
        "M    /usr/lib/sysimage/rpm/rpmdb.sqlite",
        "M    /usr/lib/systemd/system/sampler-containers.service",
        "M    /usr/libexec/sampler-containers-helper",
    ];
    assert_eq!(changed, expected.into());
    let out = bench.path().join("out");
    ostree(&[
        "checkout",
        &to,
        "-U",
        "--fsync=no",
        "--subpath=/usr/lib/sysimage/rpm",
        &fast,
        out.to_str().unwrap(),
    ]);
    let installed = run(Command::new("rpm").arg("--dbpath").arg(&out).arg("-qa"));
    let installed: BTreeSet<String> = installed.lines().map(str::to_owned).collect();
    let engine = ["sampler-containers-6.0~rc2-1.x86_64", CONTAINERS[1]];
    assert_eq!(installed, set(BASE.iter().chain(&engine)));
}

#[test]
fn ostree_checks_the_atomic_host_out_as_an_ordinary_user_would() {
    let bench = Bench::shipped();
    let repository = bench.realize(&["atomic-host"]).remove(0);
    let copy = bench.path().join("copy");
    let to = format!("--repo={}", copy.display());
    ostree(&["init", &to, "--mode=bare-user"]);
    ostree(&["config", &to, "set", "core.fsync", "false"]);
    ostree(&["pull-local", &to, repository.to_str().unwrap(), REF]);
    let out = bench.path().join("out");
    ostree(&[
        "checkout",
        &to,
        "-U",
        "--fsync=no",
        REF,
        out.to_str().unwrap(),
    ]);
    let text = fs::read_to_string(out.join("usr/lib/os-release")).unwrap();
    assert!(text.contains("PRETTY_NAME=\"Sampler 1\""), "{text}");
    assert!(
        out.join("usr/lib/modules/0.0.0-placeholder/vmlinuz")
            .exists()
    );
    assert_eq!(
        fs::read_link(out.join("ostree")).unwrap(),
        Path::new("sysroot/ostree")
    );
    assert_eq!(fs::read_dir(out.join("var")).unwrap().count(), 0);
    let database = out.join("usr/lib/sysimage/rpm");
    let installed = run(Command::new("rpm").arg("--dbpath").arg(database).arg("-qa"));
    assert_eq!(
        installed
            .lines()
            .map(str::to_owned)
            .collect::<BTreeSet<_>>(),
        set(BASE.iter().chain(&CONTAINERS))
    );
}

/// They boot nothing, having neither kernel nor boot loader, and say so; everything else is there.
#[test]
fn the_installers_that_ship_hold_an_edition_and_a_tree() {
    let bench = Bench::shipped();
    let paths = bench.realize(&["atomic-installer", "server-installer"]);
    let read = |iso: &Path, path: &str| run(Command::new("bsdtar").arg("-xOf").arg(iso).arg(path));
    let atomic = paths[0].join("atomic-installer.iso");
    let server = paths[1].join("server-installer.iso");
    for iso in [&atomic, &server] {
        run(Command::new("checkisomd5").arg(iso));
    }
    let kickstart = read(&atomic, "ks.cfg");
    let setup = format!(
        "ostreesetup --nogpg --osname=sampler --remote=sampler --url=file:///run/install/repo/ostree/repo --ref={REF}\n"
    );
    assert!(kickstart.starts_with(&setup), "{kickstart}");
    assert!(kickstart.contains("'https://updates.example/sampler/repo'"));
    let commit = read(&atomic, &format!("ostree/repo/refs/heads/{REF}"));
    assert_eq!(commit.trim().len(), 64, "{commit}");
    let listed = run(Command::new("bsdtar").arg("-tf").arg(&server));
    for path in [
        "Packages/sampler-shell-1.0-1.noarch.rpm",
        "addons/web-server/repodata/repomd.xml",
        "images/install.img",
        "repodata/repomd.xml",
    ] {
        assert!(listed.lines().any(|line| line == path), "{path}: {listed}");
    }
    for name in ["atomic-installer", "server-installer"] {
        let log = bench.print(&["log", name]);
        assert!(
            log.contains("no boot loader for BIOS") && log.contains("no boot loader for UEFI"),
            "{log}"
        );
    }
}
