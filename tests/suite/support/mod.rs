//! What the tests share.

pub mod fixtures;
pub mod judge;
pub mod primary;
pub mod records;
pub mod shelf;
pub mod testcase;
pub use fixtures::fixtures;
