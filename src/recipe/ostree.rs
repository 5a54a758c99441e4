//! Kind `ostree`: a bootable tree as one commit in an OSTree repository.

use std::collections::BTreeMap;

use super::fields::Fields;
use super::selection::{self, Selection};

/// A tree of what is installed, committed under a ref.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ostree {
    pub selection: Selection,
    /// The field `ref`.
    pub reference: String,
    /// Further commit metadata.
    pub metadata: BTreeMap<String, String>,
}

pub(super) fn read(fields: &Fields) -> Option<Ostree> {
    let selection = selection::read(fields);
    let reference = fields.checked("ref", "a ref", check_reference);
    let metadata = fields.strings("metadata", "a metadata key");
    Some(Ostree {
        selection,
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
