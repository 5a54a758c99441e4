//! Making the index anew from the files that it is an index of.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::entry::Entry;
use super::error::{Error, Result};
use super::file;
use super::gc::{OnProgress, Progress};
use super::index::{Below, Index, NewObject, NewTrace, State, Type};
use super::layout::{Kind, Layout, files_below, foreign, parse_object};
use super::list::{List, Problem};
use super::lock::{Lock, Name};
use super::open::{self, sync_dir};
use super::packed;
use super::place::time_of;
use super::read::chain;
use super::trace::Trace;
use super::verify::{Damage, NO_NAME, Needed, What};
use super::{Store, root};
use crate::ids::{BlobId, EntryId, Hash, TraceId, TreeId};
use crate::tree::{Assembly, Content, Directory, Leaf, Node};

/// What the new index knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RebuildReport {
    pub blobs: u64,
    pub entries: u64,
    pub traces: u64,
    /// What could not be read, or is needed and not there; sorted by path.
    pub damaged: Vec<Damage>,
}

impl Store {
    /// Makes the index of the store in `dir` anew. Busy while anybody has the store open.
    ///
    /// What only the index knew is forgotten: stamps, what was found to be signed,
    /// which blobs others have deflated, where pieces of lists lie, and what was condemned, which lives again.
    pub fn rebuild_index(dir: &Path, progress: OnProgress) -> Result<RebuildReport> {
        let layout = Layout::new(dir);
        if !open::check(&layout)? {
            return Ok(RebuildReport::default());
        }
        let busy = |what: &str| Error::Busy {
            what: format!("{what} {}; try again when it has ended", dir.display()),
        };
        let _gc = Lock::try_exclusive(&layout, Name::Gc)?
            .ok_or_else(|| busy("a collector is running in"))?;
        let _index = Lock::try_exclusive(&layout, Name::Index)?
            .ok_or_else(|| busy("another process uses the store in"))?;
        let _swap = Lock::exclusive(&layout, Name::Swap)?;
        let new = layout.root().join("db.sqlite.new");
        remove_index(&new)?;
        let mut rebuild = Rebuild {
            layout: &layout,
            index: Index::create_at(&new)?,
            progress,
            found: Found::default(),
            report: RebuildReport::default(),
        };
        rebuild.run()?;
        let Rebuild {
            index, mut report, ..
        } = rebuild;
        index.close()?;
        // The main file first: without it nobody takes what is left for an index.
        remove_index(&layout.index())?;
        fs::rename(&new, layout.index())
            .map_err(|e| Error::io("renaming to", layout.index(), e))?;
        sync_dir(layout.root())?;
        report.damaged.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(report)
    }
}

fn remove_index(path: &Path) -> Result<()> {
    for end in ["", "-wal", "-shm"] {
        let mut path = path.as_os_str().to_owned();
        path.push(end);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(Error::io("removing", PathBuf::from(path), e));
            }
            _ => {}
        }
    }
    Ok(())
}

/// What lies under `objects/`.
#[derive(Default)]
struct Found {
    /// Length of every blob, whatever it is held as.
    blobs: BTreeMap<BlobId, u64>,
    trees: BTreeMap<TreeId, Directory>,
    broken: BTreeSet<(Type, Hash)>,
}

struct Rebuild<'a> {
    layout: &'a Layout,
    index: Index,
    progress: OnProgress<'a>,
    found: Found,
    report: RebuildReport,
}

