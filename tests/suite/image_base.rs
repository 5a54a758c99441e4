//! Images on other images: which packages stay, which may go, and what is said where that does not do.

use std::path::Path;
use std::process::Command;

use store::plan::parameters;
use store::tree::Leaf;

use crate::support::bench::Bench;
use crate::support::image::{
    Layout, Root, alone, assert_same, blob, facts, on_top, parameters, path, run,
};
use crate::support::rpm::try_compose;
use crate::support::workspace::Memory;

fn package(name: &str, version: &str, more: &str) -> String {
    format!(
        "kind = \"package\"\nname = \"{name}\"\nsummary = \"A\"\nversion = \"{version}\"\nrelease = \"1\"\nlicense = \"MIT\"\n{more}\n"
    )
}

fn file(path: &str, content: &str) -> String {
    format!("[[files]]\npath = \"{path}\"\ncontent = \"{content}\"\n")
}

/// A base with an old library, and a module with a new one that a tool needs.
fn bench() -> Bench {
    let both = |version| {
        file("/usr/lib/lib.so", version) + &file(&format!("/usr/lib/lib.so.{version}"), version)
    };
    let module = "kind = \"module\"\nstream = \"1\"\nversion = 1\n";
    Bench::of(&[
        ("old-lib.toml", &package("lib", "1", &both("1"))),
        ("new-lib.toml", &package("lib", "2", &both("2"))),
        (
            "app.toml",
            &package(
                "app",
                "1",
                &(String::from("requires = [\"lib\"]\nrecommends = [\"extra\"]\n")
                    + &file("/usr/bin/app", "app")),
            ),
        ),
        (
            "extra.toml",
            &package("extra", "1", &file("/usr/bin/extra", "extra")),
        ),
        (
            "tool.toml",
            &package(
                "tool",
                "1",
                &(String::from("requires = [\"lib >= 2\"]\n") + &file("/usr/bin/tool", "tool")),
            ),
        ),
        (
            "plain.toml",
            &package("plain", "1", &file("/usr/bin/plain", "plain")),
        ),
        (
            "core.toml",
            &format!("{module}from = [\"old-lib\", \"app\"]\n"),
        ),
        (
            "more.toml",
            &format!("{module}from = [\"new-lib\", \"tool\", \"plain\", \"extra\"]\n"),
        ),
        (
            "below.toml",
            "kind = \"image\"\nfrom = [\"core\"]\ninstall = [\"app\"]\n",
        ),
        (
            "above.toml",
            "kind = \"image\"\nbase = \"below\"\nfrom = [\"more\"]\ninstall = [\"plain\"]\n",
        ),
    ])
}

fn packages(bench: &Bench, name: &str) -> Vec<String> {
    let plan = bench.json(&["plan", name]);
    let listed = plan["packages"][name].as_array().unwrap().iter();
    listed
        .map(|nevra| nevra.as_str().unwrap().to_owned())
        .collect()
}

/// The names in the uppermost layer of an image.
fn top(layout: &Path) -> Vec<String> {
    let mut inspect = Command::new("skopeo");
    inspect
        .arg("inspect")
        .arg(format!("oci:{}", layout.display()));
    let said = inspect.output().unwrap().stdout;
    let said: serde_json::Value = serde_json::from_slice(&said).unwrap();
    let digest = said["Layers"].as_array().unwrap().last().unwrap();
    let hex = &digest.as_str().unwrap()["sha256:".len()..];
    let blob = layout.join("blobs/sha256").join(hex);
    let listed = Command::new("tar").arg("-tzf").arg(blob).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let files = listed.lines().filter(|name| !name.ends_with('/'));
    files.map(str::to_owned).collect()
}

