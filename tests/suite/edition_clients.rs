//! Editions in the hands of those that will have them: dnf, and productmd.

use std::collections::BTreeSet;

use super::edition::Sample;
use crate::support::bench::Bench;
use crate::support::dnf::Machine;
use crate::support::productmd;
use crate::support::rpm::spec;
use crate::support::workspace::Memory;

#[test]
fn dnf_sees_every_package_and_the_default_streams() {
    let sample = Sample::new();
    let directory = sample.on_disk();
    let machine = Machine::new(&[("edition", directory.path())]);
    let format = "--queryformat=%{name}-%{epoch}:%{version}-%{release}.%{arch}";
    let listed = machine.run(&["repoquery", format]);
    let listed: BTreeSet<&str> = listed.lines().collect();
    assert_eq!(
        listed,
        [
            "lib-1:1.0-1.x86_64",
            "server-0:2.4-1.x86_64",
            "shell-0:5.2-1.x86_64"
        ]
        .into()
    );
    let modules = machine.run(&["module", "list"]);
    for (name, stream) in [("base-runtime", "1 [d]"), ("web-server", "1.10 [d]")] {
        let line = modules.lines().find(|line| line.starts_with(name));
        let line = line.unwrap_or_else(|| panic!("no {name} in:\n{modules}"));
        assert!(
            line.contains(stream) && line.contains("default [d]"),
            "{line}"
        );
    }
}

#[test]
fn dnf_installs_from_default_streams_unasked() {
    let sample = Sample::new();
    let directory = sample.on_disk();
    let machine = Machine::new(&[("edition", directory.path())]);
    assert_eq!(
        machine.download(&["install", "server"]),
        [
            "lib-1.0-1.x86_64.rpm",
            "server-2.4-1.x86_64.rpm",
            "shell-5.2-1.x86_64.rpm"
        ]
    );
    // Neither a stream nor a profile is named: both are the defaults.
    assert_eq!(
        machine.download(&["module", "install", "base-runtime"]),
        ["shell-5.2-1.x86_64.rpm"]
    );
}

#[test]
fn dnf_installs_from_an_addon_once_it_is_enabled() {
    let sample = Sample::new();
    let directory = sample.on_disk();
    let addon = directory.path().join("addons/extras");
    let machine = Machine::new(&[("edition", directory.path()), ("extras", &addon)]);
    let hidden = machine.try_run(&["install", "--downloadonly", "extra"]);
    assert!(hidden.is_err(), "{hidden:?}");
    machine.run(&["module", "enable", "extras:9"]);
    assert!(
        machine
            .download(&["install", "extra"])
            .contains(&"extra-1-1.noarch.rpm".to_owned())
    );
}

/// A stream has its own packages although the source has newer ones of no module; but in an edition all are of some module,
/// and of two modules the newest is installed.
#[test]
fn dnf_takes_of_an_edition_what_a_tree_of_its_modules_takes() {
    let module = |name: &str| {
        format!(
            "kind = \"module\"\nmodule = \"{name}\"\nstream = \"1\"\nversion = 1\nsource = \"os\"\npackages = [\"web\"]\n\
             [profiles]\ndefault = [\"web\"]\n"
        )
    };
    let tree = |from: &str| {
        format!("kind = \"ostree\"\nfrom = [{from}]\ninstall = [\"web\"]\nref = \"x\"\n")
    };
    let bench = Bench::of(&[
        ("os.toml", "kind = \"source\"\npath = \"../rpms\"\n"),
        ("base.toml", &module("base")),
        ("web.toml", &module("web")),
        (
            "edition.toml",
            "kind = \"repository\"\nmodules = [\"base\", \"web\"]\n",
        ),
        (
            "stream.toml",
            "kind = \"repository\"\nmodules = [\"web\"]\n",
        ),
        ("both.toml", &tree("\"base\", \"web\"")),
        ("one.toml", &tree("\"web\"")),
    ]);
    let packages = [
        ("web-1-1.noarch", spec("web-1-1.noarch").module("web:1:1:c")),
        ("web-2-1.noarch", spec("web-2-1.noarch")),
    ];
    for (name, package) in packages {
        bench.write(
            &format!("rpms/{name}.rpm"),
            package.bytes(&Memory::default()),
        );
    }
    let cases = [
        ("edition", "both", "web-2-1.noarch"),
        ("stream", "one", "web-1-1.noarch"),
    ];
    for (number, (edition, host, expected)) in cases.into_iter().cycle().take(4).enumerate() {
        // The same without a lock and with one.
        if number == 2 {
            bench.print(&["update"]);
        }
        let view = bench.realize(&[edition]);
        let machine = Machine::new(&[("edition", &bench.path().join(&view[0]))]);
        assert_eq!(
            machine.download(&["install", "web"]),
            [format!("{expected}.rpm")]
        );
        assert_eq!(bench.print(&["plan", host, "--packages"]).trim(), expected);
    }
}

#[test]
fn productmd_reads_of_a_tree_what_the_tree_holds() {
    let sample = Sample::new();
    let directory = sample.on_disk();
    let told = productmd::tree(directory.path());
    let release = &told["release"];
    assert_eq!(release["name"], "Sampler, 100%");
    assert_eq!(
        (&release["short"], &release["version"]),
        (&"sampler".into(), &"1.2".into())
    );
    assert_eq!(told["arch"], "x86_64");
    assert_eq!(told["timestamp"], 1_793_491_200);
    let variants = told["variants"].as_object().unwrap();
    let uids: Vec<&String> = variants.keys().collect();
    assert_eq!(uids, ["Server", "Server-Extras"]);
    assert_eq!(variants["Server"]["type"], "variant");
    assert_eq!(variants["Server-Extras"]["type"], "addon");
    assert_eq!(variants["Server-Extras"]["parent"], "Server");

    // Each variant is where the file says: dnf finds its packages there, and the digest is that of its metadata.
    for (uid, package) in [("Server", "server"), ("Server-Extras", "extra")] {
        let repository = directory
            .path()
            .join(variants[uid]["repository"].as_str().unwrap());
        let machine = Machine::new(&[("it", &repository)]);
        let hotfixes = "--setopt=it.module_hotfixes=1";
        let listed = machine.run(&["repoquery", hotfixes, "--queryformat=%{name}", package]);
        assert_eq!(listed.trim(), package, "{uid}");
        let file = format!("{package}-");
        let packages = directory
            .path()
            .join(variants[uid]["packages"].as_str().unwrap());
        let mut names = std::fs::read_dir(packages).unwrap();
        assert!(names.any(|name| {
            let name = name.unwrap().file_name();
            name.to_string_lossy().starts_with(&file)
        }));
    }
    let checksums = told["checksums"].as_object().unwrap();
    assert_eq!(checksums.len(), 2);
    for (path, checksum) in checksums {
        let sum = productmd::sha256(&directory.path().join(path));
        assert_eq!(checksum, &serde_json::json!(["sha256", sum]), "{path}");
    }
}
