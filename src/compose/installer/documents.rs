//! What the disc says of itself: `.treeinfo` and `.discinfo`.
//!
//! Facts: `productmd/treeinfo.py` and `productmd/discinfo.py` of productmd 1.2.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::plan::parameters;

pub const STAGE2: &str = "images/install.img";
pub const KERNEL: &str = "images/pxeboot/vmlinuz";
pub const INITRD: &str = "images/pxeboot/initrd.img";
pub const ELTORITO: &str = "images/eltorito.img";
pub const EFI: &str = "images/efiboot.img";

/// Sections of keys and values, both sorted.
type Ini = BTreeMap<String, BTreeMap<String, String>>;

/// What is on the disc.
pub struct Contents {
    /// SHA-256 in hex, by path: of images and of the metadata of repositories.
    pub checksums: BTreeMap<String, String>,
    /// The names of the edition's add-ons.
    pub addons: Vec<String>,
}

/// `.treeinfo`, with the section that readers from before productmd look for.
pub fn treeinfo(params: &parameters::Installer, contents: &Contents) -> String {
    let mut ini = Ini::new();
    let mut set = |section: &str, pairs: &[(&str, &str)]| {
        let section = ini.entry(section.to_owned()).or_default();
        let pairs = pairs.iter();
        section.extend(pairs.map(|(key, value)| (key.to_string(), value.to_string())));
    };
    let (arch, epoch) = (params.arch.as_str(), params.epoch.to_string());
    let variant = params.edition.as_deref().map(identifier);
    let variant = variant.as_deref().unwrap_or_default();
    set(
        "header",
        &[("type", "productmd.treeinfo"), ("version", "1.2")],
    );
    let release = [
        ("name", params.product.as_str()),
        ("short", &params.short),
        ("version", &params.version),
        ("type", "ga"),
        ("is_layered", "false"),
    ];
    set("release", &release);
    let tree = [
        ("arch", arch),
        ("build_timestamp", &epoch),
        ("platforms", arch),
        ("variants", variant),
    ];
    set("tree", &tree);
    set("media", &[("discnum", "1"), ("totaldiscs", "1")]);
    set("stage2", &[("mainimage", STAGE2)]);
    for (path, sum) in &contents.checksums {
        set("checksums", &[(path, &format!("sha256:{sum}"))]);
    }
    let images = format!("images-{arch}");
    for (key, path) in [
        ("kernel", KERNEL),
        ("initrd", INITRD),
        ("efiboot.img", EFI),
        ("eltorito.img", ELTORITO),
    ] {
        if contents.checksums.contains_key(path) {
            set(&images, &[(key, path)]);
        }
    }
    let has = !variant.is_empty();
    let (packages, repository) = if has { ("Packages", ".") } else { ("", "") };
    let name = format!("{} {}", params.product, params.version);
    let general = [
        ("arch", arch),
        ("family", &params.product),
        ("name", &name),
        ("packagedir", packages),
        ("platforms", arch),
        ("repository", repository),
        ("timestamp", &epoch),
        ("variant", variant),
        ("variants", variant),
        ("version", &params.version),
    ];
    set("general", &general);
    if has {
        let addons: Vec<String> = contents
            .addons
            .iter()
            .map(|name| identifier(name))
            .collect();
        let uids: Vec<String> = addons.iter().map(|id| format!("{variant}-{id}")).collect();
        let section = format!("variant-{variant}");
        let pairs = [
            ("id", variant),
            ("uid", variant),
            ("name", params.edition.as_deref().unwrap_or_default()),
            ("type", "variant"),
            ("packages", packages),
            ("repository", repository),
        ];
        set(&section, &pairs);
        if !uids.is_empty() {
            set(&section, &[("addons", &uids.join(","))]);
        }
        for ((name, id), uid) in contents.addons.iter().zip(&addons).zip(&uids) {
            let place = format!("addons/{name}");
            let pairs = [
                ("id", id.as_str()),
                ("uid", uid),
                ("name", name),
                ("parent", variant),
                ("type", "addon"),
                ("packages", &format!("{place}/Packages")),
                ("repository", &place),
            ];
            set(&format!("addon-{uid}"), &pairs);
        }
    }
    render(&ini)
}

/// Ids of variants are letters and digits.
fn identifier(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect()
}

fn render(ini: &Ini) -> String {
    let mut text = String::new();
    for (name, section) in ini {
        let line = if text.is_empty() { "" } else { "\n" };
        // Writing to a string can't fail.
        let _ = writeln!(text, "{line}[{name}]");
        for (key, value) in section {
            let value = value.trim();
            let _ = match value.is_empty() {
                true => writeln!(text, "{key} ="),
                false => writeln!(text, "{key} = {value}"),
            };
        }
    }
    text
}

/// `.discinfo`: time, release, architecture, and that it is all discs.
pub fn discinfo(params: &parameters::Installer) -> String {
    let (epoch, product, version) = (params.epoch, &params.product, &params.version);
    format!(
        "{epoch}.000000\n{product} {version}\n{}\nALL\n",
        params.arch
    )
}
