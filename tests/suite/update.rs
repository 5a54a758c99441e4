//! What `store update` keeps of a lock, what it says of it, and who may write it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use store::source::{Lock, Writing};

use super::support::bench::{Bench, Said};
use super::support::rpm::spec;
use super::support::upstream::publish;
use super::support::workspace::Memory;

/// A host that needs something which two packages provide.
fn site() -> Bench {
    let bench = Bench::of(&[
        ("os.toml", "kind = \"source\"\npath = \"../rpms\"\n"),
        (
            "base.toml",
            "kind = \"module\"\nstream = \"1\"\nversion = 1\nsource = \"os\"\n\
             packages = [\"app\", \"editor-a\", \"editor-b\"]\n",
        ),
        (
            "host.toml",
            "kind = \"ostree\"\nfrom = [\"base\"]\ninstall = [\"app\"]\nref = \"host\"\n",
        ),
    ]);
    let app = spec("app-1-1.noarch").requires("editor");
    add(&bench, "app-1-1.noarch", &app.bytes(&Memory::default()));
    for name in ["editor-a-1-1.noarch", "editor-b-1-1.noarch"] {
        editor(&bench, name);
    }
    bench
}

fn add(bench: &Bench, name: &str, bytes: &[u8]) {
    bench.write(&format!("rpms/{name}.rpm"), bytes);
}

fn editor(bench: &Bench, name: &str) {
    add(
        bench,
        name,
        &spec(name).provides("editor").bytes(&Memory::default()),
    );
}

fn lock(bench: &Bench) -> Lock {
    Lock::load(&bench.recipes()).unwrap().unwrap()
}

/// The names of the packages that the lock has for the host.
fn solved(bench: &Bench) -> Vec<String> {
    let lock = lock(bench);
    let solved = &lock.solved[&"host".parse().unwrap()];
    let packages = solved.packages.iter();
    packages.map(|one| one.nevra.name.clone()).collect()
}

#[test]
fn an_answer_in_the_lock_stands_until_another_question_is_asked() {
    let bench = site();
    bench.print(&["update"]);
    assert_eq!(solved(&bench), ["app", "editor-a"]);
    // As if another solver had answered.
    let mut other = lock(&bench);
    let source = &other.sources[&"os".parse().unwrap()];
    let b = source
        .packages
        .iter()
        .find(|one| one.nevra.name == "editor-b");
    let b = b.unwrap().clone();
    let host = other.solved.get_mut(&"host".parse().unwrap()).unwrap();
    host.packages.retain(|one| one.nevra.name != "editor-a");
    host.packages.insert(store::source::SolvedPackage {
        nevra: b.nevra,
        digest: b.digest,
    });
    let writing = Writing::of(&bench.recipes()).unwrap().unwrap();
    other.save(&bench.recipes(), &writing).unwrap();
    drop(writing);

    let said = bench.run(&["update"]).works();
    assert_eq!(said.out, "");
    assert_eq!(lock(&bench), other);
    let planned = bench.print(&["plan", "host", "--packages"]);
    assert!(planned.contains("editor-b-1-1"), "{planned}");
    bench.realize(&["host"]);
    let tree = bench.print(&["show", "host"]);
    assert!(tree.contains("host"), "{tree}");
    let closure = bench.print(&["closure", "host"]);
    assert!(!closure.contains("editor-a"), "{closure}");

    // Who wants the solver of today asks for it.
    let said = bench.run(&["update", "--solve"]).works();
    assert_eq!(
        said.out,
        "host: added editor-a.noarch 1-1, removed editor-b.noarch 1-1\n"
    );
    assert_eq!(solved(&bench), ["app", "editor-a"]);
}

#[test]
fn what_moved_among_the_packages_of_an_artifact_is_told() {
    let bench = site();
    bench.print(&["update"]);
    let first = lock(&bench);
    let app = spec("app-2-1.noarch").requires("editor-b");
    add(&bench, "app-2-1.noarch", &app.bytes(&Memory::default()));
    let said = bench.run(&["update"]).works();
    assert_eq!(
        said.out,
        "os: app.noarch added, 2-1\n\
         host: 1 upgraded, removed editor-a.noarch 1-1, added editor-b.noarch 1-1\n"
    );
    let writing = Writing::of(&bench.recipes()).unwrap().unwrap();
    first.save(&bench.recipes(), &writing).unwrap();
    drop(writing);
    assert_eq!(
        bench.json(&["update"])["moved"],
        serde_json::json!([
            {"source": "os", "name": "app", "arch": "noarch", "change": "added", "to": "2-1"},
            {"artifact": "host", "name": "app", "arch": "noarch", "change": "upgraded", "from": "1-1", "to": "2-1"},
            {"artifact": "host", "name": "editor-a", "arch": "noarch", "change": "removed", "from": "1-1"},
            {"artifact": "host", "name": "editor-b", "arch": "noarch", "change": "added", "to": "1-1"},
        ])
    );
}

