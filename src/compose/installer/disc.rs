//! The disc while it is being filled.

use std::io::Read;

use sha2::{Digest, Sha256};

use super::documents::{self, Contents, EFI, ELTORITO, INITRD, KERNEL, STAGE2};
use super::kernel::Kernel;
use super::kickstart::{self, CONTAINER, REPOSITORY};
use super::{Error, menu};
use crate::compose::loader::{efi, grub};
use crate::compose::parts::PartsReader;
use crate::compose::{self, Workspace, WorkspaceError, treeinfo};
use crate::formats::fat;
use crate::formats::iso9660::{self, Bios, Boot, Volume};
use crate::ids::{BlobId, EntryId, TreePath};
use crate::plan::parameters;
use crate::tree::{Builder, Child, Content, Leaf};

/// The name of the file system of UEFI's loaders.
const LABEL: &str = "EFIBOOT";

pub struct Disc<'a> {
    params: &'a parameters::Installer,
    workspace: &'a dyn Workspace,
    tree: Builder,
    boot: Boot,
    has_kickstart: bool,
}

/// The disc, stored.
pub struct Burnt {
    pub blob: BlobId,
    pub size: u64,
    /// MD5 in hex, as the media check compares it.
    pub sum: String,
}

impl<'a> Disc<'a> {
    pub fn new(params: &'a parameters::Installer, workspace: &'a dyn Workspace) -> Self {
        Disc {
            params,
            workspace,
            tree: Builder::default(),
            boot: Boot::default(),
            has_kickstart: false,
        }
    }

    pub fn put(&mut self, at: &str, leaf: Leaf) -> Result<(), Error> {
        self.tree.insert(&path(at), Child::Leaf(leaf))?;
        Ok(())
    }

    fn text(&mut self, at: &str, text: &str) -> Result<(), Error> {
        let leaf = self.workspace.file(0o644, text.as_bytes())?;
        self.put(at, leaf)
    }

    /// Puts the packages and metadata of an edition at the top.
    pub fn edition(&mut self, edition: EntryId) -> Result<(), Error> {
        let edition = self.workspace.open(self.workspace.root(edition)?)?;
        for (name, child) in edition.children {
            let at = TreePath::root().join(&name).expect("children have names");
            self.tree.insert(&at, child)?;
        }
        Ok(())
    }

    pub fn payload(&mut self, payload: EntryId) -> Result<(), Error> {
        let tree = self.workspace.open(self.workspace.root(payload)?)?;
        let is_tree = self.params.payload.as_ref();
        let is_tree = is_tree.is_some_and(|payload| payload.reference.is_some());
        let at = path(if is_tree { REPOSITORY } else { CONTAINER });
        self.tree.insert(&at, Child::Directory(tree))?;
        Ok(())
    }

    pub fn kernel(&mut self, kernel: &Kernel) -> Result<(), Error> {
        let leaves = [
            (KERNEL, Some(&kernel.image)),
            (INITRD, kernel.initrd.as_ref()),
        ];
        for (at, leaf) in leaves {
            if let Some(Content::File { size, blob }) = leaf.map(|leaf| &leaf.content) {
                self.put(at, Leaf::file(0o644, *blob, *size))?;
            }
        }
        Ok(())
    }

    pub fn kickstart(&mut self) -> Result<(), Error> {
        if let Some(text) = kickstart::kickstart(self.params, self.workspace)? {
            self.text(kickstart::FILE, &text)?;
            self.has_kickstart = true;
        }
        Ok(())
    }

    /// Boot loaders and their menu, as far as the root has any.
    pub fn loaders(&mut self, root: &Builder, kernel: Option<&Kernel>) -> Result<(), Error> {
        let has_initrd = kernel.is_some_and(|kernel| kernel.initrd.is_some());
        let menu = menu::menu(
            self.params,
            kernel.is_some(),
            has_initrd,
            self.has_kickstart,
        );
        let arch = &self.params.arch;
        let bios = grub::disc(root, arch, self.workspace)?;
        let efi = efi::loaders(root, arch, efi::Medium::Disc, self.workspace);
        if bios.is_none() && efi.is_empty() {
            return Ok(());
        }
        // Loaders for UEFI find their menu by this file, by their own place, or in their own file system.
        let name = format!("{} {}\n", self.params.product, self.params.version);
        self.text(".disk/info", &name)?;
        self.text(&format!("{}/grub.cfg", &grub::PREFIX[1..]), &menu)?;
        if let Some(bios) = bios {
            let leaf = self.workspace.file(0o644, &bios.image)?;
            self.put(ELTORITO, leaf)?;
            self.boot.bios = Some(Bios {
                path: path(ELTORITO),
                bytes: bios.image,
            });
            self.boot.disk = Some(bios.disk);
        }
        if !efi.is_empty() {
            self.efi(efi, &menu)?;
        }
        Ok(())
    }