#[test]
fn what_a_base_has_stays_and_wishes_for_nothing_more() {
    let bench = bench();
    let above = bench.realize(&["above"]).remove(0);
    // Neither the newer library that is there now, nor what the base would have liked to come along.
    let installed = ["app-1-1.noarch", "lib-1-1.noarch", "plain-1-1.noarch"];
    assert_eq!(packages(&bench, "above"), installed);
    assert_eq!(
        top(&above),
        ["usr/bin/plain", "usr/lib/sysimage/rpm/rpmdb.sqlite"]
    );
}

#[test]
fn what_needs_another_version_than_the_base_has_is_told_with_both_ways_out() {
    let bench = bench();
    bench.edit("above.toml", "\"plain\"", "\"tool\"");
    bench.run(&["realize", "above"]).fails(
        2,
        &[
            "above can't be installed on top of below from core, more",
            "tool-1-1.noarch",
            "lib-2-1.noarch provides lib >= 2, but below has another lib, and what a base has stays: \
             compose below with it, or list lib in `replace`",
        ],
    );
    bench.edit(
        "above.toml",
        "base = \"below\"",
        "base = \"below\"\nreplace = [\"lib\"]",
    );
    let above = bench.realize(&["above"]).remove(0);
    let installed = ["app-1-1.noarch", "lib-2-1.noarch", "tool-1-1.noarch"];
    assert_eq!(packages(&bench, "above"), installed);
    assert_eq!(
        top(&above),
        [
            "usr/bin/tool",
            "usr/lib/.wh.lib.so.1",
            "usr/lib/lib.so",
            "usr/lib/lib.so.2",
            "usr/lib/sysimage/rpm/rpmdb.sqlite",
        ]
    );
}

#[test]
fn a_package_that_may_go_goes_where_nothing_needs_it() {
    let bench = bench();
    bench.edit(
        "above.toml",
        "base = \"below\"",
        "base = \"below\"\nreplace = [\"app\", \"lib\"]",
    );
    let above = bench.realize(&["above"]).remove(0);
    assert_eq!(packages(&bench, "above"), ["plain-1-1.noarch"]);
    assert_eq!(
        top(&above),
        [
            // Nothing that was in it is left.
            "usr/bin/.wh..wh..opq",
            "usr/bin/plain",
            "usr/lib/.wh.lib.so",
            "usr/lib/.wh.lib.so.1",
            "usr/lib/sysimage/rpm/rpmdb.sqlite",
        ]
    );
    bench.edit("above.toml", "\"app\", \"lib\"", "\"app\", \"nothing\"");
    bench.run(&["realize", "above"]).fails(
        2,
        &["above.toml:3:19: the base below has no package nothing, so there is nothing to replace"],
    );
}

#[test]
fn an_image_may_say_no_more_than_how_its_base_is_started() {
    let bench = bench();
    bench.write(
        "recipes/again.toml",
        "kind = \"image\"\nbase = \"above\"\n[config]\ncmd = [\"/usr/bin/app\"]\n",
    );
    let again = bench.realize(&["again"]).remove(0);
    // No layer is added that would say nothing.
    assert_eq!(
        top(&again),
        ["usr/bin/plain", "usr/lib/sysimage/rpm/rpmdb.sqlite"]
    );
    assert_eq!(packages(&bench, "again"), packages(&bench, "above"));
    let lint = bench.print(&["lint", "--strict", "again"]);
    assert!(lint.starts_with("0 errors, 0 warnings"), "{lint}");
}

#[test]
fn a_base_that_changed_says_so_and_remakes_what_stands_on_it() {
    let bench = bench();
    bench.realize(&["above"]);
    bench.edit(
        "below.toml",
        "install = [\"app\"]",
        "install = [\"app\"]\n[config]\nuser = \"1\"",
    );
    let plan = bench.print(&["plan", "above"]);
    assert!(
        plan.contains("image      below: the recipe changed: config.user\n"),
        "{plan}"
    );
    assert!(
        plan.contains("image      above: after image below\n"),
        "{plan}"
    );
    bench.realize(&["above"]);
    let diff = bench.print(&["diff", "above@1", "above@2"]);
    assert!(
        diff.contains("base (image)") && !diff.contains("Files:"),
        "{diff}"
    );
}

