//! A collector and a realize take turns at one store: each stops at points of its own, while the other goes on.
//!
//! Which points, and who begins, chance says, always the same one; with `STORE_TURNS=N` it says so N times.

use std::process::Child;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rayon::prelude::*;
use store::store::fault;

use crate::support::site::{REALIZE, Said, Site, entries, go_on};
use crate::support::told;

const COLLECT: [&str; 3] = ["gc", "--keep-last", "1"];

/// Games that are played unless somebody wants more.
const USUAL: u64 = 24;

/// Numbers that look like chance, the same ones for the same game.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    /// Two different places where a process stops.
    fn stops(&mut self, places: &[String]) -> String {
        let first = self.below(places.len());
        let second = (first + 1 + self.below(places.len() - 1)) % places.len();
        [first, second]
            .map(|place| format!("{}:stop", places[place]))
            .join(",")
    }
}

/// The points that a process passes, of a collector or of who writes, each with how often it had passed it before:
/// the first time, a second time, and one in the midst of many.
fn places(of_gc: bool) -> Vec<String> {
    let points = fault::POINTS.iter().copied();
    let points = points.filter(|point| point.starts_with("gc.") == of_gc);
    let often = |point: &str| match point {
        "gc.looking" => 2,
        _ if of_gc && point != "gc.unlinking" => 1,
        "batch.placing" | "gc.unlinking" | "view.written" => 3,
        _ => 2,
    };
    let places = points.flat_map(|point| {
        [1, 2, 5][..often(point)]
            .iter()
            .map(move |n| format!("{point}:{n}"))
    });
    places.collect()
}

/// Whether a process stopped itself, or waits for another one: it takes no time any more.
fn rests(child: &Child) -> bool {
    let stat = |_| {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id()));
        let stat = stat.unwrap_or_default();
        let rest = stat.rsplit_once(") ").map(|(_, rest)| rest.to_owned());
        let words: Vec<String> = rest
            .unwrap_or_default()
            .split(' ')
            .map(str::to_owned)
            .collect();
        (words.first().cloned(), words.get(11..13).map(<[_]>::to_vec))
    };
    let before = stat(());
    if before.0.as_deref() == Some("T") {
        return true;
    }
    std::thread::sleep(Duration::from_millis(60));
    before.0.as_deref() == Some("S") && stat(()) == before
}

/// Lets a process go on until it stops, waits or ends; says whether it ended.
fn turn(child: &mut Child) -> bool {
    if child.try_wait().unwrap().is_some() {
        return true;
    }
    go_on(child);
    std::thread::sleep(Duration::from_millis(2));
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(60) {
        if child.try_wait().unwrap().is_some() {
            return true;
        }
        if rests(child) {
            return false;
        }
    }
    panic!("it neither rests nor ends");
}

#[test]
fn a_collector_and_a_realize_that_take_turns_harm_nothing() {
    // The generation before the newest is what is realized next: it is all there, it is condemned, or it is gone.
    let there = Site::used();
    there.revert();
    let condemned = there.again();
    assert!(condemned.killed(&COLLECT, "gc.condemned"));
    let gone = there.again();
    gone.well(&COLLECT);
    let wanted = there.again().realize();
    let (collecting, realizing) = (places(true), places(false));
    let games = told::number("STORE_TURNS").unwrap_or(USUAL);
    let played = AtomicU64::new(0);
    (0..games).into_par_iter().for_each(|game| {
        let mut chance = Chance(game.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let place = chance.below(3);
        let site = [&there, &condemned, &gone][place].again();
        let stops = [chance.stops(&collecting), chance.stops(&realizing)];
        let first = chance.below(2);
        let when = format!("game {game}: setup {place}, {stops:?}, {first} first");
        let commands: [&[&str]; 2] = [&COLLECT, &REALIZE];
        let begin = |which: usize| site.faulty(commands[which], &stops[which]);
        let mut children: [Option<Child>; 2] = [None, None];
        let mut open = [true, true];
        // Each of them takes turns until it has ended.
        for which in (0..).map(|turn: usize| (first + turn) % 2) {
            let child = children[which].get_or_insert_with(|| begin(which));
            open[which] = !turn(child);
            if open == [false, false] {
                break;
            }
        }
        let [gc, realize] = children.map(|child| child.unwrap().wait_with_output().unwrap());
        let said = Said::of(&COLLECT, gc);
        assert_eq!(said.code, Some(0), "{when}: {said:#?}");
        let said = Said::of(&REALIZE, realize);
        assert_eq!(said.code, Some(0), "{when}: {said:#?}");
        assert_eq!(entries(&said.out), wanted, "{when}");
        site.sound(&when);
        site.well(&COLLECT);
        site.sound(&when);
        site.swept(&when);
        played.fetch_add(1, Ordering::Relaxed);
    });
    assert_eq!(played.into_inner(), games);
}
