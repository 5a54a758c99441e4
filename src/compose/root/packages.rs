//! The packages of a root, opened: headers and trees, no file's bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::Error;
use crate::compose::unpack::{FILES, HEADER};
use crate::compose::{Workspace, WorkspaceError};
use crate::formats::rpm::{self, FileFlags, Header, PackagedFile};
use crate::ids::{EntryId, Nevra, TreePath};
use crate::tree::{Leaf, Meta, Node, Visit, walk};

/// One unpacked package.
pub struct Package {
    pub entry: EntryId,
    pub nevra: Nevra,
    pub header: Header,
    /// In the order of the header.
    pub files: Vec<File>,
    /// Paths that are one file, as the package spells them.
    pub links: Vec<Vec<TreePath>>,
}

/// A path that the package owns, and what it ships there.
pub struct File {
    pub path: TreePath,
    pub listed: PackagedFile,
    /// `None` for a ghost, and for what the package lists but lacks.
    pub shipped: Option<Shipped>,
    /// The last name of the file, where it has others: to rpm, the owner of that one counts.
    last: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shipped {
    Directory(Meta),
    Leaf(Leaf),
}

impl File {
    pub fn lacks(&self) -> bool {
        self.shipped.is_none() && !self.listed.flags.has(FileFlags::GHOST)
    }
}

impl Package {
    /// User and group that a file gets.
    pub fn owner<'a>(&'a self, file: &'a File) -> (&'a str, &'a str) {
        let listed = match file.last {
            Some(last) => &self.files[last].listed,
            None => &file.listed,
        };
        (&listed.user, &listed.group)
    }

    pub fn malformed(&self, source: rpm::Error) -> Error {
        Error::Malformed {
            nevra: Box::new(self.nevra.clone()),
            source,
        }
    }
}

/// Opens packages, and sorts them by their names.
pub fn load(
    entries: Vec<EntryId>,
    workspace: &dyn Workspace,
) -> Result<Vec<Package>, crate::compose::Error> {
    let opened = entries.par_iter().map(|&entry| open(entry, workspace));
    let mut packages: Vec<Package> = opened.collect::<Result<_, _>>()?;
    packages.sort_by(|a, b| (&a.nevra, a.entry).cmp(&(&b.nevra, b.entry)));
    for pair in packages.windows(2) {
        if pair[0].nevra == pair[1].nevra {
            return Err(Error::Twice {
                nevra: Box::new(pair[0].nevra.clone()),
                first: pair[0].entry,
                second: pair[1].entry,
            }
            .into());
        }
    }
    Ok(packages)
}

fn open(entry: EntryId, workspace: &dyn Workspace) -> Result<Package, crate::compose::Error> {
    let root = workspace.root(entry)?;
    let (image, _) = workspace
        .lookup_file(root, &TreePath::parse(HEADER)?)?
        .ok_or(Error::NotUnpacked { entry })?;
    let unreadable = |source| Error::Unreadable { entry, source };
    let header = Header::parse(&workspace.bytes(image)?).map_err(unreadable)?;
    let nevra = header.nevra().map_err(unreadable)?;
    if header.is_source() {
        return Err(Error::Source {
            nevra: Box::new(nevra),
        }
        .into());
    }
    let base = TreePath::parse(FILES)?;
    let shipped = match workspace.lookup(root, &base)? {
        Some(Node::Directory(files)) => shipped(files, workspace)?,
        _ => BTreeMap::new(),
    };
    let listed = header.files().map_err(unreadable)?;
    let mut files = Vec::with_capacity(listed.len());
    for file in listed {
        let path = TreePath::parse(&file.path).map_err(|source| Error::Path {
            nevra: Box::new(nevra.clone()),
            source,
        })?;
        let shipped = match file.flags.has(FileFlags::GHOST) {
            true => None,
            // A path may be listed twice.
            false => shipped.get(&path).cloned(),
        };
        files.push(File {
            path,
            listed: file,
            shipped,
            last: None,
        });
    }
    let inside = |group: Vec<TreePath>| -> Vec<TreePath> {
        let inside = group.iter().filter(|path| path.starts_with(&base));
        let stripped = inside.map(|path| TreePath::parse(&path.as_bytes()[FILES.len()..]));
        stripped.flatten().collect()
    };
    let links: Vec<Vec<TreePath>> = workspace.links(entry)?.into_iter().map(inside).collect();
    let linked = links.iter().enumerate();
    let group_of: BTreeMap<&TreePath, usize> = linked
        .flat_map(|(group, paths)| paths.iter().map(move |path| (path, group)))
        .collect();
    let mut lasts = BTreeMap::new();
    for (number, file) in files.iter_mut().enumerate().rev() {
        if let Some(&group) = group_of.get(&file.path) {
            file.last = Some(*lasts.entry(group).or_insert(number));
        }
    }
    Ok(Package {
        entry,
        nevra,
        header,
        files,
        links,
    })
}

/// Everything below `files/` by its path in the root.
fn shipped(
    files: crate::ids::TreeId,
    workspace: &dyn Workspace,
) -> Result<BTreeMap<TreePath, Shipped>, WorkspaceError> {
    let mut shipped = BTreeMap::new();
    let read = |id| workspace.directory(id).map(Arc::unwrap_or_clone);
    walk::<WorkspaceError>(files, &read, &mut |path, visit| {
        let found = match visit {
            Visit::Directory { meta, .. } => Shipped::Directory(meta.clone()),
            Visit::Leaf(leaf) => Shipped::Leaf(leaf.clone()),
        };
        shipped.insert(path.clone(), found);
        Ok(())
    })?;
    Ok(shipped)
}
