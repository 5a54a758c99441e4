//! Users and groups of a system as its files define them: `passwd`, `group`, and the `sysusers.d` lines that add to them.
//!
//! ```text
//! sysusers.d lines ──▶ Request ┐
//! passwd, group    ──▶ Database ┴──▶ allocate ──▶ Created ──▶ lines appended to passwd, group, shadow, gshadow
//! ```

pub mod allocate;
pub mod append;
pub mod passwd;
pub mod sysusers;

pub use allocate::{Created, NewGroup, NewUser, PathOwners, allocate};
pub use passwd::Database;
pub use sysusers::{Account, Request};
