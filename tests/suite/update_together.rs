//! A module that draws from several sources: a distribution, and what was updated since.

use std::collections::BTreeSet;
use std::fs;

use store::source::Lock;

use super::remote_streams::{index, modulemd};
use super::support::bench::Bench;
use super::support::dnf::Machine;
use super::support::rpm::spec;
use super::support::upstream::publish;
use super::support::workspace::Memory;

const TOOLS: &str = "kind = \"module\"\nstream = \"1\"\nversion = 1\n\
    source = [\"base\", \"updates\"]\npackages = [\"a\", \"b\", \"c\"]\n";
const EDITION: &str = "kind = \"repository\"\nmodules = [\"tools\"]\n";

const BASE: [&str; 3] = ["a-1-1.noarch", "b-1-1.noarch", "c-1-1.noarch"];

/// An edition of a distribution and its updates.
fn site() -> Bench {
    let bench = Bench::of(&[("tools.toml", TOOLS), ("edition.toml", EDITION)]);
    publish(&bench, "base", &BASE);
    publish(&bench, "updates", &["b-2-1.noarch"]);
    bench.print(&["update"]);
    bench
}

/// The packages that an edition has.
fn packages(bench: &Bench, arguments: &[&str]) -> Vec<String> {
    let said = bench.run(&[&["realize", "edition"], arguments].concat());
    let entry = bench.path().join(said.works().out.trim());
    let files = fs::read_dir(entry.join("Packages")).unwrap();
    let mut names: Vec<String> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// What each source is locked to give, and as the answer to what.
fn locked(bench: &Bench) -> Vec<String> {
    let lock = Lock::load(&bench.recipes()).unwrap().unwrap();
    let mut lines = Vec::new();
    for (name, source) in &lock.sources {
        for package in &source.packages {
            let asked: Vec<&str> = package.asked.iter().map(String::as_str).collect();
            lines.push(format!("{name} {} {}", package.nevra, asked.join(" ")));
        }
    }
    lines
}

#[test]
fn a_module_holds_the_newest_of_all_its_sources_as_dnf_would_install() {
    let bench = site();
    let judge = |bench: &Bench| {
        let [base, updates] = ["base", "updates"].map(|name| bench.path().join(name));
        Machine::new(&[("base", &base), ("updates", &updates)])
            .download(&["install", "a", "b", "c"])
    };
    let first = ["a-1-1.noarch.rpm", "b-2-1.noarch.rpm", "c-1-1.noarch.rpm"];
    assert_eq!(packages(&bench, &[]), first);
    assert_eq!(judge(&bench), first);
    bench.run(&["lint", "--strict"]).works();
    // The lock says it alone, and to whom each answer belongs.
    assert_eq!(
        locked(&bench),
        [
            "base a-1-1.noarch base,updates/a",
            "base c-1-1.noarch base,updates/c",
            "updates b-2-1.noarch base,updates/b"
        ]
    );
    assert_eq!(packages(&bench, &["--store", "other"]), first);
    // Only one of the two is looked at: what the other one answered is asked anew.
    publish(&bench, "updates", &["b-2-1.noarch", "c-2-1.noarch"]);
    let base = bench.path().join("base/repodata");
    let away = bench.path().join("base/away");
    fs::rename(&base, &away).unwrap();
    let said = bench.print(&["update", "updates"]);
    assert_eq!(said, "updates: c.noarch upgraded from 1-1 of base to 2-1\n");
    fs::rename(&away, &base).unwrap();
    let second = ["a-1-1.noarch.rpm", "b-2-1.noarch.rpm", "c-2-1.noarch.rpm"];
    assert_eq!(packages(&bench, &[]), second);
    assert_eq!(judge(&bench), second);
    // An update that is taken back leaves what was there before it.
    publish(&bench, "updates", &["c-2-1.noarch"]);
    bench.print(&["update", "updates"]);
    let third = ["a-1-1.noarch.rpm", "b-1-1.noarch.rpm", "c-2-1.noarch.rpm"];
    assert_eq!(packages(&bench, &[]), third);
    assert_eq!(judge(&bench), third);
    // And a newer base goes before an older update.
    publish(
        &bench,
        "base",
        &["a-1-1.noarch", "b-3-1.noarch", "c-3-1.noarch"],
    );
    bench.print(&["update", "base"]);
    let fourth = ["a-1-1.noarch.rpm", "b-3-1.noarch.rpm", "c-3-1.noarch.rpm"];
    assert_eq!(packages(&bench, &[]), fourth);
    assert_eq!(judge(&bench), fourth);
    assert_eq!(bench.print(&["update", "--keep"]), "");
}

#[test]
fn modules_of_fewer_sources_have_answers_of_their_own() {
    let bench = site();
    let alone = TOOLS.replace("[\"base\", \"updates\"]", "\"base\"");
    bench.write(
        "recipes/old.toml",
        alone.replace("stream = \"1\"", "stream = \"0\""),
    );
    bench.print(&["update", "--keep"]);
    assert_eq!(
        locked(&bench),
        [
            "base a-1-1.noarch a base,updates/a",
            "base b-1-1.noarch b",
            "base c-1-1.noarch base,updates/c c",
            "updates b-2-1.noarch base,updates/b"
        ]
    );
    let old = bench.realize(&["old"]).remove(0);
    assert!(old.join("Packages/b-1-1.noarch.rpm").exists());
    // A list of one is that one; whoever adds a source asks another question.
    bench.edit("old.toml", "source = \"base\"", "source = [\"base\"]");
    assert_eq!(bench.print(&["update", "--keep"]), "");
    bench.edit("old.toml", "[\"base\"]", "[\"updates\", \"base\"]");
    let said = bench.run(&["plan", "old"]).works();
    assert!(
        said.err.contains("the lock has no answer for old"),
        "{said:?}"
    );
}

#[test]
fn a_package_that_several_sources_have_is_drawn_from_the_first_that_is_named() {
    let bench = site();
    // Two builds of one package, as somebody signs what somebody else built.
    let other = spec("a-1-1.noarch")
        .provides("signed")
        .bytes(&Memory::default());
    publish(&bench, "updates", &["b-2-1.noarch"]);
    bench.write("updates/a-1-1.noarch.rpm", other);
    index(&bench.path().join("updates"), &[]);
    let from = |bench: &Bench| {
        let locked = locked(bench);
        let of_a = locked.iter().find(|line| line.contains(" a-1-1.noarch "));
        of_a.unwrap().split(' ').next().unwrap().to_owned()
    };
    bench.print(&["update"]);
    assert_eq!(from(&bench), "base");
    bench.edit(
        "tools.toml",
        "[\"base\", \"updates\"]",
        "[\"updates\", \"base\"]",
    );
    bench.print(&["update"]);
    assert_eq!(from(&bench), "updates");
    bench.edit(
        "tools.toml",
        "[\"updates\", \"base\"]",
        "[\"base\", \"base\"]",
    );
    bench
        .run(&["plan", "tools"])
        .fails(2, &["\"base\"", "twice"]);
    bench.edit("tools.toml", "[\"base\", \"base\"]", "[]");
    bench
        .run(&["plan", "tools"])
        .fails(2, &["name a source recipe"]);
    bench.edit("tools.toml", "[]", "7");
    let wanted = "a string or a list of strings";
    bench.run(&["plan", "tools"]).fails(2, &[wanted]);
}

#[test]
fn what_no_source_has_is_told_of_all_and_loses_no_answer_that_still_counts() {
    let bench = site();
    let before = locked(&bench);
    bench.edit("tools.toml", "\"c\"]", "\"c\", \"d\"]");
    let none = "tools lists d, which none of the sources base and updates offers";
    let hint = "`store update base updates` looks at what they have now";
    bench.run(&["plan", "edition"]).fails(2, &[none, hint]);
    let lint = bench.run(&["lint"]);
    let none = "lists d, which none of the sources base and updates offers";
    assert!(lint.out.contains(none), "{lint:?}");
    // Nothing moved, so what was answered is still true.
    bench.run(&["update"]).fails(1, &["lists d"]);
    assert_eq!(locked(&bench), before);
    // One of the two did: what both answered together is not.
    publish(&bench, "updates", &["b-2-1.noarch", "c-2-1.noarch"]);
    let said = bench.run(&["update", "updates"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("lists d"), "{said:?}");
    assert_eq!(locked(&bench), [""; 0]);
    bench.edit("tools.toml", ", \"d\"]", "]");
    bench.print(&["update", "--keep"]);
    let newest = ["a-1-1.noarch.rpm", "b-2-1.noarch.rpm", "c-2-1.noarch.rpm"];
    assert_eq!(packages(&bench, &[]), newest);
}

#[test]
fn a_directory_of_packages_goes_together_with_a_repository() {
    let bench = site();
    bench.write(
        "recipes/local.toml",
        "kind = \"source\"\npath = \"../local\"\n",
    );
    bench.edit("tools.toml", "\"updates\"]", "\"updates\", \"local\"]");
    for nevra in ["b-3-1.noarch", "c-0-1.noarch", "d-1-1.noarch"] {
        let file = format!("local/{nevra}.rpm");
        bench.write(&file, spec(nevra).bytes(&Memory::default()));
    }
    bench.edit("tools.toml", "\"c\"]", "\"c\", \"d\"]");
    bench.print(&["update"]);
    let all = [
        "a-1-1.noarch.rpm",
        "b-3-1.noarch.rpm",
        "c-1-1.noarch.rpm",
        "d-1-1.noarch.rpm",
    ];
    assert_eq!(packages(&bench, &[]), all);
    assert_eq!(bench.run(&["plan", "edition"]).works().err, "");
    // What is put there later is newer than what the lock has of the repositories.
    bench.write(
        "local/c-4-1.noarch.rpm",
        spec("c-4-1.noarch").bytes(&Memory::default()),
    );
    bench.print(&["update", "local"]);
    assert!(packages(&bench, &[]).contains(&"c-4-1.noarch.rpm".to_owned()));
    fs::remove_file(bench.path().join("local/c-4-1.noarch.rpm")).unwrap();
    bench.print(&["update", "local"]);
    assert_eq!(packages(&bench, &[]), all);
}

#[test]
fn a_repository_is_asked_also_where_a_directory_has_all_that_is_named() {
    let bench = site();
    bench.write(
        "recipes/local.toml",
        "kind = \"source\"\npath = \"../local\"\n",
    );
    bench.edit("tools.toml", "\"updates\"]", "\"local\"]");
    bench.edit("tools.toml", "[\"a\", \"b\", \"c\"]", "[\"a\", \"b\"]");
    let local = |nevra: &str| {
        let file = format!("local/{nevra}.rpm");
        bench.write(&file, spec(nevra).bytes(&Memory::default()));
    };
    local("a-0-1.noarch");
    local("b-2-1.noarch");
    let newest = ["a-1-1.noarch.rpm", "b-2-1.noarch.rpm"];
    for arguments in [&["update"][..], &["update"], &["update", "base"]] {
        bench.print(arguments);
        assert_eq!(packages(&bench, &[]), newest, "{arguments:?}");
    }
    assert_eq!(bench.print(&["update", "--keep"]), "");
    assert_eq!(packages(&bench, &["--store", "other"]), newest);
    // What the directory had newer is gone again, and it still has an older one.
    fs::remove_file(bench.path().join("local/b-2-1.noarch.rpm")).unwrap();
    local("b-0-1.noarch");
    bench.print(&["update", "local"]);
    let older = ["a-1-1.noarch.rpm", "b-1-1.noarch.rpm"];
    assert_eq!(packages(&bench, &[]), older);
    assert_eq!(packages(&bench, &["--store", "other"]), older);
}

#[test]
fn an_update_of_a_stream_hides_what_is_of_no_module_in_either_repository() {
    let bench = Bench::of(&[("edition.toml", EDITION)]);
    let module = TOOLS.replace("[\"a\", \"b\", \"c\"]", "[\"tool\", \"plain\"]");
    bench.write("recipes/tools.toml", module);
    let repository = |name: &str, packages: &[&str], artifact: &str| {
        publish(&bench, name, packages);
        let documents = match artifact {
            "" => Vec::new(),
            artifact => vec![modulemd("1", artifact)],
        };
        index(&bench.path().join(name), &documents);
    };
    repository(
        "base",
        &["tool-1-1.noarch", "plain-1-1.noarch"],
        "tool-0:1-1.noarch",
    );
    repository("updates", &["tool-9-1.noarch", "plain-2-1.noarch"], "");
    bench.print(&["update"]);
    let hidden = ["plain-2-1.noarch.rpm", "tool-1-1.noarch.rpm"];
    assert_eq!(packages(&bench, &[]), hidden);
    let asked: BTreeSet<String> = locked(&bench).into_iter().collect();
    assert!(
        asked.contains("base tool-1-1.noarch base,updates/tools:1/tool"),
        "{asked:?}"
    );
    // An update of the stream itself counts, and that the other one has modules by then.
    repository(
        "updates",
        &["tool-9-1.noarch", "tool-2-1.noarch", "plain-2-1.noarch"],
        "tool-0:2-1.noarch",
    );
    bench.print(&["update", "updates"]);
    let updated = ["plain-2-1.noarch.rpm", "tool-2-1.noarch.rpm"];
    assert_eq!(packages(&bench, &[]), updated);
    assert_eq!(packages(&bench, &["--store", "other"]), updated);
    assert_eq!(bench.print(&["update", "--keep"]), "");
}
