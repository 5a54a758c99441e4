//! Planning a disk image: a tree that is committed, and the root that it was made of.

use std::collections::BTreeMap;

use super::derivation::MAIN;
use super::error::Error;
use super::parameters;
use super::planner::{Planner, named};
use super::step::{From, Needed, StepId};
use crate::recipe::{Disk, Kind, Recipe};

impl Planner<'_> {
    /// The step that makes a disk image; `None` until all packages that it may hold are known.
    pub(super) fn disk(&mut self, recipe: &Recipe, disk: &Disk) -> Result<Option<StepId>, Error> {
        let payload = self.recipe(&disk.payload)?;
        let Kind::Ostree(ostree) = &payload.kind else {
            return Err(Error::PayloadIsNoTree {
                artifact: recipe.name.clone(),
                payload: disk.payload.clone(),
            });
        };
        let Some((step, root)) = self.committed(payload, ostree)? else {
            return Ok(None);
        };
        let inputs = [
            ("payload", From::Step(step, MAIN.to_owned())),
            ("root", root),
        ];
        let inputs = inputs.map(|(role, from)| Needed {
            role: role.to_owned(),
            from,
        });
        let release = &self.recipes.release;
        let params = parameters::Disk {
            file: format!("{}.{}", recipe.name, disk.format.name()),
            format: disk.format.name().to_owned(),
            size: disk.size,
            product: release.name.clone(),
            arch: release.arch.clone(),
            epoch: release.epoch,
            seed: format!("{} {}", release.label(), recipe.name),
            arguments: disk.arguments.clone(),
            timeout: disk.timeout,
            stateroot: release.short.clone(),
            payload: self.payload(&disk.payload, disk.updates.as_ref())?,
        };
        self.step(
            "disk",
            named(recipe),
            &params,
            inputs.into(),
            BTreeMap::new(),
        )
        .map(Some)
    }
}
