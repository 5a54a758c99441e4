//! Makes what `scripts/bench` measures on: packages, outputs, stores.
//!
//! All of it is a function of its arguments: two machines measure on the same bytes.

#![expect(clippy::print_stderr, reason = "a program of its own")]

mod deb;
mod debian;
mod files;
mod graph;
mod outputs;
mod packages;
mod stores;

use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "\
usage: make packages DIR COUNT [CHANGED]   RPMs; the first CHANGED of them in another version
       make debian DIR DEBS                RPMs, of the packages of Debian in a directory
       make files DIR COUNT SIZE           files, in ten directories
       make outputs DIR COUNT              directories of one file each
       make dead STORE COUNT               a store of as many entries, that nothing keeps
       make graph STORE COUNT              the index of a store of as many entries, with ten edges each";

fn main() -> ExitCode {
    // `cargo bench` runs it with an argument of its own, and has nothing to measure here.
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    if arguments.is_empty() {
        return ExitCode::SUCCESS;
    }
    match run(&arguments) {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(error)) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
        None => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

type Made = Result<(), Box<dyn std::error::Error>>;

/// Nothing for arguments that mean nothing.
fn run(arguments: &[String]) -> Option<Made> {
    let (what, rest) = arguments.split_first()?;
    let (at, numbers) = rest.split_first()?;
    let at = Path::new(at);
    if let ("debian", [debs]) = (what.as_str(), numbers) {
        return Some(debian::make(at, Path::new(debs)));
    }
    let numbers: Vec<usize> = numbers
        .iter()
        .map(|number| number.parse().ok())
        .collect::<Option<_>>()?;
    Some(match (what.as_str(), numbers.as_slice()) {
        ("packages", [count]) => packages::make(at, *count, 0),
        ("packages", [count, changed]) => packages::make(at, *count, *changed),
        ("files", [count, size]) => files::make(at, *count, *size),
        ("graph", [count]) => graph::make(at, *count),
        ("outputs", [count]) => outputs::make(at, *count),
        ("dead", [count]) => stores::dead(at, *count),
        _ => return None,
    })
}