/// `b` is asked for before `a` is there, by a file that comes later.
#[test]
fn an_account_of_the_base_keeps_its_number_whoever_else_comes() {
    let bench = bench();
    let user = |name: &str, at: &str| {
        let asks = file(at, &format!("u {name}\\n"));
        asks + &format!(
            "[[files]]\npath = \"/var/lib/{name}\"\ndirectory = true\nuser = \"{name}\"\ngroup = \"{name}\"\n"
        )
    };
    let first = user("b", "/usr/lib/sysusers.d/b.conf");
    let second = user("a", "/usr/lib/sysusers.d/a.conf");
    bench.write(
        "recipes/app.toml",
        package(
            "app",
            "1",
            &(String::from("requires = [\"lib\"]\n") + &first),
        ),
    );
    bench.write("recipes/plain.toml", package("plain", "1", &second));
    let paths = bench.realize(&["below", "above"]);
    let owner = |layout: &Path, directory: &str| {
        let mut found = Vec::new();
        for blob in std::fs::read_dir(layout.join("blobs/sha256")).unwrap() {
            let mut tar = Command::new("tar");
            tar.args(["--numeric-owner", "-tvzf"])
                .arg(blob.unwrap().path());
            let listed = String::from_utf8(tar.output().unwrap().stdout).unwrap();
            let line = listed.lines().find(|line| line.ends_with(directory));
            found.extend(line.map(|line| line.split_whitespace().nth(1).unwrap().to_owned()));
        }
        found
    };
    assert_eq!(owner(&paths[0], " var/lib/b/"), ["999/999"]);
    // Said once, by the layer of the base: nothing about it changed.
    assert_eq!(owner(&paths[1], " var/lib/b/"), ["999/999"]);
    assert_eq!(owner(&paths[1], " var/lib/a/"), ["998/998"]);
}

/// A base with all that a layer on top may change.
fn base(memory: &Memory) -> Root {
    let mut root = Root::sample(memory);
    root.file(memory, "opt/goes/away", 0o644, b"gone");
    root.file(memory, "opt/all/one", 0o644, b"1");
    root.file(memory, "opt/all/two", 0o644, b"2");
    root.file(memory, "opt/file", 0o644, b"becomes a directory");
    root.file(memory, "opt/directory/inside", 0o644, b"becomes a file");
    root.file(memory, "opt/changes", 0o644, b"before");
    root.file(memory, "opt/mode", 0o644, b"same bytes");
    root.file(memory, "opt/link/one", 0o644, b"parts");
    root.link("opt/link/one", "opt/link/two");
    root.file(memory, "opt/join/one", 0o644, b"joins");
    root.file(memory, "opt/join/two", 0o644, b"joins");
    root.leaf("opt/points", Leaf::symlink("changes"));
    root
}

fn changed(memory: &Memory) -> Root {
    let mut root = base(memory);
    root.remove("opt/goes/away");
    root.remove("opt/goes");
    root.remove("opt/all/one");
    root.remove("opt/all/two");
    root.file(memory, "opt/all/three", 0o644, b"3");
    root.remove("opt/file");
    root.file(memory, "opt/file/inside", 0o644, b"a directory");
    root.remove("opt/directory/inside");
    root.remove("opt/directory");
    root.file(memory, "opt/directory", 0o644, b"a file");
    root.file(memory, "opt/changes", 0o644, b"after");
    root.file(memory, "opt/mode", 0o600, b"same bytes");
    root.links
        .retain(|group| !group.contains(&path("opt/link/one")));
    root.links
        .insert(vec![path("opt/join/one"), path("opt/join/two")]);
    root.leaf("opt/points", Leaf::symlink("mode"));
    root.file(memory, "usr/bin/new", 0o755, b"new");
    root.tree
        .directory(&path("var/lib/owned"))
        .unwrap()
        .meta
        .mode = 0o700;
    root.tree.directory(&path("srv/empty")).unwrap().meta.mode = 0o711;
    root
}

