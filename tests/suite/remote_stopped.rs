//! Downloads that stop half-way: whatever stopped them, the next run goes on, and nothing is left.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};

use super::support::bench::Bench;
use super::support::materialize::is_root;
use super::support::server::Manner;
use super::support::site::{Site, entries};
use super::support::told;
use super::support::trip::{ALL, CHANGES, trip};
use super::support::upstream::{Upstream, serving, site};

/// How long files are that are being fetched, or were.
fn arriving(bench: &Bench) -> Vec<u64> {
    let files = fs::read_dir(bench.store().join("arriving"));
    let files = files.into_iter().flatten();
    files
        .filter_map(|file| Some(file.unwrap().metadata().ok()?.len()))
        .filter(|&length| length > 0)
        .collect()
}

/// Begins to realize, and waits until so many bytes of the one package that stalls are here, and nothing else is on its way.
fn stalled(bench: &Bench, bytes: usize) -> Child {
    let mut command = bench.command();
    command.args(["realize", "host"]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let begun = Instant::now();
    while arriving(bench) != [bytes as u64] {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "it does not come"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    child.unwrap()
}

#[test]
fn a_package_is_fetched_on_from_where_a_killed_process_was() {
    const PACKAGE: &str = "/sampler-httpd-2.4-1.x86_64.rpm";
    let upstream = Upstream::new();
    let server = serving(&upstream);
    let bytes = fs::read(upstream.path().join(&PACKAGE[1..])).unwrap();
    let [half, more, most] = [4, 6, 7].map(|eighths| bytes.len() * eighths / 8);
    let bench = site(&server.url("/"));
    bench.print(&["update"]);
    assert!(arriving(&bench).is_empty());
    let stall = |at| server.on(PACKAGE, &[Manner::Stall(bytes.clone(), at)]);
    let range = || {
        let asked = server.asked().into_iter();
        let mut asked = asked.filter(|asked| asked.path == PACKAGE);
        asked.next_back().unwrap().headers.get("range").cloned()
    };
    let kill = |mut child: Child| {
        child.kill().unwrap();
        child.wait().unwrap();
    };

    stall(half);
    kill(stalled(&bench, half));
    // Killed once more, further on.
    stall(more);
    kill(stalled(&bench, more));
    assert_eq!(range(), Some(format!("bytes={half}-")));
    // Another one who wants the same while the first one lives, and gets nothing any more, does not wait.
    stall(most);
    let first = stalled(&bench, most);
    server.good(PACKAGE, &bytes);
    let host = bench.realize(&["host"]);
    assert_eq!(range(), None);
    bench.print(&["gc"]);
    assert_eq!(arriving(&bench), [most as u64], "it is still locked");
    kill(first);

    // A store that lacks the package goes on where the first was.
    let other = site(&server.url("/"));
    fs::copy(
        bench.recipes().join("store.lock"),
        other.recipes().join("store.lock"),
    )
    .unwrap();
    stall(half);
    kill(stalled(&other, half));
    server.good(PACKAGE, &bytes);
    assert_eq!(other.realize(&["host"])[0].file_name(), host[0].file_name());
    assert_eq!(range(), Some(format!("bytes={half}-")));
    assert!(arriving(&other).is_empty());
    other.print(&["verify", "--full"]);

    // A collector that has to stop takes nothing, and what it may not open is another user's.
    let stray = bench.store().join("roots/stray");
    fs::create_dir_all(stray.join("name")).unwrap();
    fs::write(stray.join("name/1"), "no root").unwrap();
    bench.run(&["gc"]).fails(4, &["roots"]);
    assert_eq!(arriving(&bench), [most as u64]);
    fs::remove_dir_all(&stray).unwrap();
    let parts = fs::read_dir(bench.store().join("arriving")).unwrap();
    let part = parts.map(|part| part.unwrap().path()).max().unwrap();
    let mode = |mode| fs::set_permissions(&part, fs::Permissions::from_mode(mode)).unwrap();
    mode(0o000);
    if !is_root() {
        assert_eq!(bench.json(&["gc"])["downloads"], 0);
        assert_eq!(arriving(&bench), [most as u64]);
    }
    mode(0o644);

    // What nobody came back for is collected.
    let dry = bench.json(&["gc", "--dry-run"]);
    assert_eq!(dry["downloads"], 1, "{dry}");
    let freed = bench.json(&["gc"]);
    assert_eq!(
        [&freed["downloads"], &freed["bytes"]],
        [&dry["downloads"], &dry["bytes"]]
    );
    assert!(arriving(&bench).is_empty());
    bench.print(&["verify", "--full"]);
}

#[test]
fn what_is_on_its_way_when_somebody_presses_ctrl_c_is_not_waited_for_and_goes_on_next_time() {
    const PACKAGE: &str = "/sampler-httpd-2.4-1.x86_64.rpm";
    let upstream = Upstream::new();
    let server = serving(&upstream);
    let bytes = fs::read(upstream.path().join(&PACKAGE[1..])).unwrap();
    let bench = site(&server.url("/"));
    bench.print(&["update"]);
    // It would take minutes.
    assert!(bytes.len() > 1200);
    server.on(PACKAGE, &[Manner::Drip(bytes.clone())]);
    let mut command = bench.command();
    command.args(["realize", "host"]).stdout(Stdio::null());
    let child = command.stderr(Stdio::piped()).spawn().unwrap();
    while arriving(&bench).is_empty() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let begun = Instant::now();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let said = child.wait_with_output().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(30));
    let told = String::from_utf8(said.stderr).unwrap();
    assert_eq!(said.status.code(), Some(130), "{told}");
    assert!(told.contains("what had come to its end is kept"), "{told}");
    assert!(!told.contains("failed"), "{told}");
    assert_eq!(arriving(&bench).len(), 1);
    server.good(PACKAGE, &bytes);
    bench.realize(&["host"]);
    let mut asked = server.asked().into_iter();
    let last = asked.rfind(|asked| asked.path == PACKAGE);
    assert!(last.unwrap().headers.contains_key("range"));
    assert!(arriving(&bench).is_empty());
}

/// Which calls of a command that has so many go wrong: some, or as many as `STORE_FAULTS` says.
fn calls(of: u64) -> Vec<u64> {
    let count = told::number("STORE_FAULTS").unwrap_or(4).min(of);
    (0..count).map(|at| 1 + at * of / count).collect()
}

#[test]
fn whatever_goes_wrong_while_packages_come_the_next_run_has_them_and_nothing_is_left() {
    const HOST: [&str; 3] = ["--json", "realize", "host"];
    let upstream = Upstream::new();
    let drawing = site(&upstream.url());
    drawing.print(&["update"]);
    let new = Site::new();
    fs::remove_dir_all(new.path("recipes")).unwrap();
    fs::rename(drawing.recipes(), new.path("recipes")).unwrap();
    let wanted = entries(&new.again().well(&HOST));
    let ever = |errno: Errno| (-errno.raw_os_error()).to_string();
    for (classes, what) in [
        (ALL, "kill".to_owned()),
        (CHANGES, "both".to_owned()),
        (ALL, Errno::IO.raw_os_error().to_string()),
        ("cwrlm", ever(Errno::NOSPC)),
    ] {
        let Some(counted) = trip(&new.again(), classes, "count", 0, &HOST) else {
            return;
        };
        for n in calls(counted.calls) {
            let site = new.again();
            let tripped = trip(&site, classes, &what, n, &HOST).unwrap();
            let when = format!("{what} at {n}: {}", tripped.call);
            let told = format!("{}{}", tripped.said.out, tripped.said.err);
            assert!(!told.contains("panicked"), "{when}: {told}");
            let (code, number) = (tripped.said.code.unwrap(), what.parse::<i32>());
            assert!(
                number.is_err() || matches!(code, 0 | 1 | 4),
                "{when}: {code} {told}"
            );
            let named = tripped.names_its_place(&told, what.starts_with('-'));
            assert!(number.is_err() || code == 0 || named, "{when}: {told}");
            site.sound(&when);
            assert_eq!(entries(&site.well(&HOST)), wanted, "{when}");
            site.well(&["gc"]);
            site.sound(&when);
            site.swept(&when);
            let left = fs::read_dir(site.store().join("arriving"));
            assert_eq!(left.into_iter().flatten().count(), 0, "{when}");
        }
    }
}
