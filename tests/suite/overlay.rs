//! `overlay`: what commands made, laid over an installed root.

use std::fs;

use crate::command::{bench, recipe};
use crate::support::bench::Bench;

/// A tree of the small root, with what the command `out` writes laid over it.
fn tree(script: &str) -> Bench {
    let bench = bench();
    bench.write("recipes/out.toml", recipe("", script));
    bench.write(
        "recipes/tree.toml",
        "kind = \"ostree\"\nfrom = [\"base\"]\ninstall = [\"box\"]\noverlay = [\"out\"]\nref = \"x/tree\"\n",
    );
    bench
}

#[test]
fn files_of_a_command_are_laid_over_what_is_installed() {
    let bench = tree(
        "mkdir -p $OUT/etc $OUT/usr/lib/made/by; echo changed > $OUT/etc/motd; chmod 600 $OUT/etc/motd
        echo new > $OUT/usr/lib/made/by/command; ln $OUT/usr/lib/made/by/command $OUT/usr/lib/made/twin
        ln -s by/command $OUT/usr/lib/made/link",
    );
    let report = bench.json(&["realize", "tree"]);
    assert_eq!(report["steps"]["failed"], 0);
    let repository = report["artifacts"][0]["path"].as_str().unwrap();
    let ostree = |arguments: &[&str]| {
        let repo = format!("--repo={repository}");
        crate::support::sample::run("ostree", &[&[repo.as_str()], arguments].concat())
    };
    assert_eq!(ostree(&["cat", "x/tree", "/usr/etc/motd"]), "changed\n");
    assert_eq!(ostree(&["cat", "x/tree", "/usr/lib/made/twin"]), "new\n");
    let listed = ostree(&["ls", "-R", "x/tree", "/usr"]);
    assert!(
        listed.contains("-00600 0 0      8 /usr/etc/motd"),
        "{listed}"
    );
    assert!(
        listed.contains("/usr/lib/made/link -> by/command"),
        "{listed}"
    );
    // The golden entry of `overlay composer 1`; see golden.rs.
    let closure = bench.print(&["closure", "tree"]);
    let overlaid = "root        gzz3ftaozuubxnb2e5b4jsisgt67m63o";
    assert!(closure.contains(overlaid), "{closure}");

    // Another command lays over again; the packages are not installed again.
    bench.edit("out.toml", "echo changed", "echo again");
    let report = bench.json(&["realize", "tree"]);
    assert_eq!(report["steps"]["composed"], 3, "{report}");
    let closure = bench.print(&["closure", "tree"]);
    assert!(
        !closure.contains(overlaid) && closure.matches("root  ").count() == 2,
        "{closure}"
    );
    let diff = bench.run(&["diff", "tree@1", "tree@2"]).works().out;
    assert!(diff.contains("etc/motd"), "{diff}");
    // What it writes to the same bytes is cut off.
    bench.edit("out.toml", "echo again", "echo again; true; echo again");
    let report = bench.json(&["realize", "tree"]);
    assert_eq!(report["steps"]["composed"], 1, "{report}");
}

#[test]
fn the_last_of_several_is_on_top() {
    let bench = tree("mkdir $OUT/etc; echo one > $OUT/etc/motd; echo one > $OUT/etc/one");
    bench.write(
        "recipes/two.toml",
        recipe("", "mkdir $OUT/etc; echo two > $OUT/etc/motd"),
    );
    bench.edit("tree.toml", "[\"out\"]", "[\"out\", \"two\"]");
    let read = |name: &str, path: &str| {
        let repository = bench.realize(&[name]).remove(0);
        let repo = format!("--repo={}", repository.display());
        crate::support::sample::run("ostree", &[&repo, "cat", "x/tree", path])
    };
    assert_eq!(read("tree", "/usr/etc/motd"), "two\n");
    assert_eq!(read("tree", "/usr/etc/one"), "one\n");
    bench.edit("tree.toml", "[\"out\", \"two\"]", "[\"two\", \"out\"]");
    assert_eq!(read("tree", "/usr/etc/motd"), "one\n");
}

#[test]
fn what_waits_for_packages_keeps_nothing_else_from_being_planned() {
    let bench = tree("true");
    for name in ["one", "two"] {
        let package = format!(
            "kind = \"package\"\nsummary = \"{name}\"\nversion = \"1\"\nrelease = \"1\"\nlicense = \"MIT\"\n"
        );
        bench.write(&format!("recipes/{name}-package.toml"), package);
        let module = format!(
            "kind = \"module\"\nstream = \"1\"\nversion = 1\nfrom = [\"{name}-package\"]\n"
        );
        bench.write(&format!("recipes/{name}-module.toml"), module);
        let command =
            recipe("", "true").replace("[\"base\"]", &format!("[\"base\", \"{name}-module\"]"));
        bench.write(&format!("recipes/{name}.toml"), command);
    }
    bench.edit("tree.toml", "[\"out\"]", "[\"one\", \"two\"]");
    bench.write(
        "recipes/below.toml",
        "kind = \"image\"\nfrom = [\"base\"]\ninstall = [\"box\"]\n",
    );
    bench.write(
        "recipes/above.toml",
        "kind = \"image\"\nbase = \"below\"\nfrom = [\"one-module\"]\ninstall = [\"one-package\"]\noverlay = [\"two\"]\n",
    );
    // Of each round the packages: the first has all of them, so they are made at once.
    let packages = |name: &str| -> Vec<String> {
        let plan = bench.json(&["plan", name]);
        let steps = plan["steps"].as_array().unwrap().iter();
        let packages = steps.filter(|step| step["kind"] == "package");
        let mut subjects: Vec<String> = packages
            .map(|step| step["subject"].as_str().unwrap().to_owned())
            .collect();
        subjects.sort();
        subjects
    };
    let all = [
        "box-1-1.x86_64",
        "one-package-1-1.noarch",
        "two-package-1-1.noarch",
    ];
    assert_eq!(packages("tree"), all);
    assert_eq!(packages("above"), all);
    bench.realize(&["tree", "above"]);
}

#[test]
fn an_overlay_that_can_not_be_is_refused_with_the_place() {
    for (script, path) in [
        ("mkdir -p $OUT/etc/motd/x", "/etc/motd"),
        ("echo x > $OUT/etc", "/etc"),
    ] {
        let bench = tree(script);
        let said = bench.run(&["realize", "tree"]);
        said.fails(1, &[path, "number 1 in `overlay`"]);
    }
    let bench = tree("true");
    bench.edit("tree.toml", "[\"out\"]", "[\"out\", \"out\"]");
    bench
        .run(&["realize", "tree"])
        .fails(2, &["stands in \"overlay\" twice"]);
    bench.edit("tree.toml", "[\"out\", \"out\"]", "[\"base\"]");
    bench
        .run(&["realize", "tree"])
        .fails(2, &["command is wanted here"]);
    bench.edit("tree.toml", "[\"base\"]\nref", "[\"out\"]\nref");
    let out = fs::read_to_string(bench.path().join("recipes/out.toml")).unwrap();
    let out = out.replace("from = [\"base\"]\ninstall = [\"box\"]", "root = \"tree\"");
    bench.write("recipes/out.toml", out);
    bench
        .run(&["realize", "tree"])
        .fails(2, &["made of itself"]);
}
