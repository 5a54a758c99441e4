//! `package`: writes an RPM from what a recipe says of it.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};

use super::import::PACKAGE;
use super::scratch::{Scratch, failed};
use super::{Composed, Composer, Error, Output, Workspace};
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
        let mut payload =
            BufWriter::new(File::create(&path).map_err(|e| failed("making", &path, e))?);
        let mut open = |blob| workspace.read(blob, 0, None).map_err(io::Error::other);
        let written = rpm::write(&spec, &mut open, &mut payload);
        let front = written.map_err(|error| match error {
            // What the system says is of the file; what a blob says names that.
            rpm::Error::Write(error) if error.raw_os_error().is_some() => {
                Error::from(failed("writing", &path, error))
            }
            error => Error::from(error),
        })?;
        payload
            .flush()
            .map_err(|error| failed("writing", &path, error))?;
        drop(payload);

        let payload = Scratch::open(&path)?;
        let (blob, size) = workspace.write(&mut front.as_slice().chain(payload))?;
        let root = workspace.single(PACKAGE, Leaf::file(0o644, blob, size))?;
        Ok(Composed::of(Output::new("rpm", root)))
    }
}
