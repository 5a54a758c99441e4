//! RPM files as yum repositories hold them: in `Packages/`, by the name that their headers give them.

use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::index::{self, Made};
use super::{Error, Workspace};
use crate::formats::repodata::{self, Group, Joined, Stretch, group};
use crate::formats::rpm::Brief;
use crate::ids::path::{InvalidPath, check_name};
use crate::ids::{BlobId, EntryId, Nevra, TreePath};
use crate::plan::Derivation;
use crate::plan::facts::PackageFacts;
use crate::tree::{Assembly, Builder, Child, Leaf, Part};

/// The directory of the packages, beside `repodata`.
pub const DIRECTORY: &str = "Packages";

/// One RPM file of a repository.
#[derive(Clone)]
pub struct Package {
    pub entry: EntryId,
    pub brief: Arc<Brief>,
}

impl Package {
    /// The packages among a step's inputs, sorted by NEVRA, then content.
    pub fn inputs(derivation: &Derivation, workspace: &dyn Workspace) -> Result<Vec<Self>, Error> {
        let entries: Vec<EntryId> = derivation.inputs_as("rpm").collect();
        // They say also which files they were read from: no entry need be opened.
        let briefs = workspace.briefs(&entries)?;
        let packages = entries.into_iter().zip(briefs);
        let packages = packages.map(|(entry, brief)| Package { entry, brief });
        let mut packages: Vec<Package> = packages.collect();
        packages.sort_by(|a, b| a.order().cmp(&b.order()));
        Ok(packages)
    }

    pub fn order(&self) -> (&Nevra, BlobId) {
        (&self.brief.nevra, self.brief.file)
    }

    pub fn facts(&self) -> PackageFacts {
        PackageFacts {
            nevra: self.brief.nevra.clone(),
            rpm: self.entry,
            content: self.brief.content,
        }
    }
}

/// Puts packages into `Packages/` of a tree, each once; two that would share a name are an error.
pub fn place<'a>(
    tree: &mut Builder,
    packages: impl IntoIterator<Item = &'a Package>,
) -> Result<(), Error> {
    let directory = TreePath::parse(DIRECTORY)?;
    let children = &mut tree.directory(&directory)?.children;
    // By file name, as the tree has them.
    let mut placed: HashMap<Vec<u8>, &Package> = HashMap::new();
    for package in packages {
        let brief = &package.brief;
        let file = brief.nevra.file_name();
        check_name(file.as_bytes()).map_err(|reason| InvalidPath {
            path: file.clone().into_bytes(),
            reason,
        })?;
        match placed.insert(file.clone().into_bytes(), package) {
            None => {
                let leaf = Leaf::file(0o644, brief.file, brief.size);
                children.insert(file.into_bytes(), Child::Leaf(leaf));
            }
            Some(other) if other.brief.file == brief.file => {}
            Some(other) => {
                let named = |package: &Package| (package.brief.nevra.to_string(), package.entry);
                return Err(Error::SameFile {
                    file,
                    packages: Box::new([named(other), named(package)]),
                });
            }
        }
    }
    Ok(())
}

/// Puts into `repodata/` of a tree the metadata of packages that lie in `Packages/`.
///
/// They come as lists, each sorted. The indexes have one list after the other, in groups that no list shares with
/// another: so the lists of modules give the same groups in an edition as in the modules themselves.
pub fn index(
    tree: &mut Builder,
    lists: &[Vec<&Package>],
    modules: &str,
    comps: Option<&[u8]>,
    workspace: &dyn Workspace,
) -> Result<(), Error> {
    let grouped: Vec<&[&Package]> = lists.iter().flat_map(|list| groups(list)).collect();
    let made = grouped
        .par_iter()
        .map(|packages| index::group(packages, DIRECTORY, workspace));
    let made: Vec<Made> = made.collect::<Result<_, Error>>()?;
    let mut groups = Vec::with_capacity(made.len());
    let mut blobs = Vec::with_capacity(made.len());
    for Made { blob, group, notes } in made {
        notes.iter().for_each(|note| workspace.note(note));
        groups.push(group);
        blobs.push(blob);
    }
    let count = lists.iter().map(Vec::len).sum();
    let files = repodata::join(&groups, count, Some(modules), comps).map_err(Error::Join)?;
    for Joined { name, stretches } in files {
        let leaf = match stretches.as_slice() {
            [Stretch::Own(bytes)] => workspace.file(0o644, bytes)?,
            _ => {
                let parts = stretches.iter().map(|s| part(s, &groups, &blobs));
                let assembly = Assembly {
                    parts: parts.collect(),
                };
                let (blob, size) = workspace.assemble(&assembly)?;
                Leaf::file(0o644, blob, size)
            }
        };
        let path = TreePath::parse(format!("repodata/{name}"))?;
        tree.insert(&path, Child::Leaf(leaf))?;
    }
    Ok(())
}

/// Where one group ends and the next begins.
fn groups<'a, 'b>(list: &'a [&'b Package]) -> impl Iterator<Item = &'a [&'b Package]> {
    list.split_inclusive(|package| group::ends_with(&package.brief.nevra))
}

/// A stretch of an index as a part of an assembly.
fn part(stretch: &Stretch, groups: &[Group], blobs: &[BlobId]) -> Part {
    match stretch {
        Stretch::Own(bytes) => Part::Inline {
            bytes: bytes.clone(),
        },
        Stretch::Member { group, index } => {
            let members = &groups[*group].members;
            let before = members[..*index].iter().map(|m| m.len() as u64);
            Part::Range {
                blob: blobs[*group],
                offset: before.sum(),
                length: members[*index].len() as u64,
            }
        }
    }
}

/// The module that a package says it is of, `NAME:STREAM` of `NAME:STREAM:VERSION:CONTEXT`.
pub fn label(brief: &Brief) -> Option<String> {
    let mut parts = brief.label.as_deref()?.splitn(3, ':');
    let name = parts.next()?;
    Some(format!("{name}:{}", parts.next().unwrap_or_default()))
}
