//! GRUB for BIOS, linked from the files that its package has in the root.

use super::{Error, file};
use crate::compose::Workspace;
use crate::formats::grub::{self, Dependencies, Parts, with_dependencies};
use crate::tree::{Builder, Content};

/// Where its files are.
const PLACE: &str = "usr/lib/grub/i386-pc";

/// What menus use, where it is there.
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

/// What has to be in the image to reach the menu of a disc and a kernel.
const DISC: [&str; 4] = ["biosdisk", "iso9660", "normal", "linux"];
/// The same of a disk. Its menu reads boot entries as scripts, in which `linux` is a function:
/// so the command of that name is beside the menu, and loaded when it is needed.
const DISK: [&str; 6] = [
    "biosdisk",
    "part_gpt",
    "ext2",
    "search_fs_uuid",
    "regexp",
    "normal",
];
const BESIDE: &str = "linux";

/// Where GRUB looks for its menu on a disc.
pub const PREFIX: &str = "/boot/grub";

/// What a disc has for BIOS.
pub struct Disc {
    /// Loaded from a disc.
    pub image: Vec<u8>,
    /// The first sector of a disk, without its table; loads the image.
    pub disk: Vec<u8>,
}

/// What a disk has for BIOS.
pub struct Disk {
    /// The first sector, without its table.
    pub record: Vec<u8>,
    /// What it loads.
    pub core: Vec<u8>,
    /// Modules that lie beside the menu, by their file's name.
    pub beside: Vec<(String, Vec<u8>)>,
}

/// Links GRUB for a disc, if the root has it; else the log says what there is not.
pub fn disc(root: &Builder, arch: &str, workspace: &dyn Workspace) -> Result<Option<Disc>, Error> {
    if !is_pc(arch) {
        return Ok(None);
    }
    let files = Files { root, workspace };
    let Some([cdboot, hybrid]) = files.named(["cdboot.img", "boot_hybrid.img"])? else {
        return Ok(None);
    };
    let wanted = [&DISC[..], &WELCOME].concat();
    let Some(linked) = files.linked(&DISC, &wanted)? else {
        return Ok(None);
    };
    let image = grub::disc(&cdboot, &linked.parts(PREFIX))?;
    let mut disk = hybrid;
    disk.truncate(440);
    Ok(Some(Disc { image, disk }))
}

/// Links GRUB for a disk, if the root has it; else the log says what there is not.
/// What is loaded first lies at a sector; the menu at a place such as `(,gpt3)/grub`.
pub fn disk(
    root: &Builder,
    arch: &str,
    (sector, prefix): (u64, &str),
    workspace: &dyn Workspace,
) -> Result<Option<Disk>, Error> {
    if !is_pc(arch) {
        return Ok(None);
    }
    let files = Files { root, workspace };
    let Some([boot]) = files.named(["boot.img"])? else {
        return Ok(None);
    };
    let wanted = [&DISK[..], &WELCOME].concat();
    let Some(linked) = files.linked(&DISK, &wanted)? else {
        return Ok(None);
    };
    let mut beside = Vec::new();
    for name in with_dependencies(&[BESIDE], &linked.all)? {
        if !linked.names.contains(&name) {
            let bytes = files.module(&name)?;
            beside.push((format!("{name}.mod"), bytes));
        }
    }
    Ok(Some(Disk {
        record: grub::record(&boot, sector)?,
        core: grub::disk(&linked.parts(prefix), sector)?,
        beside,
    }))
}

/// Whether machines of the architecture may have a BIOS.
fn is_pc(arch: &str) -> bool {
    matches!(arch, "x86_64" | "i386" | "i686")
}

struct Files<'a> {
    root: &'a Builder,
    workspace: &'a dyn Workspace,
}

/// What all images have in common.
struct Linked {
    diskboot: Vec<u8>,
    decompressor: Vec<u8>,
    kernel: Vec<u8>,
    names: Vec<String>,
    modules: Vec<Vec<u8>>,
    all: Dependencies,
}

impl Linked {
    fn parts<'a>(&'a self, prefix: &'a str) -> Parts<'a> {
        Parts {
            diskboot: &self.diskboot,
            decompressor: &self.decompressor,
            kernel: &self.kernel,
            modules: &self.modules,
            prefix,
        }
    }
}

impl Files<'_> {
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let leaf = file(self.root, &format!("{PLACE}/{name}"));
        match leaf.map(|leaf| &leaf.content) {
            Some(Content::File { blob, .. }) => Ok(Some(self.workspace.bytes(*blob)?)),
            _ => Ok(None),
        }
    }

    fn module(&self, name: &str) -> Result<Vec<u8>, Error> {
        let module = self.read(&format!("{name}.mod"))?;
        Ok(module.ok_or_else(|| grub::Error::NoModule(name.to_owned()))?)
    }

    /// Files that have to be there; the log names the first that is not.
    fn named<const N: usize>(&self, names: [&str; N]) -> Result<Option<[Vec<u8>; N]>, Error> {
        let mut files = names.map(|_| Vec::new());
        for (bytes, name) in files.iter_mut().zip(names) {
            match self.read(name)? {
                Some(found) => *bytes = found,
                None => {
                    self.workspace.note(&format!(
                        "no boot loader for BIOS: the root has no /{PLACE}/{name}, which GRUB's package for i386-pc has"
                    ));
                    return Ok(None);
                }
            }
        }
        Ok(Some(files))
    }

    /// The parts of an image: modules that are needed, and those of the others that there are.
    fn linked(&self, needed: &[&str], wanted: &[&str]) -> Result<Option<Linked>, Error> {
        let names = [
            "diskboot.img",
            "lzma_decompress.img",
            "kernel.img",
            "moddep.lst",
        ];
        let Some([diskboot, decompressor, kernel, list]) = self.named(names)? else {
            return Ok(None);
        };
        let all = Dependencies::parse(&String::from_utf8_lossy(&list));
        let mut wanted = wanted.to_vec();
        wanted.retain(|name| needed.contains(name) || all.knows(name));
        let names = with_dependencies(&wanted, &all)?;
        let modules = names.iter().map(|name| self.module(name));
        let modules = modules.collect::<Result<_, _>>()?;
        Ok(Some(Linked {
            diskboot,
            decompressor,
            kernel,
            names,
            modules,
            all,
        }))
    }
}
