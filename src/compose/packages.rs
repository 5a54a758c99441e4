//! RPM files as yum repositories hold them: in `Packages/`, by the name that their headers give them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::index::{self, Made};
use super::{Error, Workspace};
use crate::formats::repodata::{self, Group, Joined, Rendered, Stretch, Sums, group};
use crate::formats::rpm::{Brief, Record};
use crate::ids::path::{InvalidPath, check_name};
use crate::ids::{BlobId, EntryId, Nevra, TreeId, TreePath, canonical};
use crate::plan::Derivation;
use crate::plan::facts::PackageFacts;
use crate::tree::{Assembly, Builder, Child, Directory, Leaf, Node, Part};

/// The directory of the packages, beside `repodata`.
pub(crate) const DIRECTORY: &str = "Packages";

/// Where a package lies in a repository.
fn href(directory: &str, nevra: &Nevra) -> String {
    format!("{directory}/{}", nevra.file_name())
}

/// What indexes say of a package that lies in a directory.
pub(crate) fn render(record: &Record, directory: &str) -> Rendered {
    Rendered::of(record, &href(directory, &record.nevra))
}

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

/// Puts packages into `Packages/` of a tree, and their metadata into `repodata/`.
///
/// They come as lists, each sorted. The indexes have one list after the other, in groups that no list shares with
/// another: so the lists of modules give the same groups in an edition as in the modules themselves.
/// No two packages may share a name, but those that are one file.
pub fn lay_out(
    tree: &mut Builder,
    lists: &[Vec<&Package>],
    modules: &str,
    comps: Option<&[u8]>,
    workspace: &dyn Workspace,
) -> Result<(), Error> {
    let (placed, indexed) = rayon::join(
        || directory(lists.iter().flatten().copied(), workspace),
        || index(lists, modules, comps, workspace),
    );
    tree.insert(&TreePath::parse(DIRECTORY)?, Child::Finished(placed?))?;
    tree.insert(&TreePath::parse("repodata")?, Child::Directory(indexed?))?;
    Ok(())
}

/// Stores the directory of the packages.
fn directory<'a>(
    packages: impl Iterator<Item = &'a Package>,
    workspace: &dyn Workspace,
) -> Result<TreeId, Error> {
    let mut placed: BTreeMap<Vec<u8>, &Package> = BTreeMap::new();
    for package in packages {
        let file = package.brief.nevra.file_name();
        check_name(file.as_bytes()).map_err(|reason| InvalidPath {
            path: file.clone().into_bytes(),
            reason,
        })?;
        match placed.entry(file.clone().into_bytes()) {
            Entry::Vacant(free) => drop(free.insert(package)),
            Entry::Occupied(other) if other.get().brief.file == package.brief.file => {}
            Entry::Occupied(other) => {
                let named = |package: &Package| (package.brief.nevra.to_string(), package.entry);
                return Err(Error::SameFile {
                    file,
                    packages: Box::new([named(other.get()), named(package)]),
                });
            }
        }
    }
    let leaf = |package: &Package| Leaf::file(0o644, package.brief.file, package.brief.size);
    let nodes = placed.into_iter();
    let nodes = nodes.map(|(file, package)| (file, Node::Leaf(leaf(package))));
    let mut directory = Directory::new(Builder::default().meta);
    directory.entries = nodes.collect();
    Ok(workspace.write_directory(&directory)?)
}

