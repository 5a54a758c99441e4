//! Of several mirrors of one repository the one that gives what is locked is taken.

use std::fs;
use std::process::Command;

use super::support::server::{Manner, Server};
use super::support::upstream::{Upstream, serving, site};

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

/// Many servers hold names and no directories: to them `/os/../rpms/a.rpm` is a name that nothing has.
#[test]
fn locations_with_dots_are_asked_for_by_where_they_lead() {
    let upstream = Upstream::new();
    let made = Command::new("createrepo_c")
        .args(["-q", "--location-prefix", "../rpms"])
        .arg(upstream.path())
        .status();
    assert!(made.unwrap().success());
    let server = Server::start();
    for (directory, place) in [("", "/rpms"), ("repodata", "/os/repodata")] {
        for file in fs::read_dir(upstream.path().join(directory)).unwrap() {
            let path = file.unwrap().path();
            if path.is_file() {
                let name = path.file_name().unwrap().to_str().unwrap();
                server.good(&format!("{place}/{name}"), &fs::read(&path).unwrap());
            }
        }
    }
    let index = upstream.path().join("repodata/repomd.xml");
    let index = fs::read_to_string(index).unwrap();
    let index = index.replace("href=\"repodata/", "href=\"./repodata/");
    let index = index.replacen("href=\"./", "href=\"../os/", 1);
    server.good("/os/repodata/repomd.xml", index.as_bytes());
    let bench = site(&server.url("/os/"));
    bench.print(&["update"]);
    bench.realize(&["host"]);
    // Also where the metadata is not here any more.
    bench.print(&["realize", "host", "--store", "other"]);
    bench.edit("tools.toml", ", \"sampler-init\"", "");
    bench.print(&["realize", "edition", "--store", "other"]);
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
