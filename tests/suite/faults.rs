//! One call to the system goes wrong, each in turn: it fails, the program dies there, or the power goes.
//! What is left is sound, and the next run comes to what an undisturbed one comes to.
//!
//! A few calls are tried; with `STORE_FAULTS=N` so many of each command and fault, with `STORE_FAULTS=all` every one.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::io::Errno;

use crate::support::site::{REALIZE, Site, entries};
use crate::support::told;
use crate::support::trip::{ALL, CHANGES, trip};

const COLLECT: [&str; 3] = ["gc", "--keep-last", "1"];
const REBUILD: [&str; 2] = ["verify", "--rebuild-index"];
const UPDATE: [&str; 1] = ["update"];

/// A command over a store, and what a realize gives before and after it.
struct Scene {
    site: Site,
    command: &'static [&'static str],
    entries: BTreeMap<String, String>,
    /// The text of the lock, before it and after it.
    locks: [Option<String>; 2],
}

fn lock(site: &Site) -> Option<String> {
    std::fs::read_to_string(site.path("recipes/store.lock")).ok()
}

/// A first realize, one after a change, and all that else writes.
fn scenes() -> Vec<Scene> {
    let new = Site::new();
    let first = new.again().realize();
    let old = Site::new();
    old.realize();
    old.change();
    let second = old.again().realize();
    let done = old.again();
    done.realize();
    let (unlocked, locked) = (done.again(), done.again());
    unlocked.add_source();
    locked.add_source();
    locked.well(&UPDATE);
    let package = locked.path("rpms").join("sampler-httpd-2.4-1.x86_64.rpm");
    std::fs::rename(&package, package.with_file_name("moved.rpm")).unwrap();
    let scene = |site: &Site, command: &'static [&'static str], entries: &BTreeMap<_, _>| {
        let (site, ends) = (site.again(), site.again());
        let before = lock(&site);
        let after = if command == UPDATE {
            ends.well(command);
            lock(&ends)
        } else {
            before.clone()
        };
        Scene {
            site,
            command,
            entries: entries.clone(),
            locks: [before, after],
        }
    };
    vec![
        scene(&new, &REALIZE, &first),
        scene(&old, &REALIZE, &second),
        scene(&done, &REALIZE, &second),
        scene(&done, &COLLECT, &second),
        scene(&done, &REBUILD, &second),
        scene(&done, &["verify", "--full"], &second),
        scene(&done, &["add", "recipes/release.toml"], &second),
        scene(&unlocked, &UPDATE, &second),
        scene(&locked, &UPDATE, &second),
    ]
}

/// How many calls of each command and fault to try; `None` for a few of some.
fn thorough() -> Option<u64> {
    told::number("STORE_FAULTS")
}

