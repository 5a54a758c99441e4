//! `index`: the elements of some packages in each index of a repository, compressed; a part of other steps.
//!
//! It gives a blob: members for primary, filelists and other, one after the other.

use std::sync::Arc;

use super::packages::Package;
use super::{Composed, Composer, Error, Remembered, Workspace};
use crate::formats::repodata::{Group, Rendered};
use crate::formats::rpm::{Brief, record};
use crate::ids::{BlobId, EntryId};
use crate::plan::derivation::Input;
use crate::plan::facts::IndexFacts;
use crate::plan::{Derivation, parameters};

/// Composes `index` derivations.
pub struct Index;

const KIND: &str = "index";

impl Composer for Index {
    fn version(&self) -> u32 {
        2
    }

    fn compose(
        &self,
        derivation: &Derivation,
        workspace: &dyn Workspace,
    ) -> Result<Composed, Error> {
        let params: parameters::Index = super::parameters(KIND, derivation)?;
        super::check_record_version(params.record)?;
        let entries: Vec<EntryId> = derivation.inputs_as("rpm").collect();
        let rendered = rendered(&entries, &params.directory, workspace)?;
        let group = Group::of(&rendered);
        let (blob, _) = workspace.write(&mut group.members.concat().as_slice())?;
        let facts = IndexFacts {
            blob,
            lengths: group.members.iter().map(|m| m.len() as u64).collect(),
            notes: rendered.into_iter().flat_map(|r| r.notes).collect(),
        };
        Composed::default().with_facts(KIND, &facts)
    }
}

/// What the indexes say of packages, which come sorted.
fn rendered(
    entries: &[EntryId],
    directory: &str,
    workspace: &dyn Workspace,
) -> Result<Vec<Rendered>, Error> {
    let briefs = workspace.briefs(entries)?.into_iter();
    let rendered = workspace.rendered(entries, directory)?;
    let mut packages: Vec<(Arc<Brief>, Rendered)> = briefs.zip(rendered).collect();
    packages.sort_by(|(a, _), (b, _)| (&a.nevra, a.file).cmp(&(&b.nevra, b.file)));
    Ok(packages.into_iter().map(|(_, rendered)| rendered).collect())
}

impl Remembered for IndexFacts {
    fn blobs(&self) -> Vec<BlobId> {
        vec![self.blob]
    }
}

/// A group as it was made, now or before.
pub struct Made {
    pub blob: BlobId,
    pub group: Group,
    pub notes: Vec<String>,
}

/// The group of some packages, which lie in a directory.
pub fn group(
    packages: &[&Package],
    directory: &str,
    workspace: &dyn Workspace,
) -> Result<Made, Error> {
    let params = parameters::Index {
        record: record::VERSION,
        directory: directory.to_owned(),
    };
    let rpm = |package: &&Package| Input {
        role: "rpm".to_owned(),
        entry: package.entry,
    };
    let inputs = packages.iter().map(rpm);
    let facts: IndexFacts = super::part(KIND, &params, inputs, workspace)?;
    let bytes = workspace.bytes(facts.blob)?;
    let mut rest = bytes.as_slice();
    let mut group = Group::default();
    for (member, &length) in group.members.iter_mut().zip(&facts.lengths) {
        let split = usize::try_from(length)
            .ok()
            .and_then(|n| rest.split_at_checked(n));
        let (bytes, after) = split.ok_or(Error::Part { kind: KIND })?;
        (*member, rest) = (bytes.to_vec(), after);
    }
    Ok(Made {
        blob: facts.blob,
        group,
        notes: facts.notes,
    })
}
