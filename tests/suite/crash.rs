//! The program is killed, at every point that has a name and at others that have none:
//! what is left is sound, the next run finishes, and comes to what an undisturbed one comes to.

use std::process::Stdio;
use std::time::Duration;

use store::store::fault;

use crate::support::site::{REALIZE, Site, entries};

const COLLECT: [&str; 3] = ["gc", "--keep-last", "1"];

fn points(of_gc: bool) -> impl Iterator<Item = &'static str> {
    let all = fault::POINTS.iter().copied();
    all.filter(move |point| point.starts_with("gc.") == of_gc)
}

/// Kills a realize at a point for the Nth time, and looks at what is left.
fn dies(
    site: &Site,
    point: &str,
    count: u32,
    entries: &std::collections::BTreeMap<String, String>,
) {
    let when = format!("{point}:{count}");
    let site = site.again();
    assert!(site.killed(&REALIZE, &when), "{when} is never passed");
    site.sound(&when);
    assert_eq!(&site.realize(), entries, "{when}");
    site.well(&COLLECT);
    site.sound(&when);
    site.swept(&when);
    let again = site.well(&REALIZE);
    assert!(again.contains("\"composed\": 0"), "{when}: {again}");
}

#[test]
fn a_first_realize_that_is_killed_anywhere_leaves_a_sound_store_and_the_next_one_finishes() {
    let site = Site::new();
    let entries = site.again().realize();
    for point in points(false) {
        let counts: &[u32] = match point {
            "batch.placing" => &[1, 250],
            "batch.indexed" | "root.renamed" => &[1, 2],
            _ => &[1],
        };
        for count in counts {
            dies(&site, point, *count, &entries);
        }
    }
}

#[test]
fn a_realize_after_a_change_that_is_killed_anywhere_leaves_a_sound_store_too() {
    let site = Site::new();
    site.realize();
    site.change();
    let entries = site.again().realize();
    for point in points(false) {
        let counts: &[u32] = match point {
            "batch.placing" => &[30],
            _ => &[1],
        };
        for count in counts {
            dies(&site, point, *count, &entries);
        }
    }
}

#[test]
fn a_gc_that_is_killed_anywhere_leaves_a_sound_store_and_the_next_one_finishes() {
    let site = Site::used();
    let entries = site.again().realize();
    for point in points(true) {
        for count in [1, 5] {
            let when = format!("{point}:{count}");
            let site = site.again();
            if !site.killed(&COLLECT, &when) {
                assert_ne!(count, 1, "{point} is never passed");
                continue;
            }
            site.sound(&when);
            site.well(&COLLECT);
            site.sound(&when);
            site.swept(&when);
            let left = site.well(&["--json", "gc", "--keep-last", "1", "--dry-run"]);
            assert!(left.contains("\"bytes\": 0"), "{when}: {left}");
            assert_eq!(site.realize(), entries, "{when}");
            site.sound(&when);
        }
    }
}

#[test]
fn what_lost_some_of_its_parts_to_a_killed_gc_is_made_again() {
    const ALL: [&str; 5] = [
        "--json",
        "realize",
        "atomic-host",
        "server",
        "container-base",
    ];
    let site = Site::new();
    let wanted = entries(&site.well(&ALL));
    let roots = std::fs::read_dir(site.store().join("roots")).unwrap();
    for root in roots {
        std::fs::remove_dir_all(root.unwrap().path()).unwrap();
    }
    let mut killed = 0;
    // Files go some at a time; an image and a repository have parts of some hundred of them.
    for count in (1..).map(|step| 1 + step * 15) {
        let when = format!("gc.unlinking:{count}");
        let again = site.again();
        if !again.killed(&["gc"], &when) {
            break;
        }
        killed += 1;
        if killed % 4 == 0 {
            again.well(&["gc", "--undo"]);
            again.sound(&when);
        }
        assert_eq!(entries(&again.well(&ALL)), wanted, "{when}");
        again.sound(&when);
    }
    assert!(killed > 10, "{killed}");
}

#[test]
fn what_a_killed_collector_condemned_comes_back_with_an_undo() {
    let site = Site::used();
    let old = |site: &Site| {
        let store = site.open();
        let roots = store.roots().unwrap();
        let whole = |root| {
            let first = store.generations(root).unwrap().remove(0);
            store.is_complete(first.entry).unwrap()
        };
        roots.iter().all(whole)
    };
    for point in ["gc.condemned", "gc.views", "gc.done"] {
        let site = site.again();
        assert!(old(&site), "{point}");
        let grace = ["gc", "--keep-last", "1", "--grace", "1h"];
        assert!(site.killed(&grace, point), "{point}");
        site.sound(point);
        assert!(!old(&site), "{point}");
        site.well(&["gc", "--undo"]);
        assert!(old(&site), "{point}");
        site.sound(point);
        // And without it the next one takes them, though it was told nothing of a grace.
        site.well(&grace);
        site.well(&COLLECT);
        assert!(!old(&site), "{point}");
        site.sound(point);
    }
}

#[test]
fn a_kill_at_any_moment_leaves_a_sound_store() {
    let site = Site::new();
    let entries = site.again().realize();
    let mut moment = 7_u64;
    for round in 0..12 {
        let arguments = if round % 4 == 3 {
            &COLLECT[..]
        } else {
            &REALIZE[..]
        };
        // The recipes go back and forth, so that there is something to do each time.
        match round % 4 {
            1 => site.change(),
            2 => site.revert(),
            _ => {}
        }
        let mut child = site
            .command(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        moment = moment
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        std::thread::sleep(Duration::from_millis((moment >> 33) % 700));
        // It may have ended; what counts is what is there now.
        let _ = child.kill();
        child.wait().unwrap();
        site.sound(&format!("round {round}"));
    }
    assert_eq!(site.realize(), entries);
    site.well(&COLLECT);
    site.sound("in the end");
    site.swept("in the end");
}

#[test]
fn what_a_killed_process_left_is_counted_and_foreseen() {
    let site = Site::new();
    assert!(site.killed(&REALIZE, "batch.before-sync"));
    let gc = |arguments: &[&str]| -> serde_json::Value {
        let arguments = [&["--json", "gc"], arguments].concat();
        serde_json::from_str(&site.well(&arguments)).unwrap()
    };
    let figures =
        |report: &serde_json::Value| (report["unfinished"].clone(), report["bytes"].clone());
    let dry = gc(&["--dry-run"]);
    assert_eq!(dry["unfinished"], 1, "{dry}");
    assert!(dry["bytes"].as_u64().unwrap() > 50_000, "{dry}");
    assert_eq!(
        figures(&gc(&["--dry-run"])),
        figures(&dry),
        "a rehearsal took something"
    );
    assert_eq!(figures(&gc(&[])), figures(&dry));
    assert_eq!(gc(&[])["unfinished"], 0);
    site.sound("after a collection");
}