/// The metadata of packages that lie in `Packages/`.
fn index(
    lists: &[Vec<&Package>],
    modules: &str,
    comps: Option<&[u8]>,
    workspace: &dyn Workspace,
) -> Result<Builder, Error> {
    let grouped: Vec<&[&Package]> = lists.iter().flat_map(|list| groups(list)).collect();
    let made = grouped
        .par_iter()
        .map(|packages| index::group(packages, DIRECTORY, workspace));
    // In their order, so that of several that fail the same one is told each time.
    let made: Vec<Result<Made, Error>> = made.collect();
    let made: Vec<Made> = made.into_iter().collect::<Result<_, Error>>()?;
    let notes = made.iter().flat_map(|made| &made.notes);
    notes.for_each(|note| workspace.note(note));
    let count = lists.iter().map(Vec::len).sum();
    let mut files = joined(&made, count, workspace)?;
    let extras = [
        ("modules", ("modules", "yaml"), Some(modules.as_bytes())),
        ("group", ("comps", "xml"), comps),
    ];
    for (kind, title, bytes) in extras {
        if let Some(bytes) = bytes {
            let file = Joined::alone(kind, title, bytes).map_err(Error::Join)?;
            files.push(kept(&file, &made, workspace)?);
        }
    }
    let repomd = repodata::list(files.iter().map(|file| &file.sums));
    let leaf = workspace.file(0o644, &repomd)?;
    let named = files.iter().map(|file| {
        let leaf = Leaf::file(0o644, file.blob, file.sums.size);
        (file.sums.name(), leaf)
    });
    let files = named.chain([("repomd.xml".to_owned(), leaf)]);
    let children = files.map(|(name, leaf)| (name.into_bytes(), Child::Leaf(leaf)));
    Ok(Builder {
        children: children.collect(),
        ..Builder::default()
    })
}

/// A file of metadata that was stored.
#[derive(Serialize, Deserialize)]
struct Kept {
    sums: Sums,
    blob: BlobId,
}

/// The indexes of all packages. An edition of one module has those of the module, which was made just before.
fn joined(made: &[Made], packages: usize, workspace: &dyn Workspace) -> Result<Vec<Kept>, Error> {
    const KIND: &str = "indexes";
    let facts = |source| Error::Facts { kind: KIND, source };
    let groups: Vec<BlobId> = made.iter().map(|made| made.blob).collect();
    // The number of packages stands at the start of each index.
    let asked = Derivation::new(KIND, 1, &(groups, packages), []).map_err(facts)?;
    if let Some(told) = workspace.told(&asked) {
        return told.to().map_err(facts);
    }
    let groups: Vec<&Group> = made.iter().map(|made| &made.group).collect();
    let files = repodata::join(&groups, packages).map_err(Error::Join)?;
    let files = files.iter().map(|file| kept(file, made, workspace));
    let files: Vec<Kept> = files.collect::<Result<_, Error>>()?;
    let told = canonical::Value::of(&files).map_err(facts)?;
    workspace.tell(&asked, &told);
    Ok(files)
}

/// Stores a file of metadata: of parts, where it has any of groups.
fn kept(file: &Joined, made: &[Made], workspace: &dyn Workspace) -> Result<Kept, Error> {
    let blob = match file.stretches.as_slice() {
        [Stretch::Own(bytes)] => workspace.write(&mut bytes.as_slice())?.0,
        stretches => {
            let parts = stretches.iter().map(|stretch| part(stretch, made));
            let assembly = Assembly {
                parts: parts.collect(),
            };
            workspace.assemble(&assembly)?.0
        }
    };
    let sums = file.sums.clone();
    Ok(Kept { sums, blob })
}

/// Where one group ends and the next begins.
fn groups<'a, 'b>(list: &'a [&'b Package]) -> impl Iterator<Item = &'a [&'b Package]> {
    list.split_inclusive(|package| group::ends_with(&package.brief.nevra))
}

/// A stretch of an index as a part of an assembly.
fn part(stretch: &Stretch, made: &[Made]) -> Part {
    match stretch {
        Stretch::Own(bytes) => Part::Inline {
            bytes: bytes.clone(),
        },
        Stretch::Member { group, index } => {
            let Made { blob, group, .. } = &made[*group];
            let members = &group.members;
            let before = members[..*index].iter().map(|m| m.len() as u64);
            Part::Range {
                blob: *blob,
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
