//! Repositories as sources: looked at by update, locked, fetched by realize, and then no longer asked.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use store::formats::rpm::checksum::Hasher;
use store::ids::Algorithm;

use super::support::bench::Bench;
use super::support::materialize::is_root;
use super::support::server::{Manner, Server};
use super::support::site::{Site, entries};
use super::support::told;
use super::support::trip::{ALL, CHANGES, trip};

const TOOLS: &str = "kind = \"module\"\nstream = \"1\"\nversion = 1\nsource = \"upstream\"\n\
    packages = [\"sampler-httpd\", \"sampler-shell\", \"sampler-filesystem\", \"sampler-release\", \"sampler-init\"]\n";
const HOST: &str = "kind = \"ostree\"\nfrom = [\"tools\"]\ninstall = [\"sampler-httpd\"]\nref = \"sampler/host\"\n";
const EDITION: &str = "kind = \"repository\"\nmodules = [\"tools\"]\n";

/// What somebody else offers: the packages of the recipes that ship, in a repository that `createrepo_c` made.
struct Upstream {
    bench: Bench,
}

impl Upstream {
    fn new() -> Upstream {
        let upstream = Upstream {
            bench: Bench::shipped(),
        };
        upstream.publish();
        upstream
    }

    fn path(&self) -> PathBuf {
        self.bench.path().join("mirror")
    }

    fn url(&self) -> String {
        format!("file://{}", self.path().display())
    }

    /// Puts what the recipes make now in place of what was there.
    fn publish(&self) {
        let _ = fs::remove_dir_all(self.path());
        fs::create_dir_all(self.path()).unwrap();
        for module in self.bench.realize(&["base-runtime", "web-server"]) {
            for file in fs::read_dir(module.join("Packages")).unwrap() {
                let file = file.unwrap();
                fs::copy(file.path(), self.path().join(file.file_name())).unwrap();
            }
        }
        let made = Command::new("createrepo_c")
            .arg("-q")
            .arg(self.path())
            .status();
        assert!(made.unwrap().success());
    }
}

/// Recipes that draw from a repository.
fn site(url: &str) -> Bench {
    let source = format!("kind = \"source\"\nurl = \"{url}\"\n");
    Bench::of(&[
        ("upstream.toml", &source),
        ("tools.toml", TOOLS),
        ("host.toml", HOST),
        ("edition.toml", EDITION),
    ])
}

#[test]
fn a_repository_is_locked_planned_without_packages_and_then_fetched() {
    let upstream = Upstream::new();
    let bench = site(&upstream.url());
    bench
        .run(&["realize", "host"])
        .fails(2, &["store update upstream"]);
    let moved = bench.print(&["update"]);
    assert!(
        moved.contains("upstream: sampler-httpd.x86_64 added, 2.4-1"),
        "{moved}"
    );
    let packages = &bench.json(&["plan", "host", "--packages"])["packages"]["host"];
    let names: Vec<&str> = packages
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p.as_str().unwrap())
        .collect();
    assert!(names.contains(&"sampler-httpd-2.4-1.x86_64"), "{names:?}");
    bench
        .run(&["realize", "host", "--offline"])
        .fails(1, &["--offline", "sampler-"]);
    let document = bench.json(&["realize", "host", "edition"]);
    assert_eq!(document["steps"]["fetched"], 5, "{document}");
    let again = bench.json(&["realize", "host", "edition", "--offline"]);
    assert_eq!(again["steps"]["composed"], 0);
    assert_eq!(again["steps"]["fetched"], 0);
    assert_eq!(bench.print(&["update"]), "");
}

#[test]
fn of_a_module_a_plan_fetches_only_what_the_artifact_holds() {
    let upstream = Upstream::new();
    let bench = site(&upstream.url());
    bench.print(&["update"]);
    bench.edit(
        "host.toml",
        "[\"sampler-httpd\"]",
        "[\"sampler-filesystem\"]",
    );
    let plan = |to_do: bool| {
        let document = bench.json(&["plan", "host"]);
        let steps = document["steps"].as_array().unwrap();
        let fetched = |step: &&serde_json::Value| step["kind"] == "fetch";
        let subjects = steps.iter().filter(fetched).map(|step| {
            assert_eq!(step["status"] == "to do", to_do, "{step}");
            step["subject"].as_str().unwrap().to_owned()
        });
        subjects.collect::<Vec<_>>()
    };
    let held = &bench.json(&["plan", "host", "--packages"])["packages"]["host"];
    let held: Vec<&str> = held
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p.as_str().unwrap())
        .collect();
    assert_eq!(plan(true), held);
    assert!(held.len() < 5, "{held:?}");
    let document = bench.json(&["realize", "host"]);
    assert_eq!(document["steps"]["fetched"], held.len());
    assert_eq!(plan(false), held);
    assert!(bench.print(&["plan", "host"]).starts_with("0 steps to do"));
}

