//! An atomic host out of two repositories that live at different speeds: what an update of one of them makes again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::support::bench::Bench;
use super::support::server::{Manner, Server};

const SERVER: &str = "server-repository";
const FAST: &str = "containers-fast";

/// As the README has them: each draws from a source of its own.
const BASE_RUNTIME: &str = r#"
kind = "module"
stream = "1"
version = 20261101
source = "server-repository"
packages = ["placeholder-kernel", "sampler-filesystem", "sampler-init", "sampler-probe", "sampler-release", "sampler-shell"]
[profiles]
host = ["placeholder-kernel", "sampler-init", "sampler-release"]
[lifecycle]
eol = 2031-11-30
sla = "security"
"#;
const CONTAINER_RUNTIME: &str = r#"
kind = "module"
module = "container-runtime"
stream = "rolling"
version = 20261101
source = "containers-fast"
packages = ["sampler-containers", "sampler-containers-common"]
[profiles]
host = ["sampler-containers"]
[requires]
base-runtime = "1"
[lifecycle]
eol = 2027-03-31
"#;
/// The host that ships: it names modules, and does not care where their packages come from.
const HOST: &str = include_str!("../../recipes/editions/atomic-host-fast.toml");

/// The tree, both modules, and editions of one and of both: whatever could be made again.
const ALL: [&str; 5] = [
    "atomic-host-fast",
    "base-runtime",
    "container-runtime-fast",
    "small",
    "large",
];
/// Those of them that have nothing of the fast side.
const SLOW: [&str; 2] = ["base-runtime", "small"];

/// Two repositories on the web, made of the recipes that ship; and recipes over them, kept in git.
struct Site {
    makers: Bench,
    server: Server,
    fast: Server,
    bench: Bench,
}

fn run(command: &mut Command) -> String {
    let output = command.env("LC_ALL", "C.UTF-8").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let wrong = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}{wrong}");
    said
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let children = fs::read_dir(directory).unwrap().map(|file| file.unwrap());
    let below = children.map(|child| match child.path().is_dir() {
        true => files(&child.path()),
        false => vec![child.path()],
    });
    below.flatten().collect()
}

fn put_on_the_web(server: &Server, repository: &Path) {
    for file in files(repository) {
        let location = file.strip_prefix(repository).unwrap();
        let location = format!("/{}", location.display());
        server.good(&location, &fs::read(&file).unwrap());
    }
}

impl Site {
    fn new() -> Site {
        let (server, fast) = (Server::start(), Server::start());
        let source =
            |server: &Server| format!("kind = \"source\"\nurl = \"{}\"\n", server.url("/"));
        let bench = Bench::of(&[
            ("server-repository.toml", &source(&server)),
            ("containers-fast.toml", &source(&fast)),
            ("base-runtime.toml", BASE_RUNTIME),
            ("container-runtime-fast.toml", CONTAINER_RUNTIME),
            ("atomic-host-fast.toml", HOST),
            (
                "small.toml",
                "kind = \"repository\"\nmodules = [\"base-runtime\"]\n",
            ),
            (
                "large.toml",
                "kind = \"repository\"\nmodules = [\"base-runtime\", \"container-runtime-fast\"]\n",
            ),
        ]);
        let site = Site {
            makers: Bench::shipped(),
            server,
            fast,
            bench,
        };
        site.publish_server();
        site.publish_fast();
        site.git(&["init", "--quiet"]);
        site
    }

    /// The edition that ships, as it is.
    fn publish_server(&self) {
        put_on_the_web(&self.server, &self.makers.realize(&["server"])[0]);
    }

    /// What its makers build, in a repository of their own that `createrepo_c` made.
    fn publish_fast(&self) {
        let directory = self.makers.path().join("copr");
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir(&directory).unwrap();
        let module = self.makers.realize(&["container-runtime-fast"]).remove(0);
        for file in files(&module.join("Packages")) {
            fs::copy(&file, directory.join(file.file_name().unwrap())).unwrap();
        }
        run(Command::new("createrepo_c").arg("-q").arg(&directory));
        put_on_the_web(&self.fast, &directory);
    }

    /// A newer package of the fast side, in place of the one that was there.
    fn release_the_engine(&self) {
        let recipe = "packages/sampler-containers-fast.toml";
        self.makers.edit(recipe, "6.0~rc2", "6.0");
        self.publish_fast();
        let old = "/sampler-containers-6.0~rc2-1.x86_64.rpm";
        assert_eq!(self.fast.count(old), 1, "it was there");
        self.fast.on(old, &[Manner::Status(404, "")]);
    }

