//! What hostile input, and hostile names, can't do.

use std::fs;
use std::process::Command;

use crate::support::bench::Bench;

const PACKAGE: &str =
    "kind = \"package\"\nversion = \"1\"\nrelease = \"1\"\narch = \"noarch\"\nlicense = \"MIT\"\n";

fn package(rest: &str) -> Bench {
    Bench::of(&[("p.toml", &format!("{PACKAGE}{rest}"))])
}

#[test]
fn a_label_is_a_name_and_no_number() {
    let bench = package("summary = \"s\"\n");
    for label in ["../../x", "", "3", "a\u{1b}[31m", "a@b", "-x"] {
        let label = format!("--label={label}");
        bench
            .run(&["realize", "p", &label])
            .fails(2, &["--label", "RC1"]);
    }
    bench.run(&["realize", "p", "--label", "RC1"]).works();
    bench.run(&["show", "p@RC1"]).works();
}

#[test]
fn a_directory_with_other_things_does_not_become_a_store() {
    let bench = package("summary = \"s\"\n");
    bench.write("home/letters/one", "dear");
    let said = bench.run(&["realize", "p", "--store", "home/letters"]);
    said.fails(2, &["home/letters", "\"one\"", "empty"]);
    assert_eq!(
        fs::read_dir(bench.path().join("home/letters"))
            .unwrap()
            .count(),
        1
    );
    for place in ["home/letters/one", "home/letters/one/below"] {
        let said = bench.run(&["realize", "p", "--store", place]);
        said.fails(2, &["can't be a store"]);
    }
}

#[test]
fn a_link_to_nothing_does_not_become_a_store() {
    let bench = package("summary = \"s\"\n");
    std::os::unix::fs::symlink("no/such", bench.path().join("link")).unwrap();
    for place in ["link", "link/below"] {
        let said = bench.run(&["realize", "p", "--store", place]);
        said.fails(2, &["link is a link to no/such", "there is nothing"]);
    }
    fs::create_dir_all(bench.path().join("no/such")).unwrap();
    let there = ["realize", "p", "--store", "link"];
    bench.run(&there).works();
}

#[test]
fn a_store_copied_by_hard_links_is_not_written_until_its_index_is_its_own() {
    let bench = package("summary = \"s\"\n");
    bench.realize(&["p"]);
    let linked = Command::new("cp")
        .args(["-al", "store", "copy"])
        .current_dir(bench.path())
        .status();
    assert!(linked.unwrap().success());
    for store in ["copy", "store"] {
        let said = bench.run(&["gc", "--store", store]);
        said.fails(4, &["cp -al", "cp -a`", "store verify --rebuild-index"]);
    }
    let apart = ["verify", "--rebuild-index", "--store", "copy"];
    bench.run(&apart).works();
    fs::remove_dir_all(bench.path().join("copy/roots")).unwrap();
    fs::create_dir(bench.path().join("copy/roots")).unwrap();
    let copy = ["gc", "--store", "copy"];
    assert_ne!(bench.json(&copy)["entries"], 0);
    bench.run(&["gc"]).works();
    bench.run(&["verify", "--full"]).works();
}

#[test]
fn a_directory_with_the_store_in_it_is_not_added() {
    let bench = package("summary = \"s\"\n");
    bench.realize(&["p"]);
    for path in [".", "store", "recipes/.."] {
        let said = bench.run(&["add", path]);
        said.fails(1, &[path, "the store itself lies in it"]);
    }
    bench.run(&["add", "recipes", "store/objects"]).works();
}

#[test]
fn a_file_name_does_not_move_the_cursor() {
    let bench = Bench::of(&[]);
    bench.write("tree/a\u{1b}[2Jb\nroot", "x");
    std::os::unix::fs::symlink("to\u{9b}31m", bench.path().join("tree/link")).unwrap();
    let out = bench.print(&["add", "tree"]);
    let entry = out.split_whitespace().next().unwrap();
    let said = bench.print(&["files", entry]);
    assert!(said.contains("/a\\u{1b}[2Jb\\nroot"), "{said}");
    assert!(said.contains("-> to\\u{9b}31m"), "{said}");
    let files = bench.json(&["files", entry])["files"].to_string();
    assert!(files.contains("/a\\u001b[2Jb\\nroot"), "{files}");
    let said = bench.run(&["show", "\u{1b}[31m@\u{1b}[2J"]);
    assert!(!said.err.contains('\u{1b}'), "{}", said.err);
}

#[test]
fn a_path_of_two_thousand_directories_is_refused_and_overflows_nothing() {
    let deep = "/d".repeat(2000);
    let bench = package(&format!(
        "summary = \"s\"\n[[files]]\npath = \"{deep}\"\ncontent = \"x\"\n"
    ));
    let said = bench.run(&["realize", "p"]);
    said.fails(2, &["256 directories deep", "recipes/p.toml:8"]);
}

#[test]
fn a_package_of_another_architecture_is_not_called_near_to_itself() {
    let memory = crate::support::workspace::Memory::default();
    let bench = Bench::of(&[
        ("os.toml", "kind = \"source\"\npath = \"../rpms\"\n"),
        (
            "m.toml",
            "kind = \"module\"\nsummary = \"s\"\nstream = \"1\"\nversion = 1\nsource = \"os\"\npackages = [\"cat\"]\n",
        ),
    ]);
    let bytes = crate::support::rpm::spec("cat-1-1.armv7l").bytes(&memory);
    bench.write("rpms/cat.rpm", bytes);
    bench
        .run(&["plan", "m"])
        .fails(2, &["cat.armv7l, of another architecture"]);
}
