//! What is different between two artifacts?
//!
//! ```text
//! closure A ─┐                 modules    by name and stream
//!            ├─ compared ─▶    packages   by name and architecture
//! closure B ─┘                 artifacts  by kind and role
//! tree A, tree B ─────────▶    files      by path; equal directories are not opened
//! trace A, trace B ───────▶    parameters by name: what the recipes asked for
//! ```
//!
//! Turning the two around turns every change around, and nothing else.

mod files;
mod packages;
mod parameters;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

pub use files::{Aspect, File, FileChange, FileKind, Files, ShownPath};
pub use packages::{Change, Module, Package};
pub use parameters::{Parameter, Setting};

use super::closure::{Closure, Node};
use super::records::{Error, Records};
use crate::ids::{BlobId, EntryId, TraceId, TreePath};
use crate::store::Entry;

/// Part of the JSON form.
pub const SCHEMA: &str = "store/diff/1";

/// One side of a difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Subject {
    /// What a person calls it: `server@3`, or a hash.
    pub name: String,
    pub entry: EntryId,
    /// The trace of the generation; without one the oldest that gave the entry.
    #[serde(skip)]
    pub trace: Option<TraceId>,
    /// Tells the modules of an artifact that is made of packages.
    #[serde(skip)]
    pub origin: Option<BlobId>,
}

/// A difference is what it takes to come from one closure to another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Diff {
    pub schema: &'static str,
    pub from: Subject,
    pub to: Subject,
    pub modules: Vec<Module>,
    pub packages: Vec<Package>,
    pub files: Files,
    pub artifacts: Vec<Artifact>,
    pub parameters: Vec<Parameter>,
    pub bytes: Bytes,
}

/// An artifact inside the closures that differs, and is neither a package nor a module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Artifact {
    pub kind: String,
    /// In which role it was used.
    pub role: String,
    pub change: ArtifactChange,
    pub from: Option<EntryId>,
    pub to: Option<EntryId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ArtifactChange {
    Added,
    Removed,
    Changed,
}

/// How many bytes there are below the two entries, each blob counted once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Bytes {
    pub from: u64,
    pub to: u64,
    pub delta: i64,
}

impl Diff {
    /// Whether both sides are one entry.
    pub fn is_empty(&self) -> bool {
        self.from.entry == self.to.entry
    }
}

impl Bytes {
    fn of(from: u64, to: u64) -> Self {
        let signed = |bytes| i64::try_from(bytes).unwrap_or(i64::MAX);
        Bytes {
            from,
            to,
            delta: signed(to) - signed(from),
        }
    }
}

/// Compares two artifacts by what is recorded of them.
pub fn diff(records: &impl Records, from: &Subject, to: &Subject) -> Result<Diff, Error> {
    let held = || match apart(records, from, to)? {
        Some(held) => Ok(held),
        None => whole(records, from, to),
    };
    let size = |subject: &Subject| records.size(subject.entry);
    let sizes = || rayon::join(|| size(from), || size(to));
    // The index is asked by one thread, which leaves others idle.
    let (held, (size, size_now)) = rayon::join(held, sizes);
    let [mut old, mut new]: [Held; 2] = held?;
    old.hold_origin(records, from)?;
    new.hold_origin(records, to)?;
    let repositories = is_repository(&old.kind) && is_repository(&new.kind);
    let composes = [&old, &new].iter().all(|held| held.kind == "compose");
    let skip =
        |path: &TreePath| repositories && is_packages(path) || composes && is_told_elsewhere(path);
    // OSTree has no times: what a root keeps of them reaches nobody.
    let times = ![&old, &new].iter().any(|held| is_of_ostree(&held.kind));
    let bytes = Bytes::of(size?, size_now?);
    Ok(Diff {
        schema: SCHEMA,
        from: from.clone(),
        to: to.clone(),
        modules: packages::modules_between(&old.modules, &new.modules),
        packages: packages::between(&old.packages, &new.packages),
        files: files::between(records, &old.tree, &new.tree, &skip, times)?,
        artifacts: artifacts_between(&old.artifacts, &new.artifacts),
        parameters: parameters::between(
            old.asked(records, from)?.as_ref(),
            new.asked(records, to)?.as_ref(),
        ),
        bytes,
    })
}

/// Both sides, with all that they are made of opened.
fn whole(records: &impl Records, from: &Subject, to: &Subject) -> Result<[Held; 2], Error> {
    let before = Closure::of(records, from.entry, from.trace)?;
    let after = Closure::beside(records, to.entry, to.trace, Some(&before))?;
    Ok([
        Held::of(records, &before, &after)?,
        Held::of(records, &after, &before)?,
    ])
}

