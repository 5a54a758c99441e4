//! What a compose calls the parts of a release.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Name;

/// The id of a variant, as productmd has it: `Server`, `AtomicHost`.
///
/// Letters and digits alone: a dash stands between the ids of a variant and its add-on,
/// and in a compose it is the name of a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VariantId(String);

/// The text can't be the id of a variant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} can't be a variant: use letters and digits, as in Server or AtomicHost")]
pub struct InvalidVariant(pub String);

impl VariantId {
    /// What a name is as an id: its words joined, each with a capital, `atomic-host` as `AtomicHost`.
    pub fn of_name(name: &Name) -> Self {
        let words = name.as_str().split(|c: char| !c.is_ascii_alphanumeric());
        let capital = |word: &str| {
            let (first, rest) = word.split_at(word.len().min(1));
            first.to_ascii_uppercase() + rest
        };
        VariantId(words.map(capital).collect())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for VariantId {
    type Err = InvalidVariant;

    fn from_str(text: &str) -> Result<Self, InvalidVariant> {
        let good = !text.is_empty()
            && text.len() <= 128
            && text.chars().all(|c| c.is_ascii_alphanumeric());
        match good {
            true => Ok(VariantId(text.to_owned())),
            false => Err(InvalidVariant(text.to_owned())),
        }
    }
}

impl TryFrom<String> for VariantId {
    type Error = InvalidVariant;

    fn try_from(text: String) -> Result<Self, InvalidVariant> {
        text.parse()
    }
}

impl From<VariantId> for String {
    fn from(id: VariantId) -> String {
        id.0
    }
}

impl fmt::Display for VariantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_an_id_without_dashes() {
        let of = |name: &str| VariantId::of_name(&name.parse().unwrap()).to_string();
        assert_eq!(of("server"), "Server");
        assert_eq!(of("atomic-host"), "AtomicHost");
        assert_eq!(of("perl-5.36_x"), "Perl536X");
        assert!("Atomic-Host".parse::<VariantId>().is_err());
        assert!("".parse::<VariantId>().is_err());
    }
}
