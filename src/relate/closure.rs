//! What is an artifact made of?

use std::collections::btree_map;
use std::collections::{BTreeMap, BTreeSet};

use super::records::{Error, Records};
use crate::formats::modulemd;
use crate::formats::rpm::Record;
use crate::ids::{EntryId, Hash, TraceId, canonical};
use crate::plan::parameters;
use crate::store::End;

const IMPORT: &str = "import";
const MODULE: &str = "module";

/// A closure is everything that an artifact is made of: the inputs of its trace and their inputs, with what they refer to.
///
/// It follows records, so it is whole also when the bytes are gone.
#[derive(Debug, Clone, PartialEq)]
pub struct Closure {
    /// The artifact itself.
    pub entry: EntryId,
    pub nodes: BTreeMap<EntryId, Node>,
    pub edges: BTreeSet<Edge>,
}

/// An entry in a closure.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Node {
    /// `None` where even the record of the entry is gone.
    pub kind: Option<String>,
    /// The trace that tells how it was made; `None` for what was added from outside.
    pub trace: Option<TraceId>,
    /// The kind of the step that gave it.
    pub step: Option<String>,
    /// What was asked of that step, of the artifact itself and of modules.
    pub params: Option<canonical::Value>,
    /// In which roles others use it.
    pub roles: BTreeSet<String>,
}

/// That one entry needs another: as an input in a role, or, without a role, to be read at all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    pub from: EntryId,
    pub role: Option<String>,
    pub to: EntryId,
}

/// How entries are used: whether by an import, and in which role; each way once.
#[derive(Default)]
struct Uses {
    ways: Vec<(bool, Option<String>)>,
    /// By numbers of ways.
    used: Vec<(EntryId, usize)>,
}

impl Uses {
    fn add(&mut self, entry: EntryId, by_import: bool, role: Option<String>) {
        let wanted = (by_import, role);
        let known = self.ways.iter().rposition(|way| *way == wanted);
        let number = known.unwrap_or_else(|| {
            self.ways.push(wanted);
            self.ways.len() - 1
        });
        self.used.push((entry, number));
    }

    /// The uses by other numbers, sorted; without those that come twice.
    fn sorted(mut self, ways: &[(bool, Option<String>)]) -> Option<Vec<(EntryId, usize)>> {
        let position = |way| ways.iter().position(|known| known == way);
        let numbers: Option<Vec<usize>> = self.ways.iter().map(position).collect();
        let numbers = numbers?;
        for (_, way) in &mut self.used {
            *way = numbers[*way];
        }
        self.used.sort();
        self.used.dedup();
        Some(self.used)
    }

    fn equal(self, other: Self) -> bool {
        let ways = self.ways.clone();
        self.sorted(&ways) == other.sorted(&ways)
    }
}

impl Node {
    /// The kind of the step that gave it.
    pub fn step(&self) -> Option<&str> {
        self.step.as_deref()
    }

    /// Which module it is.
    pub fn module(&self) -> Option<modulemd::Module> {
        let params = self.params.as_ref().filter(|_| self.step() == Some(MODULE));
        let asked: parameters::Module = params?.to().ok()?;
        Some(asked.module)
    }

    /// Takes from a derivation what closures need: most have parameters that nobody asks for, and some a long list of inputs.
    fn ask(&mut self, derivation: &canonical::Value, itself: bool) {
        self.step = derivation.text(&["kind"]).map(str::to_owned);
        if itself || self.step() == Some(MODULE) {
            self.params = derivation.get(&["params"]);
        }
    }
}

impl Closure {
    /// Follows the trace given, or the oldest that gave the entry; of the inputs always the oldest,
    /// so that a closure does not change because something was made once more.
    ///
    /// Each entry is opened once: damaged records that form a circle end it, and no chain is too deep.
    pub fn of(
        records: &impl Records,
        entry: EntryId,
        trace: Option<TraceId>,
    ) -> Result<Self, Error> {
        Closure::beside(records, entry, trace, None)
    }

