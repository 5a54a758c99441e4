//! `rpms.json`: every package of a compose, below the source package that it was built from.

use serde_json::{Map, Value, json};

use super::{Compose, Error};
use crate::ids::Nevra;

/// A package where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rpm {
    /// The variant's id, or that of an add-on with its variant's before it.
    pub variant: String,
    /// The architecture of the tree.
    pub arch: String,
    pub nevra: Nevra,
    /// The file name of the source package, where the package names one.
    pub source_rpm: Option<String>,
    /// Whether it is a source package itself.
    pub source: bool,
    /// Relative to the directory `compose`.
    pub path: String,
}

/// The file.
pub fn write(compose: &Compose, rpms: &[Rpm]) -> Result<String, Error> {
    let mut told = Map::new();
    for rpm in rpms {
        let source = rpm.source();
        let below = [&rpm.variant, &rpm.arch, &source];
        let mut here = &mut told;
        for key in below {
            let next = here.entry(key.clone()).or_insert_with(|| json!({}));
            here = next.as_object_mut().expect("only tables are put in here");
        }
        // Which key signed it stands in the package.
        let told = json!({ "path": rpm.path, "sigkey": null, "category": rpm.category() });
        here.insert(rpm.nevra.with_epoch(), told);
    }
    let payload = Map::from_iter([("rpms".to_owned(), Value::Object(told))]);
    compose.file("rpms", payload)
}

impl Rpm {
    /// As pungi tells them apart, by their names.
    fn category(&self) -> &'static str {
        let debug = |part| self.nevra.name.contains(part);
        if self.source {
            "source"
        } else if debug("-debuginfo") || debug("-debugsource") {
            "debug"
        } else {
            "binary"
        }
    }

    /// NEVRA of the source package. Packages name its file, which has no epoch: it is that of the package,
    /// which is right unless a spec gives a subpackage one of its own.
    /// One that names none is its own source.
    fn source(&self) -> String {
        let own = &self.nevra;
        let named = self.source_rpm.as_deref();
        let named = named.and_then(|file| file.strip_suffix(".rpm"));
        let parts = named.and_then(|file| {
            let (rest, arch) = file.rsplit_once('.')?;
            let (rest, release) = rest.rsplit_once('-')?;
            let (name, version) = rest.rsplit_once('-')?;
            Some((name, version, release, arch))
        });
        let (name, version, release, arch) =
            parts.unwrap_or((&own.name, &own.evr.version, &own.evr.release, "src"));
        format!("{name}-{}:{version}-{release}.{arch}", own.evr.epoch)
    }
}
