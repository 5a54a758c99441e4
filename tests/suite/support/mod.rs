//! What the tests share.

pub mod fixtures;
pub use fixtures::fixtures;