#[test]
fn what_can_not_be_locked_is_an_error_also_when_quiet_and_all_else_is_locked() {
    let bench = site();
    bench.print(&["update"]);
    let app = spec("app-2-1.noarch").requires("nobody-has-this");
    add(&bench, "app-2-1.noarch", &app.bytes(&Memory::default()));
    fs::remove_file(bench.path().join("rpms/app-1-1.noarch.rpm")).unwrap();
    editor(&bench, "editor-a-2-1.noarch");
    let told = [
        "error: not locked: host can't be installed",
        "nobody-has-this",
    ];
    let first = lock(&bench);
    for arguments in [&["update"][..], &["update", "-q"]] {
        let said = bench.run(arguments);
        assert_eq!(said.code, 1);
        assert!(
            told.iter().all(|text| said.err.contains(text)),
            "{}",
            said.err
        );
        assert!(
            said.out.contains("os: app.noarch upgraded from 1-1 to 2-1"),
            "{}",
            said.out
        );
        let writing = Writing::of(&bench.recipes()).unwrap().unwrap();
        first.save(&bench.recipes(), &writing).unwrap();
    }
    let said = bench.run(&["update", "--json"]);
    assert_eq!(said.code, 1, "{}", said.err);
    let document = said.document("update");
    let problem = &document["unsolved"][0];
    assert_eq!(problem["name"], "host");
    assert!(
        problem["problem"]
            .as_str()
            .unwrap()
            .contains("nobody-has-this"),
        "{document}"
    );
    assert_eq!(problem["kept"], true);
    let lock = lock(&bench);
    // It counts again once the question is the same again.
    assert_eq!(lock.solved, first.solved);
    let packages = lock.sources[&"os".parse().unwrap()].packages.iter();
    assert!(
        packages
            .clone()
            .any(|one| one.nevra.to_string() == "editor-a-2-1.noarch")
    );
}

#[test]
fn an_update_of_one_source_says_what_waits_for_another_and_is_no_failure() {
    let bench = site();
    fs::create_dir(bench.path().join("more")).unwrap();
    bench.write(
        "recipes/more.toml",
        "kind = \"source\"\npath = \"../more\"\n",
    );
    let said = bench.run(&["update", "more"]).works();
    let line =
        "not locked: what draws from source os, which was never looked at: `store update os`";
    assert_eq!(said.err.matches(line).count(), 1, "{}", said.err);
    bench.print(&["update", "os"]);
    assert_eq!(solved(&bench), ["app", "editor-a"]);
}