#[test]
fn what_was_locked_is_composed_though_the_repository_moved_on() {
    let upstream = Upstream::new();
    let bench = site(&upstream.url());
    bench.print(&["update"]);
    bench.realize(&["host"]);
    upstream.bench.edit(
        "packages/sampler-httpd.toml",
        "version = \"2.4\"",
        "version = \"2.5\"",
    );
    upstream.publish();
    assert_eq!(bench.json(&["realize", "host"])["steps"]["composed"], 0);
    // Packages that were not fetched before the repository moved are gone; those that were are not missed.
    bench.print(&["realize", "edition"]);
    let moved = bench.print(&["update"]);
    assert_eq!(
        moved,
        "upstream: sampler-httpd.x86_64 upgraded from 2.4-1 to 2.5-1\nhost: 1 upgraded\n"
    );
    bench.realize(&["host"]);
    let packages = &bench.json(&["diff", "host@1", "host@2"])["packages"];
    assert_eq!(packages[0]["change"], "upgraded");
    assert_eq!(
        bench.json(&["generations", "upstream"])["generations"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn a_package_that_is_gone_or_was_built_anew_is_told_with_what_to_do() {
    let upstream = Upstream::new();
    let bench = site(&upstream.url());
    bench.print(&["update"]);
    let package = upstream.path().join("sampler-httpd-2.4-1.x86_64.rpm");
    let bytes = fs::read(&package).unwrap();
    let hint = "or have built it anew: `store update` looks again";
    let longer = [&bytes[..], b"more"].concat();
    for other in [Some(&longer[..]), Some(&bytes[1..]), None] {
        match other {
            Some(bytes) => fs::write(&package, bytes).unwrap(),
            None => fs::remove_file(&package).unwrap(),
        }
        bench
            .run(&["realize", "host"])
            .fails(1, &["sampler-httpd", hint]);
    }
    fs::write(&package, bytes).unwrap();
    bench.realize(&["host"]);
}

#[test]
fn lost_records_of_fetched_packages_are_made_again_of_what_was_fetched() {
    let upstream = Upstream::new();
    let bench = site(&upstream.url());
    bench.print(&["update"]);
    let edition = bench.realize(&["edition"]).remove(0);
    for file in walkdir::WalkDir::new(bench.store().join("traces")) {
        let file = file.unwrap();
        if file.file_type().is_file() {
            fs::remove_file(file.path()).unwrap();
        }
    }
    let said = bench.run(&["verify", "--full"]);
    assert_eq!(said.code, 4, "{said:?}");
    assert_eq!(bench.realize(&["edition"]).remove(0), edition);
    bench.edit("tools.toml", "version = 1", "version = 2");
    let newer = bench.realize(&["edition"]).remove(0);
    assert_ne!(newer, edition);
}

#[test]
fn another_store_realizes_the_same_from_the_lock_alone() {
    let upstream = Upstream::new();
    let bench = site(&upstream.url());
    bench.print(&["update"]);
    let here = bench.realize(&["host"]);
    let other = bench.path().join("other");
    let said = bench
        .run(&["--store", other.to_str().unwrap(), "realize", "host"])
        .works();
    assert_eq!(Path::new(said.out.trim()).file_name(), here[0].file_name());
    // Nothing had to be solved, so nobody asked for metadata.
    assert!(!said.err.contains("metadata"), "{}", said.err);
}

#[test]
fn a_name_that_the_lock_was_not_asked_for_is_answered_by_the_metadata_that_it_pins() {
    let upstream = Upstream::new();
    let bench = site(&upstream.url());
    bench.print(&["update"]);
    bench.edit(
        "tools.toml",
        "\"sampler-init\"",
        "\"sampler-init\", \"sampler-probe\"",
    );
    bench.realize(&["edition"]);
    bench.edit("tools.toml", "\"sampler-probe\"", "\"sampler-prob\"");
    bench
        .run(&["realize", "edition"])
        .fails(2, &["sampler-prob", "near to it: sampler-probe"]);
}

#[test]
fn fetched_packages_that_the_collector_took_are_fetched_again() {
    let upstream = Upstream::new();
    let bench = site(&upstream.url());
    bench.print(&["update"]);
    bench.print(&["realize", "host", "--no-root"]);
    bench.print(&["gc"]);
    let document = bench.json(&["realize", "host", "edition"]);
    assert_eq!(document["steps"]["failed"], 0, "{document}");
    bench.print(&["verify", "--full"]);
}

#[test]
fn a_kept_generation_keeps_what_its_lock_names_when_the_repository_is_gone() {
    let upstream = Upstream::new();
    let bench = site(&upstream.url());
    bench.print(&["update"]);
    bench.realize(&["host"]);
    let lock = fs::read(bench.recipes().join("store.lock")).unwrap();
    upstream.bench.edit(
        "packages/sampler-httpd.toml",
        "version = \"2.4\"",
        "version = \"2.5\"",
    );
    upstream.publish();
    bench.print(&["update"]);
    bench.realize(&["host"]);
    bench.print(&["gc"]);
    // Years later: the old lock is taken out again, and nobody has its packages but the store.
    fs::remove_dir_all(upstream.path()).unwrap();
    fs::write(bench.recipes().join("store.lock"), lock).unwrap();
    bench.edit(
        "host.toml",
        "\"sampler-httpd\"",
        "\"sampler-httpd\", \"sampler-init\"",
    );
    bench.realize(&["host", "edition"]);
}

#[test]
fn a_server_that_misbehaves_is_left_for_another_and_named_when_there_is_none() {
    let upstream = Upstream::new();
    let (bad, good) = (Server::start(), Server::start());
    let list = format!("{}\n{}\n", bad.url("/"), good.url("/"));
    good.good("/mirrors", list.as_bytes());
    let mut files = vec![upstream.path()];
    let mut manners = [
        |bytes: &[u8]| Manner::Cut(bytes.to_vec(), bytes.len() / 2),
        |_: &[u8]| Manner::Page { called_so: true },
        |_: &[u8]| Manner::Status(404, ""),
        |_: &[u8]| Manner::Hangup,
        |bytes: &[u8]| Manner::Good(bytes.iter().map(|byte| byte ^ 1).collect()),
    ]
    .into_iter()
    .cycle();
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(fs::read_dir(path).unwrap().map(|file| file.unwrap().path()));
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let location = path.strip_prefix(upstream.path()).unwrap();
        let location = format!("/{}", location.display());
        good.good(&location, &bytes);
        let manner = manners.next().unwrap();
        // A lie that nobody can see through would be a repository of its own.
        match location.ends_with("repomd.xml") {
            true => bad.on(&location, &[Manner::Status(503, "")]),
            false => bad.on(&location, &[manner(&bytes)]),
        };
    }
    let bench = site(&good.url("/"));
    let source = format!(
        "kind = \"source\"\nmirrorlist = \"{}\"\n",
        good.url("/mirrors")
    );
    bench.write("recipes/upstream.toml", &source);
    bench.print(&["update"]);
    let there = bench.realize(&["host"]);
    let honest = site(&upstream.url());
    honest.print(&["update"]);
    let here = honest.realize(&["host"]);
    assert_eq!(there[0].file_name(), here[0].file_name());
    // Only the bad one is left, for a store that has nothing.
    bench.write(
        "recipes/upstream.toml",
        format!("kind = \"source\"\nurl = \"{}\"\n", bad.url("/")),
    );
    let other = bench.path().join("other");
    let arguments = ["--store", other.to_str().unwrap(), "realize", "host"];
    bench
        .run(&arguments)
        .fails(1, &["source upstream", &bad.url("/")]);
}

#[test]
fn packages_that_lie_elsewhere_come_from_where_xml_base_says() {
    let upstream = Upstream::new();
    let elsewhere = serving(&upstream);
    let (indexes, rpms) = (upstream.path(), upstream.bench.path().join("elsewhere"));
    let made = Command::new("createrepo_c")
        .args(["-q", "--baseurl", &elsewhere.url("/")])
        .arg(&indexes)
        .status();
    assert!(made.unwrap().success());
    fs::create_dir(&rpms).unwrap();
    for file in fs::read_dir(&indexes).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            fs::rename(&path, rpms.join(path.file_name().unwrap())).unwrap();
        }
    }
    let bench = site(&upstream.url());
    bench.print(&["update"]);
    let lock = fs::read_to_string(bench.recipes().join("store.lock")).unwrap();
    let location = elsewhere.url("/sampler-httpd-2.4-1.x86_64.rpm");
    assert!(
        lock.contains(&format!("location = \"{location}\"")),
        "{lock}"
    );
    bench.realize(&["host"]);
    assert_eq!(elsewhere.count("/sampler-httpd-2.4-1.x86_64.rpm"), 1);
}