/// Which of so many calls to try: spread over all, and others in each scene.
fn sample(calls: u64, salt: u64) -> Vec<u64> {
    let count = thorough().unwrap_or(1).clamp(1, calls.max(1));
    let step = calls.max(1) as f64 / count as f64;
    let within = (salt.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64 / f64::from(1 << 24);
    let at = |i: u64| 1 + ((i as f64 + within) * step) as u64;
    (0..count).map(at).collect()
}

/// Tries a fault at calls of every scene, some at a time.
fn each(faults: &[(&str, String)], check: impl Fn(&Scene, &Site, &str) + Sync) {
    let scenes = scenes();
    let mut trials = Vec::new();
    for (number, scene) in scenes.iter().enumerate() {
        for (kind, (classes, what)) in faults.iter().enumerate() {
            if thorough().is_none() && (number + kind) % faults.len().min(3) != 0 {
                continue;
            }
            let site = scene.site.again();
            let Some(counted) = trip(&site, classes, "count", 0, scene.command) else {
                return;
            };
            counted.said.with(0);
            let salt = (number * 31 + kind) as u64 + 1;
            for n in sample(counted.calls, salt) {
                trials.push((scene, *classes, what, n));
            }
        }
    }
    assert!(trials.len() >= scenes.len());
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some((scene, classes, what, n)) =
                    trials.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    let site = scene.site.again();
                    let tripped = trip(&site, classes, what, *n, scene.command).unwrap();
                    let when = format!("{:?}, {what} at {n}: {}", scene.command, tripped.call);
                    let code = tripped.said.code.unwrap();
                    let told = format!("{}{}", tripped.said.out, tripped.said.err);
                    let reached = tripped.calls >= *n;
                    assert!(!told.contains("panicked"), "{when}: {told}");
                    match what.parse::<i32>() {
                        Ok(errno) => {
                            // What nobody may read of the recipes, their owner has to give free.
                            let own = Errno::ACCESS.raw_os_error() == errno.abs()
                                && tripped.call.contains("/recipes/");
                            let fits = matches!(code, 0 | 1 | 4 | 5) || own && code == 2;
                            assert!(fits, "{when}: {code} {told}");
                            let named = tripped.names_its_place(&told, what.starts_with('-'));
                            assert!(code == 0 || named, "{when}: {told}");
                        }
                        Err(_) => assert_eq!(code == 137, reached, "{when}: {code} {told}"),
                    }
                    check(scene, &site, &when);
                }
            });
        }
    });
}

/// All is well, or will be with the next run.
fn goes_on(scene: &Scene, site: &Site, when: &str) {
    // What replaces the index may leave none: whoever comes is told to run it again.
    if scene.command == REBUILD && site.run(&["verify"]).code == Some(4) {
        site.run(&REBUILD).with(0);
    }
    site.sound(when);
    let found = lock(site);
    assert!(scene.locks.contains(&found), "{when}: {found:?}");
    if scene.command == UPDATE {
        site.well(&UPDATE);
        assert_eq!(lock(site), scene.locks[1], "{when}");
    }
    let said = site.run(&REALIZE);
    assert_eq!(said.code, Some(0), "{when}: {said:?}");
    assert_eq!(entries(&said.out), scene.entries, "{when}");
    if thorough().is_some() || scene.command == COLLECT {
        site.well(&COLLECT);
        site.sound(when);
        site.swept(when);
    }
}

#[test]
fn whichever_call_fails_the_path_is_named_and_nothing_is_lost() {
    let number = |errno: Errno| errno.raw_os_error();
    let once = |errno| number(errno).to_string();
    let ever = |errno| (-number(errno)).to_string();
    let faults = [
        (ALL, once(Errno::IO)),
        ("i", once(Errno::IO)),
        ("i", ever(Errno::IO)),
        ("cwrlm", ever(Errno::NOSPC)),
        ("cwrlm", once(Errno::DQUOT)),
        ("cwrlm", ever(Errno::DQUOT)),
        ("m", ever(Errno::MLINK)),
        ("cwrlmua", ever(Errno::ROFS)),
        ("ocrlmua", once(Errno::ACCESS)),
        ("oc", once(Errno::MFILE)),
    ];
    each(&faults, goes_on);
}

#[test]
fn a_death_before_any_call_leaves_a_sound_store() {
    each(&[(ALL, "kill".into())], goes_on);
}

#[test]
fn a_power_cut_before_any_call_leaves_no_name_of_something_incomplete() {
    let faults = ["data", "names", "both"].map(|what| (CHANGES, what.to_owned()));
    each(&faults, goes_on);
}

