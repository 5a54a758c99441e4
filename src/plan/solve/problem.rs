//! Why there is no solution, as a value and in words.

use std::collections::BTreeSet;
use std::fmt;

use super::Request;
use crate::ids::Nevra;

/// There is no way to install what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problem {
    /// Never empty; sorted; each on its own is enough to fail, unless they are ways that were tried in turn.
    pub causes: Vec<Cause>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Nothing fulfils a requirement.
    Unmet {
        requirement: String,
        unmet: Unmet,
        chain: Chain,
    },
    /// Two packages can't be installed together, and both are needed.
    Clash {
        left: Nevra,
        right: Nevra,
        clash: Clash,
        chains: Box<(Chain, Chain)>,
    },
    /// A rich dependency of a package does not go with what else is needed.
    Beside {
        package: Nevra,
        requirement: String,
        chain: Chain,
    },
    /// The requests exclude each other in a way that no single pair of packages shows.
    Together { requests: Vec<String> },
}

/// In which way a requirement is unmet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unmet {
    NothingProvides,
    /// A package would do, but the system can't run it.
    WrongArch {
        package: Nevra,
    },
    /// There is a package or capability of that name, in other versions only.
    WrongVersion {
        packages: Vec<Nevra>,
    },
    /// A feature of rpm that composing does not know.
    UnknownFeature,
    /// The dependency can't be read.
    Malformed {
        reason: String,
    },
    /// It is a conflict: one that holds whatever is installed, or that can't be read, and why.
    Conflict {
        broken: Option<String>,
    },
}

/// Why two packages exclude each other; the words are those of the left one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Clash {
    Conflicts { with: String },
    Obsoletes { what: String },
    SameName,
}

/// From the request to the package that has the problem: who requires whom, by which words.
///
/// Empty where the request itself has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Chain {
    pub request: String,
    pub origin: Option<String>,
    pub links: Vec<Link>,
}

/// A package, and the requirement that it was wanted for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    pub package: Nevra,
    pub requirement: String,
}

impl Chain {
    pub(super) fn of(request: &Request) -> Chain {
        Chain {
            request: request.text.clone(),
            origin: request.origin.clone(),
            links: Vec::new(),
        }
    }

    fn asked(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) => write!(f, "`{}` of {origin}", self.request),
            None => write!(f, "`{}`", self.request),
        }
    }

    /// The way from the last package back to the request.
    fn back(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, link) in self.links.iter().enumerate().rev() {
            write!(f, "\n    {} is ", link.package)?;
            match place.checked_sub(1).map(|before| &self.links[before]) {
                Some(by) => write!(f, "required by {} (`{}`)", by.package, link.requirement)?,
                None => {
                    f.write_str("asked for by ")?;
                    self.asked(f)?;
                }
            }
        }
        Ok(())
    }
}

/// The requirements that nothing fulfils, sorted, each once: what another module may provide.
pub fn missing(problem: &Problem) -> Vec<String> {
    let mut missing: Vec<String> = problem
        .causes
        .iter()
        .filter_map(|cause| match cause {
            Cause::Unmet {
                requirement,
                unmet: Unmet::NothingProvides | Unmet::WrongVersion { .. } | Unmet::WrongArch { .. },
                ..
            } => Some(requirement.clone()),
            _ => None,
        })
        .collect();
    missing.sort();
    missing.dedup();
    missing
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = BTreeSet::new();
        for (place, cause) in self.causes.iter().enumerate() {
            // What one package lacks is told at once.
            let lacks = cause.lacked().map(|(_, chain)| chain);
            if lacks.is_some_and(|chain| !told.insert(chain)) {
                continue;
            }
            if place > 0 {
                f.write_str("\n")?;
            }
            let Some(chain) = lacks else {
                write!(f, "{cause}")?;
                continue;
            };
            let same = self.causes.iter().filter_map(Cause::lacked);
            let same = same.filter(|(_, other)| *other == chain);
            let requirements: Vec<&str> = same.map(|(requirement, _)| requirement).collect();
            nothing_provides(f, &requirements, chain)?;
        }
        Ok(())
    }
}

fn nothing_provides(
    f: &mut fmt::Formatter<'_>,
    requirements: &[&str],
    chain: &Chain,
) -> fmt::Result {
    write!(
        f,
        "nothing provides `{}`, which ",
        requirements.join("`, `")
    )?;
    match (chain.links.last(), &chain.origin) {
        (Some(link), _) => write!(f, "{} requires", link.package)?,
        (None, Some(origin)) => write!(f, "{origin} asks for")?,
        (None, None) => write!(f, "is asked for")?,
    }
    chain.back(f)
}

impl Cause {
    /// A requirement that nothing at all provides, and whose it is.
    fn lacked(&self) -> Option<(&str, &Chain)> {
        match self {
            Cause::Unmet {
                requirement,
                unmet: Unmet::NothingProvides,
                chain,
            } => Some((requirement, chain)),
            _ => None,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Unmet {
                requirement,
                unmet,
                chain,
            } => {
                if *unmet == Unmet::NothingProvides {
                    return nothing_provides(f, &[requirement], chain);
                }
                match chain.links.last() {
                    Some(link) => {
                        let verb = match unmet {
                            Unmet::Conflict { .. } => "conflicts with",
                            _ => "requires",
                        };
                        write!(f, "{} {verb} `{requirement}`", link.package)?;
                    }
                    None => chain.asked(f)?,
                }
                write!(f, "{unmet}")?;
                chain.back(f)
            }
            Cause::Clash {
                left,
                right,
                clash,
                chains,
            } => {
                match clash {
                    Clash::Conflicts { with } => {
                        write!(f, "{left} conflicts with {right} (`{with}`)")?;
                    }
                    Clash::Obsoletes { what } => {
                        write!(f, "{left} obsoletes {right} (`{what}`)")?;
                    }
                    Clash::SameName => {
                        write!(f, "only one of {left} and {right} can be installed")?;
                    }
                }
                chains.0.back(f)?;
                chains.1.back(f)
            }
            Cause::Beside {
                package,
                requirement,
                chain,
            } => {
                write!(
                    f,
                    "`{requirement}` of {package} can't be fulfilled beside what else is needed"
                )?;
                chain.back(f)
            }
            Cause::Together { requests } => {
                write!(
                    f,
                    "these can't be installed together: {}",
                    requests.join(", ")
                )
            }
        }
    }
}

/// Follows the words "… requires `X`", or "… conflicts with `X`".
impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unmet::NothingProvides => Ok(()),
            Unmet::WrongArch { package } => {
                write!(
                    f,
                    ": {package} is of an architecture that this system does not run"
                )
            }
            Unmet::WrongVersion { packages } => {
                f.write_str(": there is only ")?;
                for (place, package) in packages.iter().take(3).enumerate() {
                    let comma = if place > 0 { ", " } else { "" };
                    write!(f, "{comma}{package}")?;
                }
                match packages.len().saturating_sub(3) {
                    0 => Ok(()),
                    more => write!(f, " and {more} more"),
                }
            }
            Unmet::UnknownFeature => f.write_str(": rpm has no such feature that we know"),
            Unmet::Conflict { broken: None } => {
                f.write_str(", which holds whatever else is installed")
            }
            Unmet::Malformed { reason }
            | Unmet::Conflict {
                broken: Some(reason),
            } => write!(f, ": it can't be read: {reason}"),
        }
    }
}
