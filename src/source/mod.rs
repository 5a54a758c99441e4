//! What is out there, what is locked, how is it fetched?

pub mod directory;
pub mod fetch;
pub mod keys;
pub mod lock;
pub mod moved;

pub use directory::{Found, list};
pub use keys::{Keys, KeysError};
pub use lock::{Lock, LockedPackage, LockedSource, Solved, SolvedPackage, Writing};
pub use moved::{Change, Moved, Of};
