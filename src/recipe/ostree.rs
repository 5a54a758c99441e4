//! Kind `ostree`: a bootable tree as one commit in an OSTree repository.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use super::fields::Fields;
use crate::ids::Name;
use crate::ids::name::InvalidName;

/// A tree of what is installed, committed under a ref.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ostree {
    /// Modules and repositories that packages are solved inside of.
    pub from: BTreeSet<Name>,
    pub install: BTreeSet<Install>,
    /// Whether what packages recommend comes along where it can; unless the recipe says no, it does, as with dnf.
    pub weak: bool,
    /// The field `ref`.
    pub reference: String,
    /// Further commit metadata.
    pub metadata: BTreeMap<String, String>,
}

/// What somebody asks to have installed: `NAME`, `NAME.ARCH` or `@MODULE/PROFILE`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Install {
    Profile { module: Name, profile: String },
    Package(String),
}

impl fmt::Display for Install {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Install::Profile { module, profile } => write!(f, "@{module}/{profile}"),
            Install::Package(name) => f.write_str(name),
        }
    }
}

/// The text is neither a package nor a profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidInstall {
    #[error("a profile is written @MODULE/PROFILE")]
    Profile,
    #[error(transparent)]
    Module(#[from] InvalidName),
    #[error("write a package's NAME or NAME.ARCH, or @MODULE/PROFILE")]
    Package,
}

impl FromStr for Install {
    type Err = InvalidInstall;

    fn from_str(text: &str) -> Result<Self, InvalidInstall> {
        let word = |text: &str| {
            !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control())
        };
        match text.strip_prefix('@') {
            Some(rest) => match rest.split_once('/') {
                Some((module, profile)) if word(profile) && !profile.contains('/') => {
                    Ok(Install::Profile {
                        module: module.parse()?,
                        profile: profile.to_owned(),
                    })
                }
                _ => Err(InvalidInstall::Profile),
            },
            None if word(text) && !text.contains(['/', '@', '(', ')', '=', '<', '>']) => {
                Ok(Install::Package(text.to_owned()))
            }
            None => Err(InvalidInstall::Package),
        }
    }
}

pub(super) fn read(fields: &Fields) -> Option<Ostree> {
    let hint = "name the modules or repositories that packages come from";
    let from = fields.filled_set("from", "a recipe's name", hint);
    let hint = "name packages, or profiles as @MODULE/PROFILE";
    let install = fields.filled_set("install", "installed", hint);
    let weak = fields.boolean("weak", true);
    let reference = fields.checked("ref", "a ref", check_reference);
    let metadata = fields.strings("metadata", "a metadata key");
    Some(Ostree {
        from,
        install,
        weak,
        reference,
        metadata,
    })
}

/// What `ostree_validate_rev` accepts: words of letters, digits and `-._`, joined by slashes, none beginning with `-` or `.`.
fn check_reference(text: &str) -> Result<(), String> {
    let good = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && word
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-._".contains(c))
    };
    match text.split('/').all(good) {
        true => Ok(()),
        false => Err(
            "use words of letters, digits and -._ joined by slashes, none beginning with - or ."
                .into(),
        ),
    }
}
