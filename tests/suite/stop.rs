//! A realize that is asked to end keeps what it did, and says how it ended.

use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use store::realize::{Error, How, Observer, Options, Silent, StepName, realize};
use store::recipe::Recipes;
use store::store::Store;

use super::cards;
use super::support::bench::Bench;
use super::support::site::{REALIZE, Site, go_on, stopped};

/// Asks to end once so many steps ran.
struct Impatient {
    ran: AtomicUsize,
    most: usize,
}

impl Observer for Impatient {
    fn finished(&self, _: &StepName, how: How, _: Duration, _: &[String]) {
        self.ran
            .fetch_add(usize::from(how.ran()), Ordering::Relaxed);
    }

    fn is_stopped(&self) -> bool {
        self.ran.load(Ordering::Relaxed) >= self.most
    }
}

#[test]
fn what_ended_before_is_kept_and_nothing_is_begun() {
    let bench = Bench::shipped();
    let recipes = Recipes::load(&bench.recipes()).unwrap();
    let names = ["atomic-host".parse().unwrap()];
    let options = Options {
        jobs: 1,
        ..Options::default()
    };
    let whole = Store::create(&bench.path().join("whole")).unwrap();
    let whole = realize(&whole, &recipes, None, &names, &options, &Silent).unwrap();
    let all = whole.count(How::Composed);

    let store = Store::create(&bench.store()).unwrap();
    let mut ran = 0;
    // Asked again and again it comes to its end all the same.
    for _ in 0..all {
        let impatient = Impatient {
            ran: AtomicUsize::new(0),
            most: 5,
        };
        let result = realize(&store, &recipes, None, &names, &options, &impatient);
        let now = impatient.ran.into_inner();
        ran += now;
        let Ok(report) = result else {
            assert!(matches!(result, Err(Error::Stopped)), "{result:?}");
            assert_eq!(now, 5);
            assert!(bench.run(&["roots"]).works().out.is_empty());
            bench.print(&["verify", "--full"]);
            continue;
        };
        let made = |report: &store::realize::Report| report.artifacts[0].made.clone().unwrap();
        assert_eq!(made(&report).entry, made(&whole).entry);
        assert_eq!(ran, all, "some ran twice");
        return;
    }
    panic!("it never ends");
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// Realizes an edition of a directory's packages, and sends signals when they are read and nothing is composed yet.
///
/// Which of its threads takes a signal, and when, is for the system to say: it is done again until one came in time.
fn interrupted(signals: &[Signal], in_time: impl Fn(i32, &str) -> bool) -> Bench {
    for _ in 0..50 {
        let bench = cards::bench();
        let mut command = bench.command();
        command
            .args(["realize", "edition"])
            .env("STORE_FAULT", "batch.before-sync:1:stop")
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        assert!(stopped(&mut child));
        signals.iter().for_each(|&signal| send(&child, signal));
        go_on(&child);
        let said = child.wait_with_output().unwrap();
        let told = String::from_utf8(said.stderr).unwrap();
        let code = said.status.code();
        bench.print(&["verify", "--full"]);
        if in_time(code.expect("no signal kills it"), &told) {
            return bench;
        }
    }
    panic!("no signal came in time");
}

const KEPT: &str = "what had come to its end is kept";

#[test]
fn a_signal_ends_it_as_shells_say_and_what_it_learnt_by_then_is_kept() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let bench = interrupted(&[signal], |ended, told| {
            assert_eq!(ended == code, told.contains(KEPT), "{ended}: {told}");
            assert!(ended == code || ended == 0, "{ended}: {told}");
            ended == code
        });
        // An import of each of the three packages, and nothing that was composed of them.
        assert_eq!(cards::ask(&bench, "select count(*) from trace"), 3);
        bench.realize(&["edition"]);
    }
}

#[test]
fn who_asks_twice_does_not_wait() {
    let bench = interrupted(&[Signal::INT, Signal::TERM], |ended, told| {
        assert!([0, 130, 143].contains(&ended), "{ended}: {told}");
        ended != 0 && !told.contains(KEPT)
    });
    bench.realize(&["edition"]);
}

#[test]
fn where_nothing_is_left_to_begin_it_ends_as_if_nobody_had_asked() {
    let site = Site::new();
    let mut late = site.faulty(&REALIZE, "view.built:1:stop");
    assert!(stopped(&mut late));
    send(&late, Signal::INT);
    go_on(&late);
    assert!(late.wait().unwrap().success());
}
