//! `modules.json`: the module streams of a compose, and their packages.

use serde_json::{Map, Value, json};

use super::{Compose, Error};

/// A module stream where its document lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// The variant's id, or that of an add-on with its variant's before it.
    pub variant: String,
    /// The architecture of the tree.
    pub arch: String,
    pub name: String,
    pub stream: String,
    pub version: u64,
    pub context: String,
    /// Of the modulemd document, relative to the directory `compose`.
    pub path: String,
    /// NEVRA with epochs.
    pub rpms: Vec<String>,
}

/// The file.
pub fn write(compose: &Compose, modules: &[Module]) -> Result<String, Error> {
    let mut told = Map::new();
    for module in modules {
        let Module {
            name,
            stream,
            version,
            context,
            ..
        } = module;
        let mut here = &mut told;
        for key in [&module.variant, &module.arch] {
            let next = here.entry(key.clone()).or_insert_with(|| json!({}));
            here = next.as_object_mut().expect("only tables are put in here");
        }
        let uid = format!("{name}:{stream}:{version}:{context}");
        let value = json!({
            "metadata": {
                "uid": uid,
                "name": name,
                "stream": stream,
                "version": version.to_string(),
                "context": context,
                // No build system made it. The library wants a tag that is not empty, so it is what one would be called.
                "koji_tag": format!("module-{name}-{stream}-{version}-{context}"),
            },
            "modulemd_path": { "binary": module.path },
            "rpms": module.rpms,
        });
        here.insert(uid, value);
    }
    let payload = Map::from_iter([("modules".to_owned(), Value::Object(told))]);
    compose.file("modules", payload)
}
