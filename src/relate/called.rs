//! What people call the entries of a closure that do not say it themselves.
//!
//! A package and a module name themselves. A tree or an image is called as its recipe, which no derivation holds:
//! its name is known by the roots of the store, or by the role that it is used in.

use std::collections::{BTreeMap, VecDeque};

use super::closure::Closure;
use super::records::{Error, Records};
use crate::ids::EntryId;
use crate::store::{self, Store};

/// Names of artifacts by their entries, and of what was made on the way to just one.
#[derive(Debug, Clone, Default)]
pub struct Called {
    names: BTreeMap<EntryId, String>,
}

impl Called {
    /// The names in a closure; `top` is that of its artifact, where it was asked for by one.
    pub fn of(store: &Store, closure: &Closure, top: Option<String>) -> Result<Self, store::Error> {
        let mut names = BTreeMap::new();
        for root in store.roots()? {
            for generation in store.generations(&root)? {
                if closure.nodes.contains_key(&generation.entry) {
                    names.insert(generation.entry, root.name().to_string());
                }
            }
        }
        // `input/NAME`, `VARIANT/KIND/NAME`: the recipes that are in use there, whatever else has the same bytes.
        for edge in &closure.edges {
            let role = edge.role.as_deref().and_then(|role| role.rsplit_once('/'));
            names.extend(role.map(|(_, name)| (edge.to, name.to_owned())));
        }
        names.extend(top.map(|top| (closure.entry, top)));
        let mut called = Called { names };
        called.pass_on(closure);
        Ok(called)
    }

    /// A root is called as the artifact that it was installed for, as in a plan;
    /// what a recipe of its own made, and a command runs in, is not.
    fn pass_on(&mut self, closure: &Closure) {
        // Nearest to the artifact first, where several share one; a disk has the root of its tree.
        let shares = |entry: &EntryId| closure.nodes[entry].step() == Some("disk");
        let mut order: Vec<EntryId> = self.names.keys().copied().collect();
        order.sort_by_key(|entry| (shares(entry), *entry != closure.entry, &self.names[entry]));
        let mut queue = VecDeque::from(order);
        while let Some(from) = queue.pop_front() {
            let Some(name) = self.names.get(&from).cloned() else {
                continue;
            };
            for edge in closure.edges_from(from) {
                let own = matches!(edge.role.as_deref(), Some("root" | "stage2"))
                    && matches!(
                        closure.nodes[&edge.to].step(),
                        Some("root" | "overlay" | "squashfs")
                    );
                if own && !self.names.contains_key(&edge.to) {
                    self.names.insert(edge.to, name.clone());
                    queue.push_back(edge.to);
                }
            }
        }
    }

    /// What an entry is called: by itself, or here.
    pub fn name(
        &self,
        records: &impl Records,
        closure: &Closure,
        entry: EntryId,
    ) -> Result<Option<String>, Error> {
        let own = closure.name(records, entry)?;
        Ok(own.or_else(|| self.names.get(&entry).cloned()))
    }
}
