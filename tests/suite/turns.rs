//! A collector and a realize take turns at one store: each stops at points of its own, while the other goes on.
//!
//! What was missed before needed a collector that stopped twice, and a realize that came to its end in between;
//! so every way is a game in which one goes on, then the other, then the first, then the other to its end.
//! Some games are played; with `STORE_TURNS=N` about so many, with `STORE_TURNS=all` every one: some 15,000.

use std::process::Child;
use std::time::{Duration, Instant};

use rayon::prelude::*;
use store::store::fault;

use crate::support::site::{REALIZE, Said, Site, entries, go_on};
use crate::support::told;

const COLLECT: [&str; 3] = ["gc", "--keep-last", "1"];

/// Games that are played unless somebody wants more.
const USUAL: u64 = 24;

/// One begins and goes on for so many stops, then the other one, then the first again; then both come to their ends,
/// the second one before the first.
#[derive(Debug, Clone, Copy)]
struct Game {
    setup: usize,
    first: usize,
    stops: [usize; 3],
}

/// Every game, of processes with so many stops: those of a collector, and by setup those of who writes.
fn games(collecting: usize, writing: [usize; 3]) -> Vec<Game> {
    let mut games = Vec::new();
    for (setup, writing) in writing.into_iter().enumerate() {
        for (first, begins, other) in [(0, collecting, writing), (1, writing, collecting)] {
            for (before, between) in
                (1..begins).flat_map(|one| (1..=other).map(move |two| (one, two)))
            {
                let games_of = (1..=begins - before).map(|after| Game {
                    setup,
                    first,
                    stops: [before, between, after],
                });
                games.extend(games_of);
            }
        }
    }
    games
}

/// Where a process stops, a collector or one that writes: at each point when it comes there first,
/// at some a second time, and where there are many, once in their midst.
fn stops(of_gc: bool) -> String {
    let points = fault::POINTS.iter().copied();
    let points = points.filter(|point| point.starts_with("gc.") == of_gc);
    let often = |point: &str| match point {
        "gc.looking" => 2,
        _ if of_gc && point != "gc.unlinking" => 1,
        "batch.placing" | "gc.unlinking" | "view.written" => 3,
        _ => 2,
    };
    let stops = points.flat_map(|point| {
        let times = &[1, 2, 5][..often(point)];
        times.iter().map(move |n| format!("{point}:{n}:stop"))
    });
    stops.collect::<Vec<_>>().join(",")
}

/// Where a turn of a process came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Stopped,
    /// For the other one: it takes no time any more.
    Waits,
    Ended,
}

/// The state of a process, and the time that it has taken.
fn state(child: &Child) -> (char, Vec<String>) {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
    let rest = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let words = rest.split(' ').map(str::to_owned);
    let state = rest.chars().next().unwrap_or('?');
    (state, words.skip(11).take(2).collect())
}

/// Lets a process go on.
fn turn(child: &mut Child) -> Turn {
    if child.try_wait().unwrap().is_some() {
        return Turn::Ended;
    }
    go_on(child);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(2));
        if child.try_wait().unwrap().is_some() {
            return Turn::Ended;
        }
        let before = state(child);
        match before.0 {
            'T' => return Turn::Stopped,
            'S' => {
                std::thread::sleep(Duration::from_millis(60));
                if state(child) == before {
                    return Turn::Waits;
                }
            }
            _ => {}
        }
    }
    panic!("it neither stops nor waits nor ends");
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
    let setups = [there, condemned, gone];
    let stops = [stops(true), stops(false)];
    let all = games(14, [10, 10, 36]);
    let some = told::number("STORE_TURNS").unwrap_or(USUAL);
    let step = (all.len() as u64 / some).max(1) as usize;
    // From the middle of each stretch: the first games are the tamest.
    let games: Vec<Game> = all.into_iter().skip(step / 2).step_by(step).collect();
    games.into_par_iter().for_each(|game| {
        let when = format!("{game:?}");
        let site = setups[game.setup].again();
        let commands: [&[&str]; 2] = [&COLLECT, &REALIZE];
        let mut children: [Option<Child>; 2] = [None, None];
        let mut goes_on = |which: usize| {
            let begin = || site.faulty(commands[which], &stops[which]);
            turn(children[which].get_or_insert_with(begin))
        };
        let (first, second) = (game.first, 1 - game.first);
        for (which, stops) in [first, second, first].into_iter().zip(game.stops) {
            // Who waits has no more to do until the other one went on.
            (0..stops).all(|_| goes_on(which) == Turn::Stopped);
        }
        let mut waits = 0;
        loop {
            match goes_on(second) {
                Turn::Stopped => {}
                Turn::Waits => {
                    waits += 1;
                    assert!(waits < 500, "{when}: both wait for each other");
                    goes_on(first);
                }
                Turn::Ended => break,
            }
        }
        while goes_on(first) != Turn::Ended {}
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
    });
}
