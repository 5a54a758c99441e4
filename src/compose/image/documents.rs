//! The documents of an image: configuration, manifest, index.

use std::collections::BTreeMap;

use super::below::Below;
use super::layers::Made;
use crate::formats::oci::{
    self, BASE_DIGEST, Config, Descriptor, History, Index, LATEST, Manifest, Platform, Process,
    REF_NAME, Rootfs, VERSION, digest_text, rfc3339,
};
use crate::plan::parameters::{Image, ImageConfig};

/// What stands in the history of each layer.
const CREATED_BY: &str = "store image";

/// What rpm-ostree calls the packages of a layer, in annotations.
const COMPONENTS: &str = "ostree.components";

/// The configuration of an image, on top of another one's where there is one.
pub fn config(
    params: &Image,
    below: Option<&Below>,
    kernel: Option<&str>,
    made: &[Made],
) -> Config {
    let created = rfc3339(params.epoch);
    let (architecture, variant) = oci::platform(&params.arch);
    let mut process = below.map_or_else(Process::default, |below| below.config.config.clone());
    start(&mut process, &params.config);
    let version = [(VERSION.to_owned(), params.version.clone())];
    let own = params.config.labels.clone();
    process.labels.extend(version);
    process.labels.extend(host(kernel));
    process.labels.extend(own);
    let mut diff_ids = Vec::new();
    let mut history = Vec::new();
    if let Some(below) = below {
        diff_ids.extend(below.config.rootfs.diff_ids.iter().cloned());
        history.extend(below.config.history.iter().cloned());
    }
    for layer in made {
        let packages: Vec<&str> = layer.packages.iter().map(String::as_str).collect();
        diff_ids.push(digest_text(&layer.facts.diff_id));
        history.push(History {
            created: created.clone(),
            created_by: CREATED_BY.to_owned(),
            comment: (!packages.is_empty()).then(|| packages.join(", ")),
        });
    }
    Config {
        created,
        architecture,
        variant,
        os: "linux".to_owned(),
        config: process,
        rootfs: Rootfs {
            kind: "layers".to_owned(),
            diff_ids,
        },
        history,
    }
}

/// How bootc and its like know a host; the second is what older ones ask for.
fn host(kernel: Option<&str>) -> BTreeMap<String, String> {
    let Some(kernel) = kernel else {
        return BTreeMap::new();
    };
    let labels = [
        ("containers.bootc", "1"),
        ("ostree.bootable", "1"),
        ("ostree.linux", kernel),
    ];
    let owned = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
    owned.into()
}

/// Sets what is said; as in a Containerfile, an entry point of its own makes the base's command mean nothing.
fn start(process: &mut Process, config: &ImageConfig) {
    if config.entrypoint.is_some() {
        process.entrypoint.clone_from(&config.entrypoint);
        process.cmd = None;
    }
    let over = |old: &mut Option<String>, new: &Option<String>| {
        if new.is_some() {
            old.clone_from(new);
        }
    };
    over(&mut process.user, &config.user);
    over(&mut process.working_dir, &config.working_dir);
    over(&mut process.stop_signal, &config.stop_signal);
    if config.cmd.is_some() {
        process.cmd.clone_from(&config.cmd);
    }
    let mut env: BTreeMap<String, String> = BTreeMap::new();
    for line in &process.env {
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        env.insert(name.to_owned(), value.to_owned());
    }
    env.extend(config.env.clone());
    let env = env
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"));
    process.env = env.collect();
    let keys = |keys: &std::collections::BTreeSet<String>| -> Vec<_> {
        keys.iter()
            .map(|key| (key.clone(), Default::default()))
            .collect()
    };
    process.exposed_ports.extend(keys(&config.ports));
    process.volumes.extend(keys(&config.volumes));
}

/// The manifest, which names the configuration and all layers.
pub fn manifest(
    params: &Image,
    config: Descriptor,
    below: Option<&Below>,
    made: &[Made],
    bootable: bool,
) -> Manifest {
    let mut layers = Vec::new();
    let mut annotations = BTreeMap::new();
    if let Some(below) = below {
        layers.extend(below.layers.iter().map(|(layer, _)| layer.clone()));
        annotations.insert(BASE_DIGEST.to_owned(), below.digest.clone());
    }
    for Made { facts, packages } in made {
        let mut layer = descriptor(
            &Manifest::layer_type(&params.compression),
            &facts.digest,
            facts.size,
        );
        if bootable && !packages.is_empty() {
            let packages: Vec<&str> = packages.iter().map(String::as_str).collect();
            let components = (COMPONENTS.to_owned(), packages.join(","));
            layer.annotations.extend([components]);
        }
        layers.push(layer);
    }
    annotations.extend(params.annotations.clone());
    Manifest {
        schema_version: 2,
        media_type: Manifest::MEDIA_TYPE.to_owned(),
        config,
        layers,
        annotations,
    }
}

/// The index of a layout with one image in it.
pub fn index(params: &Image, mut image: Descriptor) -> Index {
    let (architecture, variant) = oci::platform(&params.arch);
    image.platform = Some(Platform {
        architecture,
        os: "linux".to_owned(),
        variant,
    });
    let name = (REF_NAME.to_owned(), LATEST.to_owned());
    image.annotations.extend([name]);
    Index {
        schema_version: 2,
        media_type: Index::MEDIA_TYPE.to_owned(),
        manifests: vec![image],
    }
}

pub fn descriptor(media_type: &str, digest: &[u8; 32], size: u64) -> Descriptor {
    Descriptor {
        media_type: media_type.to_owned(),
        digest: digest_text(digest),
        size,
        annotations: BTreeMap::new(),
        platform: None,
    }
}
