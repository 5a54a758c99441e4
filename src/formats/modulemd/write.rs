//! A module as a modulemd document of version 2.

use std::collections::BTreeMap;

use super::yaml::Yaml;
use super::{Document, Module, emit};

impl Yaml {
    pub(super) fn list<'a>(items: impl IntoIterator<Item = &'a String>) -> Yaml {
        Yaml::List(items.into_iter().cloned().map(Yaml::Text).collect())
    }

    pub(super) fn lists(map: &BTreeMap<String, Vec<String>>) -> Yaml {
        let entry = |(key, list)| (String::clone(key), Yaml::list(list));
        Yaml::Map(map.iter().map(entry).collect())
    }
}

/// The map under `data`, into which only what is there is put.
#[derive(Default)]
struct Data(BTreeMap<String, Yaml>);

impl Data {
    fn put(&mut self, key: &str, value: Yaml) {
        self.0.insert(key.to_owned(), value);
    }

    fn text(&mut self, key: &str, text: &str) {
        if !text.is_empty() {
            self.put(key, Yaml::Text(text.to_owned()));
        }
    }

    fn rpms(&mut self, key: &str, names: &[String]) {
        if !names.is_empty() {
            let rpms = [("rpms".to_owned(), Yaml::list(names))];
            self.put(key, Yaml::Map(rpms.into()));
        }
    }

    fn kept(&mut self, key: &str, value: &Option<Yaml>) {
        if let Some(value) = value {
            self.put(key, value.clone());
        }
    }
}

/// The document of one module.
pub fn document(module: &Module) -> String {
    emit::document(&Yaml::Map(BTreeMap::from([
        ("document".into(), Yaml::Plain("modulemd".into())),
        ("version".into(), Yaml::Plain("2".into())),
        ("data".into(), data(module)),
    ])))
}

/// Documents one after the other, each as it is written.
pub fn stream(documents: &[Document]) -> String {
    documents
        .iter()
        .map(|one| match one {
            Document::Module { module, .. } => document(module),
            Document::Defaults(defaults) => defaults.document(),
            Document::Other { content, .. } => emit::document(content),
        })
        .collect()
}

fn data(module: &Module) -> Yaml {
    let mut data = Data::default();
    data.text("name", &module.name);
    data.text("stream", &module.stream);
    if module.version != 0 {
        data.put("version", Yaml::Plain(module.version.to_string()));
    }
    data.text("context", &module.context);
    if module.static_context {
        data.put("static_context", Yaml::Plain("true".into()));
    }
    data.text("arch", &module.arch);
    data.put("summary", Yaml::Text(module.summary.clone()));
    data.put("description", Yaml::Text(module.description.clone()));
    let mut license = Data::default();
    license.put("module", Yaml::list(&module.module_licenses));
    if !module.content_licenses.is_empty() {
        license.put("content", Yaml::list(&module.content_licenses));
    }
    data.put("license", Yaml::Map(license.0));
    if !module.service_levels.is_empty() {
        data.put("servicelevels", service_levels(module));
    }
    if !(module.requires.is_empty() && module.build_requires.is_empty()) {
        data.put("dependencies", dependencies(module));
    }
    if !module.references.is_empty() {
        let entry = |(key, link): (&String, &String)| (key.clone(), Yaml::Text(link.clone()));
        let references = module.references.iter().map(entry).collect();
        data.put("references", Yaml::Map(references));
    }
    if !module.profiles.is_empty() {
        data.put("profiles", profiles(module));
    }
    data.rpms("api", &module.api);
    data.rpms("filter", &module.filter);
    data.rpms("demodularized", &module.demodularized);
    data.kept("buildopts", &module.build_options);
    data.kept("components", &module.components);
    data.kept("xmd", &module.xmd);
    let mut artifacts = Data::default();
    if !module.artifacts.is_empty() {
        artifacts.put("rpms", Yaml::list(&module.artifacts));
    }
    artifacts.kept("rpm-map", &module.rpm_map);
    if !artifacts.0.is_empty() {
        data.put("artifacts", Yaml::Map(artifacts.0));
    }
    Yaml::Map(data.0)
}

fn service_levels(module: &Module) -> Yaml {
    let level = |(name, eol): (&String, &String)| {
        let mut level = Data::default();
        level.text("eol", eol);
        (name.clone(), Yaml::Map(level.0))
    };
    Yaml::Map(module.service_levels.iter().map(level).collect())
}

fn profiles(module: &Module) -> Yaml {
    let profile = |(name, rpms): (&String, &Vec<String>)| {
        let mut profile = Data::default();
        if let Some(description) = module.profile_descriptions.get(name) {
            profile.text("description", description);
        }
        profile.put("rpms", Yaml::list(rpms));
        (name.clone(), Yaml::Map(profile.0))
    };
    Yaml::Map(module.profiles.iter().map(profile).collect())
}

fn dependencies(module: &Module) -> Yaml {
    let count = module.requires.len().max(module.build_requires.len());
    let alternative = |i: usize| {
        let mut alternative = Data::default();
        for (key, list) in [
            ("buildrequires", &module.build_requires),
            ("requires", &module.requires),
        ] {
            if let Some(streams) = list.get(i).filter(|streams| !streams.is_empty()) {
                alternative.put(key, Yaml::lists(streams));
            }
        }
        Yaml::Map(alternative.0)
    };
    Yaml::List((0..count).map(alternative).collect())
}
