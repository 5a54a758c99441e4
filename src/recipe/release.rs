//! What all recipes have in common: `release.toml`.

use super::architecture;
use super::dependency::check_version;
use super::document::Document;
use super::fields::Fields;
use crate::ids::Name;

/// The release that the recipes describe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// As people read it: `Sampler`.
    pub name: String,
    /// As paths and ids have it: `sampler`.
    pub short: String,
    pub version: String,
    pub arch: String,
    /// Seconds since 1970, from 0 to 2³²-1: the only clock that a compose ever sees.
    pub epoch: i64,
}

impl Release {
    /// `SHORT-VERSION-ARCH`, the first part of a root's full name.
    pub fn label(&self) -> String {
        format!("{}-{}-{}", self.short, self.version, self.arch)
    }

    /// Reads `release.toml`; what is wrong stays with the document.
    pub(super) fn read(document: &Document) -> Option<Release> {
        let table = document.parse()?;
        let top = Fields::new(document, table.get_ref(), 0, "");
        let Some(fields) = top.table("release") else {
            top.demand("release");
            top.finish();
            return None;
        };
        let name = |text: &str| text.parse::<Name>().map(drop).map_err(|e| e.to_string());
        let filled = |text: &str| match text.is_empty() || text.contains(char::is_control) {
            true => Err("it must be one line of text".to_owned()),
            false => Ok(()),
        };
        let release = Release {
            name: fields.checked("name", "a release's name", filled),
            short: fields.checked("short", "a short name", name),
            version: fields.checked("version", "a version", |text| {
                check_version(text).and_then(|()| name(text))
            }),
            arch: fields.checked("arch", "an architecture", architecture::check),
            epoch: {
                fields.demand("epoch");
                fields.moment("epoch").map_or(0, |found| found.value)
            },
        };
        fields.finish();
        top.finish();
        Some(release)
    }
}
