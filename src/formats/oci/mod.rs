//! Container images as the Open Container Initiative has them: a layout of blobs, each named by its SHA-256.
//!
//! ```text
//! oci-layout   index.json ─▶ manifest ─▶ config, layers                      blobs/sha256/HEX
//! ```
//!
//! Facts: the image specification 1.1 (`image-layout.md`, `manifest.md`, `config.md`, `layer.md`).
//!
//! The documents are structs of our own: what is hashed must not move with a library,
//! and these few fields are less than what a crate for all of the specification brings along.

mod config;
mod manifest;
mod time;

pub use config::{Config, History, Process, Rootfs};
pub use manifest::{Descriptor, Index, Manifest, Platform};
pub use time::rfc3339;

use sha2::{Digest as _, Sha256};

/// The version of the layout, in the file `oci-layout`.
pub const LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// The annotation that names an image in an index.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// What skopeo, umoci and podman look for when they are given no name.
pub const LATEST: &str = "latest";

/// The manifest of the image below, in annotations.
pub const BASE_DIGEST: &str = "org.opencontainers.image.base.digest";

pub const VERSION: &str = "org.opencontainers.image.version";

/// Before a name in a layer: what the layers below have there is gone.
pub const WHITEOUT: &[u8] = b".wh.";

/// In a directory of a layer: all that the layers below have in it is gone.
pub const OPAQUE: &[u8] = b".wh..wh..opq";

/// Where a blob lies in a layout.
pub fn blob_path(digest: &[u8; 32]) -> String {
    format!("blobs/sha256/{}", hex(digest))
}

/// The digest of a blob, as documents write it: `sha256:…`.
pub fn digest_text(digest: &[u8; 32]) -> String {
    format!("sha256:{}", hex(digest))
}

/// Reads `sha256:…`.
pub fn parse_digest(text: &str) -> Option<[u8; 32]> {
    let hex = text.strip_prefix("sha256:")?;
    let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).ok()?;
    bytes.try_into().ok()
}

pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn hex(digest: &[u8; 32]) -> String {
    data_encoding::HEXLOWER.encode(digest)
}

/// Architecture and variant, as Go calls what rpm calls so.
pub fn platform(arch: &str) -> (String, Option<String>) {
    let (name, variant) = match arch {
        "x86_64" | "amd64" | "x86_64_v2" | "x86_64_v3" | "x86_64_v4" => ("amd64", None),
        "i386" | "i486" | "i586" | "i686" => ("386", None),
        "aarch64" => ("arm64", None),
        "armv5tel" => ("arm", Some("v5")),
        "armv6hl" | "armv6l" => ("arm", Some("v6")),
        "armv7hl" | "armv7hnl" | "armv7l" => ("arm", Some("v7")),
        "mips" | "mipsel" => (if arch == "mips" { "mips" } else { "mipsle" }, None),
        "loongarch64" => ("loong64", None),
        other => (other, None),
    };
    (name.to_owned(), variant.map(str::to_owned))
}
