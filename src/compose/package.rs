//! `package`: writes an RPM from what a recipe says of it.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use super::import::PACKAGE;
use super::{Composed, Composer, Error, Output, Workspace, WorkspaceError};
use crate::formats::rpm::{self, Spec};
use crate::plan::Derivation;
use crate::tree::Leaf;

pub struct Package;

impl Composer for Package {
    fn version(&self) -> u32 {
        1
    }

    fn compose(
        &self,
        derivation: &Derivation,
        workspace: &dyn Workspace,
    ) -> Result<Composed, Error> {
        let spec: Spec = super::parameters("package", derivation)?;
        // The header, which comes first, has the digest of the payload: it waits in a file meanwhile.
        let path = workspace.scratch()?.join("payload");
        let mut payload = BufWriter::new(File::create(&path).map_err(|e| scratch(&path, e))?);
        let mut open = |blob| workspace.read(blob, 0, None).map_err(io::Error::other);
        let written = rpm::write(&spec, &mut open, &mut payload);
        let front = written.map_err(|error| match error {
            // What the system says is of the file; what a blob says names that.
            rpm::Error::Write(error) if error.raw_os_error().is_some() => {
                Error::from(scratch(&path, error))
            }
            error => Error::from(error),
        })?;
        payload.flush().map_err(|error| scratch(&path, error))?;
        drop(payload);

        let file = File::open(&path).map_err(|error| scratch(&path, error))?;
        let payload = Kept { file, path: &path };
        let (blob, size) = workspace.write(&mut front.as_slice().chain(payload))?;
        let root = workspace.single(PACKAGE, Leaf::file(0o644, blob, size))?;
        Ok(Composed::of(Output::new("rpm", root)))
    }
}

/// A payload that waited; what goes wrong with it names its file.
struct Kept<'p> {
    file: File,
    path: &'p Path,
}

impl Read for Kept<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer);
        read.map_err(|error| io::Error::new(error.kind(), scratch(self.path, error)))
    }
}

fn scratch(path: &Path, error: io::Error) -> WorkspaceError {
    WorkspaceError::new(format!("keeping a payload in {}", path.display()), error)
}
