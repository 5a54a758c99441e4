//! Images on other images: which packages stay, which may go, and what is said where that does not do.

use std::path::Path;
use std::process::Command;

use crate::support::bench::Bench;

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
