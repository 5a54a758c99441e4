//! An RPM seen where it lies: imported without its bytes being taken into the store.
//!
//! Planning needs the record of every package that a source offers, but the bytes of only those that are used.
//! So the `import` step runs over the file in place, and what it would store is named and let go.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::facts::importer;
use crate::compose::import::PACKAGE;
use crate::compose::{self, Composed, Workspace, WorkspaceError};
use crate::formats::rpm::{Package, Record, record};
use crate::ids::{BlobId, DerivationKey, EntryId, Hash, TreeId, TreePath};
use crate::plan::derivation::{Derivation, Input};
use crate::plan::parameters::Import;
use crate::store::{Batch, Entry};
use crate::tree::{Assembly, Builder, Child, Directory, Leaf, Part};

/// The directory that holds an RPM as an entry does.
pub fn directory(blob: BlobId, size: u64) -> Directory {
    let mut builder = Builder::default();
    builder.children.insert(
        PACKAGE.as_bytes().to_vec(),
        Child::Leaf(Leaf::file(0o644, blob, size)),
    );
    let mut made = None;
    let keep = &mut |directory: &Directory| {
        made = Some(directory.clone());
        Ok::<_, std::convert::Infallible>(directory.id())
    };
    match builder.finish(keep) {
        Ok(_) => made.expect("finishing writes the root last"),
        Err(never) => match never {},
    }
}

/// The entry that an RPM file is.
pub fn entry(blob: BlobId, size: u64) -> Entry {
    Entry::new("rpm", directory(blob, size).id())
}

/// The derivation that imports an RPM.
pub fn import(rpm: EntryId, composer: u32) -> Derivation {
    let input = Input {
        role: "rpm".to_owned(),
        entry: rpm,
    };
    Derivation::new(
        "import",
        composer,
        &Import {
            record: record::VERSION,
        },
        [input],
    )
    .expect("a number is canonical")
}

/// The keys of imports, which differ in the file that is imported and in nothing else.
pub(super) struct Imports {
    /// The canonical form of one of them.
    form: Vec<u8>,
    /// Where in it the file stands.
    at: usize,
}

impl Imports {
    pub fn new(composer: u32) -> Self {
        // No other part of a derivation is anything like it.
        let mark = [0xa5; 32];
        let form = import(EntryId(Hash::from_bytes(mark)), composer).encode();
        let at = form.windows(mark.len()).position(|window| window == mark);
        Imports {
            at: at.expect("a derivation names its inputs"),
            form,
        }
    }

    /// The key of the import of a file: what its derivation, written out, hashes to.
    pub fn key(&self, rpm: EntryId) -> DerivationKey {
        let mut form = self.form.clone();
        form[self.at..][..32].copy_from_slice(rpm.0.as_bytes());
        DerivationKey::of(&form)
    }
}

/// An RPM in place, read to its end once.
pub(super) struct Sight {
    path: PathBuf,
    directory: Directory,
    package: Package,
}

/// Why a file was not taken for a package.
type Refused = Box<dyn std::error::Error + Send + Sync>;

impl Sight {
    /// Reads the file: what it is called by and what it says of itself are of the same bytes.
    pub fn of(path: &Path) -> Result<Self, Refused> {
        let mut file = BufReader::new(File::open(path)?);
        let package = Package::read(&mut file).map_err(compose::Error::from)?;
        Ok(Sight {
            path: path.to_owned(),
            directory: directory(package.record.file, package.record.file_size),
            package,
        })
    }

    pub fn record(&self) -> &Record {
        &self.package.record
    }

    pub fn entry(&self) -> Entry {
        Entry::new("rpm", self.directory.id())
    }

    /// Runs the import; manifests go to `batch` where there is one, bytes nowhere.
    pub fn import(&self, batch: Option<&Batch>) -> Result<(Derivation, Composed), compose::Error> {
        let entry = self.entry();
        let derivation = import(entry.id(), importer());
        let place = Place { sight: self, batch };
        if let Some(batch) = batch {
            place.write_directory(&self.directory)?;
            batch
                .record(&entry)
                .map_err(|e| WorkspaceError::new("storing an entry", e))?;
        }
        let composed = compose::import::of(&self.package, self.record().file, &place)?;
        Ok((derivation, composed))
    }
}

