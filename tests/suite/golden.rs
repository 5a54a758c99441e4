//! The bytes of every kind of step, pinned.
//!
//! `golden/` is a set of recipes that touches every composer, and `golden.txt` what comes out of it:
//! a line for each output, `KIND composer VERSION: SUBJECT [ROLE] ENTRY`.
//! When an entry moves, the same recipe gives other bytes than it did, and stores in the field hold the old ones:
//! raise the version of that composer, then take the new text over.

use std::collections::BTreeMap;
use std::path::Path;

use store::ids::BlobId;
use store::plan::Derivation;
use store::realize::{Options, Silent, realize};
use store::recipe::Recipes;
use store::store::Store;

/// Realizes `golden/` into a store of its own, and says what each step gave.
fn composed(jobs: usize) -> String {
    let recipes = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/golden");
    let recipes = Recipes::load(&recipes).unwrap();
    recipes.check().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let store = Store::create(dir.path()).unwrap();
    let names = [
        "edition", "host", "small", "large", "bootable", "disc", "machine", "cloud", "release",
    ]
    .map(|name| name.parse().unwrap());
    let options = Options {
        jobs,
        keep_going: false,
        check: false,
        explain: false,
        last: false,
        network: None,
        no_root: false,
        label: None,
        now: 0,
        program: None,
    };
    let report = realize(&store, &recipes, None, &names, &options, &Silent).unwrap();
    assert!(report.failures.is_empty(), "{:?}", report.failures);

    let subjects: BTreeMap<_, _> = report
        .steps
        .iter()
        .map(|step| (step.key.unwrap(), step.name.subject.clone()))
        .collect();
    let mut lines = Vec::new();
    for trace in store.all_traces().unwrap() {
        let trace = store.trace(trace).unwrap();
        assert_eq!(store.traces(trace.key).unwrap().len(), 1, "each ran once");
        let derivation: Derivation = trace.derivation.to().unwrap();
        let (kind, version) = (derivation.kind, derivation.composer);
        // A step inside others has no outputs: its facts name its blobs.
        if let (true, Some(facts)) = (trace.outputs.is_empty(), &trace.facts) {
            let facts = BlobId::of(&facts.encode());
            lines.push(format!("{kind} composer {version}: part [facts] {facts}\n"));
        }
        for (role, entry) in &trace.outputs {
            let subject = &subjects[&trace.key];
            lines.push(format!(
                "{kind} composer {version}: {subject} [{role}] {entry}\n"
            ));
        }
    }
    lines.sort();
    lines.concat()
}

#[test]
fn what_a_recipe_gives_moves_only_with_a_composers_version() {
    assert_eq!(
        composed(1),
        include_str!("golden.txt"),
        "bytes moved: raise the version of the composer whose entry is another, then take the new text over"
    );
}

#[test]
fn every_composer_has_its_golden_entry() {
    // The place where kinds are named; one that is not in the golden text has nothing that pins its bytes.
    let source = include_str!("../../src/compose/mod.rs");
    let kinds: Vec<&str> = source
        .lines()
        .filter(|line| line.contains("=> &"))
        .map(|line| line.split('"').nth(1).unwrap())
        .collect();
    assert!(kinds.contains(&"ostree"), "{kinds:?}");
    // What a command writes takes a program to run, so its entry is pinned where one is.
    let elsewhere = [include_str!("command.rs"), include_str!("overlay.rs")];
    for kind in kinds {
        let version = store::compose::composer(kind).unwrap().version();
        let start = format!("{kind} composer {version}: ");
        assert!(
            include_str!("golden.txt")
                .lines()
                .any(|line| line.starts_with(&start))
                || elsewhere
                    .iter()
                    .any(|text| text
                        .contains(&format!("golden entry of `{kind} composer {version}`"))),
            "no golden entry begins with {start:?}"
        );
    }
}
