//! Several processes at one store: nobody harms anybody, and nobody waits for ever.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use store::store::fault;

use crate::support::site::{REALIZE, Said, Site, entries, go_on, stopped};
use crate::support::told;

const COLLECT: [&str; 3] = ["gc", "--keep-last", "1"];

/// How long a crowd is at it; `STORE_CROWD=SECONDS` for longer.
fn seconds(usual: u64) -> Duration {
    Duration::from_secs(told::number("STORE_CROWD").unwrap_or(usual))
}

/// Runs commands over and over until the time is up.
fn crowd(sites: [&Site; 2], workers: &[&[&str]], time: Duration) {
    let begun = Instant::now();
    let runs = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for (number, arguments) in workers.iter().enumerate() {
            let runs = &runs;
            scope.spawn(move || {
                while begun.elapsed() < time {
                    // Two states of the recipes, so that generations go back and forth.
                    let site = sites[number % 2];
                    let said = site.run(arguments);
                    let busy = said.code == Some(5) && arguments[0] == "gc";
                    assert!(said.code == Some(0) || busy, "{said:#?}");
                    runs.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert!(runs.into_inner() as usize >= workers.len());
}

#[test]
fn processes_that_realize_collect_verify_and_compare_at_once_all_end_well() {
    let old = Site::new();
    old.realize();
    let new = Site::new();
    new.change();
    // One store for both.
    std::os::unix::fs::symlink(old.store(), new.store()).unwrap();
    new.realize();
    for site in [&old, &new] {
        site.add_source();
        let rpms = site.path("rpms");
        let made = Command::new("createrepo_c").arg("-q").arg(&rpms).status();
        assert!(made.unwrap().success());
        let source = format!("kind = \"source\"\nurl = \"file://{}\"\n", rpms.display());
        std::fs::write(site.path("recipes/drawn.toml"), source).unwrap();
        site.well(&["update"]);
    }
    let diff: &[&str] = &["diff", "server@1", "server@2"];
    let fetch: &[&str] = &["realize", "drawn-host"];
    let update: &[&str] = &["update"];
    let verify: &[&str] = &["verify", "--full"];
    let quick: &[&str] = &["verify"];
    for (workers, seconds) in [
        (vec![&REALIZE[..], &COLLECT[..]], 4),
        (vec![&REALIZE, &REALIZE, &COLLECT, verify, diff, &["gc"]], 7),
        (
            vec![
                &REALIZE, &COLLECT, quick, fetch, verify, &REALIZE, diff, update, update, fetch,
            ],
            7,
        ),
    ] {
        crowd([&old, &new], &workers, self::seconds(seconds));
        old.sound("after the crowd");
    }
    assert_eq!(old.realize(), Site::new().realize());
    old.well(&COLLECT);
    old.sound("in the end");
    old.swept("in the end");
}

#[test]
fn two_that_realize_the_same_at_once_make_one_generation() {
    let site = Site::new();
    let begin = || site.faulty(&REALIZE, "");
    let children = [begin(), begin(), begin()];
    let mut found = Vec::new();
    for child in children {
        let said = Said::of(&REALIZE, child.wait_with_output().unwrap()).with(0);
        found.push(entries(&said.out));
    }
    assert!(found.windows(2).all(|pair| pair[0] == pair[1]));
    let store = site.open();
    for root in store.roots().unwrap() {
        assert_eq!(store.generations(&root).unwrap().len(), 1, "{root}");
    }
    site.sound("after three");
}

#[test]
fn a_collector_never_takes_what_a_realize_that_waits_anywhere_uses() {
    let before = Site::new();
    before.realize();
    before.change();
    let wanted = before.again().realize();
    for point in fault::POINTS.iter().filter(|p| !p.starts_with("gc.")) {
        for (count, first) in [(1, true), (1, false)] {
            let when = format!("{point}:{count}:stop, first {first}");
            let site = if first { Site::new() } else { before.again() };
            if first {
                site.change();
            }
            let mut realize = site.faulty(&REALIZE, &format!("{point}:{count}:stop"));
            if !stopped(&mut realize) {
                assert_ne!(count, 1, "{when}");
                continue;
            }
            let mut gc = site.faulty(&COLLECT, "");
            // Where the writer has the swap lock, the collector waits for it.
            let begun = Instant::now();
            while gc.try_wait().unwrap().is_none() && begun.elapsed() < Duration::from_millis(150) {
                std::thread::sleep(Duration::from_millis(5));
            }
            go_on(&realize);
            let said = Said::of(&REALIZE, realize.wait_with_output().unwrap()).with(0);
            assert_eq!(entries(&said.out), wanted, "{when}");
            Said::of(&COLLECT, gc.wait_with_output().unwrap()).with(0);
            site.sound(&when);
        }
    }
}

#[test]
fn a_collector_that_decides_while_a_lease_becomes_a_root_sees_one_of_them() {
    // What is realized next is what only the generation before the newest has.
    let site = Site::used();
    site.revert();
    let mut gc = site.faulty(&COLLECT, "gc.marked:1:stop,gc.looking:2:stop");
    assert!(stopped(&mut gc));
    let mut realize = site.faulty(&REALIZE, "root.before-rename:2:stop");
    assert!(stopped(&mut realize));
    go_on(&gc);
    assert!(stopped(&mut gc));
    go_on(&realize);
    Said::of(&REALIZE, realize.wait_with_output().unwrap()).with(0);
    go_on(&gc);
    Said::of(&COLLECT, gc.wait_with_output().unwrap()).with(0);
    site.sound("after both");
}

#[test]
fn who_finds_that_a_file_is_gone_does_not_forget_that_another_wrote_it_anew() {
    let site = Site::used();
    // Its files are unlinked, and it could not say so any more.
    assert!(site.killed(&COLLECT, "gc.unlinked"));
    site.revert();
    let show = ["show", "server@1", "--path"];
    let mut looks = site.faulty(&show, "lease.looked:1:stop");
    assert!(stopped(&mut looks));
    site.realize();
    go_on(&looks);
    looks.wait_with_output().unwrap();
    site.sound("after both");
    site.well(&COLLECT);
    site.sound("after a collector");
}

#[test]
fn a_realize_never_waits_long_for_a_collector_that_stopped_outside_of_the_swap() {
    let used = Site::used();
    let wanted = used.again().realize();
    for point in ["gc.marked", "gc.condemned", "gc.views", "gc.done"] {
        let site = used.again();
        let mut gc = site.faulty(&COLLECT, &format!("{point}:1:stop"));
        assert!(stopped(&mut gc), "{point}");
        assert_eq!(site.realize(), wanted, "{point}");
        let second = site.run(&["gc"]).with(5);
        assert!(second.err.contains("a collector is running"), "{second:?}");
        go_on(&gc);
        Said::of(&COLLECT, gc.wait_with_output().unwrap()).with(0);
        site.sound(point);
    }
}

/// Copies a store as people do, whatever vanishes meanwhile.
fn copied(from: &Path, to: &Path) {
    let output = Command::new("cp").arg("-a").arg(from).arg(to).output();
    assert!(output.unwrap().status.code().is_some());
}

#[test]
fn a_copy_made_while_a_store_is_written_says_what_it_holds_and_becomes_whole() {
    let old = Site::new();
    old.realize();
    let new = Site::new();
    new.change();
    std::os::unix::fs::symlink(old.store(), new.store()).unwrap();
    let entries = [old.again().realize(), new.again().realize()];
    let copies: Vec<Site> = (0..4).map(|_| Site::new()).collect();
    let over = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for worker in 0..2 {
            let (over, sites) = (&over, [&old, &new]);
            scope.spawn(move || {
                let mut turn = worker;
                while over.load(Ordering::Relaxed) == 0 {
                    // Made anew each time, as far as the other one did not.
                    sites[turn % 2].realize();
                    let said = sites[turn % 2].run(&COLLECT);
                    assert!(matches!(said.code, Some(0 | 5)), "{said:?}");
                    turn += 1;
                }
            });
        }
        for copy in &copies {
            copied(&old.store(), &copy.store());
        }
        over.store(1, Ordering::Relaxed);
    });
    for (number, copy) in copies.iter().enumerate() {
        let said = copy.run(&["verify", "--full"]);
        assert!(matches!(said.code, Some(0 | 4)), "copy {number}: {said:?}");
        let rebuilt = copy.run(&["verify", "--full", "--rebuild-index"]);
        assert!(
            matches!(rebuilt.code, Some(0 | 4)),
            "copy {number}: {rebuilt:?}"
        );
        // What it named is what is missing or was cut: made again, nothing is.
        assert_eq!(copy.realize(), entries[0], "copy {number}");
        copy.change();
        assert_eq!(copy.realize(), entries[1], "copy {number}");
        copy.sound(&format!("copy {number}"));
        copy.well(&COLLECT);
        copy.sound(&format!("copy {number}"));
    }
}
