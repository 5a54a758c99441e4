//! `composeinfo.json`: the variants of a compose, and where each has its trees.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Compose, Error};
use crate::ids::VariantId;

/// A variant for one architecture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    pub id: VariantId,
    pub name: String,
    /// The architecture.
    pub arch: String,
    /// By category: `os_tree`, `packages`, `repository`, `isos`, `images`; relative to the directory `compose`.
    pub paths: BTreeMap<&'static str, String>,
    /// Of type `addon`.
    pub addons: Vec<Variant>,
}

/// The id of an add-on in all the files: that of its variant, and its own.
pub fn uid(variant: &VariantId, addon: &VariantId) -> String {
    format!("{variant}-{addon}")
}

/// The file.
pub fn write(compose: &Compose, variants: &[Variant]) -> Result<String, Error> {
    let release = &compose.release;
    let mut told = Map::new();
    for variant in variants {
        let mut value = value(variant, variant.id.to_string(), "variant");
        if !variant.addons.is_empty() {
            let mut ids: Vec<&str> = variant.addons.iter().map(|a| a.id.as_str()).collect();
            ids.sort_unstable();
            value["variants"] = json!(ids);
        }
        insert(&mut told, value)?;
        for addon in &variant.addons {
            let uid = uid(&variant.id, &addon.id);
            insert(&mut told, self::value(addon, uid, "addon"))?;
        }
    }
    let payload = json!({
        "release": {
            "name": release.name,
            "short": release.short,
            "version": release.version,
            "type": "ga",
            "internal": false,
        },
        "variants": told,
    });
    let Value::Object(payload) = payload else {
        unreachable!("it was just written as one")
    };
    compose.file("composeinfo", payload)
}

fn value(variant: &Variant, uid: String, kind: &str) -> Value {
    let at = |(category, path): (&&str, &String)| {
        ((*category).to_owned(), json!({ (&variant.arch): path }))
    };
    let paths: Map<String, Value> = variant.paths.iter().map(at).collect();
    json!({
        "id": variant.id.as_str(),
        "uid": uid,
        "name": variant.name,
        "type": kind,
        "arches": [variant.arch],
        "paths": paths,
    })
}

fn insert(told: &mut Map<String, Value>, variant: Value) -> Result<(), Error> {
    let uid = variant["uid"].as_str().unwrap_or_default().to_owned();
    match told.insert(uid.clone(), variant) {
        None => Ok(()),
        Some(_) => Err(Error::Twice { id: uid }),
    }
}
