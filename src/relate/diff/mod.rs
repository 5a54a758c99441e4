//! What is different between two artifacts?
//!
//! ```text
//! closure A ─┐                 modules    by name and stream
//!            ├─ compared ─▶    packages   by name and architecture
//! closure B ─┘                 artifacts  by kind and role
//! tree A, tree B ─────────▶    files      by path; equal directories are not opened
//! ```
//!
//! Turning the two around turns every change around, and nothing else.

mod files;
mod packages;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

pub use files::{Aspect, File, FileChange, FileKind, Files, ShownPath};
pub use packages::{Change, Module, Package};

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diff {
    pub schema: &'static str,
    pub from: Subject,
    pub to: Subject,
    pub modules: Vec<Module>,
    pub packages: Vec<Package>,
    pub files: Files,
    pub artifacts: Vec<Artifact>,
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
    let before = Closure::of(records, from.entry, from.trace)?;
    let after = Closure::beside(records, to.entry, to.trace, Some(&before))?;
    let mut old = Held::of(records, &before, &after)?;
    let mut new = Held::of(records, &after, &before)?;
    old.hold_origin(records, from)?;
    new.hold_origin(records, to)?;
    let repositories = old.is_repository() && new.is_repository();
    let composes = [&old, &new].iter().all(|held| held.kind == "compose");
    let skip =
        |path: &TreePath| repositories && is_packages(path) || composes && is_told_elsewhere(path);
    let bytes = Bytes::of(records.size(from.entry)?, records.size(to.entry)?);
    Ok(Diff {
        schema: SCHEMA,
        from: from.clone(),
        to: to.clone(),
        modules: packages::modules_between(&old.modules, &new.modules),
        packages: packages::between(&old.packages, &new.packages),
        files: files::between(records, &old.tree, &new.tree, &skip)?,
        artifacts: artifacts_between(&old.artifacts, &new.artifacts),
        bytes,
    })
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
}

/// Artifacts by kind and role.
type Artifacts = BTreeMap<(String, String), BTreeSet<EntryId>>;

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
        };
        held.hold_packages(records, closure, other)?;
        for (id, node) in &closure.nodes {
            held.hold_artifact(*id, node, *id == closure.entry);
        }
        Ok(held)
    }

    fn is_repository(&self) -> bool {
        ["module", "repository"].contains(&self.kind.as_str())
    }

    fn hold_packages(
        &mut self,
        records: &impl Records,
        closure: &Closure,
        other: &Closure,
    ) -> Result<(), Error> {
        let mut shipped = BTreeSet::new();
        for id in closure.shipped().difference(&other.shipped()) {
            let Some(record) = closure.record(records, *id)? else {
                self.unknown.insert(*id);
                continue;
            };
            shipped.insert(record.content);
            self.hold_package(&record.nevra, packages::Held::shipped(&record));
        }
        for id in closure.installed().difference(&other.installed()) {
            if let Some(record) = closure.record(records, *id)?
                && !shipped.contains(&record.content)
            {
                self.hold_package(&record.nevra, packages::Held::installed(&record));
            }
        }
        Ok(())
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

/// The entry whose tree people mean: of an OSTree repository or an image that is the root inside, not its objects.
fn compared(closure: &Closure, kind: &str) -> EntryId {
    let mut roots = closure.inputs(closure.entry, "root");
    match (kind, roots.next(), roots.next()) {
        ("ostree" | "image" | "installer", Some(root), None) => root,
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
