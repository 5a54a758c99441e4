//! What names blobs: the manifest of an image, and the index of a layout.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A blob by its digest, with what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    pub media_type: String,
    /// `sha256:…`.
    pub digest: String,
    /// Bytes.
    pub size: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
}

/// What an image runs on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    pub architecture: String,
    pub os: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

/// One image: its configuration and its layers, lowest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    pub schema_version: u32,
    pub media_type: String,
    pub config: Descriptor,
    pub layers: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// The images of a layout: `index.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    pub schema_version: u32,
    pub media_type: String,
    pub manifests: Vec<Descriptor>,
}

impl Manifest {
    pub const MEDIA_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
    pub const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";

    /// The media type of a layer, by how it is compressed.
    pub fn layer_type(compression: &str) -> String {
        format!("application/vnd.oci.image.layer.v1.tar+{compression}")
    }
}

impl Index {
    pub const MEDIA_TYPE: &str = "application/vnd.oci.image.index.v1+json";
}
