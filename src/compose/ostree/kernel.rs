//! The kernel of a tree: one, in the directory of its modules.

use std::collections::BTreeSet;

use super::Error;
use super::moving::{merge, path, take};
use crate::compose::Workspace;
use crate::ids::TreePath;
use crate::tree::{Builder, Child, Content, Leaf};

const MODULES: &str = "usr/lib/modules";
const KERNEL: &[u8] = b"vmlinuz";
const INITRAMFS: &[u8] = b"initramfs.img";

/// Where the rest of `/boot` goes, as rpm-ostree has it: `/boot` belongs to the machine.
const REST: &str = "usr/lib/ostree-boot";

/// What stands before and behind the version in `/boot`, and the name beside the modules.
const NAMES: [(&str, &str, &[u8]); 7] = [
    ("vmlinuz-", "", KERNEL),
    ("initramfs-", ".img", INITRAMFS),
    ("initramfs-", "", INITRAMFS),
    ("initrd.img-", "", INITRAMFS),
    ("config-", "", b"config"),
    ("System.map-", "", b"System.map"),
    (".vmlinuz-", ".hmac", b".vmlinuz.hmac"),
];

/// Brings kernel and initramfs from `/boot` to the modules; returns the kernel's version.
pub fn settle(tree: &mut Builder, workspace: &dyn Workspace) -> Result<Option<String>, Error> {
    let mut boot = take(tree, "boot")?.unwrap_or_default();
    let meta = boot.meta.clone();
    let mut versions = versions(tree, &boot).into_iter();
    let version = versions.next();
    if let (Some(first), Some(second)) = (&version, versions.next()) {
        let (first, second) = (first.clone(), second);
        return Err(Error::TwoKernels { first, second });
    }
    match &version {
        Some(version) => bring(tree, &mut boot, version, workspace)?,
        None => workspace.note(
            "no kernel, neither /usr/lib/modules/VERSION/vmlinuz nor /boot/vmlinuz-VERSION: \
             the commit is not marked as bootable",
        ),
    }
    if !boot.children.is_empty() {
        workspace.note(&format!("what else is in /boot moved to /{REST}"));
        let mut rest = take(tree, REST)?.unwrap_or_default();
        merge(&mut rest, boot, &path("boot"), &path(REST))?;
        tree.insert(&path(REST), Child::Directory(rest))?;
    }
    tree.insert(&path("boot"), Child::Directory(Builder::new(meta)))?;
    Ok(version)
}

/// Versions that have a kernel file, in either place.
fn versions(tree: &Builder, boot: &Builder) -> BTreeSet<String> {
    let mut versions = BTreeSet::new();
    if let Some(Child::Directory(modules)) = tree.get(&path(MODULES)) {
        for (name, child) in &modules.children {
            let Child::Directory(directory) = child else {
                continue;
            };
            if directory.children.get(KERNEL).is_some_and(is_file) {
                versions.insert(String::from_utf8_lossy(name).into_owned());
            }
        }
    }
    for (name, child) in &boot.children {
        let version = std::str::from_utf8(name).ok();
        let version = version.and_then(|name| name.strip_prefix(NAMES[0].0));
        if let Some(version) = version.filter(|version| !version.is_empty() && is_file(child)) {
            versions.insert(version.to_owned());
        }
    }
    versions
}

fn is_file(child: &Child) -> bool {
    matches!(
        child,
        Child::Leaf(Leaf {
            content: Content::File { .. },
            ..
        })
    )
}

fn bring(
    tree: &mut Builder,
    boot: &mut Builder,
    version: &str,
    workspace: &dyn Workspace,
) -> Result<(), Error> {
    let modules = path(MODULES)
        .join(version.as_bytes())
        .expect("the version was part of a name");
    for (before, behind, name) in NAMES {
        let old = format!("{before}{version}{behind}").into_bytes();
        if !boot.children.get(&old).is_some_and(is_file) {
            continue;
        }
        let child = boot.children.remove(&old).expect("it was just looked at");
        let boot = path("boot").join(&old).expect("it was a name");
        let modules = modules.join(name).expect("it is a constant");
        put(tree, version, child, boot, modules, workspace)?;
    }
    let initramfs = modules.join(INITRAMFS).expect("it is a constant");
    if tree.get(&initramfs).is_none() {
        workspace.note(&format!("kernel {version} has no {initramfs}"));
    }
    Ok(())
}

fn put(
    tree: &mut Builder,
    version: &str,
    child: Child,
    boot: TreePath,
    modules: TreePath,
    workspace: &dyn Workspace,
) -> Result<(), Error> {
    match (tree.get(&modules), &child) {
        (None, _) => {
            workspace.note(&format!("{boot} moved to {modules}"));
            tree.insert(&modules, child)?;
            Ok(())
        }
        // Kernel packages have it in both places, for the time after and before installation.
        (Some(Child::Leaf(there)), Child::Leaf(here)) if there.content == here.content => Ok(()),
        (Some(_), _) => Err(Error::KernelDiffers {
            version: version.to_owned(),
            boot,
            modules,
        }),
    }
}