#[test]
fn a_power_cut_leaves_no_program_of_zeros_in_a_view_that_is_trusted() {
    let site = Site::new();
    let tools = site.path("tools");
    std::fs::create_dir(&tools).unwrap();
    // One that ends with bytes, and one that ends with a hole.
    let whole = b"#!/bin/sh\n".repeat(1_000);
    let hollow = [&whole[..], &[0; 20_000]].concat();
    for (name, bytes) in [("whole", &whole), ("hollow", &hollow)] {
        std::fs::write(tools.join(name), bytes).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(tools.join(name), mode).unwrap();
    }
    let entry = site.well(&["add", "tools"]);
    let show = ["show", entry.trim(), "--path"];
    let Some(counted) = trip(&site.again(), CHANGES, "count", 0, &show) else {
        return;
    };
    for n in 1..=counted.calls {
        let site = site.again();
        let when = trip(&site, CHANGES, "data", n, &show).unwrap().call;
        let view = site.path(site.well(&show).trim());
        for (name, bytes) in [("whole", &whole), ("hollow", &hollow)] {
            let found = std::fs::read(view.join(name)).unwrap();
            assert!(found == *bytes, "{name}, {n}: {when}");
        }
    }
}

#[test]
fn where_no_hard_link_can_be_made_views_are_copies_and_all_is_the_same() {
    let site = Site::new();
    let wanted = site.again().realize();
    for errno in [Errno::PERM, Errno::MLINK, Errno::XDEV, Errno::OPNOTSUPP] {
        let site = site.again();
        let what = (-errno.raw_os_error()).to_string();
        let Some(tripped) = trip(&site, "l", &what, 1, &REALIZE) else {
            return;
        };
        assert!(tripped.calls > 0, "nothing was linked");
        let said = tripped.said.with(0);
        assert_eq!(entries(&said.out), wanted, "{errno}");
        site.sound("without links");
        site.well(&COLLECT);
        site.sound("without links");
    }
}

#[test]
fn what_can_not_be_opened_just_now_is_not_called_damaged() {
    let site = Site::new();
    site.realize();
    let check = ["verify", "--full"];
    for errno in [Errno::MFILE, Errno::ACCESS] {
        let what = errno.raw_os_error().to_string();
        let Some(counted) = trip(&site, "o", "count", 0, &check) else {
            return;
        };
        let mut refused = 0;
        for n in [2, 3, 4].map(|quarter| counted.calls * quarter / 5) {
            let tripped = trip(&site, "o", &what, n, &check).unwrap();
            if tripped.call.contains("/store/objects/") {
                let said = tripped.said.with(1);
                assert!(said.err.contains("/store/objects/"), "{said:?}");
                refused += 1;
            }
        }
        assert!(refused > 0, "no object was opened");
    }
    site.sound("afterwards");
}

#[test]
fn a_file_of_the_store_that_can_not_be_read_is_named_by_whoever_reads_it() {
    let site = Site::new();
    let Some(counted) = trip(&site.again(), "i", "count", 0, &REALIZE) else {
        return;
    };
    let what = Errno::IO.raw_os_error().to_string();
    let mut named = 0;
    for n in (1..24).map(|part| counted.calls * part / 24) {
        let site = site.again();
        let tripped = trip(&site, "i", &what, n, &REALIZE).unwrap();
        let objects = ["/store/tmp/", "/store/objects/"];
        if objects.iter().any(|place| tripped.call.contains(place)) && tripped.said.code != Some(0)
        {
            let told = &tripped.said.err;
            assert!(told.contains("/store/"), "{}: {told}", tripped.call);
            named += 1;
        }
    }
    assert!(named > 0, "no object was read");
}

#[test]
fn a_file_that_a_recipe_names_and_that_can_not_be_opened_just_now_is_no_mistake_in_the_recipe() {
    let site = Site::new();
    let plan = ["plan", "atomic-host"];
    for n in 1.. {
        let Some(tripped) = trip(
            &site,
            "o",
            &Errno::MFILE.raw_os_error().to_string(),
            n,
            &plan,
        ) else {
            return;
        };
        if tripped.call.contains("/packages/files/") {
            let said = tripped.said.with(1);
            assert!(said.err.contains("files/"), "{said:?}");
            return;
        }
        assert!(tripped.calls >= n, "no such file was opened");
    }
}
