//! The house rules that a machine can check: imports go one way, and each file is what it says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::paths::{Named, named};

const HOUSE: &str = env!("CARGO_MANIFEST_DIR");

/// What may lie at the top of the repository, besides names that begin with a dot.
const TOP: [&str; 12] = [
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "clippy.toml",
    "deny.toml",
    "recipes",
    "scripts",
    "src",
    "store-schema",
    "tests",
];

/// For each folder those that it may use.
type Map = BTreeMap<String, BTreeSet<String>>;

/// Reads the table in the documentation of `lib.rs`; "all above" are the rows before.
fn map(lib: &str) -> Map {
    let mut map = Map::new();
    for row in lib.lines().filter_map(|line| line.strip_prefix("//! | `")) {
        let cells: Vec<&str> = row
            .trim_end_matches('|')
            .split('|')
            .map(str::trim)
            .collect();
        let folder = cells[0].trim_end_matches('`').to_owned();
        let uses: BTreeSet<String> = match *cells.last().unwrap() {
            "–" => BTreeSet::new(),
            "all above" => map.keys().cloned().collect(),
            list => list.split(", ").map(str::to_owned).collect(),
        };
        for used in &uses {
            assert!(
                map.contains_key(used),
                "the table lets `{folder}` use `{used}`, which is not above it"
            );
        }
        map.insert(folder, uses);
    }
    assert!(map.len() >= 5, "src/lib.rs has no table of folders");
    map
}

/// Every Rust file under `src`, by its path from there.
fn sources(folder: &Path, base: &str, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{base}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            sources(&entry.path(), &format!("{name}/"), found);
        } else if name.ends_with(".rs") {
            found.insert(name, fs::read_to_string(entry.path()).unwrap());
        }
    }
}

/// How many modules deep a file is: `ids/mod.rs` 1, `ids/hash.rs` 2.
fn depth(file: &str) -> usize {
    let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
    path.split('/').count()
}

/// Segments behind the root of the crate; `None` for paths that stay below it or lead elsewhere.
fn from_root(file: &str, named: &Named) -> Option<Vec<String>> {
    let segments = &named.segments;
    if segments[0] == "crate" {
        return Some(segments[1..].to_vec());
    }
    let relative = segments.iter().skip_while(|word| *word == "self");
    let ups = relative.clone().take_while(|word| *word == "super").count();
    (ups > 0 && ups == depth(file) + named.depth).then(|| relative.skip(ups).cloned().collect())
}

/// What is wrong with one file of `src`, as `FILE:LINE: what`.
fn complaints(map: &Map, file: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut complain = |line: usize, what: String| found.push(format!("src/{file}:{line}: {what}"));
    if !text.starts_with("//! ") {
        complain(1, "does not begin with `//!`: what is it for?".to_owned());
    }
    let stem = file
        .trim_end_matches(".rs")
        .rsplit('/')
        .next()
        .unwrap_or(file);
    if ["util", "utils", "common", "helper", "helpers", "misc"].contains(&stem) {
        complain(1, format!("is called {stem}: name it for its noun"));
    }
    let folder = file.split_once('/').map(|(folder, _)| folder);
    if let Some(folder) = folder
        && !map.contains_key(folder)
    {
        complain(1, format!("`{folder}` is not in the table of src/lib.rs"));
    }
    let outside = matches!(folder, None | Some("cli"));
    for named in named(text) {
        let segments: Vec<&str> = named.segments.iter().map(String::as_str).collect();
        let path = segments.join("::");
        if let (Some(folder), Some(target)) = (folder, from_root(file, &named))
            && let Some(target) = target.first()
        {
            let allowed = map.get(folder).is_some_and(|uses| uses.contains(target));
            let known = map.contains_key(target) || target == "*" || target == "self";
            if target != folder && !allowed && known {
                complain(
                    named.line,
                    format!("`{folder}` may not use `{target}` ({path})"),
                );
            }
        }
        if segments.contains(&"serde_cbor") && !file.starts_with("ids/canonical/") {
            complain(
                named.line,
                "names serde_cbor, which only ids/canonical may".to_owned(),
            );
        }
        if file == "lib.rs" && segments == ["use"] {
            complain(named.line, "re-exports: a name has one home".to_owned());
        }
        if outside {
            continue;
        }
        let prints = ["print", "println", "eprint", "eprintln", "dbg"];
        if named.call && prints.contains(segments.last().unwrap()) {
            complain(
                named.line,
                format!("prints ({path}!), which only `cli` may"),
            );
        }
        // What a program was built for is the same wherever it runs.
        if path.starts_with("std::env") && !path.starts_with("std::env::consts") {
            complain(
                named.line,
                format!("reads the environment ({path}), which only `cli` may"),
            );
        }
        if path.ends_with("process::exit") || path.ends_with("process::abort") {
            complain(
                named.line,
                format!("ends the process ({path}), which only `cli` may"),
            );
        }
    }
    found
}

