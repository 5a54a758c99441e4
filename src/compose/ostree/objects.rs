//! `objects`: file objects of an archive repository, some at a time; a part of `ostree`.
//! It gives a blob for each, and its checksum.

use rayon::prelude::*;

use super::Error;
use super::content::{Object, Source};
use crate::compose::{self, Composed, Composer, Remembered, Workspace, deflated};
use crate::formats::ostree::filez::{self, Hashing};
use crate::formats::ostree::{Checksum, FileHeader};
use crate::ids::{BlobId, TreePath};
use crate::plan::facts::{ObjectFacts, ObjectsFacts};
use crate::plan::{Derivation, parameters};
use crate::tree::Leaf;

/// Composes `objects` derivations.
pub struct Objects;

const KIND: &str = "objects";

/// So many objects are made in one step, on average: each step that is remembered must be looked up,
/// and each that is not, be made as a whole.
const SIZE: u8 = 64;

/// Whether a step ends with the object of this path, as its name alone decides.
pub fn group_ends_with(path: &TreePath) -> bool {
    blake3::hash(path.as_bytes()).as_bytes()[0].is_multiple_of(SIZE)
}

/// The objects of some files and links, in their order, made now or before.
pub fn group(sources: &[Source], workspace: &dyn Workspace) -> Result<Vec<Object>, compose::Error> {
    let params = parameters::Objects {
        sources: sources.iter().map(parameter).collect(),
    };
    let facts: ObjectsFacts = compose::part(KIND, &params, [], workspace)?;
    if facts.objects.len() != sources.len() {
        return Err(compose::Error::Part { kind: KIND });
    }
    let object = |facts: ObjectFacts| Object {
        checksum: Checksum(facts.checksum),
        leaf: Leaf::file(0o644, facts.blob, facts.size),
    };
    Ok(facts.objects.into_iter().map(object).collect())
}

impl Remembered for ObjectsFacts {
    fn blobs(&self) -> Vec<BlobId> {
        self.objects.iter().map(|object| object.blob).collect()
    }
}

impl Composer for Objects {
    fn version(&self) -> u32 {
        3
    }

    fn compose(
        &self,
        derivation: &Derivation,
        workspace: &dyn Workspace,
    ) -> Result<Composed, compose::Error> {
        let params: parameters::Objects = compose::parameters(KIND, derivation)?;
        let sources = params.sources.par_iter();
        let made = sources.map(|source| make(&self::source(source), workspace));
        let made: Vec<ObjectFacts> = made.collect::<Result<_, Error>>()?;
        Composed::default().with_facts(KIND, &ObjectsFacts { objects: made })
    }
}

fn make(source: &Source, workspace: &dyn Workspace) -> Result<ObjectFacts, Error> {
    let (header, content) = source;
    let Some((blob, size)) = *content else {
        let (checksum, bytes) = filez::symlink(header);
        let (blob, size) = workspace.write(&mut bytes.as_slice())?;
        let checksum = checksum.0;
        return Ok(ObjectFacts {
            checksum,
            blob,
            size,
        });
    };
    let mut content = Hashing::new(header, workspace.read(blob, 0, None)?);
    let (written, length) = deflated::object(header, (blob, size), &mut content, workspace)?;
    let (checksum, found) = content.finish();
    if found != size {
        return Err(Error::Size {
            blob,
            expected: size,
            found,
        });
    }
    Ok(ObjectFacts {
        checksum: checksum.0,
        blob: written,
        size: length,
    })
}

fn parameter((header, content): &Source) -> parameters::ObjectSource {
    parameters::ObjectSource {
        uid: header.uid,
        gid: header.gid,
        mode: header.mode,
        target: header.target.clone(),
        xattrs: header
            .xattrs
            .clone()
            .into_iter()
            .map(|(n, v)| (n.into(), v.into()))
            .collect(),
        content: *content,
    }
}

fn source(parameter: &parameters::ObjectSource) -> Source {
    let xattrs = parameter.xattrs.iter();
    let header = FileHeader {
        uid: parameter.uid,
        gid: parameter.gid,
        mode: parameter.mode,
        target: parameter.target.clone(),
        xattrs: xattrs.map(|(n, v)| (n.to_vec(), v.to_vec())).collect(),
    };
    (header, parameter.content)
}
