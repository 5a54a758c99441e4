//! Is what was made made the same again? Every step is composed once more, of the same inputs, and nothing of it is kept.

use std::collections::BTreeSet;
use std::io::Read;
use std::time::Duration;

use super::engine::Engine;
use super::error::Error;
use super::forecast;
use super::outside;
use super::report::How;
use super::schedule::{self, Ended};
use super::workspace::Parts;
use crate::ids::{BlobId, EntryId};
use crate::plan::StepId;
use crate::store::{Batch, Entry};
use crate::tree::{Difference, difference};

/// So many bytes are compared at once.
const BUFFER: usize = 64 * 1024;

impl Engine<'_> {
    /// Composes all that some goals stand on again, but what is only fetched; says how many steps came out the same.
    pub fn check(&self, goals: &BTreeSet<StepId>) -> Result<usize, Error> {
        let wanted = self.plan.upstream(goals);
        let is_composed = |step: &StepId| !outside::KINDS.contains(&self.plan.steps[*step].kind);
        let steps: Vec<StepId> = wanted.iter().copied().filter(is_composed).collect();
        let to_do = steps.iter().copied().collect();
        let expected = forecast::expected(self.store, self.plan, &to_do)?;
        self.course
            .set(self.plan, (&wanted, &to_do), &expected, self.jobs, false);
        self.observer.planned(steps.len());
        let (batch, parts) = (self.batch.beside()?, Parts::default());
        let alone = vec![BTreeSet::new(); steps.len()];
        let ended = schedule::run(&alone, self.jobs, true, self.stop(), |place| {
            let step = steps[place];
            self.begin(step);
            match self.check_step(step, (&batch, &parts)) {
                Ok(()) => {
                    self.course.end(step);
                    let name = self.name(step);
                    self.observer
                        .finished(&name, How::Reused, Duration::ZERO, &[]);
                    true
                }
                Err(error) => self.fail(step, error),
            }
        });
        // Inputs may have been made anew for it.
        self.commit(true)?;
        match ended.contains(&Ended::Skipped) {
            true => Err(Error::Stopped),
            false => Ok(ended.iter().filter(|ended| **ended == Ended::Well).count()),
        }
    }

    fn check_step(&self, step: StepId, again: (&Batch, &Parts)) -> Result<(), Error> {
        self.gather(step)?;
        let derivation = self.plan.steps[step]
            .derivation(|from| self.entry(from))
            .expect("all that was wanted is known");
        let (trace, entries) = self.composed(step, &derivation, again)?;
        let outcome = self.outcome(step).expect("all that was wanted is known");
        let differs = |difference: String| Error::Differs {
            step: self.name(step).to_string(),
            difference,
        };
        for (role, entry) in &entries {
            match outcome.outputs.get(role) {
                Some(&old) if old == entry.id() => {}
                Some(&old) => return Err(differs(self.difference(old, entry, again.0)?)),
                None => return Err(differs(format!("there is an output {role}"))),
            }
        }
        if trace.outputs != outcome.outputs || trace.facts != outcome.facts {
            return Err(differs("other things are recorded of it".to_owned()));
        }
        Ok(())
    }

    /// The first thing in which what came out now differs from what came out before.
    fn difference(&self, old: EntryId, new: &Entry, batch: &Batch) -> Result<String, Error> {
        let read = |id| batch.read_directory(id).map(|found| (*found).clone());
        let old = self.store.entry(old)?;
        let Some((path, difference)) = difference::first([old.root, new.root], &read)? else {
            return Ok("its hard links, references or media differ".to_owned());
        };
        let mut text = format!("{path} {difference}");
        if let Difference::Bytes(blobs) = difference
            && let Some(at) = self.apart(blobs)
        {
            text.push_str(&format!(", from byte {at} on"));
        }
        Ok(text)
    }

    /// Where two blobs begin to differ, if both can be read.
    fn apart(&self, blobs: [BlobId; 2]) -> Option<u64> {
        let [mut old, mut new] = blobs.map(|blob| self.store.read(blob, 0, None).ok());
        let (old, new) = (old.as_mut()?, new.as_mut()?);
        let (mut a, mut b) = (vec![0; BUFFER], vec![0; BUFFER]);
        let mut at = 0;
        loop {
            let read = |from: &mut dyn Read, into: &mut Vec<u8>| {
                into.resize(BUFFER, 0);
                let mut part = from.take(BUFFER as u64);
                into.clear();
                part.read_to_end(into).ok()
            };
            let lengths = [read(old, &mut a)?, read(new, &mut b)?];
            match a.iter().zip(&b).position(|(a, b)| a != b) {
                Some(place) => return Some(at + place as u64),
                None if lengths[0] != lengths[1] || lengths[0] == 0 => {
                    return Some(at + *lengths.iter().min()? as u64);
                }
                None => at += lengths[0] as u64,
            }
        }
    }
}
