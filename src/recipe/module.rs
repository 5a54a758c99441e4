//! Kind `module`: a named stream of packages with a static manifest.

use std::collections::{BTreeMap, BTreeSet};

use super::body::Body;
use super::error::Fault;
use super::fields::Fields;
use crate::ids::Name;

/// A named stream of packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// What the module calls itself: the recipe's name, unless it says otherwise
    /// (two streams of one module need two recipes).
    pub module: Name,
    /// The sources that packages of the manifest are drawn from: each is the newest that any of them has,
    /// and where several have the same one, it is that of the first.
    pub sources: Vec<Name>,
    /// Package recipes whose packages are in the module.
    pub from: BTreeSet<Name>,
    /// The static manifest: `NAME` or `NAME.ARCH`, or `NAME-VERSION-RELEASE` for that and no newer, of packages from `from` and `source` alike.
    /// A recipe without one, and without a source, means all packages of `from`; that is filled in when it is loaded.
    pub packages: BTreeSet<String>,
    pub definition: Definition,
}

/// Where the rest is said: in the recipe, or in a modulemd document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Definition {
    Written(Stream),
    Imported(Body),
}

/// A stream as a recipe describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    pub stream: String,
    pub version: u64,
    pub context: Option<String>,
    /// Falls back to the summary.
    pub description: Option<String>,
    /// Of the module itself, not of its packages.
    pub license: Option<String>,
    /// Names of packages, by profile.
    pub profiles: BTreeMap<String, BTreeSet<String>>,
    /// The stream that is needed, by module.
    pub requires: BTreeMap<Name, String>,
}

impl Module {
    /// The stream, if the recipe itself describes one.
    pub fn written(&self) -> Option<&Stream> {
        match &self.definition {
            Definition::Written(stream) => Some(stream),
            Definition::Imported(_) => None,
        }
    }
}

/// Fields that a modulemd document says itself.
const WRITTEN: [&str; 7] = [
    "stream",
    "version",
    "context",
    "description",
    "license",
    "profiles",
    "requires",
];

pub(super) fn read(fields: &Fields, name: &Name) -> Option<Module> {
    let module = fields.parsed("module", "a module's name");
    let sources = fields.one_or_several(
        "source",
        "a recipe's name",
        "name a source recipe, or leave it out",
    );
    let from: BTreeSet<Name> = fields.set("from", "a recipe's name");
    if !fields.has("source") && from.is_empty() {
        let wanted = "\"source\" (a source recipe) or \"from\" (package recipes), or both";
        fields.report(fields.at(), Fault::OneOf { wanted });
    }
    let definition = if fields.has("modulemd") {
        fields.forbid(&WRITTEN, "modulemd");
        fields.body("modulemd").map(Definition::Imported)
    } else {
        fields.body("modulemd");
        written(fields).map(Definition::Written)
    };
    let packages = if fields.has("packages") {
        let hint = "name the packages, or leave it out to mean all of \"from\"";
        fields.filled_set("packages", "a package", hint)
    } else {
        // Asked for, so that it is known here.
        fields.set::<String>("packages", "a package");
        if fields.has("source") && !fields.has("modulemd") {
            fields.demand("packages");
        }
        BTreeSet::new()
    };
    Some(Module {
        module: module.map_or_else(|| name.clone(), |found| found.value),
        sources,
        from,
        packages,
        definition: definition?,
    })
}

fn written(fields: &Fields) -> Option<Stream> {
    let stream = fields.checked("stream", "a stream", check_stream);
    let version = fields.number("version", u64::MAX);
    fields.demand("version");
    let context = fields.string("context");
    if let Some(context) = &context {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if context.value.is_empty() || context.value.len() > 13 || !context.value.chars().all(word)
        {
            let reason = "use 1 to 13 letters, digits and _";
            fields.invalid(context.at, &context.value, "a context", reason);
        }
    }
    let description = fields.string("description");
    let license = fields.string("license");
    let profiles = fields.sets("profiles", "a profile");
    let requires = fields.strings("requires", "a module's name");
    Some(Stream {
        stream,
        version: version?.value,
        context: context.map(|found| found.value),
        description: description.map(|found| found.value),
        license: license.map(|found| found.value),
        profiles,
        requires,
    })
}

/// A stream's name becomes part of file names and of `NAME:STREAM`.
fn check_stream(text: &str) -> Result<(), String> {
    let good = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
    match !text.is_empty() && text.chars().all(good) {
        true => Ok(()),
        false => Err("use letters, digits and ._+-".into()),
    }
}
