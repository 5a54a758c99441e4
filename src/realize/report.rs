//! What a realize did.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use crate::ids::{DerivationKey, EntryId, Name};
use crate::plan::Step;

/// A step as people call it: `unpack bash-5.2-1.x86_64`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StepName {
    pub kind: &'static str,
    pub subject: String,
}

impl StepName {
    pub(super) fn of(step: &Step) -> Self {
        StepName {
            kind: step.kind,
            subject: step.subject.clone(),
        }
    }
}

impl fmt::Display for StepName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.subject)
    }
}

/// How a step came to its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// It ran.
    Composed,
    /// Its bytes came from where a source has them.
    Fetched,
    /// It was known, and nothing below it ran.
    Reused,
    /// An input was remade, but to the content that it had: the cascade stopped here.
    CutOff,
    Failed,
    /// It was not run because something that it needs failed.
    Skipped,
}

impl How {
    /// Whether something was done for it.
    pub const fn ran(self) -> bool {
        matches!(self, How::Composed | How::Fetched)
    }

    pub const fn name(self) -> &'static str {
        match self {
            How::Composed => "composed",
            How::Fetched => "fetched",
            How::Reused => "reused",
            How::CutOff => "cut off",
            How::Failed => "failed",
            How::Skipped => "skipped",
        }
    }
}

/// What happened to one step, and why.
#[derive(Debug, Clone)]
pub struct StepReport {
    pub name: StepName,
    pub how: How,
    pub key: Option<DerivationKey>,
    pub seconds: f64,
    /// Of a step that ran, and empty where reasons were not asked for.
    pub why: String,
}

/// One artifact that was asked for.
#[derive(Debug, Clone)]
pub struct Artifact {
    pub name: Name,
    pub kind: &'static str,
    pub how: How,
    pub made: Option<Made>,
}

/// Where an artifact is, once it is there.
#[derive(Debug, Clone)]
pub struct Made {
    pub key: DerivationKey,
    pub entry: EntryId,
    pub path: Option<PathBuf>,
    pub generation: Option<u32>,
}

/// Everything that a realize did.
#[derive(Debug, Clone, Default)]
pub struct Report {
    pub artifacts: Vec<Artifact>,
    pub steps: Vec<StepReport>,
    pub failures: Vec<(StepName, String)>,
    /// Steps that were composed again and came out the same, where that was asked.
    pub checked: Option<usize>,
    pub seconds: f64,
    /// A step failed because something in the store is not what its name says.
    pub damage: bool,
    /// Places in `steps`.
    counted: BTreeMap<(StepName, Option<DerivationKey>), usize>,
}

impl Report {
    pub fn count(&self, how: How) -> usize {
        self.steps.iter().filter(|step| step.how == how).count()
    }

    /// Adds what one round did.
    ///
    /// A step that ran for planning is met again as known: it counts once, as what it was.
    /// One that was known at first, and run after all when its bytes were wanted, ran.
    pub(super) fn add<'s>(&mut self, steps: impl Iterator<Item = &'s StepReport>) {
        for step in steps {
            match self.counted.get(&(step.name.clone(), step.key)) {
                None => {
                    let place = self.steps.len();
                    self.counted.insert((step.name.clone(), step.key), place);
                    self.steps.push(step.clone());
                }
                Some(&place) => {
                    let before = &mut self.steps[place];
                    if step.how.ran() && !before.how.ran() {
                        *before = step.clone();
                    }
                }
            }
        }
    }
}
