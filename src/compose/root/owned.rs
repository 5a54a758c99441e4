//! Who owns what in an installed root.

use std::collections::BTreeMap;

use super::packages::{self, Package};
use super::{arch, claims, links};
use crate::compose::{Error, Workspace};
use crate::formats::rpm::tags;
use crate::ids::{EntryId, TreePath};

/// The packages of a root, and the paths that each of them has in it.
pub struct Owned {
    pub packages: Vec<Owner>,
    /// Places in `packages`, by path.
    pub paths: BTreeMap<TreePath, usize>,
}

/// A package, and what it was built from.
pub struct Owner {
    pub name: String,
    /// The name of the source package; its own where the header has none.
    pub source: String,
}

impl Owned {
    /// Settles every path as the composer of `root` does.
    pub fn of(
        entries: Vec<EntryId>,
        arch: &str,
        workspace: &dyn Workspace,
    ) -> Result<Owned, Error> {
        let packages = packages::load(entries, workspace)?;
        let links = links::DirectoryLinks::gather(&packages)?;
        let chosen = claims::choose(&packages, &links, arch::color(arch))?;
        let paths = chosen.winners.into_iter();
        Ok(Owned {
            packages: packages.iter().map(owner).collect(),
            paths: paths.map(|(path, claim)| (path, claim.package)).collect(),
        })
    }
}

fn owner(package: &Package) -> Owner {
    let name = package.nevra.name.clone();
    let source = package.header.text(tags::SOURCE_RPM).ok();
    let source = source.and_then(|file| {
        let parts: Vec<&str> = file.rsplitn(3, '-').collect();
        parts.get(2).map(|name| (*name).to_owned())
    });
    Owner {
        source: source.unwrap_or_else(|| name.clone()),
        name,
    }
}
