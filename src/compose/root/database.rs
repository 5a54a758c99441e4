//! The package database inside a root.

use std::io::Read;

use super::arch::color;
use super::claims::{Chosen, Claim};
use super::links::DirectoryLinks;
use super::{Error, Package};
use crate::compose::scratch::Scratch;
use crate::compose::{Workspace, WorkspaceError};
use crate::formats::deflate::PIECE;
use crate::formats::rpmdb::{self, FileState, Installed};
use crate::ids::{BlobId, TreePath};
use crate::plan::parameters;
use crate::tree::{Assembly, Builder, Child, Leaf, Part};

/// Where Fedora, openSUSE and rpm-ostree have it, since `/var` is not part of an image.
const DIRECTORY: &str = "usr/lib/sysimage/rpm";
const FILE: &str = "rpmdb.sqlite";
/// Where every rpm before looked, and many look still.
const OLD_DIRECTORY: &str = "var/lib/rpm";

/// Writes the database of all packages; it needs nothing of the tree that it will lie in.
pub fn write(
    packages: &[Package],
    chosen: &Chosen,
    parameters: &parameters::Root,
    workspace: &dyn Workspace,
) -> Result<Leaf, crate::compose::Error> {
    let path = workspace.scratch()?.join(FILE);
    let installed = packages
        .iter()
        .enumerate()
        .map(|(number, package)| Installed {
            header: &package.header,
            states: states(number, package, chosen),
            time: u32::try_from(parameters.epoch).unwrap_or(0),
            color: color(&parameters.arch),
        });
    rpmdb::write(&path, installed).map_err(Error::from)?;
    let (blob, size) = in_pieces(&mut Scratch::open(&path)?, workspace)?;
    Ok(Leaf::file(0o644, blob, size))
}

/// Stores the database as pieces: where one package changes, most pages stay as they are.
fn in_pieces(
    database: &mut dyn Read,
    workspace: &dyn Workspace,
) -> Result<(BlobId, u64), WorkspaceError> {
    let mut parts = Vec::new();
    loop {
        let mut piece = Vec::with_capacity(PIECE as usize);
        (&mut *database)
            .take(PIECE)
            .read_to_end(&mut piece)
            .map_err(|error| WorkspaceError::new("reading the package database", error))?;
        if piece.is_empty() {
            return workspace.assemble(&Assembly { parts });
        }
        let (blob, length) = workspace.write(&mut piece.as_slice())?;
        parts.push(Part::Range {
            blob,
            offset: 0,
            length,
        });
    }
}

/// Puts the database at its place, and links the old place to it.
pub fn place(
    tree: &mut Builder,
    database: Leaf,
    links: &DirectoryLinks,
) -> Result<(), crate::compose::Error> {
    let place = links
        .directory(&TreePath::parse(DIRECTORY)?)?
        .join(FILE.as_bytes())?;
    tree.replace(&place, Child::Leaf(database))?;
    link_old(tree, links)
}

fn states(number: usize, package: &Package, chosen: &Chosen) -> Vec<FileState> {
    let state = |file| {
        let claim = Claim {
            package: number,
            file,
        };
        match chosen.wrong_color.contains(&claim) {
            true => FileState::WrongColor,
            false => FileState::Normal,
        }
    };
    (0..package.files.len()).map(state).collect()
}

/// The old directory becomes a link; where a package owns it, the file in it does.
fn link_old(tree: &mut Builder, links: &DirectoryLinks) -> Result<(), crate::compose::Error> {
    let old = links.place(&TreePath::parse(OLD_DIRECTORY)?)?;
    let (path, target) = match tree.get(&old) {
        None => (old, DIRECTORY.to_owned()),
        Some(Child::Directory(_)) => (old.join(FILE.as_bytes())?, format!("{DIRECTORY}/{FILE}")),
        Some(_) => return Ok(()),
    };
    let up = "../".repeat(path.names().count() - 1);
    tree.replace(&path, Child::Leaf(Leaf::symlink(up + &target)))?;
    Ok(())
}