#[test]
fn imports_go_one_way_and_files_say_what_they_are_for() {
    let mut files = BTreeMap::new();
    sources(&Path::new(HOUSE).join("src"), "", &mut files);
    let map = map(&files["lib.rs"]);
    let complaints: Vec<String> = files
        .iter()
        .flat_map(|(file, text)| complaints(&map, file, text))
        .collect();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn the_top_of_the_repository_holds_only_what_is_known() {
    if !Path::new(HOUSE).join(".git").exists() {
        return println!("left out: not a clone, so nothing says which files are tracked");
    }
    let listed = Command::new("git")
        // The suite also runs as a user who does not own the clone.
        .args(["-c", "safe.directory=*", "ls-files"])
        .current_dir(HOUSE)
        .output()
        .unwrap();
    assert!(
        listed.status.success(),
        "{}",
        String::from_utf8_lossy(&listed.stderr)
    );
    let listed = String::from_utf8(listed.stdout).unwrap();
    let top: BTreeSet<&str> = listed
        .lines()
        .filter_map(|path| path.split('/').next())
        .collect();
    let unknown: Vec<_> = top
        .iter()
        .filter(|name| !name.starts_with('.') && !TOP.contains(name))
        .collect();
    assert!(
        unknown.is_empty(),
        "at the top of the repository: {unknown:?}"
    );
}

fn small_map() -> Map {
    map("\
//! | folder | question | may use |
//! |---|---|---|
//! | `ids` | a | – |
//! | `tree` | b | ids |
//! | `plan` | c | ids |
//! | `realize` | d | all above |
//! | `cli` | e | all above |")
}

fn lines(file: &str, text: &str) -> Vec<usize> {
    let number = |complaint: String| complaint.split(':').nth(1).unwrap().parse().unwrap();
    complaints(&small_map(), file, text)
        .into_iter()
        .map(number)
        .collect()
}

#[test]
fn an_import_that_goes_up_is_named_with_its_line() {
    let up = [
        "use crate::realize::Plan;",
        "pub use crate::realize;",
        "use crate::{ids::Hash,\n  plan};",
        "fn f() { crate::plan::g() }",
        "use super::super::plan::X;",
        "mod tests { use super::super::super::plan::X; }",
        "use crate::*;",
        "use crate::{self as all, ids as plan};",
    ];
    for text in up {
        let text = format!("//! Good.\n{text}");
        let found = complaints(&small_map(), "tree/walk.rs", &text);
        assert_eq!(found.len(), 1, "{text}\n{found:?}");
    }
    assert_eq!(
        lines(
            "tree/walk.rs",
            "//! Good.\n\nuse crate::{ids::Hash,\n  plan};"
        ),
        [4]
    );
    assert_eq!(lines("tree/mod.rs", "//! Good.\nuse super::plan::X;"), [2]);
}

#[test]
fn what_is_allowed_is_not_complained_about() {
    let good = "//! Good: crate::cli, println!.\n\
        use crate::ids::Hash; use super::builder; use crate::tree::walk;\n\
        // use crate::plan;\n\
        fn f() { let _ = \"crate::plan std::env\"; crate::ids::g(); }\n\
        mod tests { use super::*; use super::super::walk; use std::{io, fs}; }\n\
        pub(crate) fn g<'a>(_: &'a str) {}";
    assert_eq!(complaints(&small_map(), "tree/leaf.rs", good), [""; 0]);
    let cli = "//! Good.\nuse crate::realize::X; use std::env; fn f() { println!(); std::process::exit(1) }";
    assert_eq!(complaints(&small_map(), "cli/mod.rs", cli), [""; 0]);
}

#[test]
fn other_broken_rules_are_named_with_their_line() {
    let broken = [
        ("tree/walk.rs", "use x;", 1),
        ("tree/helpers.rs", "//! Good.", 1),
        ("attic/walk.rs", "//! Good.", 1),
        ("tree/walk.rs", "//! Good.\nuse serde_cbor::Value;", 2),
        ("tree/walk.rs", "//! Good.\n\nfn f() { eprintln!(\"\") }", 3),
        ("tree/walk.rs", "//! Good.\nfn f() { std::println!() }", 2),
        ("tree/walk.rs", "//! Good.\nuse std::{io,\nenv};", 3),
        (
            "tree/walk.rs",
            "//! Good.\nfn f() { std::env::var(\"HOME\") }",
            2,
        ),
        (
            "tree/walk.rs",
            "//! Good.\nuse std::process;\nfn f() { process::exit(3) }",
            3,
        ),
        ("lib.rs", "//! Good.\npub use crate::plan::X;", 2),
    ];
    for (file, text, line) in broken {
        assert_eq!(lines(file, text), [line], "{file}: {text}");
    }
}

#[test]
#[should_panic(expected = "not above it")]
fn a_table_that_lets_a_folder_look_up_is_refused() {
    map("//! | `ids` | a | tree |\n//! | `tree` | b | – |");
}
