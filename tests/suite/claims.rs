//! Processes that want the same at once: one makes each step, and the others wait for it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::command;
use crate::support::site::{REALIZE, Said, Site, entries, go_on, stopped};

/// A realize that made its first steps, and stands still before the store has them.
fn one_that_stands(site: &Site) -> Child {
    let mut first = site.faulty(&REALIZE, "batch.before-sync:1:stop");
    assert!(stopped(&mut first));
    first
}

/// Another that began after it, when it says that it waits.
fn one_that_waits(site: &Site) -> Child {
    let mut second = site.faulty(&REALIZE, "");
    let mut errors = BufReader::new(second.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("another process makes it; waiting") {
        line.clear();
        assert_ne!(errors.read_line(&mut line).unwrap(), 0, "it never waited");
    }
    // What it says later goes nowhere, but has to be read.
    std::thread::spawn(move || errors.lines().for_each(drop));
    second
}

/// How many steps a realize composed.
fn composed(said: &Said) -> u64 {
    let document: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    document["steps"]["composed"].as_u64().unwrap()
}

fn left(site: &Site) -> usize {
    let claims = std::fs::read_dir(site.store().join("claims"));
    claims.map_or(0, Iterator::count)
}

#[test]
fn of_two_that_realize_the_same_at_once_each_step_is_made_by_one() {
    let alone = Site::new().run(&REALIZE).with(0);
    let site = Site::new();
    let first = one_that_stands(&site);
    let second = one_that_waits(&site);
    go_on(&first);
    let [first, second] =
        [first, second].map(|child| Said::of(&REALIZE, child.wait_with_output().unwrap()).with(0));
    assert_eq!(entries(&first.out), entries(&alone.out));
    assert_eq!(entries(&second.out), entries(&alone.out));
    assert_eq!(composed(&first) + composed(&second), composed(&alone));
    assert_eq!(left(&site), 0);
    site.sound("after both");
}

#[test]
fn who_waits_for_one_that_stands_still_goes_on_alone_after_some_seconds() {
    let site = Site::new();
    let first = one_that_stands(&site);
    let second = site.run(&REALIZE).with(0);
    let said = "does not answer, and may be stopped; going on without waiting";
    assert_eq!(second.err.matches(said).count(), 1, "{second:?}");
    go_on(&first);
    let first = Said::of(&REALIZE, first.wait_with_output().unwrap()).with(0);
    assert_eq!(entries(&first.out), entries(&second.out));
    site.sound("after both");
}

#[test]
fn who_waits_can_be_interrupted_and_what_the_other_makes_stays_its_own() {
    let site = Site::new();
    let first = one_that_stands(&site);
    let second = one_that_waits(&site);
    kill_process(Pid::from_child(&second), Signal::INT).unwrap();
    let second = second.wait_with_output().unwrap();
    assert_eq!(second.status.code(), Some(130));
    go_on(&first);
    Said::of(&REALIZE, first.wait_with_output().unwrap()).with(0);
    site.sound("after both");
}

#[test]
fn nobody_waits_for_a_process_that_was_killed_and_nothing_of_it_stays() {
    for next in [&REALIZE[..], &["gc"]] {
        let site = Site::new();
        assert!(site.killed(&REALIZE, "batch.before-sync"));
        assert_ne!(left(&site), 0);
        let next = site.run(next).with(0);
        assert!(!next.err.contains("waiting"), "{next:?}");
        assert_eq!(left(&site), 0);
    }
}

#[test]
fn where_there_can_be_no_claims_everybody_makes_everything() {
    let site = Site::new();
    site.realize();
    std::fs::remove_dir(site.store().join("claims")).unwrap();
    std::fs::write(site.store().join("claims"), "").unwrap();
    site.change();
    let wanted = site.again().realize();
    assert_eq!(site.realize(), wanted);
    site.sound("without claims");
}

#[test]
fn what_one_made_others_have_soon_though_it_makes_more() {
    let bench = command::bench();
    let recipe = |script: &str| command::recipe("", script);
    bench.write("recipes/quick.toml", recipe("echo quick >$OUT/file"));
    bench.write("recipes/slow.toml", recipe("sleep 5"));
    let mut first = bench.command();
    first.args(["realize", "quick", "slow", "--jobs", "2"]);
    let mut first = first
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut errors = BufReader::new(first.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("command quick: composed") {
        line.clear();
        assert_ne!(errors.read_line(&mut line).unwrap(), 0, "it was never made");
    }
    let second = bench.json(&["realize", "quick"]);
    assert_eq!(second["steps"]["composed"], 0, "{second}");
    assert!(
        first.try_wait().unwrap().is_none(),
        "the other came to its end"
    );
    assert!(errors.lines().count() > 0);
    assert!(first.wait().unwrap().success());
}
