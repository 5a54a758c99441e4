//! `index`: the elements of some packages in each index of a repository, compressed; a part of other steps.
//!
//! ```text
//! group      members for primary, filelists and other, one after the other
//! ```

use super::packages::Package;
use super::{Composed, Composer, Error, Output, Workspace};
use crate::formats::repodata::{Group, Rendered};
use crate::formats::rpm::record;
use crate::ids::{BlobId, TreePath};
use crate::plan::derivation::Input;
use crate::plan::facts::IndexFacts;
use crate::plan::{Derivation, parameters};

/// Composes `index` derivations.
pub struct Index;

pub const KIND: &str = "index";
/// The file in an entry of kind `index`.
const GROUP: &str = "group";

impl Composer for Index {
    fn version(&self) -> u32 {
        1
    }

    fn compose(
        &self,
        derivation: &Derivation,
        workspace: &dyn Workspace,
    ) -> Result<Composed, Error> {
        let params: parameters::Index = super::parameters(KIND, derivation)?;
        super::check_record_version(params.record)?;
        let packages = Package::inputs(derivation, workspace)?;
        let render = |package: &Package| {
            let href = format!("{}/{}", params.directory, package.record.nevra.file_name());
            Rendered::of(&package.record, &href)
        };
        let rendered: Vec<Rendered> = packages.iter().map(render).collect();
        let group = Group::of(&rendered);
        let facts = IndexFacts {
            lengths: group.members.iter().map(|m| m.len() as u64).collect(),
            notes: rendered.into_iter().flat_map(|r| r.notes).collect(),
        };
        let leaf = workspace.file(0o644, &group.members.concat())?;
        let root = workspace.single(GROUP, leaf)?;
        Composed::of(Output::new(KIND, root)).with_facts(KIND, &facts)
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
    let composed = super::part(KIND, &params, packages.iter().map(rpm), workspace)?;
    let facts: IndexFacts = composed.facts_of(KIND)?;
    let broken = || Error::Part { kind: KIND };
    let output = composed.outputs.get(super::MAIN).ok_or_else(broken)?;
    let file = workspace.lookup_file(output.root, &TreePath::parse(GROUP)?)?;
    let (blob, _) = file.ok_or_else(broken)?;
    let bytes = workspace.bytes(blob)?;
    let mut rest = bytes.as_slice();
    let mut group = Group::default();
    for (member, &length) in group.members.iter_mut().zip(&facts.lengths) {
        let split = usize::try_from(length)
            .ok()
            .and_then(|n| rest.split_at_checked(n));
        let (bytes, after) = split.ok_or_else(broken)?;
        (*member, rest) = (bytes.to_vec(), after);
    }
    let notes = facts.notes;
    Ok(Made { blob, group, notes })
}
