//! What libmodulemd refuses although every field has its type.

use std::collections::BTreeSet;

use super::fields::Fields;
use super::yaml::{Node, Position, Yaml};
use super::{Error, Module};

const EMPTY: &Yaml = &Yaml::Map(std::collections::BTreeMap::new());

pub fn module(at: Position, module: &Module) -> Result<(), Error> {
    let fail = |what: String| Err(Error::Invalid { at, what });
    if let Some(what) = context(&module.context, module.static_context) {
        return fail(what);
    }
    if let Some(artifact) = module.artifacts.iter().find(|text| !is_nevra(text)) {
        return fail(format!(
            "the artifact {artifact} is not NAME-EPOCH:VERSION-RELEASE.ARCH"
        ));
    }
    let built = module.components.as_ref().unwrap_or(EMPTY);
    let options = module.build_options.as_ref().unwrap_or(EMPTY);
    match components(built, options).or_else(|| rpm_map(module)) {
        Some(what) => fail(what),
        None => Ok(()),
    }
}

/// Streams of one module: some that will do, or some that will not.
pub fn streams(at: Position, module: &str, streams: &[String]) -> Result<(), Error> {
    let excluded = streams.iter().filter(|s| s.starts_with('-')).count();
    if excluded != 0 && excluded != streams.len() {
        let what =
            format!("the streams of {module} mix those that will do with those that will not");
        return Err(Error::Invalid { at, what });
    }
    Ok(())
}

/// Documents that are kept as they are, but must be what they call themselves.
pub fn other(kind: &str, data: &Node) -> Result<(), Error> {
    let needed: &[&str] = match kind {
        "modulemd-translations" => &["module", "stream", "modified"],
        "modulemd-obsoletes" => &["module", "stream", "modified", "message"],
        _ => return Ok(()),
    };
    let mut fields = Fields::of(data, "data")?;
    for field in needed {
        let node = fields.need(field)?;
        let text = super::fields::text(node, field)?;
        if kind == "modulemd-translations" && *field == "modified" && text.parse::<u64>().is_err() {
            let (at, field) = (node.at, "modified".to_owned());
            return Err(Error::Number { at, field, text });
        }
    }
    Ok(())
}

fn context(context: &str, is_static: bool) -> Option<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !context.chars().all(allowed) {
        return Some(format!(
            "the context {context:?} has other characters than A-Z a-z 0-9 _"
        ));
    }
    if is_static && (context.is_empty() || context.len() > 13) {
        return Some(format!(
            "the static context {context:?} has not 1 to 13 characters"
        ));
    }
    None
}

/// `NAME-EPOCH:VERSION-RELEASE.ARCH`.
fn is_nevra(text: &str) -> bool {
    fn parts(text: &str) -> Option<[&str; 5]> {
        let (rest, arch) = text.rsplit_once('.')?;
        let (rest, release) = rest.rsplit_once('-')?;
        let (name, version) = rest.rsplit_once('-')?;
        let (epoch, version) = version.split_once(':')?;
        Some([name, epoch, version, release, arch])
    }
    parts(text).is_some_and(|parts| {
        parts.iter().all(|part| !part.is_empty()) && parts[1].bytes().all(|b| b.is_ascii_digit())
    })
}

fn get<'a>(yaml: &'a Yaml, key: &str) -> Option<&'a Yaml> {
    match yaml {
        Yaml::Map(map) => map.get(key),
        _ => None,
    }
}

fn scalar(yaml: &Yaml) -> Option<&str> {
    match yaml {
        Yaml::Plain(text) | Yaml::Text(text) => Some(text),
        _ => None,
    }
}

fn list(yaml: Option<&Yaml>) -> BTreeSet<&str> {
    match yaml {
        Some(Yaml::List(items)) => items.iter().filter_map(scalar).collect(),
        _ => BTreeSet::new(),
    }
}

/// Packages and modules to build: each a map; batches by number or by what comes before, never both.
fn components(components: &Yaml, options: &Yaml) -> Option<String> {
    let (mut ordered, mut after) = (None, None);
    let arches = list(get(options, "arches"));
    for kind in ["rpms", "modules"] {
        let Some(map) = get(components, kind) else {
            continue;
        };
        let Yaml::Map(map) = map else {
            return Some(format!("the {kind} of the components are no map"));
        };
        for (name, component) in map {
            if !matches!(component, Yaml::Map(_)) {
                return Some(format!("the component {name} is no map"));
            }
            ordered = get(component, "buildorder").map(|_| name).or(ordered);
            let before = list(get(component, "buildafter"));
            after = (!before.is_empty()).then_some(name).or(after);
            if let Some(unknown) = before.iter().find(|other| !map.contains_key(**other)) {
                return Some(format!(
                    "the component {name} is built after {unknown}, which is none"
                ));
            }
            let wanted = list(get(component, "arches"));
            if let Some(arch) = wanted
                .iter()
                .find(|arch| !arches.is_empty() && !arches.contains(**arch))
            {
                return Some(format!(
                    "the component {name} is for {arch}, which the module is not"
                ));
            }
        }
    }
    let (ordered, after) = (ordered?, after?);
    Some(format!(
        "buildorder (of {ordered}) and buildafter (of {after}) can't be mixed"
    ))
}

/// Every package of the map is spelled as its parts say, and is an artifact.
fn rpm_map(module: &Module) -> Option<String> {
    let Some(Yaml::Map(algorithms)) = &module.rpm_map else {
        return None;
    };
    let packages = algorithms.values().filter_map(|digests| match digests {
        Yaml::Map(digests) => Some(digests),
        _ => None,
    });
    for (digest, package) in packages.flatten() {
        let part = |key| get(package, key).and_then(scalar);
        let parts = || {
            let epoch = part("epoch").unwrap_or("0");
            let (name, version) = (part("name")?, part("version")?);
            Some(format!(
                "{name}-{epoch}:{version}-{}.{}",
                part("release")?,
                part("arch")?
            ))
        };
        let Some(spelled) = parts() else {
            return Some(format!(
                "the package {digest} of the rpm-map lacks a part of its name"
            ));
        };
        if part("nevra") != Some(&spelled) || !module.artifacts.contains(&spelled) {
            return Some(format!(
                "the package {digest} of the rpm-map is {spelled} by its parts, by name or artifacts it is not"
            ));
        }
    }
    None
}
