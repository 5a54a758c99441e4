//! What asks a program to end, as Ctrl-C does: the first time what runs comes to its end, the second time nothing does.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;

/// From now on a limit on the size of files (`ulimit -f`) is an error of who writes, and not the end without a word.
pub fn outlive_limits() {
    // Where that can't be had, all else can.
    let _ = flag::register(SIGXFSZ, Arc::default());
}

/// Whether this program was asked to end, and by which signal.
#[derive(Clone, Default)]
pub struct Stop {
    asked: Arc<AtomicBool>,
    signal: Arc<AtomicUsize>,
}

impl Stop {
    /// From now on this program is not killed by the first of these signals, but asked.
    pub fn listen() -> io::Result<Stop> {
        let stop = Stop::default();
        for signal in [SIGINT, SIGTERM] {
            // Before the flag is set, so that it sees whether it was set before.
            flag::register_conditional_shutdown(signal, 128 + signal, stop.asked.clone())?;
            flag::register_usize(signal, stop.signal.clone(), signal as usize)?;
            flag::register(signal, stop.asked.clone())?;
        }
        Ok(stop)
    }

    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// The number of the signal that asked, once one did.
    pub fn signal(&self) -> u8 {
        self.signal.load(Ordering::Relaxed) as u8
    }
}