#[test]
fn updates_of_the_same_recipes_take_turns() {
    let bench = site();
    let writing = Writing::of(&bench.recipes()).unwrap().unwrap();
    assert!(Writing::of(&bench.recipes()).unwrap().is_none());
    let mut updates: Vec<_> = (0..3)
        .map(|_| {
            let mut command = bench.command();
            command.arg("update");
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    for update in &mut updates {
        let mut line = String::new();
        let said = BufReader::new(update.stderr.as_mut().unwrap()).read_line(&mut line);
        said.unwrap();
        assert!(line.starts_with("waiting for another update"), "{line}");
    }
    drop(writing);
    let mut told = 0;
    for update in updates {
        let said = Said::of(update.wait_with_output().unwrap()).works();
        told += usize::from(!said.out.is_empty());
    }
    assert_eq!(told, 1, "the first one moved all that there is");
    assert_eq!(solved(&bench), ["app", "editor-a"]);
    let files = fs::read_dir(bench.recipes()).unwrap();
    let names: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
    assert!(names.iter().any(|name| name == "store.lock"));
    assert!(!names.iter().any(|name| name == ".store.lock.new"));
}

#[test]
fn a_store_that_has_nothing_yet_leaves_the_answers_of_the_lock() {
    let bench = Bench::shipped();
    bench.realize(&["atomic-host"]);
    bench.print(&["update"]);
    let first = lock(&bench);
    assert!(first.solved.contains_key(&"atomic-host".parse().unwrap()));
    let said = bench.run(&["update", "--store", "other"]).works();
    assert!(
        said.err
            .contains("atomic-host keeps the answer that the lock has"),
        "{}",
        said.err
    );
    assert_eq!(lock(&bench), first);
}

#[test]
fn what_is_asked_for_by_a_profile_and_by_name_is_one_question_with_one_answer() {
    let package = |name: &str, version: u8, more: &str| {
        format!(
            "kind = \"package\"\nname = \"{name}\"\nversion = \"{version}\"\nrelease = \"1\"\narch = \"noarch\"\n\
             license = \"MIT\"\nsummary = \"{name}\"\n{more}\n"
        )
    };
    let module = |version: u8| {
        format!(
            "kind = \"module\"\nstream = \"1\"\nversion = 1\nfrom = [\"a{version}\", \"b{version}\"]\n\
             [profiles]\ndefault = [\"b\"]\n"
        )
    };
    let host = |install: &str| {
        format!(
            "kind = \"ostree\"\nfrom = [\"m1\", \"m2\"]\nref = \"x/host\"\ninstall = [\"a\", {install}]\n"
        )
    };
    let bench = Bench::of(&[
        ("a1.toml", &package("a", 1, "")),
        ("a2.toml", &package("a", 2, "conflicts = [\"b = 2\"]")),
        ("b1.toml", &package("b", 1, "")),
        ("b2.toml", &package("b", 2, "")),
        ("m1.toml", &module(1)),
        ("m2.toml", &module(2)),
        ("host.toml", &host("\"b\"")),
        ("other.toml", &host("\"@m1/default\"")),
    ]);
    let entries = bench.realize(&["host", "other"]);
    let held = |name: &str| bench.print(&["closure", name, "--packages"]);
    assert_eq!(held("host"), held("other"), "{entries:?}");
}

fn drawing(source: &str, packages: &str) -> String {
    format!(
        "kind = \"module\"\nstream = \"1\"\nversion = 1\nsource = \"{source}\"\npackages = [{packages}]\n"
    )
}

/// A host of two repositories.
fn two() -> Bench {
    let bench = Bench::of(&[
        ("m1.toml", &drawing("one", "\"a\", \"b\"")),
        ("m2.toml", &drawing("two", "\"c\"")),
        (
            "host.toml",
            "kind = \"ostree\"\nfrom = [\"m1\", \"m2\"]\ninstall = [\"a\", \"c\"]\nref = \"host\"\n",
        ),
    ]);
    publish(&bench, "one", &["a-1-1.noarch", "b-1-1.noarch"]);
    publish(&bench, "two", &["c-1-1.noarch"]);
    bench.print(&["update"]);
    bench
}

#[test]
fn an_update_of_one_source_solves_with_the_metadata_that_is_locked_of_the_other() {
    let bench = two();
    publish(&bench, "two", &["c-2-1.noarch"]);
    let said = bench.run(&["update", "two", "--store", "other"]).works();
    assert_eq!(
        said.out,
        "two: c.noarch upgraded from 1-1 to 2-1\nhost: 1 upgraded\n"
    );
    let good = lock(&bench);
    // Where that is gone, it is said, and what was solved is not lost.
    publish(&bench, "two", &["c-3-1.noarch"]);
    fs::remove_dir_all(bench.path().join("one/repodata")).unwrap();
    let said = bench.run(&["update", "two", "--store", "third"]);
    assert_eq!(said.code, 1);
    let lacks = "what draws from source one, whose metadata can't be had as the lock names it";
    assert!(said.err.contains(lacks), "{}", said.err);
    let name = "host".parse().unwrap();
    assert_eq!(lock(&bench).solved[&name], good.solved[&name]);
    bench.edit("host.toml", "\"a\", \"c\"", "\"b\", \"c\"");
    bench.write("recipes/m1.toml", drawing("one", "\"b\", \"more\""));
    let said = bench.run(&["plan", "host", "--packages", "--store", "third"]);
    let lacks = "the metadata of source one is not in this store";
    assert!(said.err.contains(lacks), "{}", said.err);
    bench.write("recipes/m1.toml", drawing("one", "\"a\", \"b\""));
    bench.edit("host.toml", "\"b\", \"c\"", "\"a\", \"c\"");
    // So it is where a source is new.
    bench.write("recipes/m3.toml", drawing("more", "\"d\""));
    bench.write(
        "recipes/more.toml",
        "kind = \"source\"\nurl = \"file:///nowhere/\"\n",
    );
    bench.edit("host.toml", "[\"m1\", \"m2\"]", "[\"m1\", \"m2\", \"m3\"]");
    let said = bench.json(&["update", "two"]);
    let host = &said["unsolved"][0];
    assert_eq!(
        (&host["name"], &host["kept"]),
        (&"host".into(), &true.into())
    );
    assert!(lock(&bench).solved.contains_key(&name));
    bench.edit("host.toml", ", \"m3\"]", "]");
    // The first store has it, and needs nobody.
    bench.print(&["update", "two"]);
    bench.realize(&["host"]);
}

#[test]
fn what_waits_for_a_repository_that_was_never_looked_at_keeps_what_the_lock_had() {
    let bench = two();
    let before = lock(&bench);
    bench.write(
        "recipes/more.toml",
        "kind = \"source\"\nurl = \"file:///nowhere/\"\n",
    );
    bench.edit("m2.toml", "\"two\"", "[\"two\", \"more\"]");
    for arguments in [&["update", "two"][..], &["update", "--keep"]] {
        let said = bench.run(arguments).fails(
            1,
            &[
                "error: not locked: what draws from source more, which was never looked at: `store update more`",
            ],
        );
        assert_eq!(said.out, "");
        assert_eq!(lock(&bench), before);
    }
    bench.edit("m2.toml", "[\"two\", \"more\"]", "\"two\"");
    bench.realize(&["host"]);
}

#[test]
fn a_warning_about_a_source_is_given_once_though_it_is_looked_at_twice() {
    let bench = site();
    let first = spec("double-1-1.noarch").bytes(&Memory::default());
    let other = spec("double-1-1.noarch")
        .requires("x")
        .bytes(&Memory::default());
    add(&bench, "one", &first);
    add(&bench, "two", &other);
    for arguments in [&["update"][..], &["update", "-q"]] {
        let said = bench.run(arguments).works();
        let told = said.err.matches("are both double-1-1.noarch").count();
        assert_eq!(told, 1, "{}", said.err);
    }
    let help = bench.print(&["update", "--help"]);
    assert!(
        help.contains("Only warnings and errors on stderr"),
        "{help}"
    );
}

#[test]
fn a_merge_of_two_branches_has_what_each_of_them_locked_and_nothing_newer() {
    let bench = two();
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.current_dir(bench.recipes());
        command.args(["-c", "user.name=x", "-c", "user.email=x@localhost"]);
        command.args(arguments).output().unwrap().status.success()
    };
    let commit = || assert!(git(&["add", "."]) && git(&["commit", "-qm", "update"]));
    assert!(git(&["init", "-qb", "main"]));
    commit();
    for (branch, source, package) in [("left", "one", "a-2-1"), ("right", "two", "c-2-1")] {
        assert!(git(&["checkout", "-qb", branch, "main"]));
        let packages = [&format!("{package}.noarch"), "b-1-1.noarch"];
        publish(&bench, source, &packages);
        bench.print(&["update", source]);
        commit();
    }
    for (source, package) in [("one", "a-3-1.noarch"), ("two", "c-3-1.noarch")] {
        publish(&bench, source, &[package, "b-1-1.noarch"]);
    }
    assert!(!git(&["merge", "-q", "left"]), "both solved the host");
    bench
        .run(&["update"])
        .fails(2, &["a merge left its conflict"]);
    // Of what the marks part, the first side.
    let path = bench.recipes().join("store.lock");
    let text = fs::read_to_string(&path).unwrap();
    let mut kept = String::new();
    let mut skips = false;
    for line in text.lines() {
        match line.get(..7) {
            Some("=======") => skips = true,
            Some(">>>>>>>") => skips = false,
            Some("<<<<<<<") => {}
            _ if skips => {}
            _ => kept += &format!("{line}\n"),
        }
    }
    fs::write(&path, kept).unwrap();
    bench.print(&["update", "--keep", "--solve"]);
    let versions = |bench: &Bench| {
        let lock = lock(bench);
        let drawn = lock.sources.values().flat_map(|source| &source.packages);
        drawn.map(|one| one.nevra.to_string()).collect::<Vec<_>>()
    };
    let wanted = ["a-2-1.noarch", "b-1-1.noarch", "c-2-1.noarch"];
    assert_eq!(versions(&bench), wanted);
    let host = lock(&bench)
        .solved
        .remove(&"host".parse().unwrap())
        .unwrap();
    let solved: Vec<String> = host
        .packages
        .iter()
        .map(|one| one.nevra.to_string())
        .collect();
    assert_eq!(solved, ["a-2-1.noarch", "c-2-1.noarch"]);
    assert_eq!(bench.print(&["update", "--keep"]), "");
}

#[test]
fn a_package_may_be_held_at_a_version_while_all_others_move() {
    let bench = two();
    let module =
        |a: &str| drawing("one", &format!("\"{a}\", \"b\"")) + "[profiles]\ndefault = [\"a\"]\n";
    bench.write("recipes/m1.toml", module("a-1-1"));
    bench.edit("host.toml", "\"a\", \"c\"", "\"@m1/default\", \"b\"");
    publish(
        &bench,
        "one",
        &["a-1-1.noarch", "a-2-1.noarch", "b-2-1.noarch"],
    );
    let moved = bench.print(&["update"]);
    assert!(
        moved.contains("one: b.noarch upgraded from 1-1 to 2-1\n"),
        "{moved}"
    );
    let held = |bench: &Bench| bench.print(&["plan", "host", "--packages"]);
    assert_eq!(held(&bench), "a-1-1.noarch\nb-2-1.noarch\n");
    assert_eq!(bench.run(&["lint"]).code, 0);
    bench.realize(&["host"]);
    for other in ["a-0:2-1", "a-2-1.noarch"] {
        bench.write("recipes/m1.toml", module(other));
        assert_eq!(held(&bench), "a-2-1.noarch\nb-2-1.noarch\n", "{other}");
    }
    bench.write("recipes/m1.toml", module("a-3-1"));
    bench
        .run(&["plan", "host"])
        .fails(2, &["m1 lists a-3-1, which source one does not offer"]);
}

#[test]
fn what_the_lock_has_no_answer_for_is_told_and_can_be_added_without_looking_for_newer() {
    let bench = two();
    publish(
        &bench,
        "one",
        &["a-2-1.noarch", "b-2-1.noarch", "d-2-1.noarch"],
    );
    let lacks = |bench: &Bench| {
        let mut told = bench.run(&["plan", "host"]).works().err;
        told.retain(|c| c != '\n');
        told
    };
    assert_eq!(lacks(&bench), "");
    bench.edit("host.toml", "\"a\", \"c\"", "\"b\", \"c\"");
    assert!(lacks(&bench).contains("the lock has no answer for host, found now"));
    // What is there is newer than what is locked, and is not looked at.
    let said = bench.run(&["update", "--keep"]).works();
    assert_eq!(said.out, "host: removed a.noarch 1-1, added b.noarch 1-1\n");
    assert_eq!(solved(&bench), ["b", "c"]);
    assert_eq!(lacks(&bench), "");
    bench.edit("m1.toml", "\"a\", \"b\"", "\"b\"");
    assert!(lacks(&bench).contains("the lock has no answer for host"));
    // A name that the locked metadata lacks is no answer.
    bench.edit("m1.toml", "\"b\"", "\"b\", \"d\"");
    bench.run(&["update", "--keep"]).fails(1, &["m1 lists d"]);
    for command in ["plan", "realize"] {
        let hint = "`store update one` looks at what it has now";
        bench
            .run(&[command, "host"])
            .fails(2, &["m1 lists d", hint]);
    }
    let said = bench.run(&["lint"]);
    assert!(
        said.out
            .contains("`store update one` sees whether it is there now"),
        "{said:?}"
    );
    bench
        .run(&["update", "--keep", "one"])
        .fails(2, &["--keep"]);
    fs::remove_file(bench.recipes().join("store.lock")).unwrap();
    bench
        .run(&["update", "--keep"])
        .fails(2, &["there is no lock yet"]);
}

#[test]
fn an_answer_that_somebody_changed_in_the_lock_is_found_out_by_the_packages() {
    let bench = two();
    let app = spec("a-2-1.noarch").requires("b");
    bench.write("one/a-2-1.noarch.rpm", app.bytes(&Memory::default()));
    let mut made = Command::new("createrepo_c");
    made.arg("-q").arg(bench.path().join("one"));
    assert!(made.status().unwrap().success());
    bench.print(&["update"]);
    assert_eq!(solved(&bench), ["a", "b", "c"]);
    let path = bench.recipes().join("store.lock");
    let text = fs::read_to_string(&path).unwrap();
    let (sources, answers) = text.split_once("[solved").unwrap();
    let kept = answers
        .lines()
        .filter(|line| !line.contains("name = \"b\""));
    let kept: Vec<&str> = kept.collect();
    fs::write(&path, format!("{sources}[solved{}\n", kept.join("\n"))).unwrap();
    assert_eq!(solved(&bench), ["a", "c"]);
    bench.run(&["realize", "host"]).fails(
        1,
        &[
            "nothing provides `b`, which a-2-1.noarch requires",
            "`store update --solve`",
        ],
    );
    bench.print(&["update", "--solve"]);
    assert_eq!(solved(&bench), ["a", "b", "c"]);
    bench.realize(&["host"]);
}

#[test]
fn a_mistake_in_one_recipe_leaves_what_was_drawn_before_it() {
    let bench = two();
    let good = fs::read(bench.recipes().join("store.lock")).unwrap();
    bench.write("recipes/m1.toml", drawing("one", "\"a\", \"b\", \"typo\""));
    for arguments in [&["update", "two"][..], &["update"]] {
        let said = bench.run(arguments);
        assert_eq!((said.code, said.out.as_str()), (1, ""));
        assert!(said.err.contains("typo"), "{}", said.err);
        assert_eq!(fs::read(bench.recipes().join("store.lock")).unwrap(), good);
    }
    bench.write("recipes/m1.toml", drawing("one", "\"a\", \"b\""));
    fs::remove_dir_all(bench.path().join("one/repodata")).unwrap();
    bench.run(&["realize", "host", "--store", "other"]).works();
}

#[test]
fn a_package_that_no_source_gives_is_told_with_what_each_of_them_said() {
    let bench = two();
    let both = ["a-1-1.noarch", "b-1-1.noarch"];
    publish(&bench, "two", &both);
    bench.write("recipes/m2.toml", drawing("two", "\"b\""));
    fs::remove_file(bench.recipes().join("host.toml")).unwrap();
    bench.print(&["update"]);
    for place in ["one", "two"] {
        fs::remove_file(bench.path().join(place).join("b-1-1.noarch.rpm")).unwrap();
    }
    bench.run(&["realize", "m2"]).fails(
        1,
        &[
            "none of the sources that have b-1-1.noarch gives it",
            "source one",
            "source two",
        ],
    );
}

#[test]
fn a_lock_that_is_a_link_stays_one() {
    let bench = site();
    let (link, file) = (
        bench.recipes().join("store.lock"),
        bench.path().join("x.lock"),
    );
    bench.write("x.lock", "version = 1\n");
    std::os::unix::fs::symlink("../x.lock", &link).unwrap();
    bench.print(&["update"]);
    assert!(link.is_symlink());
    assert!(fs::read_to_string(file).unwrap().contains("editor-a"));
}

#[test]
fn a_file_that_has_become_another_one_of_the_lock_is_not_taken_for_it() {
    let bench = site();
    bench.print(&["update"]);
    let place = |name: &str| bench.path().join(format!("rpms/{name}-1-1.noarch.rpm"));
    fs::copy(place("editor-b"), place("editor-a")).unwrap();
    bench.run(&["realize", "host", "--store", "other"]).fails(
        1,
        &["editor-a-1-1.noarch.rpm is not the file that the lock names"],
    );
}

#[test]
fn a_directory_that_has_become_a_repository_has_to_be_looked_at() {
    let bench = two();
    let rpms = bench.path().join("local");
    bench.write(
        "local/a.rpm",
        spec("a-1-1.noarch").bytes(&Memory::default()),
    );
    let made = Command::new("createrepo_c").arg("-q").arg(&rpms).status();
    assert!(made.unwrap().success());
    bench.write(
        "recipes/local.toml",
        "kind = \"source\"\npath = \"../local\"\n",
    );
    bench.write(
        "recipes/ours.toml",
        "kind = \"module\"\nstream = \"1\"\nversion = 1\nsource = \"local\"\npackages = [\"a\"]\n",
    );
    bench.print(&["update"]);
    let url = format!("url = \"file://{}\"", rpms.display());
    bench.edit("local.toml", "path = \"../local\"", &url);
    let hint = "`store update local` looks at it";
    for command in ["realize", "plan"] {
        bench
            .run(&[command, "ours"])
            .fails(2, &["source local", hint]);
    }
    // Others can be locked meanwhile.
    let said = bench.run(&["update", "--keep"]).works();
    assert!(said.err.contains("`store update local`"), "{said:?}");
    bench.print(&["update", "local"]);
    bench.realize(&["ours"]);
}