    /// The same; what the other closure holds is not read again.
    pub fn beside(
        records: &impl Records,
        entry: EntryId,
        trace: Option<TraceId>,
        other: Option<&Closure>,
    ) -> Result<Self, Error> {
        let mut closure = Closure {
            entry,
            nodes: BTreeMap::new(),
            edges: BTreeSet::new(),
        };
        closure.nodes.insert(entry, Node::default());
        let mut open = vec![(entry, trace)];
        while let Some((from, trace)) = open.pop() {
            let edges = match other.and_then(|other| closure.copy(from, trace, other)) {
                Some(edges) => edges,
                None => closure.open(records, from, trace)?,
            };
            for edge in edges {
                let node = match closure.nodes.entry(edge.to) {
                    btree_map::Entry::Occupied(known) => known.into_mut(),
                    btree_map::Entry::Vacant(free) => {
                        open.push((edge.to, None));
                        free.insert(Node::default())
                    }
                };
                node.roles.extend(edge.role.clone());
                closure.edges.insert(edge);
            }
        }
        Ok(closure)
    }

    /// Fills in one node from another closure, where that followed the same trace.
    fn copy(
        &mut self,
        from: EntryId,
        trace: Option<TraceId>,
        other: &Closure,
    ) -> Option<Vec<Edge>> {
        // Only the artifact itself may have followed another trace than the oldest.
        if trace.is_some() || from == other.entry {
            return None;
        }
        let known = other.nodes.get(&from)?;
        let roles = self.nodes.remove(&from).unwrap_or_default().roles;
        let node = Node {
            roles,
            ..known.clone()
        };
        self.nodes.insert(from, node);
        Some(other.edges_from(from).cloned().collect())
    }

    /// Fills in one node by the trace given, or the oldest, and returns what it needs.
    fn open(
        &mut self,
        records: &impl Records,
        from: EntryId,
        trace: Option<TraceId>,
    ) -> Result<Vec<Edge>, Error> {
        let trace = match trace {
            Some(trace) => Some(trace),
            None => records.producers(from)?.into_iter().next(),
        };
        self.fill(records, from, trace)
    }

    fn fill(
        &mut self,
        records: &impl Records,
        from: EntryId,
        trace: Option<TraceId>,
    ) -> Result<Vec<Edge>, Error> {
        let mut edges = Vec::new();
        let node = self.nodes.entry(from).or_default();
        if let Some(entry) = records.entry(from)? {
            node.kind = Some(entry.kind);
            edges.extend(entry.references.into_iter().map(|to| Edge {
                from,
                role: None,
                to,
            }));
        }
        if let Some(id) = trace {
            let trace = records.trace_head(id)?;
            node.trace = Some(id);
            node.ask(&trace.derivation, from == self.entry);
            edges.extend(trace.inputs.into_iter().map(|input| Edge {
                from,
                role: Some(input.role),
                to: input.entry,
            }));
        }
        Ok(edges)
    }

    /// Of two closures the parts that the other has not.
    ///
    /// `None` where more is to be looked at: one is part of the other, they use what both hold in different ways,
    /// or the records can't tell what only one has before all are opened.
    pub fn apart(records: &impl Records, ends: [End; 2]) -> Result<Option<[Self; 2]>, Error> {
        let Some([one, other]) = records.apart(ends)? else {
            return Ok(None);
        };
        let (one, other) = rayon::join(
            || Closure::part(records, ends[0].0, &one),
            || Closure::part(records, ends[1].0, &other),
        );
        let ((one, used), (other, used_too)) = (one?, other?);
        Ok(used.equal(used_too).then_some([one, other]))
    }

    /// The part of a closure that has only these entries, and how they use the others.
    fn part(records: &impl Records, entry: EntryId, only: &[End]) -> Result<(Self, Uses), Error> {
        let mut closure = Closure {
            entry,
            nodes: only.iter().map(|(id, _)| (*id, Node::default())).collect(),
            edges: BTreeSet::new(),
        };
        let mut uses = Uses::default();
        for (id, trace) in only {
            let edges = closure.fill(records, *id, *trace)?;
            let by_import = closure.nodes[id].step() == Some(IMPORT);
            for edge in edges {
                if let Some(node) = closure.nodes.get_mut(&edge.to) {
                    node.roles.extend(edge.role.clone());
                    closure.edges.insert(edge);
                } else {
                    uses.add(edge.to, by_import, edge.role);
                }
            }
        }
        Ok((closure, uses))
    }