    fn git(&self, arguments: &[&str]) -> String {
        let mut git = Command::new("git");
        git.current_dir(self.bench.recipes()).args(arguments);
        for who in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{who}_NAME"), "Release Engineering");
            git.env(format!("GIT_{who}_EMAIL"), "releng@example.com");
        }
        run(git.env("GIT_CONFIG_GLOBAL", "/dev/null"))
    }

    fn commit(&self, message: &str) {
        self.git(&["add", "."]);
        self.git(&["commit", "--quiet", "--message", message]);
    }

    /// A section of the lock, as it is written.
    fn locked(&self, source: &str) -> String {
        let lock = fs::read_to_string(self.bench.recipes().join("store.lock")).unwrap();
        let from = lock.find(&format!("[source.\"{source}\"]")).unwrap();
        let section = &lock[from..];
        let end = section[1..].find("\n[").map_or(section.len(), |at| at + 1);
        section[..end].to_owned()
    }

    /// The steps that are to do, each with why.
    fn plan(&self) -> BTreeMap<String, String> {
        let plan = self.bench.json(&[&["plan"], &ALL[..]].concat());
        let steps = plan["steps"].as_array().unwrap().iter();
        steps
            .filter(|step| step["status"] == "to do")
            .map(|step| {
                let text = |field: &str| step[field].as_str().unwrap();
                let name = format!("{} {}", text("kind"), text("subject"));
                (name, text("why").to_owned())
            })
            .collect()
    }

    fn realize(&self) -> Did {
        let document = self
            .bench
            .json(&[&["realize", "--explain"], &ALL[..]].concat());
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let steps = document["explained"].as_array().unwrap().iter();
        let ran = steps
            .filter(|step| step["status"] != "reused")
            .map(|step| (text(&step["step"]), text(&step["why"])));
        let artifacts = document["artifacts"].as_array().unwrap().iter();
        let entry = |artifact: &Value| (text(&artifact["name"]), text(&artifact["entry"]));
        Did {
            ran: ran.collect(),
            fetched: document["steps"]["fetched"].as_u64().unwrap(),
            entries: artifacts.map(entry).collect(),
        }
    }

    fn host(&self) -> PathBuf {
        self.bench.realize(&["atomic-host-fast"]).remove(0)
    }
}

/// What a realize of everything did.
#[derive(Debug)]
struct Did {
    /// The steps that were not taken as they were, each with why.
    ran: BTreeMap<String, String>,
    fetched: u64,
    entries: BTreeMap<String, String>,
}

fn fsck(repository: &Path) {
    let at = format!("--repo={}", repository.display());
    run(Command::new("ostree").args(["fsck", "--quiet", &at]));
}

fn told(steps: &[(&str, &str)]) -> BTreeMap<String, String> {
    let steps = steps.iter();
    steps
        .map(|(step, why)| (step.to_string(), why.to_string()))
        .collect()
}

