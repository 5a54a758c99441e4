//! `import`: is this file a package, and what does it say?
//!
//! The output is the package without its signatures, so that one signed anew is the same content;
//! its bytes are a stretch of the file's, held once.

use std::io::BufReader;

use super::{Composed, Composer, Error, Output, Workspace};
use crate::formats::rpm::{Package, Payload, Record};
use crate::ids::{BlobId, TreePath};
use crate::plan::{Derivation, parameters};
use crate::tree::{Assembly, Leaf, Part};

/// The file in an entry of kind `rpm`.
pub const PACKAGE: &str = "package.rpm";
/// The file in an entry of kind `content` is named as the output is.
pub use crate::plan::derivation::CONTENT;

pub struct Import;

const KIND: &str = "import";

impl Composer for Import {
    fn version(&self) -> u32 {
        1
    }

    fn compose(
        &self,
        derivation: &Derivation,
        workspace: &dyn Workspace,
    ) -> Result<Composed, Error> {
        let asked: parameters::Import = super::parameters(KIND, derivation)?;
        super::check_record_version(asked.record)?;
        let (file, _) = super::input_file(KIND, "rpm", PACKAGE, derivation, workspace)?;
        // What was read to its end once, to plan with it, is not read again, if this is the very file.
        let rpm = super::input(KIND, "rpm", derivation)?;
        if let Some(record) = workspace.known_record(rpm)?
            && record.file == file
            && let Some(composed) = named(&record, workspace)?
        {
            return Ok(composed);
        }
        let package = Package::read(&mut BufReader::new(workspace.read(file, 0, None)?))?;
        of(&package, file, workspace)
    }
}

/// What the import of a package that was read to its end gives.
pub fn of(package: &Package, file: BlobId, workspace: &dyn Workspace) -> Result<Composed, Error> {
    let Package { header, record } = package;
    let (_, payload) = record.header_range;
    // The digests that cover the payload hold; its files are looked at once, when they are unpacked.
    // What can't be unpacked at all, a delta, is refused here.
    Payload::open(header, workspace.read(file, payload, None)?)?;
    let composed = named(record, workspace)?;
    composed.ok_or_else(|| Error::Changed {
        package: record.nevra.to_string(),
    })
}

/// The content of a file that holds what its record says; `None` where it does not any more.
fn named(record: &Record, workspace: &dyn Workspace) -> Result<Option<Composed>, Error> {
    let (start, _) = record.header_range;
    let length = record.file_size - start;
    let assembly = Assembly {
        parts: vec![Part::Range {
            blob: record.file,
            offset: start,
            length,
        }],
    };
    if !workspace.assemble_as(&assembly, record.content)? {
        return Ok(None);
    }
    let root = workspace.single(CONTENT, Leaf::file(0o644, record.content, length))?;
    let composed = Composed {
        outputs: [(CONTENT.to_owned(), Output::new(CONTENT, root))].into(),
        facts: None,
    };
    composed.with_facts(KIND, record).map(Some)
}

/// A name in the root of a tree, from this program and not from input.
pub(super) fn root_name(name: &str) -> TreePath {
    TreePath::parse(name).expect("names of our own are names")
}
