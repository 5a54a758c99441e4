//! Who suffers from damage.

use std::collections::{BTreeMap, BTreeSet};

use super::{Bad, Damage, Needed, Verifier, What};
use crate::ids::EntryId;
use crate::store::error::Result;

impl Verifier<'_> {
    /// Finds the entries that each damaged object is below, through assemblies and references too.
    pub(super) fn with_entries(&self, bad: Vec<Bad>) -> Result<Vec<Damage>> {
        if bad.is_empty() {
            return Ok(Vec::new());
        }
        let mut users: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for (assembly, parts) in self.index.parts()? {
            for part in parts {
                users.entry(part).or_default().push(assembly);
            }
        }
        // For each row that is bad, or read from what is bad: the damages that it suffers from.
        let mut suffers: BTreeMap<i64, BTreeSet<usize>> = BTreeMap::new();
        for (at, bad) in bad.iter().enumerate() {
            let mut queue = vec![bad.object.row];
            while let Some(row) = queue.pop() {
                if suffers.entry(row).or_default().insert(at) {
                    queue.extend(users.get(&row).into_iter().flatten());
                }
            }
        }
        let touched = self.touched(&suffers, bad.len())?;
        let damages = bad.into_iter().zip(touched).map(|(bad, entries)| Damage {
            what: What::Object(bad.object.kind()),
            id: Some(bad.object.hash),
            path: self
                .store
                .layout()
                .object(bad.object.kind(), bad.object.hash),
            problem: bad.problem,
            lost: bad.lost,
            entries: entries.into_iter().collect(),
            needed: Needed::ByKept,
        });
        Ok(damages.collect())
    }

    fn touched(
        &self,
        suffers: &BTreeMap<i64, BTreeSet<usize>>,
        count: usize,
    ) -> Result<Vec<BTreeSet<EntryId>>> {
        let mut touched = vec![BTreeSet::new(); count];
        let mut referrers: BTreeMap<EntryId, Vec<EntryId>> = BTreeMap::new();
        for entry in self.index.all_entries()? {
            let Some((object, contents)) = self.index.contents(entry)? else {
                continue;
            };
            for row in contents.iter().chain([object.row]) {
                for at in suffers.get(&row).into_iter().flatten() {
                    touched[*at].insert(entry);
                }
            }
            for target in self.index.references(entry)? {
                referrers.entry(target).or_default().push(entry);
            }
        }
        for entries in &mut touched {
            let mut queue: Vec<EntryId> = entries.iter().copied().collect();
            while let Some(entry) = queue.pop() {
                let users = referrers.get(&entry).into_iter().flatten();
                queue.extend(users.filter(|user| entries.insert(**user)));
            }
        }
        Ok(touched)
    }
}
