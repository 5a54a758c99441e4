//! Records in memory, for relations under test: packages, modules and artifacts in a few words.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Serialize;
use store::formats::modulemd::Module;
use store::formats::rpm::Record;
use store::ids::{BlobId, EntryId, Evr, Nevra, TraceId, TreeId, TreePath, canonical};
use store::plan::facts::OriginFacts;
use store::plan::{Derivation, Input, parameters};
use store::relate::diff::Subject;
use store::relate::{Error, Records};
use store::store::{Entry, Trace, TraceInput};
use store::tree::{Builder, Child, Content, Directory, Leaf, Node};

use super::records;
use super::shelf::Shelf;

/// An archive is a store's records without a store.
#[derive(Default)]
pub struct Archive {
    pub entries: BTreeMap<EntryId, Entry>,
    pub directories: BTreeMap<TreeId, Arc<Directory>>,
    pub traces: BTreeMap<TraceId, Trace>,
    pub producers: BTreeMap<EntryId, Vec<TraceId>>,
    pub records: BTreeMap<EntryId, Record>,
    /// The bytes of the files that [`Archive::files`] made.
    pub blobs: BTreeSet<Vec<u8>>,
    /// How many directories were read.
    pub opened: AtomicUsize,
}

/// A package in the three forms that it goes through.
#[derive(Debug, Clone, Copy)]
pub struct Package {
    pub rpm: EntryId,
    pub content: EntryId,
    pub unpacked: EntryId,
}

pub fn path(text: &str) -> TreePath {
    TreePath::parse(text).unwrap()
}

pub fn file(bytes: &str) -> Child {
    Child::Leaf(Leaf::file(
        0o644,
        BlobId::of(bytes.as_bytes()),
        bytes.len() as u64,
    ))
}

pub fn role(role: &str, entry: EntryId) -> Input {
    Input {
        role: role.to_owned(),
        entry,
    }
}

impl Archive {
    pub fn tree(&mut self, builder: &Builder) -> TreeId {
        let mut keep = |directory: &Directory| {
            self.directories
                .insert(directory.id(), Arc::new(directory.clone()));
            Ok::<_, ()>(directory.id())
        };
        builder.finish(&mut keep).unwrap()
    }

    pub fn enter(&mut self, entry: Entry) -> EntryId {
        let id = entry.id();
        self.entries.insert(id, entry);
        id
    }

    /// An entry with regular files.
    pub fn files(&mut self, kind: &str, files: &[(&str, &str)]) -> EntryId {
        let mut builder = Builder::default();
        for (name, bytes) in files {
            builder.insert(&path(name), file(bytes)).unwrap();
            self.blobs.insert(bytes.as_bytes().to_vec());
        }
        let root = self.tree(&builder);
        self.enter(Entry::new(kind, root))
    }

    pub fn step(
        &mut self,
        kind: &str,
        params: &impl Serialize,
        inputs: impl IntoIterator<Item = Input>,
        output: EntryId,
        facts: Option<canonical::Value>,
    ) -> TraceId {
        let derivation = Derivation::new(kind, 1, params, inputs).unwrap();
        let inputs = derivation.inputs.iter().map(|input| TraceInput {
            role: input.role.clone(),
            entry: input.entry,
        });
        let trace = Trace {
            key: derivation.key(),
            derivation: canonical::Value::of(&derivation).unwrap(),
            inputs: inputs.collect(),
            outputs: [("out".to_owned(), output)].into(),
            facts,
            log: Vec::new(),
        };
        let id = trace.id();
        self.traces.insert(id, trace);
        self.producers.entry(output).or_default().push(id);
        id
    }

    /// A package with one file; `signature` is part of the RPM file only.
    pub fn package(&mut self, name: &str, evr: &str, body: &str, signature: &str) -> Package {
        let content = self.files("content", &[("content", &format!("{name}-{evr} {body}"))]);
        let file = format!("{signature} {name}-{evr} {body}");
        let rpm = self.files("rpm", &[("package.rpm", &file)]);
        let unpacked = self.files("unpacked", &[(&format!("files/usr/bin/{name}"), body)]);
        let record = record(name, evr, body, &file);
        let params = parameters::Import {
            record: store::formats::rpm::record::VERSION,
        };
        let facts = canonical::Value::of(&record).unwrap();
        self.step("import", &params, [role("rpm", rpm)], content, Some(facts));
        self.step(
            "unpack",
            &parameters::Unpack {},
            [role("content", content)],
            unpacked,
            None,
        );
        self.records.insert(rpm, record);
        Package {
            rpm,
            content,
            unpacked,
        }
    }

    pub fn module(
        &mut self,
        name: &str,
        stream: &str,
        version: u64,
        packages: &[Package],
    ) -> EntryId {
        let params = parameters::Module {
            record: 1,
            module: Module {
                name: name.to_owned(),
                stream: stream.to_owned(),
                version,
                ..Module::default()
            },
        };
        let listed = format!("{name}:{stream}:{version} {packages:?}");
        let module = self.files(
            "module",
            &[
                ("Packages/a.rpm", &listed),
                ("repodata/modules.yaml", &listed),
            ],
        );
        let inputs = packages.iter().map(|package| role("rpm", package.rpm));
        self.step("module", &params, inputs, module, None);
        module
    }

