//! What is kept of the files of a directory, by groups: that it is used, and that it never lies.

use std::fs;
use std::path::Path;
use std::sync::Mutex;

use store::ids::EntryId;
use store::realize::{Observer, Options, realize};
use store::recipe::Recipes;
use store::store::Store;

use super::support::bench::Bench;
use super::support::rpm::spec;
use super::support::workspace::Memory;

/// Long after any file here was written: no stamp is too fresh to be believed.
const LATER: i64 = 4_000_000_000;

/// Hears which files were read.
#[derive(Default)]
struct Readings(Mutex<usize>);

impl Observer for Readings {
    fn reading(&self, _: &str, _: usize, of: usize) {
        *self.0.lock().unwrap() = of;
    }
}

fn rpm(name: &str, body: &str) -> Vec<u8> {
    let file = format!("/usr/share/{}", name.split('-').next().unwrap());
    spec(name)
        .file(&file, body.as_bytes())
        .bytes(&Memory::default())
}

pub fn bench() -> Bench {
    let module = "kind = \"module\"\nstream = \"1\"\nversion = 1\nsource = \"os\"\n\
                  packages = [\"ant\", \"bee\", \"cow\"]\n";
    let bench = Bench::of(&[
        ("os.toml", "kind = \"source\"\npath = \"../rpms\"\n"),
        ("base.toml", module),
        (
            "edition.toml",
            "kind = \"repository\"\nmodules = [\"base\"]\n",
        ),
    ]);
    for name in ["ant-1-1.noarch", "bee-1-1.noarch", "cow-1-1.noarch"] {
        bench.write(&format!("rpms/{name}.rpm"), rpm(name, name));
    }
    bench
}

/// Realizes the edition; returns its entry, and how many files had to be read.
fn look(bench: &Bench) -> (EntryId, usize) {
    let recipes = Recipes::load(&bench.recipes()).unwrap();
    let store = Store::create(&bench.store()).unwrap();
    let options = Options {
        jobs: 2,
        now: LATER,
        ..Options::default()
    };
    let readings = Readings::default();
    let names = ["edition".parse().unwrap()];
    let report = realize(&store, &recipes, None, &names, &options, &readings).unwrap();
    assert!(report.failures.is_empty(), "{:?}", report.failures);
    let made = report.artifacts[0].made.as_ref().unwrap();
    (made.entry, readings.0.into_inner().unwrap())
}

pub fn ask(bench: &Bench, sql: &str) -> i64 {
    let index = rusqlite::Connection::open(bench.store().join("db.sqlite")).unwrap();
    index.query_row(sql, (), |row| row.get(0)).unwrap()
}

fn change(bench: &Bench, sql: &str) {
    let index = rusqlite::Connection::open(bench.store().join("db.sqlite")).unwrap();
    index.execute_batch(sql).unwrap();
}

const ONE_BY_ONE: &str = "delete from stamp; delete from brief;";

#[test]
fn files_with_a_card_are_known_without_being_asked_for_one_by_one() {
    let bench = bench();
    let (first, read) = look(&bench);
    assert_eq!(read, 3);
    assert!(ask(&bench, "select count(*) from card") > 0);
    change(&bench, ONE_BY_ONE);
    assert_eq!(look(&bench), (first, 0));
    // Without cards they are read again: it was those that told.
    change(&bench, "delete from card;");
    assert_eq!(look(&bench), (first, 3));
}

#[test]
fn a_file_that_changed_is_seen_among_neighbours_with_a_card() {
    let bench = bench();
    let (first, _) = look(&bench);
    let path = "rpms/bee-1-1.noarch.rpm";
    bench.write(path, rpm("bee-1-1.noarch", "another body"));
    let (second, read) = look(&bench);
    assert_ne!(second, first);
    assert_eq!(read, 1, "its neighbours are known by themselves");
    bench.write(path, rpm("bee-1-1.noarch", "bee-1-1.noarch"));
    let (third, _) = look(&bench);
    assert_eq!(third, first);
    // Cards of files that are not there any more go.
    let cards = ask(&bench, "select count(*) from card");
    assert!(cards <= 3, "{cards} cards for three files");
}

#[test]
fn a_card_with_other_bytes_than_it_was_written_with_is_not_believed() {
    let bench = bench();
    let (first, _) = look(&bench);
    for harm in [
        // The name of a package, and the card cut off.
        "update card set bytes = cast(replace(hex(bytes), hex('cow'), hex('cat')) as blob);
         update card set bytes = unhex(cast(bytes as text));",
        "update card set bytes = substr(bytes, 1, length(bytes) - 1);",
        "update card set bytes = x'';",
    ] {
        change(&bench, harm);
        assert_eq!(look(&bench), (first, 0), "{harm}");
    }
}

#[test]
fn a_card_goes_when_a_trace_that_it_rests_on_is_damaged() {
    let bench = bench();
    let (first, _) = look(&bench);
    assert!(ask(&bench, "select count(*) from card") > 0);
    for trace in files(&bench.store().join("traces")) {
        fs::remove_file(trace).unwrap();
    }
    assert_eq!(bench.run(&["verify", "--full"]).code, 4);
    assert_eq!(ask(&bench, "select count(*) from card"), 0);
    assert_eq!(look(&bench).0, first);
    bench.run(&["verify", "--full"]).works();
}

/// Realizes the edition where no record of a step is left; returns its entry, and how many records there are then.
fn anew(bench: &Bench) -> (EntryId, usize) {
    let traces = bench.store().join("traces");
    for trace in files(&traces) {
        fs::remove_file(trace).unwrap();
    }
    let (entry, _) = look(bench);
    (entry, files(&traces).len())
}

#[test]
fn what_indexes_say_of_a_package_is_kept_and_its_record_not_asked_again() {
    let bench = bench();
    let (first, _) = look(&bench);
    assert_eq!(ask(&bench, "select count(*) from element"), 3);
    let (second, records) = anew(&bench);
    assert_eq!(second, first);
    // Without it the records of the three packages are needed, and written again.
    change(&bench, "delete from element;");
    assert_eq!(anew(&bench), (first, records + 3));
}

#[test]
fn what_indexes_say_is_not_believed_in_other_bytes_or_of_another_package() {
    let bench = bench();
    let (first, _) = look(&bench);
    let (_, records) = anew(&bench);
    for harm in [
        "update element set bytes = (select bytes from element order by id desc limit 1);",
        "update element set bytes = substr(bytes, 1, length(bytes) - 1);",
        "update element set bytes = x'';",
    ] {
        change(&bench, harm);
        let (entry, more) = anew(&bench);
        assert_eq!(entry, first, "{harm}");
        assert!(more > records, "{harm}");
    }
}

fn files(below: &Path) -> Vec<std::path::PathBuf> {
    let found = walkdir::WalkDir::new(below).into_iter().map(Result::unwrap);
    let files = found.filter(|item| item.file_type().is_file());
    files.map(walkdir::DirEntry::into_path).collect()
}