#[test]
fn an_update_of_the_fast_repository_makes_again_what_stands_on_it_and_nothing_else() {
    let site = Site::new();
    site.bench.print(&["update"]);
    site.commit("as it began");
    let first = site.realize();
    assert_eq!(first.fetched, 8, "{first:?}");
    let host = site.host();
    fsck(&host);
    // Fetched or made here: the same packages are the same tree.
    let made = site.makers.realize(&["atomic-host-fast"]).remove(0);
    assert_eq!(host.file_name(), made.file_name());

    site.release_the_engine();
    let (slow, fast) = (site.locked(SERVER), site.locked(FAST));
    let asked = site.server.asked();
    let moved = site.bench.print(&["update", FAST]);
    assert_eq!(
        moved,
        "containers-fast: sampler-containers.x86_64 upgraded from 6.0~rc2-1 to 6.0-1\n\
         atomic-host-fast: 1 upgraded\n"
    );
    assert_eq!(site.locked(SERVER), slow);
    assert_ne!(site.locked(FAST), fast);

    let new = "sampler-containers-6.0-1.x86_64";
    let fetch = format!("fetch {new}");
    let planned = [
        (&*fetch, "never made before"),
        (&*format!("import {new}"), &*format!("after {fetch}")),
        (&*format!("unpack {new}"), &*format!("after import {new}")),
        ("module container-runtime-fast", &*format!("after {fetch}")),
        ("root atomic-host-fast", &*format!("after unpack {new}")),
        ("ostree atomic-host-fast", "after root atomic-host-fast"),
        (
            "repository large",
            &*format!("after module container-runtime-fast, {fetch}"),
        ),
    ];
    assert_eq!(site.plan(), told(&planned));
    let second = site.realize();
    let moved = "sampler-containers 6.0~rc2-1 → 6.0-1";
    let ran = [
        (&*fetch, "never made before"),
        (
            &*format!("import {new}"),
            "known, but its bytes are not in the store",
        ),
        (&*format!("unpack {new}"), "never made before"),
        ("module container-runtime-fast", moved),
        ("root atomic-host-fast", moved),
        ("ostree atomic-host-fast", "new content of root"),
        (
            "repository large",
            &*format!("{moved}; new content of module/container-runtime"),
        ),
    ];
    assert_eq!(second.ran, told(&ran));
    assert_eq!(second.fetched, 1);
    assert_eq!(
        site.server.asked(),
        asked,
        "nobody asked the server's repository"
    );
    for artifact in ALL {
        let same = first.entries[artifact] == second.entries[artifact];
        assert_eq!(same, SLOW.contains(&artifact), "{artifact}");
    }
    fsck(&site.host());
    let differs = site
        .bench
        .json(&["diff", "atomic-host-fast@1", "atomic-host-fast@2"]);
    let packages = differs["packages"].as_array().unwrap();
    assert_eq!(packages.len(), 1, "{packages:?}");
    assert_eq!(packages[0]["name"], "sampler-containers");
    assert_eq!(packages[0]["change"], "upgraded");

    // The old lock asks for what is there still, though its repository has it no more.
    site.commit("a newer engine");
    site.git(&["checkout", "--quiet", "HEAD~1", "--", "store.lock"]);
    let asked = (site.server.asked(), site.fast.asked());
    assert_eq!(site.plan(), told(&[]));
    let third = site.realize();
    assert_eq!((third.ran, third.fetched), (told(&[]), 0));
    assert_eq!(third.entries, first.entries);
    assert_eq!((site.server.asked(), site.fast.asked()), asked);
    assert_eq!(site.git(&["status", "--short"]), "M  store.lock\n");
}

#[test]
fn an_update_of_the_servers_repository_leaves_what_is_fast_as_it_was() {
    let site = Site::new();
    site.bench.print(&["update"]);
    let first = site.realize();
    let release = "packages/sampler-probe.toml";
    site.makers
        .edit(release, "release = \"2\"", "release = \"3\"");
    site.publish_server();
    let fast = site.locked(FAST);
    let moved = site.bench.print(&["update", SERVER]);
    assert_eq!(
        moved,
        "server-repository: sampler-probe.x86_64 upgraded from 0.4-2 to 0.4-3\n\
         atomic-host-fast: 1 upgraded\n"
    );
    assert_eq!(site.locked(FAST), fast);
    let second = site.realize();
    let ran: Vec<&str> = second.ran.keys().map(String::as_str).collect();
    let expected = [
        "fetch sampler-probe-0.4-3.x86_64",
        "import sampler-probe-0.4-3.x86_64",
        "module base-runtime",
        "ostree atomic-host-fast",
        "repository large",
        "repository small",
        "root atomic-host-fast",
        "unpack sampler-probe-0.4-3.x86_64",
    ];
    assert_eq!(ran, expected);
    let module = "container-runtime-fast";
    assert_eq!(second.entries[module], first.entries[module]);
    fsck(&site.host());
}

/// The whole of it with recipes that make their own packages: the two hosts that ship.
#[test]
fn the_fast_host_that_ships_moves_without_the_other() {
    let bench = Bench::shipped();
    let hosts = ["atomic-host", "atomic-host-fast", "server"];
    bench.realize(&hosts);
    let differs = bench.json(&["diff", "atomic-host", "atomic-host-fast"]);
    let switched = serde_json::json!([{
        "name": "container-runtime", "change": "switched", "from": "5:20261030", "to": "rolling:20261101",
    }]);
    assert_eq!(differs["modules"], switched);
    assert_eq!(
        differs["packages"].as_array().unwrap().len(),
        1,
        "{differs}"
    );
    bench.edit("packages/sampler-containers-fast.toml", "6.0~rc2", "6.0");
    let document = bench.json(&[&["realize", "--explain"], &hosts[..]].concat());
    let steps = document["explained"].as_array().unwrap().iter();
    let ran = steps.filter(|step| step["status"] != "reused");
    let ran: BTreeSet<&str> = ran.map(|step| step["step"].as_str().unwrap()).collect();
    let expected = [
        "package sampler-containers-6.0-1.x86_64",
        "import sampler-containers-6.0-1.x86_64",
        "unpack sampler-containers-6.0-1.x86_64",
        "root atomic-host-fast",
        "ostree atomic-host-fast",
    ];
    assert_eq!(ran, expected.into());
    fsck(&bench.realize(&["atomic-host-fast"])[0]);
}
