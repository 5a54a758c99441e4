//! What is known of every module, without making, fetching or keeping anything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::error::{Error, said};
use super::facts::Facts;
use super::look::Look;
use super::observe::Observer;
use super::signed;
use crate::formats::rpm::{Record, Solvable};
use crate::ids::{Digest, EntryId, Hash, Name};
use crate::plan::holding::{Gap, Holdings, holdings};
use crate::plan::{Catalog, CatalogError, Derivation, Known, Offer, Outcome};
use crate::recipe::{Kind, Recipes, Source};
use crate::source::Lock;
use crate::store::Store;

/// Gathers what every module of the recipes holds; a source that can't be looked at is a gap, not an error.
pub fn survey(
    store: &Store,
    recipes: &Recipes,
    lock: Option<&Lock>,
    jobs: usize,
    observer: &dyn Observer,
) -> Holdings {
    let look = Look::only(store, recipes, lock, jobs, observer);
    let mut sights = Sights {
        store: Facts::none(store),
        sources: BTreeMap::new(),
    };
    let mut gaps = BTreeMap::new();
    for (name, recipe) in &recipes.recipes {
        let Kind::Source(source) = &recipe.kind else {
            continue;
        };
        match looked_at(&look, name, source) {
            Ok(facts) => drop(sights.sources.insert(name.clone(), facts)),
            Err(Error::NotLocked { .. }) => drop(gaps.insert(name, Gap::NotLocked)),
            Err(error) => drop(gaps.insert(name, Gap::Unreadable { why: said(&error) })),
        }
    }
    let mut holdings = holdings(recipes, &sights);
    for (name, gap) in gaps {
        holdings.sources.entry(name.clone()).or_default().gap = Some(gap);
    }
    holdings
}

/// What is seen of a source; as keys of a directory judge what lies in it, those of a repository do what was fetched.
fn looked_at<'a>(look: &Look<'a>, name: &'a Name, source: &'a Source) -> Result<Facts<'a>, Error> {
    let facts = look.at(&[(name, source)])?;
    if let Some(Offer::Repository(locked)) = facts.source(name) {
        let drawn: Vec<_> = locked.answers.values().collect();
        signed::recheck(look, &facts, name, &drawn)?;
    }
    Ok(facts)
}

/// What was seen of each source by itself, so that one that is amiss hides no other.
struct Sights<'a> {
    store: Facts<'a>,
    sources: BTreeMap<Name, Facts<'a>>,
}

impl Known for Sights<'_> {
    fn composer(&self, kind: &str) -> u32 {
        self.store.composer(kind)
    }

    fn outcomes(&self, derivations: &[Derivation]) -> Vec<Option<Outcome>> {
        self.store.outcomes(derivations)
    }

    fn source(&self, source: &Name) -> Option<&Offer> {
        self.sources.get(source)?.source(source)
    }

    fn record(&self, rpm: EntryId) -> Option<Arc<Record>> {
        let mut sources = self.sources.values();
        sources.find_map(|facts| Facts::record(facts, rpm))
    }

    fn solvables(&self, rpms: &[EntryId]) -> Vec<Option<Arc<Solvable>>> {
        let mut solvables = vec![None; rpms.len()];
        for facts in self.sources.values() {
            let open: Vec<usize> = (0..rpms.len())
                .filter(|&at| solvables[at].is_none())
                .collect();
            let asked: Vec<EntryId> = open.iter().map(|&at| rpms[at]).collect();
            for (at, solvable) in open.into_iter().zip(facts.solvables(&asked)) {
                solvables[at] = solvable;
            }
        }
        solvables
    }

    fn catalog(&self, source: &Name) -> Result<Option<Arc<dyn Catalog>>, CatalogError> {
        match self.sources.get(source) {
            Some(facts) => facts.catalog(source),
            None => Ok(None),
        }
    }

    fn solved(&self, _: &Name, _: Hash) -> Option<BTreeSet<Digest>> {
        None
    }
}
