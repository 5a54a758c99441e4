//! `disk`: a bootable disk image, with a tree (role `payload`) deployed on it.
//!
//! ```text
//! root ─ layout ─▶ operating system ─ sysroot ─▶ two file systems ─┐
//!                                  └─ loaders ─▶ core, EFI, menu ──┴─ partitions ─▶ disk
//! ```
//!
//! The image is an assembly: files stay where they are, and take no second place in the store.
//! The root (role `root`) is the one that the payload was committed from; its files are the commit's, not deflated.

mod error;
mod menu;
mod os_release;
mod partitions;
mod sysroot;

pub use error::Error;

use std::collections::BTreeSet;

use super::loader::{efi, grub};
use super::ostree;
use super::{Composed, Composer, Output, Workspace};
use crate::formats::{ext4, fat, gpt, qcow2};
use crate::ids::TreePath;
use crate::plan::facts::DiskFacts;
use crate::plan::{Derivation, parameters};
use crate::tree::{Assembly, Builder, Child, Leaf};
use partitions::{BOOT_NAME, Contents, EFI_NAME, ROOT_NAME, Sizes};
use sysroot::{Told, path};

/// Composes `disk` derivations.
pub struct Disk;

pub const KIND: &str = "disk";

/// Labels of the file systems; partitions have the same names.
const EFI_LABEL: &str = "EFI";
/// Bytes of journals.
const ROOT_JOURNAL: u64 = 64 << 20;
const BOOT_JOURNAL: u64 = 4 << 20;

impl Composer for Disk {
    fn version(&self) -> u32 {
        1
    }

    fn compose(
        &self,
        derivation: &Derivation,
        workspace: &dyn Workspace,
    ) -> Result<Composed, super::Error> {
        let params: parameters::Disk = super::parameters(KIND, derivation)?;
        let root = super::input(KIND, "root", derivation)?;
        let payload = super::input(KIND, "payload", derivation)?;
        let reference = params.payload.reference.clone().unwrap_or_default();
        let installed = workspace.open(workspace.root(root)?)?;
        let mut tree = installed.clone();
        let kernel = ostree::arrange(&mut tree, workspace)?.ok_or(Error::NoKernel)?;
        let ids = Ids::of(&params.seed);
        let mut arguments = vec![format!("root=UUID={}", ids.root), "rw".to_owned()];
        arguments.extend(params.arguments.iter().cloned());
        let mounts = format!(
            "UUID={} /boot ext4 defaults 1 2\n\
             PARTUUID={} /boot/efi vfat umask=0077,shortname=winnt,nofail 0 0\n",
            ids.boot, ids.efi
        );
        let told = Told {
            params: &params,
            reference: &reference,
            arguments: &arguments.join(" "),
            mounts: &mounts,
        };
        let mut deployed = sysroot::deploy(&tree, &kernel, payload, &told, workspace)?;
        let firmware = Firmware::of(&installed, &params, &ids, workspace)?;
        let boots = firmware.bios.is_some() || firmware.has_efi;
        for (at, leaf) in firmware.menu {
            deployed
                .boot
                .insert(&path(&at), Child::Leaf(leaf))
                .map_err(Error::from)?;
        }
        deployed.boot.directory(&path("efi")).map_err(Error::from)?;
        let sizes = Sizes::of(params.size);
        let boot = FileSystem {
            name: BOOT_NAME,
            size: sizes.boot,
            journal: BOOT_JOURNAL,
            tree: deployed.boot,
            links: BTreeSet::new(),
            immutable: BTreeSet::new(),
        };
        let root = FileSystem {
            name: ROOT_NAME,
            size: sizes.root,
            journal: ROOT_JOURNAL,
            tree: deployed.root,
            links: deployed.links,
            immutable: BTreeSet::from([deployed.deployment]),
        };
        let disk = partitions::disk(
            params.size,
            &params.arch,
            &params.seed,
            Contents {
                bios: firmware.bios,
                efi: firmware.efi,
                boot: boot.write(&params)?,
                root: root.write(&params)?,
            },
        );
        let image = match params.format.as_str() {
            "qcow2" => qcow2::write(&disk),
            _ => disk,
        };
        let (blob, length) = workspace.assembled(&image)?;
        let leaf = Leaf::file(0o644, blob, length);
        let mut output = Output::new(KIND, workspace.single(&params.file, leaf)?);
        let media = [
            ("type", params.format.clone()),
            ("format", params.format.clone()),
            ("bootable", boots.to_string()),
        ];
        let media = media.map(|(name, value)| (name.to_owned(), value));
        output.media.extend(media);
        let facts = DiskFacts {
            size: params.size,
            length,
            commit: deployed.commit.to_string(),
            reference,
        };
        Composed::of(output).with_facts(KIND, &facts)
    }
}