/// Both sides, without opening what both are made of: of two editions that is nearly everything.
///
/// `None` where what they share counts: a lone artifact is said to have changed, one of several to have come or gone;
/// what a tree was solved in is held against the modules in it; and an OSTree repository is compared by a root in it.
fn apart(records: &impl Records, from: &Subject, to: &Subject) -> Result<Option<[Held; 2]>, Error> {
    for subject in [from, to] {
        let entry = records.entry(subject.entry)?;
        let repository = entry.is_some_and(|entry| is_repository(&entry.kind));
        if !repository || subject.origin.is_some() {
            return Ok(None);
        }
    }
    let ends = [(from.entry, from.trace), (to.entry, to.trace)];
    let Some([before, after]) = Closure::apart(records, ends)? else {
        return Ok(None);
    };
    let (old, new) = rayon::join(
        || Held::of(records, &before, &after),
        || Held::of(records, &after, &before),
    );
    let held = [old?, new?];
    let simple = held.iter().all(|held| held.artifacts.is_empty());
    Ok(simple.then_some(held))
}

/// The packages of a repository are compared as packages: at the top, and in each add-on.
fn is_packages(path: &TreePath) -> bool {
    let names: Vec<&[u8]> = path.names().collect();
    matches!(*names, [b"Packages"] | [b"addons", _, b"Packages"])
}

/// Of a compose, the trees of its variants: packages are compared as packages, OSTree repositories as artifacts.
fn is_told_elsewhere(path: &TreePath) -> bool {
    let names: Vec<&[u8]> = path.names().collect();
    match names.as_slice() {
        [b"compose", _, _, b"ostree", _] => true,
        [b"compose", _, _, b"os", rest @ ..] => {
            matches!(rest, [b"Packages"] | [b"addons", _, b"Packages"])
        }
        _ => false,
    }
}

fn is_repository(kind: &str) -> bool {
    ["module", "repository"].contains(&kind)
}

fn is_of_ostree(kind: &str) -> bool {
    ["ostree", "disk"].contains(&kind)
}

/// One side, sorted into what is compared.
struct Held {
    kind: String,
    /// The entry whose tree is compared.
    tree: Entry,
    modules: packages::Modules,
    packages: packages::Packages,
    /// Packages that nobody recorded; they count as artifacts, so that they are not passed over.
    unknown: BTreeSet<EntryId>,
    artifacts: Artifacts,
    /// What was asked of the step that made it, where the closure tells.
    asked: Option<parameters::Asked>,
}

/// Artifacts by kind and role.
type Artifacts = BTreeMap<(String, String), BTreeSet<EntryId>>;

/// Records that are in memory at one time: they list files.
const AT_ONCE: usize = 512;

/// Kinds whose difference shows as one of packages.
const PACKAGES: [&str; 3] = ["rpm", "content", "unpacked"];

impl Held {
    /// One side, without the packages that the other has too.
    fn of(records: &impl Records, closure: &Closure, other: &Closure) -> Result<Self, Error> {
        let known = |id: EntryId| -> Result<Entry, Error> {
            records.entry(id)?.ok_or(Error::Unknown { entry: id })
        };
        let kind = known(closure.entry)?.kind;
        let mut held = Held {
            tree: known(compared(closure, &kind))?,
            kind,
            modules: BTreeMap::new(),
            packages: BTreeMap::new(),
            unknown: BTreeSet::new(),
            artifacts: BTreeMap::new(),
            asked: closure.nodes.get(&closure.entry).and_then(|node| {
                let asked = (node.step.clone()?, node.params.clone()?);
                Some(asked)
            }),
        };
        held.hold_packages(records, closure, other)?;
        for (id, node) in &closure.nodes {
            held.hold_artifact(*id, node, *id == closure.entry);
        }
        Ok(held)
    }

    fn hold_packages(
        &mut self,
        records: &impl Records,
        closure: &Closure,
        other: &Closure,
    ) -> Result<(), Error> {
        let (here, there) = (Packed::of(closure), Packed::of(other));
        let mut own: Vec<EntryId> = here.shipped.difference(&there.shipped).copied().collect();
        if !own.is_empty() {
            let installed = there.only_installed(records)?;
            own.retain(|file| !installed.contains(file));
        }
        let mut shipped = BTreeSet::new();
        for some in own.chunks(AT_ONCE) {
            for (id, record) in some.iter().zip(closure.records(records, some)?) {
                let Some(record) = record else {
                    self.unknown.insert(*id);
                    continue;
                };
                shipped.insert(record.content);
                self.hold_package(&record.nevra, packages::Held::shipped(&record));
            }
        }
        let mut own = Vec::new();
        for content in here.installed.difference(&there.installed) {
            if !here.is_file_in(records, *content, &there.shipped)? {
                own.push(*content);
            }
        }
        for some in own.chunks(AT_ONCE) {
            for record in closure.records(records, some)?.into_iter().flatten() {
                if !shipped.contains(&record.content) {
                    self.hold_package(&record.nevra, packages::Held::installed(&record));
                }
            }
        }
        Ok(())
    }

