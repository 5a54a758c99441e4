//! Why a package is in an artifact: the way from it back to what was asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::solve::{Question, Reason, Solution};
use crate::ids::Nevra;

/// What brought a package in: of several things the one that is nearest to what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    Asked {
        /// As it was written.
        request: String,
        /// Where, if not in `install` itself: `@base-runtime/host`.
        origin: Option<String>,
    },
    Required {
        by: Nevra,
        requirement: String,
    },
    Recommended {
        by: Nevra,
        requirement: String,
    },
    /// It supplements what is there.
    Supplements,
}

/// Of every package of an artifact what brought it in.
#[derive(Debug, Clone, Default)]
pub struct Whys(BTreeMap<Nevra, Why>);

impl Whys {
    pub(super) fn of(question: &Question, solution: &Solution) -> Self {
        let nevra = |place: &usize| question.packages[*place].solvable.nevra.clone();
        let why = |reason: &Reason| match reason {
            Reason::Asked { request } => {
                let request = &question.install[*request];
                Why::Asked {
                    request: request.text.clone(),
                    origin: request.origin.clone(),
                }
            }
            Reason::Required { by, requirement } => Why::Required {
                by: nevra(by),
                requirement: requirement.clone(),
            },
            Reason::Recommended { by, requirement } => Why::Recommended {
                by: nevra(by),
                requirement: requirement.clone(),
            },
            Reason::Supplements => Why::Supplements,
        };
        let whys = solution.why.iter();
        Whys(
            whys.map(|(place, reason)| (nevra(place), why(reason)))
                .collect(),
        )
    }

    /// The packages that a person calls so: by name, with architecture or version or both.
    pub fn called<'a>(&'a self, text: &'a str) -> impl Iterator<Item = &'a Nevra> {
        self.0.keys().filter(move |nevra| nevra.is_called(text))
    }

    /// From a package back to what was asked for, step by step.
    pub fn way<'a>(&'a self, package: &'a Nevra) -> Vec<(&'a Nevra, &'a Why)> {
        let (mut way, mut seen) = (Vec::new(), BTreeSet::new());
        let mut next = Some(package);
        while let Some(package) = next.filter(|package| seen.insert(*package)) {
            let Some(why) = self.0.get(package) else {
                break;
            };
            way.push((package, why));
            next = why.by();
        }
        way
    }
}

impl Why {
    /// The package that wants it.
    pub fn by(&self) -> Option<&Nevra> {
        match self {
            Why::Required { by, .. } | Why::Recommended { by, .. } => Some(by),
            Why::Asked { .. } | Why::Supplements => None,
        }
    }
}

/// Follows the package's name.
impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Asked { request, origin } => {
                write!(f, "is asked for by `{request}`")?;
                origin
                    .iter()
                    .try_for_each(|origin| write!(f, " of {origin}"))
            }
            Why::Required { by, requirement } => write!(f, "is required by {by} (`{requirement}`)"),
            Why::Recommended { by, requirement } => {
                write!(f, "is recommended by {by} (`{requirement}`)")
            }
            Why::Supplements => f.write_str("supplements what is there"),
        }
    }
}
