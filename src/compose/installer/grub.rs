//! GRUB for BIOS, linked from the files that its package has in the root.

use super::Error;
use super::kernel::file;
use crate::compose::Workspace;
use crate::formats::grub::{self, Dependencies, Parts, with_dependencies};
use crate::tree::{Builder, Content};

/// Where its files are.
const PLACE: &str = "usr/lib/grub/i386-pc";

/// What has to be in the image to reach the menu and a kernel, and what menus use besides.
const NEEDED: [&str; 4] = ["biosdisk", "iso9660", "normal", "linux"];
const WELCOME: [&str; 13] = [
    "part_gpt",
    "part_msdos",
    "search",
    "search_label",
    "search_fs_file",
    "configfile",
    "test",
    "echo",
    "sleep",
    "serial",
    "minicmd",
    "reboot",
    "halt",
];

/// Where GRUB looks for its menu.
pub const PREFIX: &str = "/boot/grub";

/// A loader for BIOS.
pub struct Bios {
    /// Loaded from a disc.
    pub image: Vec<u8>,
    /// The first sector of a disk, without its table; loads the image.
    pub disk: Vec<u8>,
}

/// Links GRUB, if the root has it; else the log says what there is not.
pub fn bios(root: &Builder, arch: &str, workspace: &dyn Workspace) -> Result<Option<Bios>, Error> {
    if !matches!(arch, "x86_64" | "i386" | "i686") {
        return Ok(None);
    }
    let read = |name: &str| -> Result<Option<Vec<u8>>, Error> {
        let leaf = file(root, &format!("{PLACE}/{name}"));
        match leaf.map(|leaf| &leaf.content) {
            Some(Content::File { blob, .. }) => Ok(Some(workspace.bytes(*blob)?)),
            _ => Ok(None),
        }
    };
    let mut parts = Vec::new();
    for name in [
        "cdboot.img",
        "diskboot.img",
        "lzma_decompress.img",
        "kernel.img",
        "boot_hybrid.img",
        "moddep.lst",
    ] {
        let Some(bytes) = read(name)? else {
            workspace.note(&format!(
                "no boot loader for BIOS: the root has no /{PLACE}/{name}, which GRUB's package for i386-pc has"
            ));
            return Ok(None);
        };
        parts.push(bytes);
    }
    let all = Dependencies::parse(&String::from_utf8_lossy(&parts[5]));
    let mut wanted = NEEDED.to_vec();
    wanted.extend(WELCOME.iter().filter(|name| all.knows(name)));
    let mut modules = Vec::new();
    for name in with_dependencies(&wanted, &all)? {
        let module = read(&format!("{name}.mod"))?;
        modules.push(module.ok_or(grub::Error::NoModule(name))?);
    }
    let image = grub::image(&Parts {
        cdboot: &parts[0],
        diskboot: &parts[1],
        decompressor: &parts[2],
        kernel: &parts[3],
        modules: &modules,
        prefix: PREFIX,
    })?;
    let mut disk = std::mem::take(&mut parts[4]);
    disk.truncate(440);
    Ok(Some(Bios { image, disk }))
}