#[test]
fn of_two_parts_of_one_kind_the_first_is_fetched_and_locked() {
    let upstream = Upstream::new();
    let second = upstream.path().join("repodata/second.xml");
    fs::write(&second, "something else\n").unwrap();
    let repomd = upstream.path().join("repodata/repomd.xml");
    let text = fs::read_to_string(&repomd).unwrap();
    let part = format!(
        "<data type=\"filelists\"><checksum type=\"sha256\">{}</checksum>\
         <location href=\"repodata/second.xml\"/></data></repomd>",
        Hasher::of(Algorithm::Sha256, b"something else\n")
    );
    fs::write(&repomd, text.replace("</repomd>", &part)).unwrap();
    let bench = site(&upstream.url());
    bench.print(&["update"]);
    let lock = fs::read_to_string(bench.recipes().join("store.lock")).unwrap();
    assert!(!lock.contains("second.xml"), "{lock}");
    // The lock can be realized where nothing is known yet.
    fs::remove_file(second).unwrap();
    let other = ["realize", "host", "--store", "other"];
    bench.run(&other).works();
}

#[test]
fn mirrors_that_are_not_known_are_asked_for_once_and_not_for_each_package() {
    let upstream = Upstream::new();
    let server = serving(&upstream);
    let list = "/mirrors";
    server.good(list, server.url("/").as_bytes());
    let bench = site(&upstream.url());
    let source = format!("kind = \"source\"\nmirrorlist = \"{}\"\n", server.url(list));
    bench.write("recipes/upstream.toml", source);
    bench.print(&["update"]);
    server.on(list, &[Manner::Status(404, "")]);
    let before = server.count(list);
    bench
        .run(&["realize", "edition", "--keep-going"])
        .fails(1, &["source upstream", &server.url(list)]);
    assert_eq!(server.count(list), before + 1);
    server.good(list, server.url("/").as_bytes());
    bench.realize(&["edition"]);
}

