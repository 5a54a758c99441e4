//! Loaders for UEFI: GRUB as its package has linked it for discs, with shim before it where there is one.
//!
//! Linking or signing them here is out of the question: firmware checks signatures of those who made them.

use crate::compose::Workspace;
use crate::ids::TreePath;
use crate::tree::{Builder, Child, Content, Leaf};

/// A loader's name on the disc, and the files that it may be, best first.
type Loader = (&'static str, &'static [&'static str]);

const SHIM: Loader = ("BOOTX64.EFI", &["shimx64.efi.signed", "shimx64.efi"]);
const GRUB: Loader = ("GRUBX64.EFI", &["gcdx64.efi.signed", "gcdx64.efi"]);
/// Lets an owner say whom shim trusts; shim looks for it by its own name.
const MANAGER: Loader = ("MMX64.EFI", &["mmx64.efi.signed", "mmx64.efi"]);

/// What goes into `EFI/BOOT`; nothing, and a line in the log, if the root has no GRUB for discs.
pub fn loaders(root: &Builder, arch: &str, workspace: &dyn Workspace) -> Vec<(&'static str, Leaf)> {
    if arch != "x86_64" {
        workspace.note(&format!(
            "no boot loaders for {arch} are known: the disc boots nothing"
        ));
        return Vec::new();
    }
    let Some(grub) = find(root, &GRUB) else {
        workspace.note(
            "no boot loader for UEFI: the root has no gcdx64.efi, which GRUB's package for x86_64-efi has",
        );
        return Vec::new();
    };
    let Some(shim) = find(root, &SHIM) else {
        workspace.note("no shimx64.efi in the root: UEFI boots the disc only without Secure Boot");
        return vec![(SHIM.0, grub)];
    };
    let mut loaders = vec![(SHIM.0, shim), (GRUB.0, grub)];
    loaders.extend(find(root, &MANAGER).map(|manager| (MANAGER.0, manager)));
    loaders
}

/// The first file of the best name that there is; distributions have them in different places.
fn find(root: &Builder, (_, names): &Loader) -> Option<Leaf> {
    let paths = root.paths();
    let named = |name: &str| {
        let is = |path: &TreePath| path.file_name() == Some(name.as_bytes());
        paths.iter().find_map(|(path, child)| match child {
            Child::Leaf(leaf) if is(path) => match leaf.content {
                Content::File { size, blob } => Some(Leaf::file(0o644, blob, size)),
                _ => None,
            },
            _ => None,
        })
    };
    names.iter().find_map(|name| named(name))
}
