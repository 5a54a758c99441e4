//! Planning a container image: an installed root in layers, on top of its base where it has one.

use std::collections::{BTreeMap, BTreeSet};

use super::base::Base;
use super::derivation::MAIN;
use super::error::Error;
use super::parameters;
use super::planner::{Planner, named};
use super::root::Installed;
use super::step::{From, Needed, StepId};
use crate::ids::Name;
use crate::recipe::{Image, ImageConfig, Kind, Recipe, Selection};

impl Planner<'_> {
    /// The step that makes an image; `None` until all packages that it may hold are known.
    pub(super) fn image(
        &mut self,
        recipe: &Recipe,
        image: &Image,
    ) -> Result<Option<StepId>, Error> {
        Ok(self.layered(recipe, image)?.map(|(step, _)| step))
    }

    /// The step that makes an image, and the root that it is made of.
    pub(super) fn layered(
        &mut self,
        recipe: &Recipe,
        image: &Image,
    ) -> Result<Option<(StepId, Installed)>, Error> {
        if let Some(planned) = self.images.get(&recipe.name) {
            return Ok(Some(planned.clone()));
        }
        let bases = self.recipes.bases(image);
        if bases.iter().any(|(name, _)| **name == recipe.name) {
            return Err(Error::BaseCircle {
                artifact: recipe.name.clone(),
            });
        }
        let bootable = bases.last().map_or(image, |(_, bottom)| bottom).bootable;
        let Some(selection) = self.recipes.selection(&recipe.name) else {
            return Ok(None);
        };
        let below = match &image.base {
            Some(base) => match self.below(recipe, base, &image.replace)? {
                Some(below) => Some(below),
                None => {
                    self.ahead(&selection)?;
                    return Ok(None);
                }
            },
            None => None,
        };
        // Only what is added is installed anew; what the base asked for it has.
        let selection = Selection {
            install: image.selection.install.clone(),
            ..selection
        };
        let base = below.as_ref().map(|below| &below.base);
        let Some(installed) = self.root(recipe, &selection, base)? else {
            return Ok(None);
        };
        let mut inputs = vec![Needed {
            role: "root".to_owned(),
            from: installed.root.clone(),
        }];
        if let Some(below) = below {
            inputs.extend(below.inputs);
        }
        // Who owns what decides only where one layer ends and the next begins.
        if image.layers > 1 {
            inputs.extend(installed.packages.iter().cloned());
        }
        let release = &self.recipes.release;
        let params = parameters::Image {
            arch: release.arch.clone(),
            version: release.version.clone(),
            epoch: release.epoch,
            layers: image.layers,
            compression: image.compression.name().to_owned(),
            bootable,
            config: config(&image.config),
            annotations: image.annotations.clone(),
        };
        let step = self.step("image", named(recipe), &params, inputs, BTreeMap::new())?;
        let planned = (step, installed);
        self.images.insert(recipe.name.clone(), planned.clone());
        Ok(Some(planned))
    }

    /// What an image stands on, as inputs and as packages.
    fn below(
        &mut self,
        recipe: &Recipe,
        name: &Name,
        replace: &BTreeSet<String>,
    ) -> Result<Option<Below>, Error> {
        let below = self.recipe(name)?;
        let Kind::Image(image) = &below.kind else {
            return Err(Error::BaseIsNoImage {
                artifact: recipe.name.clone(),
                base: name.clone(),
            });
        };
        let Some((step, installed)) = self.layered(below, image)? else {
            return Ok(None);
        };
        let (base, absent) = Base::of(name, installed.root.clone(), &installed.solved, replace);
        if !absent.is_empty() {
            return Err(Error::NotInBase {
                place: recipe.place("replace", &absent[0]).to_string(),
                base: name.clone(),
                absent,
            });
        }
        let input = |role: &str, from| Needed {
            role: role.to_owned(),
            from,
        };
        Ok(Some(Below {
            base,
            inputs: [
                input("base", From::Step(step, MAIN.to_owned())),
                input("base-root", installed.root),
            ],
        }))
    }
}

/// The image that another one stands on.
struct Below {
    base: Base,
    inputs: [Needed; 2],
}

fn config(config: &ImageConfig) -> parameters::ImageConfig {
    parameters::ImageConfig {
        cmd: config.cmd.clone(),
        entrypoint: config.entrypoint.clone(),
        env: config.env.clone(),
        user: config.user.clone(),
        ports: config.ports.clone(),
        labels: config.labels.clone(),
        volumes: config.volumes.clone(),
        working_dir: config.working_dir.clone(),
        stop_signal: config.stop_signal.clone(),
    }
}
