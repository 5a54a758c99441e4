//! The metadata of a repository as an entry: `repodata/repomd.xml`, and what it lists.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;

use super::add::taken;
use super::error::Error;
use super::outside::METADATA;
use super::trace;
use crate::compose::{self, Composed, Output};
use crate::ids::TreePath;
use crate::plan::{Derivation, Outcome};
use crate::store::{Batch, Entry};
use crate::tree::{Builder, Child, Directory, Leaf};

/// The document that names all others.
pub(super) const REPOMD: &str = "repodata/repomd.xml";

/// Where a file that the index names lies in the entry: one that is not below the repository goes by its name.
pub(super) fn path(location: &str) -> Result<TreePath, Error> {
    let mut names = location.split('/');
    let elsewhere = location.contains("://") || names.any(|name| matches!(name, "." | ".."));
    let inside = match elsewhere {
        true => format!(
            "repodata/{}",
            location.rsplit('/').next().unwrap_or(location)
        ),
        false => location.to_owned(),
    };
    let path = TreePath::parse(inside).map_err(compose::Error::from)?;
    Ok(path)
}

/// Stores files, by their locations, as what a `metadata` derivation gave.
pub(super) fn store(
    batch: &Batch,
    derivation: &Derivation,
    files: &BTreeMap<String, PathBuf>,
) -> Result<Outcome, Error> {
    let mut tree = Builder::default();
    for (location, file) in files {
        let mut open = File::open(file).map_err(|source| Error::Unreadable {
            path: file.clone(),
            source,
        })?;
        let (blob, size) = taken(batch, file, &mut open)?;
        let leaf = Leaf::file(0o644, blob, size);
        tree.insert(&path(location)?, Child::Leaf(leaf))
            .map_err(compose::Error::from)?;
    }
    let root = tree.finish(&mut |directory: &Directory| batch.directory(directory))?;
    batch.entry(&Entry::new(METADATA, root))?;
    let composed = Composed::of(Output::new(METADATA, root));
    let (trace, _) = trace::of(derivation, composed, Vec::new());
    Ok(trace::outcome(batch.trace(&trace)?, trace))
}