    /// Whether any firmware finds something to start.
    pub fn has_loader(&self) -> bool {
        self.boot.bios.is_some() || self.boot.efi.is_some()
    }

    fn efi(&mut self, loaders: Vec<(&'static str, Leaf)>, menu: &str) -> Result<(), Error> {
        let menu = self.workspace.file(0o644, menu.as_bytes())?;
        self.put("EFI/BOOT/grub.cfg", menu.clone())?;
        let mut inside = Builder::default();
        let menu = [("GRUB.CFG", menu)];
        for (name, leaf) in loaders.iter().cloned().chain(menu) {
            inside.insert(&path(&format!("EFI/BOOT/{name}")), Child::Leaf(leaf))?;
        }
        for (name, leaf) in loaders {
            self.put(&format!("EFI/BOOT/{name}"), leaf)?;
        }
        let image = fat::write(&inside, LABEL, self.params.epoch, 0)?;
        let (blob, size) = self.workspace.assembled(&image)?;
        self.put(EFI, Leaf::file(0o644, blob, size))?;
        self.boot.efi = Some(path(EFI));
        Ok(())
    }

    pub fn documents(&mut self) -> Result<(), compose::Error> {
        let mut contents = Contents {
            checksums: Default::default(),
            addons: Vec::new(),
        };
        let mut summed: Vec<String> =
            [STAGE2, KERNEL, INITRD, ELTORITO, EFI, "repodata/repomd.xml"]
                .map(str::to_owned)
                .into();
        if let Some(Child::Directory(addons)) = self.tree.get(&path("addons")) {
            for name in addons.children.keys() {
                let name = String::from_utf8_lossy(name).into_owned();
                summed.push(format!("addons/{name}/repodata/repomd.xml"));
                contents.addons.push(name);
            }
        }
        // What loads the disc is told its place on it, so a sum of what it was before would be wrong.
        summed.retain(|at| at != ELTORITO);
        for at in summed {
            if let Some(Child::Leaf(leaf)) = self.tree.get(&path(&at))
                && let Content::File { blob, .. } = leaf.content
            {
                contents.checksums.insert(at, self.sum(blob)?);
            }
        }
        let info = documents::treeinfo(self.params, &contents)?;
        let leaf = self.workspace.file(0o644, info.as_bytes())?;
        // An edition's own says nothing of the disc around it.
        self.tree
            .replace(&path(treeinfo::FILE), Child::Leaf(leaf))?;
        Ok(self.text(".discinfo", &documents::discinfo(self.params))?)
    }

    /// SHA-256 in hex.
    fn sum(&self, blob: BlobId) -> Result<String, Error> {
        let mut reader = self.workspace.read(blob, 0, None)?;
        let (mut sum, mut buffer) = (Sha256::new(), vec![0; 64 * 1024]);
        loop {
            let length = reader.read(&mut buffer);
            let length =
                length.map_err(|e| WorkspaceError::new(format!("reading blob {blob}"), e))?;
            if length == 0 {
                break;
            }
            sum.update(&buffer[..length]);
        }
        Ok(data_encoding::HEXLOWER.encode(&sum.finalize()))
    }

    /// Stores the disc, as parts of what is stored already.
    pub fn burn(self) -> Result<Burnt, Error> {
        let volume = Volume {
            id: self.params.volume.clone(),
            publisher: self.params.product.clone(),
            application: format!("{} {}", self.params.product, self.params.version),
            time: self.params.epoch,
            boot: self.boot,
        };
        let mut image = iso9660::write(&volume, &self.tree)?;
        let plain = image.assembly.clone();
        let sum = image.implant(&mut PartsReader::new(&plain, self.workspace))?;
        let (blob, size) = self.workspace.assembled(&image.assembly)?;
        Ok(Burnt { blob, size, sum })
    }
}

fn path(text: &str) -> TreePath {
    TreePath::parse(text).expect("it is made of constants and names")
}
