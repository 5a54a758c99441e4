//! How do artifacts hang together?
//!
//! What was composed is read from records: entry manifests, trees and traces.
//! They stay when the bytes are collected, so a compose of last year can be compared with today's.
//! What is to be composed is judged by its recipes, and by what their modules hold: [`lint()`].

pub mod called;
pub mod closure;
pub mod diff;
pub mod lint;
pub mod records;
pub mod size;
pub mod subject;

pub use called::Called;
pub use closure::Closure;
pub use diff::{Diff, diff};
pub use lint::{Finding, Severity, lint};
pub use records::{Error, Records};
pub use size::Size;
