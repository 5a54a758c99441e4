//! Planning an OSTree tree: an installed root, committed.

use std::collections::BTreeMap;

use super::error::Error;
use super::parameters;
use super::planner::{Planner, named};
use super::step::{From, Needed, StepId};
use crate::recipe::{Ostree, Recipe};

impl Planner<'_> {
    /// The step that commits a tree; `None` until all packages that it may hold are known.
    pub(super) fn ostree(
        &mut self,
        recipe: &Recipe,
        ostree: &Ostree,
    ) -> Result<Option<StepId>, Error> {
        Ok(self.committed(recipe, ostree)?.map(|(step, _)| step))
    }

    /// The step that commits a tree, and the root that it is made of.
    pub(super) fn committed(
        &mut self,
        recipe: &Recipe,
        ostree: &Ostree,
    ) -> Result<Option<(StepId, From)>, Error> {
        if let Some(planned) = self.trees.get(&recipe.name) {
            return Ok(Some(planned.clone()));
        }
        let Some(installed) = self.root(recipe, &ostree.selection, None)? else {
            return Ok(None);
        };
        let release = &self.recipes.release;
        let params = parameters::Ostree {
            reference: ostree.reference.clone(),
            version: release.version.clone(),
            epoch: release.epoch,
            metadata: ostree.metadata.clone(),
        };
        let input = Needed {
            role: "root".to_owned(),
            from: installed.root.clone(),
        };
        let step = self.step(
            "ostree",
            named(recipe),
            &params,
            vec![input],
            BTreeMap::new(),
        )?;
        let planned = (step, installed.root);
        self.trees.insert(recipe.name.clone(), planned.clone());
        Ok(Some(planned))
    }
}