impl Rebuild<'_> {
    fn run(&mut self) -> Result<()> {
        let mut files: BTreeMap<Kind, Vec<(Hash, PathBuf)>> = BTreeMap::new();
        let all = files_below(&self.layout.objects())?;
        let total = all.len() as u64;
        let mut new = Vec::new();
        for (at, (path, name)) in all.into_iter().enumerate() {
            (self.progress)(Progress {
                phase: "reading objects",
                done: at as u64 + 1,
                total: Some(total),
            });
            match parse_object(&name) {
                Some((kind, hash)) if look(&path)?.is_file() => {
                    files.entry(kind).or_default().push((hash, path));
                }
                Some((kind, hash)) => {
                    new.push(NewObject::new(kind, hash, 0, 0));
                    self.broken(kind, hash, path, file::IS_NONE.into());
                }
                None => {}
            }
        }
        for path in foreign(self.layout)? {
            self.damage(What::Foreign, None, path, NO_NAME.into());
        }
        let mut take = |kind| files.remove(&kind).unwrap_or_default();
        let (blobs, assemblies) = (take(Kind::Blob), take(Kind::Assembly));
        let (trees, entries) = (take(Kind::Tree), take(Kind::Entry));
        new.extend(self.blobs(blobs)?);
        new.extend(self.assemblies(assemblies)?);
        new.extend(self.trees(trees)?);
        new.extend(self.entries(entries)?);
        let traces = self.traces()?;
        self.report.traces = traces.len() as u64;
        self.index
            .commit(&new.iter().collect::<Vec<_>>(), &traces)?;
        for (of, hash) in std::mem::take(&mut self.found.broken) {
            if let Some(object) = self.index.object(of, hash)? {
                let row = [object.row].into_iter();
                self.index.set_state(row, State::Damaged, None)?;
            }
        }
        self.roots()
    }

    fn damage(&mut self, what: What, id: Option<Hash>, path: PathBuf, problem: String) {
        self.report.damaged.push(Damage {
            what,
            id,
            path,
            problem,
            lost: false,
            entries: Vec::new(),
            needed: Needed::ByKept,
        });
    }

    fn broken(&mut self, kind: Kind, hash: Hash, path: PathBuf, problem: String) {
        let of = match kind {
            Kind::Tree => Type::Tree,
            Kind::Entry => Type::Entry,
            Kind::Blob | Kind::Assembly | Kind::Trace => Type::Blob,
        };
        self.found.broken.insert((of, hash));
        self.damage(What::Object(kind), Some(hash), path, problem);
    }

    fn blobs(&mut self, files: Vec<(Hash, PathBuf)>) -> Result<Vec<NewObject>> {
        let mut new = Vec::new();
        for (hash, path) in files {
            let size = look(&path)?.len();
            self.found.blobs.insert(BlobId(hash), size);
            new.push(NewObject::new(Kind::Blob, hash, size, size));
            self.report.blobs += 1;
        }
        Ok(new)
    }

    fn assemblies(&mut self, files: Vec<(Hash, PathBuf)>) -> Result<Vec<NewObject>> {
        let mut new = Vec::new();
        for (hash, path) in files {
            if self.found.blobs.contains_key(&BlobId(hash)) {
                continue;
            }
            let bytes = read(&path)?;
            let mut object = NewObject::new(Kind::Assembly, hash, bytes.len() as u64, 0);
            match self.list(&bytes) {
                Ok((assembly, bundles)) => {
                    object.length = assembly.length().unwrap_or(0);
                    object.parts = assembly.parts.iter().filter_map(|p| p.blob()).collect();
                    object.parts.extend(bundles);
                }
                Err(e) => self.broken(Kind::Assembly, hash, path, chain(&*e)),
            }
            self.found.blobs.insert(BlobId(hash), object.length);
            self.report.blobs += 1;
            new.push(object);
        }
        Ok(new)
    }

    /// A list, and the bundles that have pieces of it.
    fn list(&self, file: &[u8]) -> Result<(Assembly, Vec<BlobId>), Problem> {
        let pieces = match List::read(file)? {
            List::Whole(assembly) => return Ok((assembly, Vec::new())),
            List::Cut(pieces) => pieces,
        };
        let bundles = pieces.bundles().to_vec();
        let files = bundles.iter().map(|blob| {
            let path = self.layout.object(Kind::Blob, blob.0);
            read(&path)
        });
        let files: Vec<Vec<u8>> = files.collect::<Result<_>>()?;
        Ok((pieces.join(files)?, bundles))
    }

    fn trees(&mut self, files: Vec<(Hash, PathBuf)>) -> Result<Vec<NewObject>> {
        let mut new = Vec::new();
        for (hash, path) in files {
            let file = read(&path)?;
            let size = file.len() as u64;
            let bytes = match packed::unpack(&file) {
                Ok(bytes) => bytes,
                Err(e) => {
                    new.push(NewObject::new(Kind::Tree, hash, size, size));
                    self.broken(Kind::Tree, hash, path, chain(&e));
                    continue;
                }
            };
            let length = bytes.len() as u64;
            new.push(NewObject::new(Kind::Tree, hash, size, length));
            match (TreeId::of(&bytes).0 == hash, Directory::decode(&bytes)) {
                (true, Ok(tree)) => drop(self.found.trees.insert(TreeId(hash), tree)),
                (_, Err(e)) => self.broken(Kind::Tree, hash, path, chain(&e)),
                (false, Ok(_)) => {
                    let problem = "its bytes have another hash".into();
                    self.broken(Kind::Tree, hash, path, problem);
                }
            }
        }
        Ok(new)
    }

    fn entries(&mut self, files: Vec<(Hash, PathBuf)>) -> Result<Vec<NewObject>> {
        let mut new = Vec::new();
        for (hash, path) in files {
            let bytes = read(&path)?;
            let size = bytes.len() as u64;
            let mut object = NewObject::new(Kind::Entry, hash, size, size);
            object.below = Some(
                match (EntryId::of(&bytes).0 == hash, Entry::decode(&bytes)) {
                    (true, Ok(entry)) => self.below(&entry),
                    (good, decoded) => {
                        let problem = match decoded {
                            Err(e) if good => chain(&e),
                            _ => "its bytes have another hash".into(),
                        };
                        self.broken(Kind::Entry, hash, path, problem);
                        Below::default()
                    }
                },
            );
            self.report.entries += 1;
            new.push(object);
        }
        Ok(new)
    }

    /// What is below an entry, as far as its trees can be read; what they name and is not here was collected.
    fn below(&mut self, entry: &Entry) -> Below {
        let mut below = Below {
            references: entry.references.clone(),
            ..Below::default()
        };
        let (mut wrong, mut lost) = (BTreeSet::new(), BTreeSet::new());
        let mut queue = vec![entry.root];
        while let Some(id) = queue.pop() {
            if !below.trees.insert(id) {
                continue;
            }
            let Some(tree) = self.found.trees.get(&id) else {
                lost.insert(id);
                continue;
            };
            for node in tree.entries.values() {
                match node {
                    Node::Directory(id) => queue.push(*id),
                    Node::Leaf(Leaf {
                        content: Content::File { size, blob },
                        ..
                    }) => {
                        below.blobs.insert(*blob, *size);
                        if self.found.blobs.get(blob).is_some_and(|has| has != size) {
                            wrong.insert((*blob, *size));
                        }
                    }
                    Node::Leaf(_) => {}
                }
            }
        }
        // Trees are never collected.
        for tree in lost {
            if !self.found.broken.contains(&(Type::Tree, tree.0)) {
                let path = self.layout.object(Kind::Tree, tree.0);
                self.broken(Kind::Tree, tree.0, path, "its file is gone".into());
            }
        }
        for (blob, size) in wrong {
            let path = self.layout.object(Kind::Blob, blob.0);
            if !self.found.broken.contains(&(Type::Blob, blob.0)) {
                let has = self.found.blobs[&blob];
                let problem = format!("it has {has} bytes, and had {size}");
                self.broken(Kind::Blob, blob.0, path, problem);
            }
        }
        below
    }

    fn traces(&mut self) -> Result<Vec<NewTrace>> {
        let mut traces = Vec::new();
        for (path, name) in files_below(&self.layout.traces())? {
            let Ok(hash) = name.parse::<Hash>() else {
                continue;
            };
            if !look(&path)?.is_file() {
                let problem = file::IS_NONE.into();
                self.damage(What::Object(Kind::Trace), None, path, problem);
                continue;
            }
            let file = read(&path)?;
            let decoded = match packed::unpack(&file) {
                Err(e) => Err(chain(&e)),
                Ok(bytes) if TraceId::of(&bytes).0 != hash => {
                    Err("its bytes have another hash".to_owned())
                }
                Ok(bytes) => Trace::decode(&bytes)
                    .map(|trace| (TraceId(hash), trace))
                    .map_err(|e| chain(&e)),
            };
            match decoded {
                Ok((id, trace)) => traces.push(NewTrace {
                    id,
                    trace: trace.into(),
                    made_ns: time_of(&path)?,
                    size: file.len() as u64,
                }),
                Err(problem) => self.damage(What::Object(Kind::Trace), None, path, problem),
            }
        }
        Ok(traces)
    }

    /// Roots name what is there, or the damage is reported.
    fn roots(&mut self) -> Result<()> {
        let (files, bad) = root::files(self.layout);
        for e in bad {
            match e {
                Error::StrayRoot { path } => {
                    self.damage(What::Foreign, None, path, NO_NAME.into());
                }
                e => self.damage(What::Root, None, self.layout.roots(), chain(&e)),
            }
        }
        for (path, number) in files {
            match root::read(&path, number) {
                Ok(Some(generation)) if self.index.contents(generation.entry)?.is_none() => {
                    let entry = generation.entry;
                    let problem = format!("it names entry {entry}, which is not here");
                    self.damage(What::Root, None, path, problem);
                }
                Ok(_) => {}
                Err(e) => self.damage(What::Root, None, path, chain(&e)),
            }
        }
        Ok(())
    }
}

fn look(path: &Path) -> Result<fs::Metadata> {
    fs::symlink_metadata(path).map_err(|e| Error::io("reading", path, e))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    file::read(path).map_err(|e| Error::io("reading", path, e))
}
