//! Steps that another process makes too: one makes each, and the others wait for it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use super::engine::Engine;
use super::error::Error;
use super::report::How;
use crate::ids::DerivationKey;
use crate::plan::{Derivation, StepId};
use crate::store::{Claim, Claimed};

/// Each is an open file, of which a process may have a thousand.
const MOST: usize = 64;

/// So often those who wait are answered, and what they wait for is made durable: not for each step alone.
const ANSWER: Duration = Duration::from_millis(250);

/// So often somebody who waits looks.
const LOOK: Duration = Duration::from_millis(20);

/// The steps that this process makes, or made and has not committed yet.
#[derive(Default)]
pub(super) struct Claims {
    held: Mutex<BTreeMap<StepId, Held>>,
    /// Somebody does not answer; nobody is waited for any more.
    is_alone: AtomicBool,
}

struct Held {
    claim: Claim,
    ended: bool,
}

impl Claims {
    fn held(&self) -> std::sync::MutexGuard<'_, BTreeMap<StepId, Held>> {
        self.held
            .lock()
            .expect("no thread panics while it notes a claim")
    }

    /// A step came to its end: others can have it once it is committed, or make it now if it failed.
    pub fn end(&self, step: StepId, well: bool) {
        let mut held = self.held();
        match held.get_mut(&step) {
            Some(held) if well => held.ended = true,
            _ => drop(held.remove(&step)),
        }
    }

    /// Those that ended, to be dropped when they are committed.
    pub fn ended(&self) -> Vec<Claim> {
        let mut held = self.held();
        let ended = held.extract_if(.., |_, held| held.ended);
        ended.map(|(_, held)| held.claim).collect()
    }

    /// Answers who waits; says whether somebody waits for what ended.
    fn answer(&self) -> bool {
        let held = self.held();
        let waiting = held.values().filter(|held| held.claim.answer());
        // Each is answered, so none is left out.
        waiting.fold(false, |any, held| any | held.ended)
    }
}

/// Has [`Engine::attend`] end when this is dropped, also by a panic.
pub(super) struct Attended<'a> {
    pub over: &'a AtomicBool,
    pub attending: Thread,
}

impl Drop for Attended<'_> {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        self.attending.unpark();
    }
}

impl Engine<'_> {
    /// Answers those who wait for what is made here, until that is over; and ends what is on its way, once that is asked.
    pub(super) fn attend(&self, over: &AtomicBool) -> Result<(), Error> {
        while !over.load(Ordering::Acquire) {
            if self.observer.is_stopped() {
                self.outside.stop();
            }
            if self.claims.answer() {
                self.commit(true)?;
            }
            thread::park_timeout(ANSWER);
        }
        Ok(())
    }

    /// Has this process make a step; `false` if another one has made it by now, and its bytes are here.
    pub(super) fn claim(&self, step: StepId, derivation: &Derivation) -> Result<bool, Error> {
        let Some(key) = self.state(step).key else {
            return Ok(true);
        };
        let mut told = false;
        loop {
            if self.claims.is_alone.load(Ordering::Relaxed) || self.claims.held().len() >= MOST {
                return Ok(true);
            }
            let mut waiting = match self.store.claim(key) {
                Claimed::Nobodys => return Ok(true),
                // Somebody may have made it since this process looked.
                Claimed::Ours(_) if self.is_made(step, (key, derivation))? => return Ok(false),
                Claimed::Ours(claim) => {
                    let held = Held {
                        claim,
                        ended: false,
                    };
                    self.claims.held().insert(step, held);
                    return Ok(true);
                }
                Claimed::Theirs(waiting) => waiting,
            };
            if !told {
                // What was made here is perhaps what they wait for.
                self.commit(true)?;
                self.observer.waiting(&self.name(step));
                told = true;
            }
            while !waiting.is_over()? {
                if self.observer.is_stopped() {
                    return Err(Error::Stopped);
                }
                if !waiting.ask() {
                    if !self.claims.is_alone.swap(true, Ordering::Relaxed) {
                        let step = self.name(step);
                        self.observer.warning(&format!(
                            "who makes {step} does not answer, and may be stopped; going on without waiting"
                        ));
                    }
                    return Ok(true);
                }
                thread::sleep(LOOK);
            }
            if self.is_made(step, (key, derivation))? {
                return Ok(false);
            }
        }
    }

    /// Whether the outcome of a step, or its bytes, came into the store since they were found missing.
    fn is_made(
        &self,
        step: StepId,
        (key, derivation): (DerivationKey, &Derivation),
    ) -> Result<bool, Error> {
        let known = match self.outputs(step) {
            Some(outputs) => outputs,
            None => {
                // Nearly always there is none, and the derivation may name ten thousand packages.
                if self.store.traces_of(&[key])?.concat().is_empty() {
                    return Ok(false);
                }
                let Some(outcome) = self.facts.known_outcome(derivation)? else {
                    return Ok(false);
                };
                self.hold(&outcome)?;
                let outputs = outcome.outputs.clone();
                let mut state = self.state(step);
                state.outcome = Some(Cow::Owned(outcome));
                state.how = Some(How::Reused);
                outputs
            }
        };
        let outputs: Vec<_> = known.into_values().collect();
        Ok(self.missing(&outputs)?.is_empty())
    }
}