#[test]
fn a_layer_on_a_base_says_only_what_is_new_changed_or_gone() {
    let memory = Memory::default();
    let (old, new) = (base(&memory), changed(&memory));
    let below = alone(&memory, &old, &parameters()).unwrap();
    let image = on_top(&memory, (&below, &old), &new, &parameters()).unwrap();
    let (below, image_facts) = (facts(&below), facts(&image));
    assert_eq!(image_facts.layers.len(), 2);
    assert_eq!(image_facts.layers[0], below.layers[0]);

    let layout = Layout::of(&memory, &image);
    assert_same(&memory, &new, &layout.unpack());
    let archive = blob(&layout.path(), &image_facts.layers[1].digest);
    let listed = run(Command::new("tar").arg("-tzf").arg(archive));
    let listed: Vec<&str> = listed.lines().collect();
    assert_eq!(
        listed,
        [
            "./",
            "opt/",
            "opt/.wh.goes",
            "opt/all/",
            "opt/all/.wh..wh..opq",
            "opt/all/three",
            "opt/changes",
            "opt/directory",
            "opt/file/",
            "opt/file/inside",
            "opt/join/",
            "opt/join/one",
            "opt/join/two",
            "opt/link/",
            "opt/link/one",
            "opt/link/two",
            "opt/mode",
            "opt/points",
            "srv/",
            "srv/empty/",
            "usr/",
            "usr/bin/",
            "usr/bin/new",
            "var/",
            "var/lib/",
            "var/lib/owned/",
        ]
    );
    let raw = layout.inspect(&["--raw"]);
    assert_eq!(
        raw["annotations"]["org.opencontainers.image.base.digest"],
        *below.manifest
    );
}

#[test]
fn what_an_image_does_not_say_its_base_decides() {
    let memory = Memory::default();
    let root = Root::sample(&memory);
    let mut params = parameters();
    let words = |word: &str| Some(vec![word.to_owned()]);
    params.config.cmd = words("old-cmd");
    params.config.entrypoint = words("old-entrypoint");
    params.config.user = Some("17".to_owned());
    params.config.env = [("A", "1"), ("B", "1")]
        .map(|(a, b)| (a.into(), b.into()))
        .into();
    params.config.ports = ["80/tcp".to_owned()].into();
    let below = alone(&memory, &root, &params).unwrap();

    params.config = parameters::ImageConfig {
        entrypoint: words("new-entrypoint"),
        env: [("B", "2"), ("C", "2")]
            .map(|(a, b)| (a.into(), b.into()))
            .into(),
        ports: ["443/tcp".to_owned()].into(),
        ..parameters::ImageConfig::default()
    };
    let image = on_top(&memory, (&below, &root), &root, &params).unwrap();
    let config = &Layout::of(&memory, &image).inspect(&["--config"])["config"];
    // A command is for the entry point that it was given with.
    let expected = serde_json::json!({
        "User": "17",
        "ExposedPorts": {"443/tcp": {}, "80/tcp": {}},
        "Env": ["A=1", "B=2", "C=2"],
        "Entrypoint": ["new-entrypoint"],
        "Labels": {"org.opencontainers.image.version": "1"},
    });
    assert_eq!(*config, expected);
}

#[test]
fn a_base_that_is_no_image_is_refused() {
    let memory = Memory::default();
    let root = Root::sample(&memory);
    let entry = root.enter(&memory);
    let inputs = [("base", entry), ("base-root", entry), ("root", entry)];
    let error = try_compose(&memory, "image", &parameters(), inputs).unwrap_err();
    assert!(
        error.to_string().contains("it has no file index.json"),
        "{error}"
    );
}
