//! The binary: see `cli`, when it is there.

fn main() {}
