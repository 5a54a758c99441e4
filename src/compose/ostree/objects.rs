//! `objects`: file objects of an archive repository, some at a time; a part of `ostree`.
//! It gives a blob for each, and its checksum.

use std::slice;

use rayon::prelude::*;

use super::Error;
use super::content::{Object, Source};
use crate::compose::{self, Composed, Composer, Remembered, Workspace, deflated, inner};
use crate::formats::ostree::filez::{self, Hashing};
use crate::formats::ostree::{Checksum, FileHeader};
use crate::ids::{BlobId, TreePath, canonical};
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
    let facts: ObjectsFacts = compose::part(KIND, &of(sources), [], workspace)?;
    if facts.objects.len() != sources.len() {
        return Err(compose::Error::Part { kind: KIND });
    }
    let object = |facts: ObjectFacts| Object {
        checksum: Checksum(facts.checksum),
        leaf: Leaf::file(0o644, facts.blob, facts.size),
    };
    Ok(facts.objects.into_iter().map(object).collect())
}

fn of(sources: &[Source]) -> parameters::Objects {
    parameters::Objects {
        sources: sources.iter().map(parameter).collect(),
    }
}

/// Tells the objects of a group's large files one by one, if it was made before: who needs their streams asks so.
pub fn tell(sources: &[Source], workspace: &dyn Workspace) -> Result<(), compose::Error> {
    let group = inner(KIND, &of(sources), [])?;
    let facts = compose::kept::<ObjectsFacts>(KIND, workspace.recall(&group)?, workspace)?;
    let objects = facts.into_iter().flat_map(|facts| facts.objects);
    for (source, object) in sources.iter().zip(objects) {
        if !matches!(source.1, Some((_, size)) if size > deflated::LARGE) {
            continue;
        }
        let one = ObjectsFacts {
            objects: vec![object],
        };
        let one = canonical::Value::of(&one);
        let one = one.map_err(|source| compose::Error::Facts { kind: KIND, source })?;
        workspace.tell(&inner(KIND, &of(slice::from_ref(source)), [])?, &one);
    }
    Ok(())
}

/// The blob and length of the object of a large file, if they were told.
pub fn told(
    source: &Source,
    workspace: &dyn Workspace,
) -> Result<Option<(BlobId, u64)>, compose::Error> {
    let derivation = inner(KIND, &of(slice::from_ref(source)), [])?;
    let facts = compose::kept::<ObjectsFacts>(KIND, workspace.told(&derivation), workspace)?;
    let first = facts.and_then(|facts| facts.objects.into_iter().next());
    Ok(first.map(|object| (object.blob, object.size)))
}

impl Remembered for ObjectsFacts {
    fn blobs(&self) -> Vec<BlobId> {
        self.objects.iter().map(|object| object.blob).collect()
    }
}

impl Composer for Objects {
    fn version(&self) -> u32 {
        4
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
