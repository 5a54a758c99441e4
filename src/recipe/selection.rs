//! What an artifact has installed: `from`, `install`, `weak` and `overlay`.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use super::fields::Fields;
use crate::ids::Name;
use crate::ids::name::InvalidName;

/// Packages to install, and where they come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Modules and repositories that packages are solved inside of.
    pub from: BTreeSet<Name>,
    pub install: BTreeSet<Install>,
    /// Whether what packages recommend comes along where it can; unless the recipe says no, it does, as with dnf.
    pub weak: bool,
    /// What commands made, laid over what is installed, one after the other.
    pub overlay: Vec<Name>,
}

impl Selection {
    /// The recipes that it names.
    pub fn uses(&self) -> impl Iterator<Item = &Name> {
        self.from.iter().chain(&self.overlay)
    }
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

pub(super) fn read(fields: &Fields) -> Selection {
    read_as(fields, "install")
}

/// With the packages under another name than `install`.
pub(super) fn read_as(fields: &Fields, field: &'static str) -> Selection {
    let hint = "name the modules or repositories that packages come from";
    let from = fields.filled_set("from", "a recipe's name", hint);
    let hint = "name packages, or profiles as @MODULE/PROFILE";
    let install = fields.filled_set(field, "installed", hint);
    let weak = fields.boolean("weak", true);
    Selection {
        from,
        install,
        weak,
        overlay: overlay(fields),
    }
}

fn overlay(fields: &Fields) -> Vec<Name> {
    fields.sequence("overlay", "a recipe's name")
}

/// What is installed beside what is there already, which may be nothing.
pub(super) fn read_more(fields: &Fields) -> Selection {
    Selection {
        from: fields.set("from", "a recipe's name"),
        install: fields.set("install", "installed"),
        weak: fields.boolean("weak", true),
        overlay: overlay(fields),
    }
}
