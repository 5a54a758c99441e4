//! Dying on purpose, for tests of what a killed process leaves behind.
//!
//! `STORE_FAULT=POINT` or `STORE_FAULT=POINT:N` kills this process, as SIGKILL does,
//! when it comes to that point of the store (for the Nth time).
//! `STORE_FAULT=POINT:N:stop` stops it there, until somebody lets it go on.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Signal, getpid, kill_process};

use crate::store::fault;

static WHERE: OnceLock<(String, u64, Signal)> = OnceLock::new();
static SEEN: AtomicU64 = AtomicU64::new(0);

/// Reads the environment; does nothing where nobody asks for a fault.
#[expect(
    clippy::disallowed_methods,
    reason = "tests say by the environment where to die"
)]
pub fn arm() {
    let Ok(wanted) = std::env::var("STORE_FAULT") else {
        return;
    };
    let mut words = wanted.split(':');
    let point = words.next().unwrap_or_default().to_owned();
    let count = words.next().and_then(|n| n.parse().ok()).unwrap_or(1);
    let signal = match words.next() {
        Some("stop") => Signal::STOP,
        _ => Signal::KILL,
    };
    if WHERE.set((point, count, signal)).is_ok() {
        fault::set(reached);
    }
}

fn reached(point: &str) {
    let Some((wanted, count, signal)) = WHERE.get() else {
        return;
    };
    if point == wanted && SEEN.fetch_add(1, Ordering::SeqCst) + 1 == *count {
        let _ = kill_process(getpid(), *signal);
    }
}
