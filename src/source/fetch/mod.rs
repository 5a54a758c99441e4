//! Fetching from mirrors that fail, stall and lie.
//!
//! ```text
//! Remote ─(mirror list, metalink)→ Mirrors ─→ repomd.xml ─→ its files, by digest
//!                                          ─→ packages, by digest, many at once
//! ```
//!
//! Nothing is believed but a digest that was known before.
//! Whatever else happens on the way is an attempt that failed, and the next mirror is asked.

mod client;
mod download;
mod error;
mod metalink;
mod mirrors;
mod partial;
mod pool;
mod remote;
mod slots;
mod url;
mod xml;

pub use client::{Client, Network, Patience};
pub use download::{Event, Fetched, Fetcher, Persistence, Wanted};
pub use error::{Attempt, Attempts, Error, Failure};
pub use metalink::Metalink;
pub use mirrors::Mirrors;
pub use pool::{Job, OnError};
pub use remote::{Demand, Judge, Remote, Repository};
pub use url::{InvalidUrl, Scheme, Url};
