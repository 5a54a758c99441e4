//! How a command ends: the exit codes, and which error has which.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::process::ExitCode;

use crate::relate::subject;
use crate::{plan, realize, recipe, relate, source, store};

/// The table that `--help` repeats.
pub const TABLE: &str = "\
Exit codes:
  0   done
  1   a compose or a check failed
  2   wrong usage, or an error in a recipe
  3   not found
  4   the store is damaged
  5   busy: another process is at it
  70  internal error
  130, 143  stopped by an interrupt (Ctrl-C) or told to end

Environment:
  STORE_DIR  the store, where --store is not given";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Done,
    Failed,
    Usage,
    NotFound,
    Damaged,
    Busy,
    Internal,
    /// By this signal.
    Stopped(u8),
}

impl Exit {
    pub const fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::NotFound => 3,
            Exit::Damaged => 4,
            Exit::Busy => 5,
            Exit::Internal => 70,
            // As shells say that a signal ended a program.
            Exit::Stopped(signal) => 128 + signal,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// An error on its way out of the program.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    pub error: Box<dyn Error>,
    pub hint: Option<String>,
}

impl Failure {
    pub fn new(exit: Exit, error: impl Into<Box<dyn Error>>) -> Self {
        Failure {
            exit,
            error: error.into(),
            hint: None,
        }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The table of the errors: which part of the program says it, and what it means to a caller.
macro_rules! failures {
    ($($error:ty => $exit:expr;)*) => {
        $(
            impl From<$error> for Failure {
                fn from(error: $error) -> Self {
                    let exit: fn(&$error) -> Exit = $exit;
                    Failure::new(exit(&error), error)
                }
            }
        )*
    };
}

failures! {
    recipe::Error => of_recipes;
    recipe::Problems => of_problems;
    source::lock::Error => of_lock;
    store::Error => of_store;
    realize::Error => of_realize;
    relate::Error => of_relate;
    subject::Error => of_subject;
}

/// What the device does is told before what people did: with that they may have to do nothing.
fn of_problems(problems: &recipe::Problems) -> Exit {
    let exits = problems.by_system().map(of_file);
    let failed = |exit: &Exit| matches!(exit, Exit::Failed);
    exits.into_iter().find(failed).unwrap_or(Exit::Usage)
}

fn of_recipes(error: &recipe::Error) -> Exit {
    let failed = match error {
        recipe::Error::Problems(problems) => return of_problems(problems),
        recipe::Error::List { source, .. } => source.io_error().map(io::Error::kind),
        recipe::Error::Read { source, .. } => Some(source.kind()),
        _ => None,
    };
    failed.map_or(Exit::Usage, of_file)
}

fn of_lock(error: &source::lock::Error) -> Exit {
    match error {
        source::lock::Error::Read { source, .. } => of_file(source.kind()),
        source::lock::Error::Write { .. } => Exit::Failed,
        _ => Exit::Usage,
    }
}

/// Of files that people write: what is wrong with them, or with the device that they are on.
fn of_file(kind: ErrorKind) -> Exit {
    match kind {
        ErrorKind::NotFound
        | ErrorKind::PermissionDenied
        | ErrorKind::InvalidData
        | ErrorKind::IsADirectory => Exit::Usage,
        _ => Exit::Failed,
    }
}

fn of_store(error: &store::Error) -> Exit {
    match error {
        store::Error::Busy { .. } => Exit::Busy,
        error if error.is_damage() => Exit::Damaged,
        error if error.is_missing() => Exit::NotFound,
        store::Error::NotAPrefix { .. }
        | store::Error::Ambiguous { .. }
        | store::Error::NotADirectory { .. }
        | store::Error::LinkToNothing { .. }
        | store::Error::Occupied { .. } => Exit::Usage,
        _ => Exit::Failed,
    }
}

fn of_realize(error: &realize::Error) -> Exit {
    match error {
        realize::Error::Plan(error) => match **error {
            plan::Error::UnknownArtifact { .. } => Exit::NotFound,
            _ => Exit::Usage,
        },
        realize::Error::NoSource { .. } => Exit::NotFound,
        realize::Error::NotLocked { .. } | realize::Error::Keys { .. } => Exit::Usage,
        realize::Error::Source { source, .. } if source.is_missing() => Exit::NotFound,
        realize::Error::Unnamable { .. } => Exit::Usage,
        realize::Error::Unreadable { source, .. }
            if source.kind() == std::io::ErrorKind::NotFound =>
        {
            Exit::NotFound
        }
        realize::Error::Store(error) => of_store(error),
        _ => Exit::Failed,
    }
}

fn of_relate(error: &relate::Error) -> Exit {
    match error {
        relate::Error::Store(error) => of_store(error),
        _ => Exit::Failed,
    }
}

fn of_subject(error: &subject::Error) -> Exit {
    match error {
        subject::Error::Store(error) => of_store(error),
        subject::Error::Unknown { .. } | subject::Error::NoGeneration { .. } => Exit::NotFound,
        subject::Error::Several { .. } => Exit::Usage,
    }
}
