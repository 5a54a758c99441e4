//! The kernel of the installer, and its initial RAM disk.

use std::collections::BTreeMap;

use super::Error;
use crate::compose::Workspace;
use crate::compose::loader::file;
use crate::ids::TreePath;
use crate::tree::{Builder, Child, Leaf};

/// What a boot loader loads.
pub struct Kernel {
    pub version: String,
    pub image: Leaf,
    /// The initial RAM disk, where there is one.
    pub initrd: Option<Leaf>,
}

/// Where initial RAM disks are, beside the modules and in `/boot`; `VERSION` stands for the kernel's.
const INITRDS: [&str; 4] = [
    "usr/lib/modules/VERSION/initramfs.img",
    "boot/initramfs-VERSION.img",
    "boot/initrd.img-VERSION",
    "boot/initramfs-VERSION",
];

/// Looks for the kernel of a root; says in the log what there is not.
pub fn find(root: &Builder, workspace: &dyn Workspace) -> Result<Option<Kernel>, Error> {
    let mut kernels = kernels(root).into_iter();
    let Some((version, image)) = kernels.next() else {
        workspace.note(
            "no kernel, neither /usr/lib/modules/VERSION/vmlinuz nor /boot/vmlinuz-VERSION: the disc has nothing to boot",
        );
        return Ok(None);
    };
    if let Some((second, _)) = kernels.next() {
        let first = version;
        return Err(Error::TwoKernels { first, second });
    }
    let places = INITRDS.map(|place| place.replace("VERSION", &version));
    let initrd = places.iter().find_map(|place| file(root, place)).cloned();
    if initrd.is_none() {
        workspace.note(&format!(
            "kernel {version} has no initial RAM disk, as /{}: the disc boots it alone",
            places[0]
        ));
    }
    Ok(Some(Kernel {
        version,
        image,
        initrd,
    }))
}

fn kernels(root: &Builder) -> BTreeMap<String, Leaf> {
    let mut kernels = BTreeMap::new();
    for name in names(root, "usr/lib/modules") {
        if let Some(image) = file(root, &format!("usr/lib/modules/{name}/vmlinuz")) {
            kernels.insert(name, image.clone());
        }
    }
    for name in names(root, "boot") {
        if let Some(version) = name.strip_prefix("vmlinuz-")
            && let Some(image) = file(root, &format!("boot/{name}"))
        {
            let version = version.to_owned();
            kernels.entry(version).or_insert_with(|| image.clone());
        }
    }
    kernels
}

fn names(root: &Builder, directory: &str) -> Vec<String> {
    match root.get(&path(directory)) {
        Some(Child::Directory(directory)) => {
            let names = directory.children.keys();
            names
                .map(|name| String::from_utf8_lossy(name).into_owned())
                .collect()
        }
        _ => Vec::new(),
    }
}

fn path(text: &str) -> TreePath {
    TreePath::parse(text).expect("it is a constant")
}
