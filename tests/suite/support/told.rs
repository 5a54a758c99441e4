//! How thorough the suite is told to be, by variables of the environment; and what it tells of what it leaves out.

use std::fs::OpenOptions;
use std::io::Write;

/// A number that a variable holds; `all` is the largest.
#[expect(
    clippy::disallowed_methods,
    reason = "tests are told how much is wanted"
)]
pub fn number(variable: &str) -> Option<u64> {
    let told = std::env::var(variable).ok()?;
    Some(if told == "all" {
        u64::MAX
    } else {
        told.parse().unwrap()
    })
}

/// Says that something is not tested here, and why: aloud, and in the file that `$STORE_LEFT_OUT` names, if it does.
#[expect(
    clippy::disallowed_methods,
    reason = "whoever runs the suite collects what was left out"
)]
pub fn left_out(why: &str) {
    eprintln!("LEFT OUT: {why}");
    let Some(list) = std::env::var_os("STORE_LEFT_OUT") else {
        return;
    };
    let list = OpenOptions::new().append(true).open(list);
    list.unwrap()
        .write_all(format!("{why}\n").as_bytes())
        .unwrap();
}
