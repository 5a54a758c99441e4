//! Planning an edition.

use std::collections::{BTreeMap, BTreeSet};

use super::derivation::MAIN;
use super::error::Error;
use super::parameters;
use super::planner::{Planner, named};
use super::step::{From, Needed, StepId};
use crate::formats::comps;
use crate::formats::rpm::record;
use crate::ids::{BlobId, VariantId};
use crate::recipe::{Kind, Recipe, Repository};

impl Planner<'_> {
    /// The step that makes an edition; `None` until all packages of its modules are known.
    pub(super) fn repository(
        &mut self,
        recipe: &Recipe,
        repository: &Repository,
    ) -> Result<Option<StepId>, Error> {
        let mut modules = self.recipes.modules_of(&repository.modules);
        modules.extend(self.recipes.modules_of(&repository.addons));
        self.check_streams(&recipe.name, &modules)?;
        if let Some(body) = &repository.comps {
            comps::check(&body.bytes).map_err(|source| Error::Comps {
                place: recipe.place("comps", "").to_string(),
                edition: recipe.name.clone(),
                file: body.path.clone(),
                source,
            })?;
        }
        let mut inputs = Vec::new();
        let (mut packages, mut listed) = (BTreeSet::new(), Vec::new());
        let mut complete = true;
        let roles = [
            ("module", &repository.modules),
            ("addon", &repository.addons),
        ];
        for (role, name) in roles
            .iter()
            .flat_map(|(role, names)| names.iter().map(move |name| (role, name)))
        {
            let part = self.recipe(name)?;
            let Kind::Module(module) = &part.kind else {
                continue;
            };
            let (Some(step), Some(offered)) =
                (self.module(part, module)?, self.offered(part, module)?)
            else {
                complete = false;
                continue;
            };
            let from = From::Step(step, MAIN.to_owned());
            inputs.push(Needed {
                role: format!("{role}/{}", module.module),
                from,
            });
            packages.extend(offered.iter().map(|package| package.rpm.clone()));
            listed.push(offered);
        }
        if !complete {
            return Ok(None);
        }
        self.plan.listed.insert(recipe.name.clone(), listed);
        inputs.extend(packages.into_iter().map(|from| Needed {
            role: "rpm".to_owned(),
            from,
        }));
        let mut attachments = BTreeMap::new();
        let comps = repository.comps.as_ref().map(|body| {
            let blob = BlobId::of(&body.bytes);
            attachments.insert(blob, body.bytes.clone());
            blob
        });
        let params = parameters::Repository {
            record: record::VERSION,
            comps,
            name: recipe.name.clone(),
            variant: VariantId::of_name(&recipe.name),
            release: parameters::Release::from(&self.recipes.release),
        };
        self.step("repository", named(recipe), &params, inputs, attachments)
            .map(Some)
    }
}
