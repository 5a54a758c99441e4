//! Loaders for UEFI: GRUB as its package has linked it, with shim before it where there is one.
//!
//! Linking or signing them here is out of the question: firmware checks signatures of those who made them.

use std::io::Read;

use super::Error;
use crate::compose::{Workspace, WorkspaceError};
use crate::ids::TreePath;
use crate::tree::{Builder, Child, Content, Leaf};

/// A loader's name on the medium, and the files that it may be, best first.
type Loader = (&'static str, &'static [&'static str]);

const SHIM: Loader = ("BOOTX64.EFI", &["shimx64.efi.signed", "shimx64.efi"]);
/// Lets an owner say whom shim trusts; shim looks for it by its own name.
const MANAGER: Loader = ("MMX64.EFI", &["mmx64.efi.signed", "mmx64.efi"]);

/// GRUB is linked otherwise for discs and for disks: it looks elsewhere for its menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Medium {
    Disc,
    Disk,
}

impl Medium {
    fn grub(self) -> Loader {
        match self {
            Medium::Disc => ("GRUBX64.EFI", &["gcdx64.efi.signed", "gcdx64.efi"]),
            Medium::Disk => ("GRUBX64.EFI", &["grubx64.efi.signed", "grubx64.efi"]),
        }
    }
}

/// What goes into `EFI/BOOT`; nothing, and a line in the log, if the root has no GRUB for the medium.
pub fn loaders(
    root: &Builder,
    arch: &str,
    medium: Medium,
    workspace: &dyn Workspace,
) -> Vec<(&'static str, Leaf)> {
    if arch != "x86_64" {
        workspace.note(&format!(
            "no boot loaders for {arch} are known: nothing is booted"
        ));
        return Vec::new();
    }
    let wanted = medium.grub();
    let Some(grub) = find(root, &wanted) else {
        workspace.note(&format!(
            "no boot loader for UEFI: the root has no {}, which GRUB's package for x86_64-efi has",
            wanted.1[1]
        ));
        return Vec::new();
    };
    let Some(shim) = find(root, &SHIM) else {
        workspace.note("no shimx64.efi in the root: UEFI boots it only without Secure Boot");
        return vec![(SHIM.0, grub)];
    };
    let mut loaders = vec![(SHIM.0, shim), (wanted.0, grub)];
    loaders.extend(find(root, &MANAGER).map(|manager| (MANAGER.0, manager)));
    loaders
}

/// The directory below `EFI` in which a GRUB for disks looks for its menu: its distribution's, as it says itself.
pub fn vendor(
    loaders: &[(&'static str, Leaf)],
    workspace: &dyn Workspace,
) -> Result<Option<String>, Error> {
    const PREFIX: &[u8] = b"/EFI/";
    let Some((_, grub)) = loaders.get(1).or(loaders.first()) else {
        return Ok(None);
    };
    let Content::File { blob, .. } = grub.content else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    let mut reader = workspace.read(blob, 0, None)?;
    let read = reader.read_to_end(&mut bytes);
    read.map_err(|error| WorkspaceError::new(format!("reading blob {blob}"), error))?;
    let after = bytes
        .windows(PREFIX.len())
        .enumerate()
        .filter(|(_, window)| *window == PREFIX)
        .map(|(at, _)| &bytes[at + PREFIX.len()..]);
    let named = after.filter_map(|rest| {
        let end = rest.iter().position(|&byte| byte == 0)?;
        let name = std::str::from_utf8(&rest[..end]).ok()?;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let good = !name.is_empty() && name.len() <= 32 && name.chars().all(plain);
        good.then(|| name.to_owned())
    });
    // Where removable media have their loaders says nothing of a distribution.
    let mut named = named.filter(|name| !name.eq_ignore_ascii_case("boot"));
    Ok(named.next())
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
