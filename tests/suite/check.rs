//! `store realize --check`: what was composed is composed again, and has to come out the same.

use std::path::Path;

use super::command;
use super::support::bench::Bench;
use super::support::site::{ARTIFACTS, Site};

fn objects(store: &Path) -> usize {
    let files = walkdir::WalkDir::new(store.join("objects")).into_iter();
    let files = files.filter(|file| file.as_ref().unwrap().file_type().is_file());
    files.count()
}

#[test]
fn all_that_ships_comes_out_the_same_again_and_nothing_of_it_is_kept() {
    let site = Site::new();
    let [host, edition] = ARTIFACTS;
    let first = site
        .run(&["--json", "realize", "--check", host, edition])
        .with(0);
    let first: serde_json::Value = serde_json::from_str(&first.out).unwrap();
    let before = objects(&site.store());
    let second = site.run(&["realize", "--check", host, edition]).with(0);
    // One more was made to learn what it requires.
    let steps = first["checked"].as_u64().unwrap();
    assert_eq!(first["steps"]["composed"], steps + 1);
    let said =
        format!("nothing to do, {steps} reused; {steps} steps composed again, the same came out");
    assert!(second.err.contains(&said), "{second:?}");
    assert_eq!(objects(&site.store()), before);
    site.sound("after a check");
    site.swept("after a check");
}

#[test]
fn what_comes_out_otherwise_is_an_error_that_says_where_and_what_there_is_stays() {
    let cases = [
        (
            "cat /proc/sys/kernel/random/uuid > $OUT/it",
            "/it has other bytes, from byte ",
        ),
        (
            "mkdir $OUT/sub; touch $OUT/sub/$(cat /proc/sys/kernel/random/uuid)",
            "/sub/",
        ),
        (
            "ln -s $(cat /proc/sys/kernel/random/uuid) $OUT/it",
            "/it points elsewhere",
        ),
    ];
    for (script, says) in cases {
        let bench = command::bench();
        bench.write("recipes/out.toml", command::recipe("", script));
        let made = bench.realize(&["out"]);
        let before = objects(&bench.store());
        let said = bench.run(&["realize", "--check", "out"]);
        let text = format!("command out is not reproducible: composed again, {says}");
        assert!(said.code == 1 && said.err.contains(&text), "{said:?}");
        let document = bench.run(&["--json", "realize", "--check", "out"]);
        assert_eq!(document.code, 1);
        let document: serde_json::Value = serde_json::from_str(&document.out).unwrap();
        assert_eq!(document["failures"][0]["step"], "command out");
        assert_eq!(document["artifacts"][0]["generation"], 1);
        assert_eq!(bench.realize(&["out"]), made);
        assert_eq!(objects(&bench.store()), before);
        bench.print(&["verify", "--full"]);
    }
}

#[test]
fn a_check_brings_back_what_it_reads() {
    let bench = Bench::shipped();
    bench.realize(&["atomic-host"]);
    bench.print(&["gc", "--drop-intermediates"]);
    bench.run(&["realize", "--check", "atomic-host"]).works();
    bench
        .run(&["realize", "--check", "--dry-run", "atomic-host"])
        .fails(2, &["--dry-run"]);
}
