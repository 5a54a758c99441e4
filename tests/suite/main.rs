//! The suite: one binary, so that the library is linked once.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "tests stop at the first surprise, and say what they left out"
)]

mod canonical;
mod modulemd;
mod recipe;
mod repodata;
mod rpm;
mod rpmdb;
mod solve;
mod solve_real;
#[allow(dead_code, reason = "some of it waits for its tests")]
mod support;