    /// An edition of modules, and of all their packages.
    pub fn edition(&mut self, modules: &[(&str, EntryId)], packages: &[Package]) -> EntryId {
        let params = parameters::Repository {
            record: 1,
            comps: None,
            name: "edition".parse().unwrap(),
            variant: "Edition".parse().unwrap(),
            release: parameters::Release {
                name: "Archive".to_owned(),
                short: "archive".to_owned(),
                version: "1".to_owned(),
                arch: "x86_64".to_owned(),
                epoch: 0,
            },
        };
        let listed = format!("{modules:?} {packages:?}");
        let edition = self.files(
            "repository",
            &[
                ("Packages/a.rpm", &listed),
                ("repodata/repomd.xml", &listed),
            ],
        );
        let inputs = modules
            .iter()
            .map(|(name, id)| role(&format!("module/{name}"), *id));
        let packages = packages.iter().map(|package| role("rpm", package.rpm));
        self.step("repository", &params, inputs.chain(packages), edition, None);
        edition
    }

    /// An OSTree repository of a root that holds the files, made of the packages.
    pub fn ostree(&mut self, files: &[(&str, &str)], packages: &[Package]) -> EntryId {
        let root = self.files("root", files);
        let params = parameters::Root {
            arch: "x86_64".to_owned(),
            epoch: 0,
        };
        let inputs = packages
            .iter()
            .map(|package| role("package", package.unpacked));
        self.step("root", &params, inputs, root, None);
        let ostree = self.files("ostree", &[("objects/aa/bb.commit", &root.to_string())]);
        let params = parameters::Ostree {
            reference: "sampler/1/x86_64/host".to_owned(),
            version: "1".to_owned(),
            epoch: 0,
            metadata: BTreeMap::new(),
        };
        self.step("ostree", &params, [role("root", root)], ostree, None);
        ostree
    }

    /// Everything in a store on disk.
    pub fn shelf(&self) -> Shelf {
        let shelf = Shelf::default();
        let batch = shelf.store.batch().unwrap();
        for bytes in &self.blobs {
            batch.blob(&mut bytes.as_slice()).unwrap();
        }
        for directory in self.directories.values() {
            batch.directory(directory).unwrap();
        }
        for entry in self.entries.values() {
            batch.entry(entry).unwrap();
        }
        for trace in self.traces.values() {
            batch.trace(trace).unwrap();
        }
        drop(batch.commit().unwrap());
        shelf
    }

    fn read(&self, id: TreeId) -> Arc<Directory> {
        self.directories[&id].clone()
    }
}

pub fn subject(name: &str, entry: EntryId) -> Subject {
    Subject {
        name: name.to_owned(),
        entry,
        trace: None,
        origin: None,
    }
}

fn record(name: &str, evr: &str, body: &str, file: &str) -> Record {
    let nevra = Nevra {
        name: name.to_owned(),
        evr: Evr::parse(evr),
        arch: "x86_64".to_owned(),
    };
    Record {
        content: BlobId::of(format!("{name}-{evr} {body}").as_bytes()),
        file: BlobId::of(file.as_bytes()),
        file_size: file.len() as u64,
        installed_size: body.len() as u64,
        ..records::of(nevra)
    }
}

impl Records for Archive {
    fn entry(&self, id: EntryId) -> Result<Option<Entry>, store::store::Error> {
        Ok(self.entries.get(&id).cloned())
    }

    fn directory(&self, id: TreeId) -> Result<Arc<Directory>, store::store::Error> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        Ok(self.read(id))
    }

    fn trace(&self, id: TraceId) -> Result<Trace, store::store::Error> {
        Ok(self.traces[&id].clone())
    }

    fn producers(&self, entry: EntryId) -> Result<Vec<TraceId>, store::store::Error> {
        Ok(self.producers.get(&entry).cloned().unwrap_or_default())
    }

    /// Not counted as reading: a store keeps it.
    fn size(&self, entry: EntryId) -> Result<u64, store::store::Error> {
        let mut blobs = BTreeMap::new();
        let root = self.entries.get(&entry).map(|entry| entry.root);
        let mut open: Vec<TreeId> = root.into_iter().collect();
        while let Some(id) = open.pop() {
            for node in self.read(id).entries.values() {
                match node {
                    Node::Directory(id) => open.push(*id),
                    Node::Leaf(leaf) => {
                        if let Content::File { size, blob } = leaf.content {
                            blobs.insert(blob, size);
                        }
                    }
                }
            }
        }
        Ok(blobs.values().sum())
    }

    /// Nothing here was solved.
    fn origin(&self, _: BlobId) -> Result<Option<OriginFacts>, Error> {
        Ok(None)
    }

    fn record(&self, rpm: EntryId) -> Result<Option<Record>, Error> {
        Ok(self.records.get(&rpm).cloned())
    }
}
