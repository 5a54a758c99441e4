//! What steps noted, told while they run and asked for afterwards.

use std::collections::BTreeSet;

use super::support::bench::Bench;

#[test]
fn talk_is_plain_lines_away_from_a_terminal() {
    let bench = Bench::shipped();
    let said = bench.run(&["realize", "atomic-host"]).works();
    assert!(!said.err.contains(['\r', '\x1b']), "{:?}", said.err);
    assert!(
        said.err.contains("ostree atomic-host: composed in "),
        "{}",
        said.err
    );
    assert!(said.err.contains("in the log"), "{}", said.err);
    assert_eq!(said.out.lines().count(), 1);
    let log = bench.print(&["log", "atomic-host"]);
    assert!(
        log.contains("skipped %post (/bin/sh) of sampler-init-1.2-3.noarch"),
        "{log}"
    );
    let quiet = bench.run(&["realize", "cloud", "-q"]).works();
    assert_eq!(quiet.err, "");
    let verbose = Bench::shipped()
        .run(&["realize", "atomic-host", "-v"])
        .works();
    assert!(verbose.err.contains("  skipped %post"), "{}", verbose.err);
}

#[test]
fn log_and_closure_call_what_lies_below_as_a_plan_does() {
    let bench = Bench::shipped();
    bench.realize(&["release", "atomic-host", "atomic-disk"]);
    let log = bench.print(&["log", "atomic-disk@1"]);
    assert!(log.starts_with("disk atomic-disk "), "{log}");
    let log = bench.print(&["log", "release"]);
    let heads: BTreeSet<&str> = log
        .lines()
        .filter(|line| !line.starts_with(' '))
        .map(|line| line.rsplit_once(' ').unwrap().0)
        .collect();
    let expected = [
        "disk atomic-disk",
        "installer atomic-installer",
        "installer server-installer",
        "root atomic-host",
        "root atomic-host-fast",
        "root atomic-installer",
        "root web-server-image",
    ];
    assert_eq!(heads, expected.into());
    let document = bench.json(&["log", "atomic-host"]);
    assert_eq!(document["steps"][0]["subject"], "atomic-host");
    let closure = bench.json(&["closure", "release"]);
    let nodes = closure["nodes"].as_array().unwrap();
    let unnamed = nodes.iter().filter(|node| node["name"].is_null());
    assert_eq!(unnamed.count(), 0, "{closure}");
}

#[test]
fn what_was_noted_before_a_step_failed_is_told_too() {
    let bench = Bench::shipped();
    // The shell that ships is a text, so nothing runs in such a root.
    let recipe = "kind = \"command\"\nsummary = \"x\"\nfrom = [\"base-runtime\"]\n\
                  install = [\"sampler-init\"]\nrun = \"true\"\n";
    bench.write("recipes/out.toml", recipe);
    assert_eq!(bench.print(&["log", "--planned", "out"]), "");
    bench
        .run(&["realize", "out"])
        .fails(1, &["command out: failed"]);
    bench
        .run(&["log", "out"])
        .fails(3, &["no artifact \"out\"", "`store log --planned out`"]);
    let log = bench.print(&["log", "--planned", "out"]);
    assert!(log.starts_with("root out "), "{log}");
    assert!(
        log.contains("\n  skipped %post (/bin/sh) of sampler-init-1.2-3.noarch"),
        "{log}"
    );
    let document = bench.json(&["log", "--planned", "out"]);
    assert_eq!(document["entry"], serde_json::Value::Null);
    assert_eq!(document["steps"][0]["subject"], "out");
    // Of what is finished both ways tell the same.
    bench.realize(&["atomic-host"]);
    let [planned, made] = [
        &["log", "--planned", "atomic-host"][..],
        &["log", "atomic-host"],
    ];
    assert_eq!(bench.print(planned), bench.print(made));
    bench
        .run(&["log", "--planned", "atomic-host@1"])
        .fails(2, &["--planned takes the name of a recipe"]);
}
