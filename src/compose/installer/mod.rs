//! `installer`: a disc that boots, and installs what is on it.
//!
//! ```text
//! images/install.img            stage 2: a SquashFS image of the root (role stage2)
//! images/pxeboot/               kernel and initial RAM disk, of the root
//! images/{eltorito,efiboot}.img what a BIOS and UEFI load: GRUB, of the root
//! boot/grub/  EFI/BOOT/         its menu, and the loaders of UEFI
//! .treeinfo  .discinfo  .disk/  what the disc is
//! ks.cfg                        answers for the installation
//! Packages/ repodata/ addons/   the edition (role repository)
//! ostree/repo/ or container/    the payload
//! ```
//!
//! The disc is an assembly: packages, objects and layers stay where they are, and take no second place in the store.
//! Facts: lorax's templates, `docs/boot-options.rst` and `dracut/anaconda-lib.sh` of Anaconda.

mod disc;
mod documents;
mod error;
mod kernel;
mod kickstart;
mod menu;
mod squashfs;

pub use error::Error;
pub use squashfs::Squashfs;

use super::{Composed, Composer, Output, Workspace};
use crate::plan::facts::InstallerFacts;
use crate::plan::{Derivation, parameters};
use crate::tree::Leaf;
use disc::Disc;

/// Composes `installer` derivations.
pub struct Installer;

pub const KIND: &str = "installer";

impl Composer for Installer {
    fn version(&self) -> u32 {
        2
    }

    fn compose(
        &self,
        derivation: &Derivation,
        workspace: &dyn Workspace,
    ) -> Result<Composed, super::Error> {
        let params: parameters::Installer = super::parameters(KIND, derivation)?;
        let root = super::input(KIND, "root", derivation)?;
        let root = workspace.open(workspace.root(root)?)?;
        let stage2 = super::input_file(KIND, "stage2", squashfs::FILE, derivation, workspace)?;

        let mut disc = Disc::new(&params, workspace);
        disc.put(documents::STAGE2, Leaf::file(0o644, stage2.0, stage2.1))?;
        if let Some(edition) = super::input_if_any(KIND, "repository", derivation)? {
            disc.edition(edition)?;
        }
        if let Some(payload) = super::input_if_any(KIND, "payload", derivation)? {
            disc.payload(payload)?;
        }
        let kernel = kernel::find(&root, workspace)?;
        if let Some(kernel) = &kernel {
            disc.kernel(kernel)?;
        }
        disc.kickstart()?;
        disc.loaders(&root, kernel.as_ref())?;
        disc.documents()?;
        let bootable = kernel.is_some() && disc.has_loader();
        let burnt = disc.burn()?;

        let leaf = Leaf::file(0o644, burnt.blob, burnt.size);
        let mut output = Output::new(KIND, workspace.single(&params.file, leaf)?);
        let media = [
            ("type", purpose(&params).to_owned()),
            ("volume_id", params.volume.clone()),
            ("format", "iso".to_owned()),
            ("bootable", bootable.to_string()),
            ("implanted_md5", burnt.sum.clone()),
        ];
        let media = media.map(|(name, value)| (name.to_owned(), value));
        output.media.extend(media);
        let facts = InstallerFacts {
            volume: params.volume.clone(),
            size: burnt.size,
            media_sum: burnt.sum,
            kernel: kernel.map(|kernel| kernel.version),
        };
        Composed::of(output).with_facts(KIND, &facts)
    }
}

/// What productmd calls such a disc: `IMAGE_TYPE_FORMAT_MAPPING` of its `images.py`.
fn purpose(params: &parameters::Installer) -> &'static str {
    match (&params.payload, &params.edition) {
        (Some(_), _) => "dvd-ostree",
        (None, Some(_)) => "dvd",
        (None, None) => "boot",
    }
}
