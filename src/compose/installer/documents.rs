//! What the disc says of itself: `.treeinfo` and `.discinfo`.
//!
//! Facts: `productmd/discinfo.py` of productmd 1.2.

use std::collections::BTreeMap;

use super::super::treeinfo;
use crate::formats::productmd::Release;
use crate::formats::productmd::treeinfo::{Media, TreeInfo, Variant};
use crate::ids::VariantId;
use crate::plan::parameters;

pub const STAGE2: &str = "images/install.img";
pub const KERNEL: &str = "images/pxeboot/vmlinuz";
pub const INITRD: &str = "images/pxeboot/initrd.img";
pub const ELTORITO: &str = "images/eltorito.img";
pub const EFI: &str = "images/efiboot.img";

/// What is on the disc.
pub struct Contents {
    /// SHA-256 in hex, by path: of images and of the metadata of repositories.
    pub checksums: BTreeMap<String, String>,
    /// The names of the edition's add-ons.
    pub addons: Vec<String>,
}

/// `.treeinfo`: the edition, the images, and the stage 2 that they start.
pub fn treeinfo(
    params: &parameters::Installer,
    contents: &Contents,
) -> Result<String, super::super::Error> {
    let release = Release {
        name: params.product.clone(),
        short: params.short.clone(),
        version: params.version.clone(),
    };
    let mut info = TreeInfo::new(release, &params.arch, params.epoch);
    info.checksums = contents.checksums.clone();
    info.media = Some(Media {
        number: 1,
        total: 1,
    });
    info.stage2 = Some(STAGE2.to_owned());
    let images = [
        ("kernel", KERNEL),
        ("initrd", INITRD),
        ("efiboot.img", EFI),
        ("eltorito.img", ELTORITO),
    ];
    let here = images
        .into_iter()
        .filter(|(_, path)| contents.checksums.contains_key(*path))
        .map(|(key, path)| (key.to_owned(), path.to_owned()));
    let here: BTreeMap<String, String> = here.collect();
    if !here.is_empty() {
        info.images.insert(params.arch.clone(), here);
    }
    if let Some(edition) = &params.edition {
        let addons = contents.addons.iter();
        let addons = addons.map(|name| treeinfo::addon(name));
        info.variants.push(Variant {
            id: VariantId::of_name(edition),
            name: edition.to_string(),
            packages: "Packages".to_owned(),
            repository: ".".to_owned(),
            addons: addons.collect::<Result<_, _>>()?,
        });
    }
    Ok(info.write()?)
}

/// `.discinfo`: time, release, architecture, and that it is all discs.
pub fn discinfo(params: &parameters::Installer) -> String {
    let (epoch, product, version) = (params.epoch, &params.product, &params.version);
    format!(
        "{epoch}.000000\n{product} {version}\n{}\nALL\n",
        params.arch
    )
}