    /// The inputs of one entry in the role, by their ids.
    pub fn inputs<'a>(
        &'a self,
        from: EntryId,
        role: &'a str,
    ) -> impl Iterator<Item = EntryId> + 'a {
        self.edges_from(from)
            .filter(move |edge| edge.role.as_deref() == Some(role))
            .map(|edge| edge.to)
    }

    pub fn edges_from(&self, from: EntryId) -> impl Iterator<Item = &Edge> {
        let lowest = Hash::from_bytes([0; 32]);
        let first = Edge {
            from,
            role: None,
            to: EntryId(lowest),
        };
        self.edges
            .range(first..)
            .take_while(move |edge| edge.from == from)
    }

    /// The nodes of one kind.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (EntryId, &'a Node)> {
        self.nodes
            .iter()
            .filter(move |(_, node)| node.kind.as_deref() == Some(kind))
            .map(|(id, node)| (*id, node))
    }

    /// The packages whose files went in, by the entries of their contents.
    pub fn installed(&self) -> BTreeSet<EntryId> {
        let imported = |(id, node): (&EntryId, &Node)| (node.step() == Some(IMPORT)).then_some(*id);
        self.nodes.iter().filter_map(imported).collect()
    }

    /// The packages that went in as RPM files, by the entries of those files.
    pub fn shipped(&self) -> BTreeSet<EntryId> {
        // A file that was only imported went no further: its content did.
        let mut only_imported: BTreeMap<EntryId, bool> = BTreeMap::new();
        for edge in &self.edges {
            let by_import = self.nodes[&edge.from].step() == Some(IMPORT);
            *only_imported.entry(edge.to).or_insert(true) &= by_import;
        }
        self.of_kind("rpm")
            .map(|(id, _)| id)
            .filter(|id| only_imported.get(id) != Some(&true))
            .collect()
    }

    /// What is known of a package of this closure, by the entry of its content or of its file.
    pub fn record(
        &self,
        records: &impl Records,
        package: EntryId,
    ) -> Result<Option<Record>, Error> {
        let mut found = self.records(records, &[package])?;
        Ok(found.pop().flatten())
    }

    /// The same of many.
    pub fn records(
        &self,
        records: &impl Records,
        packages: &[EntryId],
    ) -> Result<Vec<Option<Record>>, Error> {
        let mut found = vec![None; packages.len()];
        let mut files = Vec::new();
        for (n, package) in packages.iter().enumerate() {
            match self.nodes.get(package) {
                Some(node) if node.step() == Some(IMPORT) => {
                    found[n] = imported(records, *package, node.trace)?;
                }
                _ => files.push(n),
            }
        }
        let rpms: Vec<EntryId> = files.iter().map(|n| packages[*n]).collect();
        for (n, record) in files.into_iter().zip(records.records(&rpms)?) {
            found[n] = record;
        }
        Ok(found)
    }

    /// The records of all packages, by name and architecture; several versions of one in the order of versions.
    pub fn packages(
        &self,
        records: &impl Records,
    ) -> Result<BTreeMap<(String, String), Vec<Record>>, Error> {
        let mut packages: BTreeMap<_, Vec<Record>> = BTreeMap::new();
        for id in self.shipped().union(&self.installed()) {
            if let Some(record) = self.record(records, *id)? {
                let key = (record.nevra.name.clone(), record.nevra.arch.clone());
                let same = packages.entry(key).or_default();
                if same.iter().all(|other| other.content != record.content) {
                    same.push(record);
                    same.sort_by(|a, b| a.nevra.cmp(&b.nevra));
                }
            }
        }
        Ok(packages)
    }

    /// The modules, by their entries.
    pub fn modules(&self) -> BTreeMap<EntryId, modulemd::Module> {
        let module = |(id, node): (&EntryId, &Node)| Some((*id, node.module()?));
        self.nodes.iter().filter_map(module).collect()
    }

    /// What people call an entry: the package or the module that it is.
    pub fn name(&self, records: &impl Records, entry: EntryId) -> Result<Option<String>, Error> {
        let Some(node) = self.nodes.get(&entry) else {
            return Ok(None);
        };
        if let Some(module) = node.module() {
            return Ok(Some(module.name_stream()));
        }
        let record = match node.kind.as_deref() {
            Some("rpm") => records.record(entry)?,
            Some("content") => self.record(records, entry)?,
            Some("unpacked") => match self.edges_from(entry).next() {
                Some(edge) => self.record(records, edge.to)?,
                None => None,
            },
            _ => None,
        };
        Ok(record.map(|record| record.nevra.to_string()))
    }
}

/// The record that an import gave.
fn imported(
    records: &impl Records,
    entry: EntryId,
    import: Option<TraceId>,
) -> Result<Option<Record>, Error> {
    let facts = match import {
        Some(import) => records.trace(import)?.facts,
        None => None,
    };
    let read = |facts: canonical::Value| {
        facts.to().map_err(|source| Error::Facts {
            step: IMPORT.to_owned(),
            entry,
            source,
        })
    };
    facts.map(read).transpose()
}
