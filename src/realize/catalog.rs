//! What a repository's metadata lists, read from the store.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::Arc;

use super::error::Error;
use super::metadata::{self, REPOMD};
use crate::formats::modulemd::{self, Document};
use crate::formats::repodata::{Listed, Location, Primary, Reference, owners, references};
use crate::formats::rpm::Solvable;
use crate::ids::{BlobId, Digest, EntryId, Name};
use crate::plan::{self, SourcePackage};
use crate::recipe::Source;
use crate::store::Store;
use crate::tree::{Content, Leaf, Node};

/// `modules.yaml` of a distribution has a few MiB; one that has more is refused.
const MODULES: u64 = 32 << 20;

/// The packages of a repository, as its metadata tells.
pub(super) struct Catalog {
    store: Store,
    packages: Vec<SourcePackage>,
    modular: bool,
    solvables: BTreeMap<Digest, Arc<Solvable>>,
    locations: BTreeMap<Digest, Location>,
    filelists: Option<(Reference, BlobId)>,
}

impl Catalog {
    /// Reads the metadata that an entry holds; `source` is whose it is, and which architectures count.
    pub fn read(
        store: &Store,
        entry: EntryId,
        (name, source): (&Name, &Source),
    ) -> Result<Self, Error> {
        let opened = Opened { store, entry, name };
        let mut repomd = Vec::new();
        opened
            .file(REPOMD)?
            .map(|blob| opened.read(blob, REPOMD, &mut repomd))
            .transpose()?;
        let references = references(&repomd).map_err(|error| opened.unreadable(REPOMD, error))?;
        let mut catalog = Catalog {
            store: store.clone(),
            packages: Vec::new(),
            modular: false,
            solvables: BTreeMap::new(),
            locations: BTreeMap::new(),
            filelists: None,
        };
        let labels = opened.labels(&references)?;
        let primary = opened
            .part(&references, "primary")?
            .ok_or_else(|| opened.unreadable(REPOMD, "it names no primary metadata"))?;
        let file = opened.open(&primary)?;
        for listed in Primary::new(&primary.0.href, file) {
            let listed = listed.map_err(|error| opened.unreadable(&primary.0.href, error))?;
            if source.draws(&listed.solvable.nevra.arch) {
                let labels = labels.get(&listed.solvable.nevra.with_epoch());
                catalog.list(listed, labels.cloned().unwrap_or_default());
            }
        }
        catalog.filelists = opened.part(&references, "filelists")?;
        catalog
            .packages
            .sort_by(|a, b| (&a.nevra, &a.digest).cmp(&(&b.nevra, &b.digest)));
        Ok(catalog)
    }

    fn list(&mut self, listed: Listed, labels: Vec<String>) {
        let Listed {
            mut solvable,
            location,
            size,
            ..
        } = listed;
        solvable.modularity_labels.clone_from(&labels);
        let digest = solvable.digest.clone();
        // The same file under two locations is one package.
        if self.locations.insert(digest.clone(), location).is_none() {
            self.modular |= !labels.is_empty();
            self.packages.push(SourcePackage {
                nevra: solvable.nevra.clone(),
                digest: digest.clone(),
                size,
                labels,
                rpm: None,
            });
            self.solvables.insert(digest, Arc::new(solvable));
        }
    }

    /// Where a package lies: relative to the repository, or a URL.
    pub fn location(&self, package: &Digest) -> Option<String> {
        self.locations.get(package).map(Location::to_string)
    }
}

impl plan::Catalog for Catalog {
    fn packages(&self) -> &[SourcePackage] {
        &self.packages
    }

    fn is_modular(&self) -> bool {
        self.modular
    }

    fn solvable(&self, package: &Digest) -> Option<Arc<Solvable>> {
        self.solvables.get(package).cloned()
    }