struct Place<'a> {
    sight: &'a Sight,
    batch: Option<&'a Batch>,
}

impl Place<'_> {
    fn open(&self, offset: u64, length: Option<u64>) -> io::Result<impl Read + Send + use<>> {
        let mut file = File::open(&self.sight.path)?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(file.take(length.unwrap_or(u64::MAX)))
    }
}

fn elsewhere(what: impl std::fmt::Display) -> WorkspaceError {
    WorkspaceError::new(
        format!("looking up {what}"),
        "an import sees its own file only",
    )
}

impl Workspace for Place<'_> {
    fn root(&self, _: EntryId) -> Result<TreeId, WorkspaceError> {
        Ok(self.sight.directory.id())
    }

    fn links(&self, _: EntryId) -> Result<Vec<Vec<TreePath>>, WorkspaceError> {
        Ok(Vec::new())
    }

    fn record(&self, rpm: EntryId) -> Result<Arc<Record>, WorkspaceError> {
        Err(elsewhere(rpm))
    }

    fn directory(&self, id: TreeId) -> Result<Arc<Directory>, WorkspaceError> {
        if id == self.sight.directory.id() {
            Ok(Arc::new(self.sight.directory.clone()))
        } else {
            Err(elsewhere(id))
        }
    }

    fn read(
        &self,
        id: BlobId,
        offset: u64,
        length: Option<u64>,
    ) -> Result<Box<dyn Read + Send>, WorkspaceError> {
        if id != self.sight.record().file {
            return Err(elsewhere(id));
        }
        let opened = self.open(offset, length);
        let reader = opened.map_err(|e| {
            WorkspaceError::new(format!("reading {}", self.sight.path.display()), e)
        })?;
        Ok(Box::new(reader))
    }

    fn write(&self, bytes: &mut dyn Read) -> Result<(BlobId, u64), WorkspaceError> {
        let mut hasher = blake3::Hasher::new();
        let size = io::copy(bytes, &mut hasher).map_err(|e| WorkspaceError::new("hashing", e))?;
        Ok((
            BlobId(Hash::from_bytes(*hasher.finalize().as_bytes())),
            size,
        ))
    }

    fn assemble(&self, assembly: &Assembly) -> Result<(BlobId, u64), WorkspaceError> {
        // What the content is was seen on the way through the file.
        let record = self.sight.record();
        let (offset, _) = record.header_range;
        let length = record.file_size - offset;
        let blob = record.file;
        let content = Part::Range {
            blob,
            offset,
            length,
        };
        if assembly.parts == [content] {
            return Ok((record.content, length));
        }
        let mut whole: Box<dyn Read + Send> = Box::new(io::empty());
        for part in &assembly.parts {
            let next: Box<dyn Read + Send> = match part {
                Part::Inline { bytes } => Box::new(io::Cursor::new(bytes.clone())),
                Part::Range {
                    blob,
                    offset,
                    length,
                } => self.read(*blob, *offset, Some(*length))?,
                Part::Deflate { blob, .. } | Part::Inflate { blob, .. } => {
                    return Err(elsewhere(blob));
                }
            };
            whole = Box::new(whole.chain(next));
        }
        self.write(&mut whole)
    }

    fn write_directory(&self, directory: &Directory) -> Result<TreeId, WorkspaceError> {
        match self.batch {
            Some(batch) => batch
                .directory(directory)
                .map_err(|e| WorkspaceError::new("storing a directory", e)),
            None => Ok(directory.id()),
        }
    }

    fn scratch(&self) -> Result<PathBuf, WorkspaceError> {
        Err(elsewhere("scratch space"))
    }

    fn note(&self, _: &str) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_an_import_is_that_of_its_derivation() {
        let imports = Imports::new(7);
        for name in ["a", "b"] {
            let rpm = EntryId::of(name.as_bytes());
            assert_eq!(imports.key(rpm), import(rpm, 7).key());
        }
    }
}
