//! How thorough the suite is told to be, by variables of the environment.

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
