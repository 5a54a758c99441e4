//! Kind `compose`: the release directory of old, made of other artifacts.

use std::collections::{BTreeMap, BTreeSet};

use super::error::Fault;
use super::fields::Fields;
use crate::ids::{Name, VariantId};

/// A compose: variants, each with an edition and what goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compose {
    pub variants: BTreeMap<VariantId, BTreeSet<Name>>,
    /// What it is for, by productmd's name: `production`, `nightly`.
    pub purpose: String,
    /// Which one of the day.
    pub respin: u64,
    /// `RC-1.0`.
    pub label: Option<String>,
}

/// What composes are for.
const PURPOSES: [&str; 5] = ["production", "nightly", "test", "ci", "development"];

/// Milestones, `LABEL_NAMES` of `productmd/composeinfo.py`.
const MILESTONES: [&str; 10] = [
    "EA",
    "DevelPhaseExit",
    "InternalAlpha",
    "Alpha",
    "InternalSnapshot",
    "Beta",
    "Snapshot",
    "RC",
    "Update",
    "SecurityFix",
];

pub(super) fn read(fields: &Fields) -> Option<Compose> {
    let variants = fields.name_sets("variants", "a variant", "a recipe's name");
    if fields.has("variants") && variants.is_empty() {
        let field = "variants".to_owned();
        let hint = "name an edition in at least one variant";
        fields.report(fields.place("variants"), Fault::Empty { field, hint });
    }
    fields.demand("variants");
    let metadata: VariantId = "metadata".parse().expect("it is made of letters");
    if variants.contains_key(&metadata) {
        let reason = "that is the directory of the compose's own files";
        fields.invalid(fields.place("variants"), "metadata", "a variant", reason);
    }
    let purpose = fields.string("type");
    if let Some(found) = &purpose
        && !PURPOSES.contains(&found.value.as_str())
    {
        let reason = format!("use one of {}", PURPOSES.join(", "));
        fields.invalid(found.at, &found.value, "the type of a compose", reason);
    }
    let label = fields.string("label");
    if let Some(found) = &label
        && !is_label(&found.value)
    {
        let reason = format!(
            "use NAME-MAJOR.MINOR, with one of {}",
            MILESTONES.join(", ")
        );
        fields.invalid(found.at, &found.value, "a label", reason);
    }
    let respin = fields.number("respin", u64::from(u32::MAX));
    Some(Compose {
        variants,
        purpose: purpose.map_or_else(|| PURPOSES[0].to_owned(), |found| found.value),
        respin: respin.map_or(0, |found| found.value),
        label: label.map(|found| found.value),
    })
}

fn is_label(text: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.split_once('-').is_some_and(|(name, version)| {
        let numbers = version.split_once('.');
        MILESTONES.contains(&name)
            && numbers.is_some_and(|(major, minor)| number(major) && number(minor))
    })
}
