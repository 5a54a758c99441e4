//! `filelists.xml`: who owns the paths that primary leaves out.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use super::elements::{Element, Elements, Handler};
use super::error::ReadError;

/// Who owns each of the paths, as the packages' checksums in hex; a path that nobody owns has nobody.
///
/// Reads everything once and keeps the answer alone.
pub fn owners(
    file: &str,
    reader: impl Read,
    wanted: &BTreeSet<Vec<u8>>,
) -> Result<BTreeMap<Vec<u8>, BTreeSet<String>>, ReadError> {
    let mut state = State {
        package: String::new(),
        seen_root: false,
        owners: wanted
            .iter()
            .map(|path| (path.clone(), BTreeSet::new()))
            .collect(),
    };
    let mut elements = Elements::new(file, reader);
    while elements.step(&mut state)? {}
    match state.seen_root {
        true => Ok(state.owners),
        false => Err(elements.malformed(None, "it has no <filelists>".to_owned())),
    }
}

struct State {
    /// The checksum of the package that is open.
    package: String,
    seen_root: bool,
    owners: BTreeMap<Vec<u8>, BTreeSet<String>>,
}

impl Handler for State {
    fn open(&mut self, depth: usize, element: &Element<'_>) -> Result<(), String> {
        match (depth, element.name()) {
            (1, "package") => self.package = element.need("pkgid")?.to_ascii_lowercase(),
            (0, "filelists" | "filelists-ext") => self.seen_root = true,
            (0, other) => return Err(format!("<{other}> where <filelists> is expected")),
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, depth: usize, name: &str, text: &str) -> Result<(), String> {
        if (depth, name) == (2, "file")
            && let Some(owners) = self.owners.get_mut(text.as_bytes())
        {
            owners.insert(self.package.clone());
        }
        Ok(())
    }

    fn package(&self) -> Option<String> {
        (!self.package.is_empty()).then(|| self.package.clone())
    }
}