/// One of the two file systems that are not for firmware.
struct FileSystem {
    /// Its label, and its partition's name.
    name: &'static str,
    size: u64,
    journal: u64,
    tree: Builder,
    links: BTreeSet<Vec<TreePath>>,
    immutable: BTreeSet<TreePath>,
}

impl FileSystem {
    fn write(&self, params: &parameters::Disk) -> Result<Assembly, Error> {
        let options = ext4::Options {
            label: self.name,
            uuid: identifier(self.name, &params.seed),
            size: self.size,
            journal: self.journal,
            time: params.epoch,
            immutable: &self.immutable,
        };
        let name = self.name;
        ext4::write(&self.tree, &self.links, &options).map_err(|source| match source {
            ext4::Error::TooSmall {
                size: there,
                needed,
            } => Error::TooSmall {
                name,
                size: params.size,
                there,
                needed,
            },
            source => Error::FileSystem { name, source },
        })
    }
}

/// Of a file system, where its partition has another one.
fn identifier(name: &str, seed: &str) -> [u8; 16] {
    gpt::identifier(&format!("{name} file system"), seed)
}

/// How file systems are named in boot entries and tables.
struct Ids {
    root: String,
    boot: String,
    /// The partition's.
    efi: String,
}

impl Ids {
    fn of(seed: &str) -> Self {
        let system = |name| partitions::text(&identifier(name, seed), false);
        Ids {
            root: system(ROOT_NAME),
            boot: system(BOOT_NAME),
            efi: partitions::text(&gpt::identifier(EFI_NAME, seed), true),
        }
    }
}

/// What firmware starts, and the menu that it comes to.
struct Firmware {
    bios: Option<(Vec<u8>, Vec<u8>)>,
    efi: Assembly,
    has_efi: bool,
    /// Files of the boot file system.
    menu: Vec<(String, Leaf)>,
}

impl Firmware {
    fn of(
        root: &Builder,
        params: &parameters::Disk,
        ids: &Ids,
        workspace: &dyn Workspace,
    ) -> Result<Self, Error> {
        let text = menu::menu(params.timeout, &params.arguments);
        let file = |bytes: &[u8]| workspace.file(0o644, bytes);
        let mut files = vec![("grub/grub.cfg".to_owned(), file(text.as_bytes())?)];
        let place = (partitions::CORE_SECTOR, partitions::MENU);
        let bios = match grub::disk(root, &params.arch, place, workspace)? {
            Some(grub) => {
                let there = partitions::CORE_MOST;
                if grub.core.len() as u64 > there {
                    let found = grub.core.len();
                    return Err(Error::Core { found, there });
                }
                for (name, bytes) in grub.beside {
                    files.push((format!("grub/i386-pc/{name}"), file(&bytes)?));
                }
                Some((grub.record, grub.core))
            }
            None => None,
        };
        let loaders = efi::loaders(root, &params.arch, efi::Medium::Disk, workspace);
        let mut inside = Builder::default();
        if !loaders.is_empty() {
            let menu = file(menu::redirect(&ids.boot).as_bytes())?;
            let vendor = efi::vendor(&loaders, workspace)?;
            let vendor = vendor.map(|vendor| vendor.to_ascii_uppercase());
            if vendor.is_none() {
                workspace.note("GRUB for UEFI does not say where it looks for its menu: it is put beside it alone");
            }
            for directory in std::iter::once("BOOT").chain(vendor.as_deref()) {
                let at = path(&format!("EFI/{directory}/GRUB.CFG"));
                inside.insert(&at, Child::Leaf(menu.clone()))?;
            }
        }
        let has_efi = !loaders.is_empty();
        for (name, leaf) in loaders {
            inside.insert(&path(&format!("EFI/BOOT/{name}")), Child::Leaf(leaf))?;
        }
        if bios.is_none() && !has_efi {
            workspace.note("no boot loader at all: the disk boots only where its kernel is loaded from outside");
        }
        Ok(Firmware {
            bios,
            efi: fat::write(&inside, EFI_LABEL, params.epoch, partitions::EFI)?,
            has_efi,
            menu: files,
        })
    }
}
