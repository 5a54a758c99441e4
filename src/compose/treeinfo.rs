//! The `.treeinfo` of a tree that has an edition's repository at its top, and add-ons below `addons/`.

use sha2::{Digest as _, Sha256};

use super::{Error, Workspace};
use crate::formats::productmd::treeinfo::{TreeInfo, Variant};
use crate::formats::productmd::{self};
use crate::ids::{Name, TreePath, VariantId};
use crate::plan::parameters::Release;
use crate::tree::{Builder, Child, Content, Leaf, Node};

/// The file, at the top of a tree.
pub const FILE: &str = ".treeinfo";

/// Where each add-on has a repository of its own.
pub const ADDONS: &str = "addons";

const REPOMD: &str = "repodata/repomd.xml";

/// What an edition is called.
pub struct Described<'a> {
    pub release: &'a Release,
    pub variant: VariantId,
    pub name: String,
}

impl From<&Release> for productmd::Release {
    fn from(release: &Release) -> Self {
        productmd::Release {
            name: release.name.clone(),
            short: release.short.clone(),
            version: release.version.clone(),
        }
    }
}

/// Puts the file into a tree, in place of one that is there.
pub fn tree_info<'a>(
    tree: &mut Builder,
    described: &Described,
    addons: impl Iterator<Item = &'a str>,
    workspace: &dyn Workspace,
) -> Result<(), Error> {
    let Described {
        release,
        variant,
        name,
    } = described;
    let mut info = TreeInfo::new((*release).into(), &release.arch, release.epoch);
    let mut checksum = |directory: &str| -> Result<(), Error> {
        let path = match directory {
            "." => REPOMD.to_owned(),
            directory => format!("{directory}/{REPOMD}"),
        };
        let bytes = bytes(tree, &TreePath::parse(&path)?, workspace)?;
        let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(bytes));
        info.checksums.insert(path, digest);
        Ok(())
    };
    checksum(".")?;
    let mut beside = Vec::new();
    for addon in addons {
        let at = format!("{ADDONS}/{addon}");
        checksum(&at)?;
        beside.push(self::addon(addon)?);
    }
    info.variants.push(Variant {
        id: variant.clone(),
        name: name.clone(),
        packages: "Packages".to_owned(),
        repository: ".".to_owned(),
        addons: beside,
    });
    let leaf = workspace.file(0o644, info.write()?.as_bytes())?;
    tree.replace(&TreePath::parse(FILE)?, Child::Leaf(leaf))?;
    Ok(())
}

/// An add-on, as `.treeinfo` has it.
pub fn addon(module: &str) -> Result<Variant, Error> {
    let at = format!("{ADDONS}/{module}");
    Ok(Variant {
        id: addon_id(module)?,
        name: module.to_owned(),
        packages: format!("{at}/Packages"),
        repository: at,
        addons: Vec::new(),
    })
}

/// The id of an add-on: that of its module's name.
pub fn addon_id(module: &str) -> Result<VariantId, Error> {
    let name: Name = module.parse()?;
    Ok(VariantId::of_name(&name))
}

/// The bytes of a file in a tree that is being made of finished ones.
fn bytes(tree: &Builder, path: &TreePath, workspace: &dyn Workspace) -> Result<Vec<u8>, Error> {
    let mut here = tree;
    let mut names = path.names();
    let leaf = loop {
        let child = names.next().and_then(|name| here.children.get(name));
        match child {
            Some(Child::Directory(below)) => here = below,
            Some(Child::Leaf(leaf)) => break Some(leaf.clone()),
            Some(Child::Finished(id)) => {
                let mut rest = TreePath::root();
                for name in names {
                    rest = rest.join(name)?;
                }
                break match workspace.lookup(*id, &rest)? {
                    Some(Node::Leaf(leaf)) => Some(leaf),
                    _ => None,
                };
            }
            None => break None,
        }
    };
    match leaf {
        Some(Leaf {
            content: Content::File { blob, .. },
            ..
        }) => Ok(workspace.bytes(blob)?),
        _ => Err(Error::NoRepomd { path: path.clone() }),
    }
}