#[test]
fn a_mirror_that_lags_behind_what_is_locked_is_told() {
    let upstream = Upstream::new();
    let index = upstream.path().join("repodata/repomd.xml");
    let now = fs::read_to_string(&index).unwrap();
    let revised = |number: &str| {
        let (before, rest) = now.split_once("<revision>").unwrap();
        let (_, after) = rest.split_once("</revision>").unwrap();
        fs::write(
            &index,
            format!("{before}<revision>{number}</revision>{after}"),
        )
        .unwrap();
    };
    revised("1793500000");
    let bench = site(&upstream.url());
    assert!(!bench.run(&["update"]).works().err.contains("older"));
    for (number, is_older) in [("999999999", true), ("1793500000", false), ("r7", false)] {
        revised(number);
        let said = bench.run(&["update"]).works();
        assert_eq!(
            said.err.contains("of an older state (999999999)"),
            is_older,
            "{}",
            said.err
        );
    }
}

#[test]
fn of_mirrors_that_lag_behind_one_that_does_not_is_taken() {
    let upstream = Upstream::new();
    let (late, other, current) = (serving(&upstream), serving(&upstream), serving(&upstream));
    let now = fs::read_to_string(upstream.path().join("repodata/repomd.xml")).unwrap();
    let index = |number: &str| {
        let (before, rest) = now.split_once("<revision>").unwrap();
        let (_, after) = rest.split_once("</revision>").unwrap();
        format!("{before}<revision>{number}</revision>{after}").into_bytes()
    };
    let revised = |server: &Server, number: &str| {
        server.good("/repodata/repomd.xml", &index(number));
    };
    let bench = site(&current.url("/"));
    let list = [&late, &other, &current].map(|server| server.url("/") + "\n");
    current.good("/list", list.concat().as_bytes());
    let source = format!(
        "kind = \"source\"\nmirrorlist = \"{}\"\n",
        current.url("/list")
    );
    bench.write("recipes/upstream.toml", source);
    let update = || bench.run(&["update"]).works().err;
    let is_at = |revision: &str| {
        let lock = fs::read_to_string(bench.recipes().join("store.lock")).unwrap();
        assert!(
            lock.contains(&format!("revision = \"{revision}\"")),
            "{lock}"
        );
    };
    for (server, number) in [(&late, "1000"), (&other, "2000"), (&current, "3000")] {
        revised(server, number);
    }
    // The first that is asked, as long as nothing else is known.
    assert!(!update().contains("lag behind"));
    is_at("1000");
    revised(&late, "900");
    revised(&other, "950");
    assert!(!update().contains("lag behind"));
    is_at("3000");
    // Where all do, or are not there, the newest of their states is better than none, and is told.
    for status in [404, 503] {
        current.on("/repodata/repomd.xml", &[Manner::Status(status, "")]);
        let said = update();
        assert!(
            said.contains("of an older state (950) than the one that was locked (3000)")
                && said.contains("lag behind"),
            "{said}"
        );
        is_at("950");
        revised(&current, "3000");
        revised(&other, "940");
        assert!(!update().contains("lag behind"));
        is_at("3000");
        revised(&other, "950");
    }
    // One that fails but once gives its own.
    let fails = Manner::Status(503, "");
    let gives = Manner::Good(index("3000"));
    current.on("/repodata/repomd.xml", &[fails, gives]);
    assert!(!update().contains("lag behind"));
    is_at("3000");
    for server in [&late, &other, &current] {
        server.on("/repodata/repomd.xml", &[Manner::Status(404, "")]);
    }
    revised(&late, "900");
    for file in walkdir::WalkDir::new(upstream.path().join("repodata")) {
        let file = file.unwrap();
        let name = file.file_name().to_str().unwrap().to_owned();
        if file.file_type().is_file() && name != "repomd.xml" {
            for server in [&late, &other, &current] {
                server.on(&format!("/repodata/{name}"), &[Manner::Status(404, "")]);
            }
        }
    }
    // Nothing helps: all that was tried is told, the first round and the second.
    let said = bench.run(&["update"]).fails(1, &["older state (900)"]);
    assert!(
        said.err.contains("of the files that it names"),
        "{}",
        said.err
    );
}

