//! Planning an installer: a root of what runs it, as a SquashFS image; then the disc, with what it installs.

use std::collections::BTreeMap;

use super::derivation::MAIN;
use super::error::Error;
use super::parameters;
use super::planner::{Planner, named};
use super::step::{From, Needed, StepId};
use crate::formats::iso9660::volume_id;
use crate::ids::{BlobId, Name};
use crate::recipe::{Installer, Kind, Recipe, Updates};

impl Planner<'_> {
    /// The step that makes an installer; `None` until all packages that it may hold are known.
    pub(super) fn installer(
        &mut self,
        recipe: &Recipe,
        installer: &Installer,
    ) -> Result<Option<StepId>, Error> {
        let installed = self.root(recipe, &installer.selection, None)?;
        let mut inputs = Vec::new();
        let mut complete = installed.is_some();
        let parts = [
            ("repository", &installer.repository),
            ("payload", &installer.payload),
        ];
        for (role, name) in parts {
            let Some(name) = name else { continue };
            match self.artifact(name)? {
                Some(step) => inputs.push(needed(role, From::Step(step, MAIN.to_owned()))),
                None => complete = false,
            }
        }
        let (Some(installed), true) = (installed, complete) else {
            return Ok(None);
        };
        let release = &self.recipes.release;
        let params = parameters::Squashfs {
            compression: installer.compression.name().to_owned(),
            epoch: release.epoch,
            product: release.name.clone(),
            version: release.version.clone(),
            arch: release.arch.clone(),
        };
        let root = needed("root", installed.root);
        let squashed = self.step(
            "squashfs",
            named(recipe),
            &params,
            vec![root.clone()],
            BTreeMap::new(),
        )?;
        inputs.push(root);
        inputs.push(needed("stage2", From::Step(squashed, MAIN.to_owned())));

        let mut attachments = BTreeMap::new();
        let kickstart = installer.kickstart.as_ref().map(|body| {
            let blob = BlobId::of(&body.bytes);
            attachments.insert(blob, body.bytes.clone());
            blob
        });
        let volume = installer.volume.clone();
        let params = parameters::Installer {
            file: format!("{}.iso", recipe.name),
            volume: volume.unwrap_or_else(|| volume_id(&release.label())),
            product: release.name.clone(),
            short: release.short.clone(),
            version: release.version.clone(),
            arch: release.arch.clone(),
            epoch: release.epoch,
            arguments: installer.arguments.clone(),
            timeout: installer.timeout,
            kickstart,
            edition: installer.repository.clone(),
            payload: match &installer.payload {
                Some(name) => Some(self.payload(name, installer.updates.as_ref())?),
                None => None,
            },
        };
        self.step("installer", named(recipe), &params, inputs, attachments)
            .map(Some)
    }

    /// How the payload is deployed.
    pub(super) fn payload(
        &self,
        name: &Name,
        updates: Option<&Updates>,
    ) -> Result<parameters::Payload, Error> {
        let short = &self.recipes.release.short;
        let reference = match &self.recipe(name)?.kind {
            Kind::Ostree(ostree) => Some(ostree.reference.clone()),
            _ => None,
        };
        let remote = updates.and_then(|updates| updates.remote.as_ref());
        Ok(parameters::Payload {
            reference,
            remote: remote.map_or_else(|| short.clone(), |remote| remote.to_string()),
            updates: updates.map(|updates| updates.url.clone()),
            key: updates.and_then(|updates| updates.key.clone()),
        })
    }
}

fn needed(role: &str, from: From) -> Needed {
    Needed {
        role: role.to_owned(),
        from,
    }
}
