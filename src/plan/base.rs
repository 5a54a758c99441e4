//! Packages that an image finds in its base.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::offer::Offered;
use super::solve::Request;
use super::step::From;
use crate::formats::rpm::Solvable;
use crate::ids::{Digest, Name, Nevra};

/// Packages that are there already, and stay.
pub(super) struct Base {
    /// The image that has them.
    pub name: Name,
    pub root: From,
    pub packages: BTreeSet<(Nevra, Digest)>,
}

impl Base {
    /// All that an image holds, but for what may be exchanged. Second, the names of these that it has none of.
    pub fn of(
        name: &Name,
        root: From,
        packages: &BTreeSet<(Nevra, Digest)>,
        replace: &BTreeSet<String>,
    ) -> (Base, Vec<String>) {
        let kept = packages
            .iter()
            .filter(|(nevra, _)| !replace.iter().any(|text| nevra.is_called(text)));
        let base = Base {
            name: name.clone(),
            root,
            packages: kept.cloned().collect(),
        };
        let absent = |text: &&String| !packages.iter().any(|(nevra, _)| nevra.is_called(text));
        (base, replace.iter().filter(absent).cloned().collect())
    }

    /// Takes away what would stand in the place of a package that stays: another of its name and architecture.
    pub fn take_others(&self, offered: &mut Vec<(Name, Offered)>) -> Vec<(Name, Offered)> {
        let named = |nevra: &Nevra| (nevra.name.clone(), nevra.arch.clone());
        let kept = self.packages.iter();
        let kept: BTreeMap<_, _> = kept.map(|(nevra, digest)| (named(nevra), digest)).collect();
        let (stay, aside) = std::mem::take(offered)
            .into_iter()
            .partition(|(_, package)| {
                let fixed = kept.get(&named(&package.nevra));
                fixed.is_none_or(|digest| **digest == package.digest)
            });
        *offered = stay;
        aside
    }

    pub fn requests(&self) -> Vec<Request> {
        let origin = format!("base {}", self.name);
        let packages = self.packages.iter();
        packages
            .map(|(nevra, _)| Request::of(format!("{}.{}", nevra.name, nevra.arch), origin.clone()))
            .collect()
    }

    /// What packages that are there already recommend was for their own installation to consider.
    pub fn wish_nothing(&self, solvables: &mut [Arc<Solvable>]) {
        let here: BTreeSet<&Digest> = self.packages.iter().map(|(_, digest)| digest).collect();
        for solvable in solvables {
            if here.contains(&solvable.digest) && !solvable.recommends.is_empty() {
                Arc::make_mut(solvable).recommends.clear();
            }
        }
    }
}