/// A server that has all of a repository.
fn serving(upstream: &Upstream) -> Server {
    let server = Server::start();
    for file in walkdir::WalkDir::new(upstream.path()) {
        let file = file.unwrap();
        if file.file_type().is_file() {
            let location = file.path().strip_prefix(upstream.path()).unwrap();
            let bytes = fs::read(file.path()).unwrap();
            server.good(&format!("/{}", location.display()), &bytes);
        }
    }
    server
}

/// How long files are that are being fetched, or were.
fn arriving(bench: &Bench) -> Vec<u64> {
    let files = fs::read_dir(bench.store().join("arriving"));
    let files = files.into_iter().flatten();
    files
        .filter_map(|file| Some(file.unwrap().metadata().ok()?.len()))
        .filter(|&length| length > 0)
        .collect()
}

/// Begins to realize, and waits until so many bytes of the one package that stalls are here, and nothing else is on its way.
fn stalled(bench: &Bench, bytes: usize) -> Child {
    let mut command = bench.command();
    command.args(["realize", "host"]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let begun = Instant::now();
    while arriving(bench) != [bytes as u64] {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "it does not come"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    child.unwrap()
}

#[test]
fn a_package_is_fetched_on_from_where_a_killed_process_was() {
    const PACKAGE: &str = "/sampler-httpd-2.4-1.x86_64.rpm";
    let upstream = Upstream::new();
    let server = serving(&upstream);
    let bytes = fs::read(upstream.path().join(&PACKAGE[1..])).unwrap();
    let [half, more, most] = [4, 6, 7].map(|eighths| bytes.len() * eighths / 8);
    let bench = site(&server.url("/"));
    bench.print(&["update"]);
    assert!(arriving(&bench).is_empty());
    let stall = |at| server.on(PACKAGE, &[Manner::Stall(bytes.clone(), at)]);
    let range = || {
        let asked = server.asked().into_iter();
        let mut asked = asked.filter(|asked| asked.path == PACKAGE);
        asked.next_back().unwrap().headers.get("range").cloned()
    };
    let kill = |mut child: Child| {
        child.kill().unwrap();
        child.wait().unwrap();
    };

    stall(half);
    kill(stalled(&bench, half));
    // Killed once more, further on.
    stall(more);
    kill(stalled(&bench, more));
    assert_eq!(range(), Some(format!("bytes={half}-")));
    // Another one who wants the same while the first one lives, and gets nothing any more, does not wait.
    stall(most);
    let first = stalled(&bench, most);
    server.good(PACKAGE, &bytes);
    let host = bench.realize(&["host"]);
    assert_eq!(range(), None);
    bench.print(&["gc"]);
    assert_eq!(arriving(&bench), [most as u64], "it is still locked");
    kill(first);

    // A store that lacks the package goes on where the first was.
    let other = site(&server.url("/"));
    fs::copy(
        bench.recipes().join("store.lock"),
        other.recipes().join("store.lock"),
    )
    .unwrap();
    stall(half);
    kill(stalled(&other, half));
    server.good(PACKAGE, &bytes);
    assert_eq!(other.realize(&["host"])[0].file_name(), host[0].file_name());
    assert_eq!(range(), Some(format!("bytes={half}-")));
    assert!(arriving(&other).is_empty());
    other.print(&["verify", "--full"]);

    // A collector that has to stop takes nothing, and what it may not open is another user's.
    let stray = bench.store().join("roots/stray");
    fs::create_dir_all(stray.join("name")).unwrap();
    fs::write(stray.join("name/1"), "no root").unwrap();
    bench.run(&["gc"]).fails(4, &["roots"]);
    assert_eq!(arriving(&bench), [most as u64]);
    fs::remove_dir_all(&stray).unwrap();
    let parts = fs::read_dir(bench.store().join("arriving")).unwrap();
    let part = parts.map(|part| part.unwrap().path()).max().unwrap();
    let mode = |mode| fs::set_permissions(&part, fs::Permissions::from_mode(mode)).unwrap();
    mode(0o000);
    if !is_root() {
        assert_eq!(bench.json(&["gc"])["downloads"], 0);
        assert_eq!(arriving(&bench), [most as u64]);
    }
    mode(0o644);

    // What nobody came back for is collected.
    let dry = bench.json(&["gc", "--dry-run"]);
    assert_eq!(dry["downloads"], 1, "{dry}");
    let freed = bench.json(&["gc"]);
    assert_eq!(
        [&freed["downloads"], &freed["bytes"]],
        [&dry["downloads"], &dry["bytes"]]
    );
    assert!(arriving(&bench).is_empty());
    bench.print(&["verify", "--full"]);
}

/// Which calls of a command that has so many go wrong: some, or as many as `STORE_FAULTS` says.
fn calls(of: u64) -> Vec<u64> {
    let count = told::number("STORE_FAULTS").unwrap_or(4).min(of);
    (0..count).map(|at| 1 + at * of / count).collect()
}

#[test]
fn whatever_goes_wrong_while_packages_come_the_next_run_has_them_and_nothing_is_left() {
    const HOST: [&str; 3] = ["--json", "realize", "host"];
    let upstream = Upstream::new();
    let drawing = site(&upstream.url());
    drawing.print(&["update"]);
    let new = Site::new();
    fs::remove_dir_all(new.path("recipes")).unwrap();
    fs::rename(drawing.recipes(), new.path("recipes")).unwrap();
    let wanted = entries(&new.again().well(&HOST));
    let ever = |errno: Errno| (-errno.raw_os_error()).to_string();
    for (classes, what) in [
        (ALL, "kill".to_owned()),
        (CHANGES, "both".to_owned()),
        (ALL, Errno::IO.raw_os_error().to_string()),
        ("cwrlm", ever(Errno::NOSPC)),
    ] {
        let Some(counted) = trip(&new.again(), classes, "count", 0, &HOST) else {
            return;
        };
        for n in calls(counted.calls) {
            let site = new.again();
            let tripped = trip(&site, classes, &what, n, &HOST).unwrap();
            let when = format!("{what} at {n}: {}", tripped.call);
            let told = format!("{}{}", tripped.said.out, tripped.said.err);
            assert!(!told.contains("panicked"), "{when}: {told}");
            let (code, number) = (tripped.said.code.unwrap(), what.parse::<i32>());
            assert!(
                number.is_err() || matches!(code, 0 | 1 | 4),
                "{when}: {code} {told}"
            );
            let named = tripped.names_its_place(&told, what.starts_with('-'));
            assert!(number.is_err() || code == 0 || named, "{when}: {told}");
            site.sound(&when);
            assert_eq!(entries(&site.well(&HOST)), wanted, "{when}");
            site.well(&["gc"]);
            site.sound(&when);
            site.swept(&when);
            let left = fs::read_dir(site.store().join("arriving"));
            assert_eq!(left.into_iter().flatten().count(), 0, "{when}");
        }
    }
}
