//! Module metadata, as libmodulemd reads and writes it.
//!
//! A text is a stream of YAML documents: modules in version 1 or 2, defaults, and what is kept as it is.
//! What is written is always version 2.

mod checks;
pub mod defaults;
pub mod emit;
mod fields;
mod read;
mod write;
pub mod yaml;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use defaults::Defaults;
pub use read::{Document, Error, read};
pub use write::{document, stream};
use yaml::Yaml;

/// One stream of a module: what a modulemd v2 document can hold.
///
/// Lists that are sets to libmodulemd (licences, packages, streams, artifacts) are sorted when a document is read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Module {
    /// Empty where a document leaves it to whoever builds the module, like stream, version 0, context and arch.
    pub name: String,
    pub stream: String,
    pub version: u64,
    /// At most 13 characters of `[A-Za-z0-9_]` where it is static.
    pub context: String,
    pub arch: String,
    pub summary: String,
    pub description: String,
    pub module_licenses: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub content_licenses: Vec<String>,
    /// Run-time dependencies: module to streams; several alternatives where a document has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<BTreeMap<String, Vec<String>>>,
    /// Package names by profile.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub profiles: BTreeMap<String, Vec<String>>,
    /// End of life by service level, `YYYY-MM-DD` or empty: `{"security": "2031-11-30"}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub service_levels: BTreeMap<String, String>,
    /// `NAME-EPOCH:VERSION-RELEASE.ARCH`, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<String>,
    /// The context was chosen by a person, not made from the dependencies.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub static_context: bool,
    /// Build-time dependencies: each belongs to the alternative of `requires` at the same place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub build_requires: Vec<BTreeMap<String, Vec<String>>>,
    /// By profile, where one has a description.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub profile_descriptions: BTreeMap<String, String>,
    /// `community`, `documentation`, `tracker`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub references: BTreeMap<String, String>,
    /// Packages that others may rely on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub api: Vec<String>,
    /// Packages that were built and are not shipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filter: Vec<String>,
    /// Packages that no longer belong to the module.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub demodularized: Vec<String>,
    /// How it was built, whom else it concerns, and which digest each artifact had: kept, not acted upon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_options: Option<Yaml>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub components: Option<Yaml>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpm_map: Option<Yaml>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xmd: Option<Yaml>,
}

impl Module {
    /// `NAME:STREAM`, by which people speak of it.
    pub fn name_stream(&self) -> String {
        format!("{}:{}", self.name, self.stream)
    }
}
