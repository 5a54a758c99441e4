//! From a stream of YAML documents to what they say.

use std::collections::BTreeMap;

use super::fields::{Fields, pairs, set, text};
use super::yaml::{self, Kind, Node, Position, Syntax, Yaml};
use super::{Defaults, Module, checks};

/// Why module metadata could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("module metadata is not YAML: {0}")]
    Syntax(Syntax),
    #[error("{at}: {field} is missing")]
    Missing { at: Position, field: String },
    #[error("{at}: {field} is {found} where {expected} is expected")]
    Type {
        at: Position,
        field: String,
        expected: &'static str,
        found: &'static str,
    },
    #[error("{at}: {field} is no whole number: {text:?}")]
    Number {
        at: Position,
        field: String,
        text: String,
    },
    #[error(
        "{at}: {document} of version {version:?} can't be read; known are modulemd 1 and 2, modulemd-defaults 1"
    )]
    Version {
        at: Position,
        document: String,
        version: String,
    },
    #[error("{at}: {what}")]
    Invalid { at: Position, what: String },
}

/// One document of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    Module {
        /// Boxed, since the other kinds are small.
        module: Box<Module>,
        /// Keys that modulemd does not know, and that were therefore left out: `line 7, column 5: profil`.
        unknown: Vec<String>,
    },
    Defaults(Defaults),
    /// Translations, obsoletes, build instructions, and what the future brings.
    Other {
        kind: String,
        content: Yaml,
    },
}

/// Reads every document of a stream, which may have none; the first mistake refuses the whole.
pub fn read(text: &str) -> Result<Vec<Document>, Error> {
    let documents = yaml::parse(text).map_err(Error::Syntax)?;
    documents.iter().map(one).collect()
}

fn one(node: &Node) -> Result<Document, Error> {
    let mut fields = Fields::of(node, "the document")?;
    let at = fields.at;
    let document = text(fields.need("document")?, "document")?;
    let version = text(fields.need("version")?, "version")?;
    let data = fields.need("data")?;
    let known = match document.as_str() {
        "modulemd" => matches!(version.as_str(), "1" | "2"),
        "modulemd-defaults" => version == "1",
        _ => true,
    };
    if !known {
        return Err(Error::Version {
            at,
            document,
            version,
        });
    }
    match document.as_str() {
        "modulemd" => module(data, version == "1"),
        "modulemd-defaults" => Defaults::read(data).map(Document::Defaults),
        _ => {
            checks::other(&document, data)?;
            Ok(Document::Other {
                kind: document,
                content: node.to_yaml(),
            })
        }
    }
}

fn module(node: &Node, first: bool) -> Result<Document, Error> {
    let mut data = Fields::of(node, "data")?;
    let mut license = Fields::of(data.need("license")?, "license")?;
    let mut module = Module {
        name: data.text("name")?,
        stream: data.text("stream")?,
        version: data.number("version")?,
        context: data.text("context")?,
        arch: data.text("arch")?,
        summary: text(data.need("summary")?, "summary")?,
        description: text(data.need("description")?, "description")?,
        module_licenses: set(license.need("module")?, "module")?,
        content_licenses: license.set("content")?,
        api: data.rpms("api")?,
        filter: data.rpms("filter")?,
        ..Module::default()
    };
    if let Some(mut artifacts) = data.map("artifacts")? {
        module.artifacts = artifacts.set("rpms")?;
        module.rpm_map = kept(artifacts.take("rpm-map")?, "rpm-map")?;
    }
    if let Some(levels) = data.take("servicelevels")? {
        module.service_levels = service_levels(levels)?;
    }
    if let Some(profiles) = data.take("profiles")? {
        read_profiles(profiles, &mut module)?;
    }
    if let Some(references) = data.take("references")? {
        let entries = pairs(references, "references")?;
        let entry = |(key, node): (&str, &Node)| Ok((key.to_owned(), text(node, key)?));
        module.references = entries.map(entry).collect::<Result<_, Error>>()?;
    }
    let dependencies = data.take("dependencies")?;
    if first {
        // Version 1 has one date where version 2 has service levels; libmodulemd calls that level so, too.
        if let Some(eol) = data.take("eol")? {
            let eol = text(eol, "eol")?;
            module.service_levels.entry("rawhide".into()).or_insert(eol);
        }
        if let Some(node) = dependencies {
            alternative(node, true, &mut module)?;
        }
    } else {
        module.static_context = data.flag("static_context")?;
        module.demodularized = data.rpms("demodularized")?;
        if let Some(node) = dependencies {
            let Kind::List(items) = &node.kind else {
                return Err(super::fields::wrong(node, "dependencies", "a list"));
            };
            for item in items {
                alternative(item, false, &mut module)?;
            }
        }
    }
    // An alternative that says nothing is the place of its counterpart; where none says anything, there is none.
    for list in [&mut module.build_requires, &mut module.requires] {
        if list.iter().all(BTreeMap::is_empty) {
            list.clear();
        }
    }
    module.build_options = kept(data.take("buildopts")?, "buildopts")?;
    module.components = kept(data.take("components")?, "components")?;
    module.xmd = data.take("xmd")?.map(Node::to_yaml);
    checks::module(node.at, &module)?;
    let unknown = data
        .unknown()
        .map(|(key, at)| format!("{at}: {key}"))
        .collect();
    Ok(Document::Module {
        module: Box::new(module),
        unknown,
    })
}

/// A map that is kept as it is.
fn kept(node: Option<&Node>, field: &str) -> Result<Option<Yaml>, Error> {
    node.map(|node| {
        Fields::of(node, field)?;
        Ok(node.to_yaml())
    })
    .transpose()
}

fn service_levels(node: &Node) -> Result<BTreeMap<String, String>, Error> {
    pairs(node, "servicelevels")?
        .map(|(name, level)| {
            // A level without a date may be written as nothing at all.
            let eol = match &level.kind {
                Kind::Scalar { text, plain: true } if text.is_empty() => String::new(),
                _ => Fields::of(level, name)?.text("eol")?,
            };
            Ok((name.to_owned(), eol))
        })
        .collect()
}

fn read_profiles(node: &Node, module: &mut Module) -> Result<(), Error> {
    for (name, profile) in pairs(node, "profiles")? {
        let mut fields = Fields::of(profile, name)?;
        module.profiles.insert(name.to_owned(), fields.set("rpms")?);
        let description = fields.text("description")?;
        if !description.is_empty() {
            module
                .profile_descriptions
                .insert(name.to_owned(), description);
        }
    }
    Ok(())
}

/// One combination of dependencies; version 1 names one stream where version 2 has a list.
fn alternative(node: &Node, first: bool, module: &mut Module) -> Result<(), Error> {
    let mut fields = Fields::of(node, "dependencies")?;
    let mut streams = |key: &str| -> Result<BTreeMap<String, Vec<String>>, Error> {
        let Some(node) = fields.take(key)? else {
            return Ok(BTreeMap::new());
        };
        let one = |(name, node): (&str, &Node)| {
            let streams = match first {
                true => vec![text(node, name)?],
                false => set(node, name)?,
            };
            checks::streams(node.at, name, &streams)?;
            Ok((name.to_owned(), streams))
        };
        pairs(node, key)?.map(one).collect()
    };
    let (build, run) = (streams("buildrequires")?, streams("requires")?);
    module.build_requires.push(build);
    module.requires.push(run);
    Ok(())
}
