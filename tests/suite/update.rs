//! What `store update` keeps of a lock, what it says of it, and who may write it.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use store::source::{Lock, Writing};

use super::support::bench::{Bench, Said};
use super::support::rpm::spec;
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
    let lock = lock(&bench);
    assert!(lock.solved.is_empty());
    let packages = lock.sources[&"os".parse().unwrap()].packages.iter();
    assert!(
        packages
            .clone()
            .any(|one| one.nevra.to_string() == "editor-a-2-1.noarch")
    );
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
    std::thread::sleep(Duration::from_millis(500));
    for update in &mut updates {
        assert!(update.try_wait().unwrap().is_none());
    }
    drop(writing);
    let mut told = 0;
    for update in updates {
        let said = Said::of(update.wait_with_output().unwrap()).works();
        assert!(
            said.err.starts_with("waiting for another update"),
            "{}",
            said.err
        );
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
            .contains("atomic-host is solved when it is realized"),
        "{}",
        said.err
    );
    assert_eq!(lock(&bench), first);
}