    /// A closure that was copied from another tells only of its modules.
    fn asked(
        &mut self,
        records: &impl Records,
        subject: &Subject,
    ) -> Result<Option<parameters::Asked>, Error> {
        match self.asked.take() {
            Some(asked) => Ok(Some(asked)),
            None => parameters::asked(records, subject),
        }
    }

    fn hold_origin(&mut self, records: &impl Records, subject: &Subject) -> Result<(), Error> {
        if let Some(origin) = subject.origin
            && let Some(origin) = records.origin(origin)?
        {
            packages::hold_origin(&mut self.modules, origin);
        }
        Ok(())
    }

    fn hold_package(&mut self, nevra: &crate::ids::Nevra, held: packages::Held) {
        let key = (nevra.name.clone(), nevra.arch.clone());
        self.packages.entry(key).or_default().insert(held);
    }

    fn hold_artifact(&mut self, id: EntryId, node: &Node, itself: bool) {
        if let Some(module) = node.module() {
            packages::hold(&mut self.modules, module, id);
            return;
        }
        let kind = node.kind.as_deref().or(node.step()).unwrap_or("unknown");
        if itself || (PACKAGES.contains(&kind) && !self.unknown.contains(&id)) {
            return;
        }
        for role in &node.roles {
            let key = (kind.to_owned(), role.clone());
            self.artifacts.entry(key).or_default().insert(id);
        }
    }
}

/// The packages of a closure: as files, and as what was installed of them.
///
/// What one side ships and the other installs is one build, and no difference.
struct Packed<'a> {
    closure: &'a Closure,
    shipped: BTreeSet<EntryId>,
    installed: BTreeSet<EntryId>,
}

impl<'a> Packed<'a> {
    fn of(closure: &'a Closure) -> Self {
        Packed {
            closure,
            shipped: closure.shipped(),
            installed: closure.installed(),
        }
    }

    /// The files of what is installed here, and not shipped too under any signature.
    fn only_installed(&self, records: &impl Records) -> Result<BTreeSet<EntryId>, Error> {
        let mut found = BTreeSet::new();
        for content in &self.installed {
            if !self.is_file_in(records, *content, &self.shipped)? {
                found.extend(files_of(records, *content)?);
            }
        }
        Ok(found)
    }

    /// Whether one of the files is what was installed here, under whatever signature.
    fn is_file_in(
        &self,
        records: &impl Records,
        content: EntryId,
        files: &BTreeSet<EntryId>,
    ) -> Result<bool, Error> {
        if files.is_empty() {
            return Ok(false);
        }
        let mut taken = self.closure.edges_from(content);
        if taken.any(|edge| files.contains(&edge.to)) {
            return Ok(true);
        }
        let all = files_of(records, content)?;
        Ok(all.iter().any(|file| files.contains(file)))
    }
}

/// The RPM files that have this content: one, or the same package signed by several.
fn files_of(records: &impl Records, content: EntryId) -> Result<Vec<EntryId>, Error> {
    let mut files = Vec::new();
    for import in records.producers(content)? {
        let inputs = records.trace_head(import)?.inputs.into_iter();
        files.extend(inputs.map(|input| input.entry));
    }
    Ok(files)
}

/// The entry whose tree people mean: of an OSTree repository or an image that is the root inside, not its objects.
fn compared(closure: &Closure, kind: &str) -> EntryId {
    let mut roots = closure.inputs(closure.entry, "root");
    match (kind, roots.next(), roots.next()) {
        ("ostree" | "image" | "installer" | "disk", Some(root), None) => root,
        _ => closure.entry,
    }
}

fn artifacts_between(from: &Artifacts, to: &Artifacts) -> Vec<Artifact> {
    let none = BTreeSet::new();
    let keys: BTreeSet<_> = from.keys().chain(to.keys()).collect();
    let mut differing = Vec::new();
    for key in keys {
        let old = from.get(key).unwrap_or(&none);
        let new = to.get(key).unwrap_or(&none);
        let mut gone = old.difference(new).copied();
        let mut come = new.difference(old).copied();
        // Only a lone artifact in its role can be said to have become another one.
        let lone = old.len() == 1 && new.len() == 1;
        let mut differ = |change, from, to| {
            differing.push(Artifact {
                kind: key.0.clone(),
                role: key.1.clone(),
                change,
                from,
                to,
            });
        };
        if lone {
            if let (Some(from), Some(to)) = (gone.next(), come.next()) {
                differ(ArtifactChange::Changed, Some(from), Some(to));
            }
            continue;
        }
        gone.for_each(|from| differ(ArtifactChange::Removed, Some(from), None));
        come.for_each(|to| differ(ArtifactChange::Added, None, Some(to)));
    }
    differing
}
