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
    /// A yum repository, by the URL of a text that names such directories.
    MirrorList(String),
    /// A yum repository, by the URL of an XML document that names mirrors and checksums.
    Metalink(String),
    /// A directory of RPMs; what the recipe says, joined to the recipe's own folder.
    Path(PathBuf),
}

pub(super) fn read(fields: &Fields) -> Option<Source> {
    let location = location(fields);
    let gpgkeys = fields.bodies("gpgkeys");
    let arches = fields.set("arches", "an architecture");
    Some(Source {
        location: location?,
        gpgkeys,
        arches,
    })
}

/// The fields that say where; exactly one is given.
const PLACES: [&str; 4] = ["url", "mirrorlist", "metalink", "path"];

fn location(fields: &Fields) -> Option<Location> {
    let mut given = PLACES.into_iter().filter(|field| fields.has(field));
    let Some(first) = given.next() else {
        let wanted = "\"path\" (a directory of RPMs), or \"url\", \"mirrorlist\" or \"metalink\" (a yum repository)";
        fields.report(fields.at(), Fault::OneOf { wanted });
        return None;
    };
    let found = fields.string(first);
    let rest: Vec<&'static str> = given.collect();
    fields.forbid(&rest, first);
    if !rest.is_empty() {
        return None;
    }
    let found = found?;
    match first {
        "path" => Some(Location::Path(fields.relative(&found.value))),
        "mirrorlist" => check_url(fields, found).map(Location::MirrorList),
        "metalink" => check_url(fields, found).map(Location::Metalink),
        _ => check_url(fields, found).map(Location::Url),
    }
}

fn check_url(fields: &Fields, Found { value, at }: Found<String>) -> Option<String> {
    let good = ["https://", "http://", "file://"]
        .iter()
        .any(|scheme| value.len() > scheme.len() && value.starts_with(scheme));
    if !good || value.contains(|c: char| c.is_whitespace() || c.is_control()) {
        let reason = "it must begin with https://, http:// or file://, and hold no spaces";
        fields.invalid(at, &value, "a URL", reason);
        return None;
    }
    let path = value.strip_prefix("file://");
    if path.is_some_and(|path| !path.starts_with('/') && !path.starts_with("localhost/")) {
        let reason =
            "a file:// URL names no host, and no folder of the recipe's; write file:///PATH";
        fields.invalid(at, &value, "a URL", reason);
        return None;
    }
    Some(value)
}
