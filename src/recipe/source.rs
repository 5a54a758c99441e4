//! Kind `source`: a place that RPMs come from.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::body::Body;
use super::error::Fault;
use super::fields::{Fields, Found};

/// A place that RPMs come from. It makes nothing by itself; `store update` locks what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub location: Location,
    /// Keys that packages must be signed with.
    pub gpgkeys: Vec<Body>,
    /// Architectures that are drawn besides `noarch`; all, if none is named.
    pub arches: BTreeSet<String>,
}

impl Source {
    /// Whether packages of an architecture are drawn; those that run everywhere always are.
    pub fn draws(&self, arch: &str) -> bool {
        self.arches.is_empty() || arch == "noarch" || self.arches.contains(arch)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A yum repository, by the URL of the directory that holds `repodata/`.
    Url(String),
    /// A directory of RPMs; what the recipe says, joined to the recipe's own folder.
    Path(PathBuf),
}

pub(super) fn read(fields: &Fields) -> Option<Source> {
    let location = match (fields.string("url"), fields.string("path")) {
        (Some(_), Some(path)) => {
            let (field, beside) = ("path", "url");
            fields.report(path.at, Fault::Beside { field, beside });
            None
        }
        (Some(url), None) => check_url(fields, url),
        (None, Some(path)) => Some(Location::Path(fields.relative(&path.value))),
        (None, None) => {
            if !fields.has("url") && !fields.has("path") {
                let wanted = "\"path\" (a directory of RPMs) or \"url\" (a yum repository)";
                fields.report(fields.at(), Fault::OneOf { wanted });
            }
            None
        }
    };
    let gpgkeys = fields.bodies("gpgkeys");
    let arches = fields.set("arches", "an architecture");
    Some(Source {
        location: location?,
        gpgkeys,
        arches,
    })
}

fn check_url(fields: &Fields, Found { value, at }: Found<String>) -> Option<Location> {
    let good = ["https://", "http://", "file://"]
        .iter()
        .any(|scheme| value.len() > scheme.len() && value.starts_with(scheme));
    if !good || value.contains(|c: char| c.is_whitespace() || c.is_control()) {
        let reason = "it must begin with https://, http:// or file://, and hold no spaces";
        fields.invalid(at, &value, "a URL", reason);
        return None;
    }
    Some(Location::Url(value))
}