    fn owners(
        &self,
        paths: &BTreeSet<Vec<u8>>,
    ) -> Result<BTreeMap<Vec<u8>, BTreeSet<Digest>>, plan::CatalogError> {
        let Some((reference, blob)) = self.filelists.as_ref().filter(|_| !paths.is_empty()) else {
            return Ok(BTreeMap::new());
        };
        let file = self.store.read(*blob, 0, None)?;
        let owners = owners(&reference.href, reference.open(file)?, paths)?;
        let by_hex: BTreeMap<&str, &Digest> = self
            .solvables
            .keys()
            .map(|digest| (digest.hex.as_str(), digest))
            .collect();
        let known = |owners: BTreeSet<String>| -> BTreeSet<Digest> {
            let digests = owners.iter().filter_map(|hex| by_hex.get(hex.as_str()));
            digests.map(|digest| Digest::clone(digest)).collect()
        };
        Ok(owners
            .into_iter()
            .map(|(path, owners)| (path, known(owners)))
            .collect())
    }
}

/// A metadata entry that is being read.
struct Opened<'a> {
    store: &'a Store,
    entry: EntryId,
    name: &'a Name,
}

impl Opened<'_> {
    fn unreadable(
        &self,
        file: &str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Error {
        Error::Metadata {
            name: self.name.clone(),
            file: file.to_owned(),
            source: source.into(),
        }
    }

    fn file(&self, location: &str) -> Result<Option<BlobId>, Error> {
        let path = metadata::path(location)?;
        let mut node = Node::Directory(self.store.entry(self.entry)?.root);
        for name in path.names() {
            let Node::Directory(id) = node else {
                return Ok(None);
            };
            match self.store.directory(id)?.entries.get(name) {
                Some(found) => node = found.clone(),
                None => return Ok(None),
            }
        }
        Ok(match node {
            Node::Leaf(Leaf {
                content: Content::File { blob, .. },
                ..
            }) => Some(blob),
            _ => None,
        })
    }

    fn read(&self, blob: BlobId, file: &str, bytes: &mut Vec<u8>) -> Result<(), Error> {
        let mut reader = self.store.read(blob, 0, None)?;
        let read = reader.read_to_end(bytes);
        read.map(drop).map_err(|error| self.unreadable(file, error))
    }

    /// One of the files that `repomd.xml` names, if the lock has it.
    fn part(
        &self,
        references: &[Reference],
        kind: &str,
    ) -> Result<Option<(Reference, BlobId)>, Error> {
        let Some(reference) = references.iter().find(|reference| reference.kind == kind) else {
            return Ok(None);
        };
        let blob = self.file(&reference.location())?;
        Ok(blob.map(|blob| (reference.clone(), blob)))
    }

    fn open<'r>(
        &self,
        (reference, blob): &'r (Reference, BlobId),
    ) -> Result<impl Read + use<'r>, Error> {
        let file = self.store.read(*blob, 0, None)?;
        reference
            .open(file)
            .map_err(|error| self.unreadable(&reference.href, error))
    }

    /// `NAME:STREAM:VERSION:CONTEXT` of all modules that a package is of, by its NEVRA with the epoch.
    fn labels(&self, references: &[Reference]) -> Result<BTreeMap<String, Vec<String>>, Error> {
        let mut labels: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let Some(modules) = self.part(references, "modules")? else {
            return Ok(labels);
        };
        let href = modules.0.href.clone();
        let mut text = Vec::new();
        self.open(&modules)?
            .take(MODULES + 1)
            .read_to_end(&mut text)
            .map_err(|error| self.unreadable(&href, error))?;
        if text.len() as u64 > MODULES {
            let why = format!("it has more than {} MiB decompressed", MODULES >> 20);
            return Err(self.unreadable(&href, why + ", which no list of modules needs"));
        }
        let text = String::from_utf8(text).map_err(|error| self.unreadable(&href, error))?;
        let documents = modulemd::read(&text).map_err(|error| self.unreadable(&href, error))?;
        for document in documents {
            if let Document::Module { module, .. } = document {
                let label = format!(
                    "{}:{}:{}",
                    module.name_stream(),
                    module.version,
                    module.context
                );
                for nevra in &module.artifacts {
                    labels.entry(nevra.clone()).or_default().push(label.clone());
                }
            }
        }
        Ok(labels)
    }
}
