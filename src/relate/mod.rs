//! How do artifacts hang together?
//!
//! Everything here is read from records: entry manifests, trees and traces.
//! They stay when the bytes are collected, so a compose of last year can be compared with today's.

pub mod closure;
pub mod diff;
pub mod records;
pub mod size;
pub mod subject;

pub use closure::Closure;
pub use diff::{Diff, diff};
pub use records::{Error, Records};
pub use size::Size;
