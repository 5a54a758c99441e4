//! Dying on purpose, for tests of what a killed process leaves behind.
//!
//! `STORE_FAULT=POINT` or `STORE_FAULT=POINT:N` kills this process, as SIGKILL does,
//! when it comes to that point of the store (for the Nth time).
//! `STORE_FAULT=POINT:N:stop` stops it there, until somebody lets it go on.
//! Several are separated by commas.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Signal, getpid, kill_process};

use crate::store::fault;

/// What happens at a point when it is come to for the `count`th time.
struct Fault {
    point: String,
    count: u64,
    signal: Signal,
    seen: AtomicU64,
}

static FAULTS: OnceLock<Vec<Fault>> = OnceLock::new();

/// Reads the environment; does nothing where nobody asks for a fault.
#[expect(
    clippy::disallowed_methods,
    reason = "tests say by the environment where to die"
)]
pub fn arm() {
    let Ok(wanted) = std::env::var("STORE_FAULT") else {
        return;
    };
    if FAULTS
        .set(wanted.split(',').map(Fault::parse).collect())
        .is_ok()
    {
        fault::set(reached);
    }
}

impl Fault {
    fn parse(text: &str) -> Self {
        let mut words = text.split(':');
        Fault {
            point: words.next().unwrap_or_default().to_owned(),
            count: words.next().and_then(|n| n.parse().ok()).unwrap_or(1),
            signal: match words.next() {
                Some("stop") => Signal::STOP,
                _ => Signal::KILL,
            },
            seen: AtomicU64::new(0),
        }
    }
}

fn reached(point: &str) {
    for fault in FAULTS.get().into_iter().flatten() {
        if point == fault.point && fault.seen.fetch_add(1, Ordering::SeqCst) + 1 == fault.count {
            let _ = kill_process(getpid(), fault.signal);
        }
    }
}
