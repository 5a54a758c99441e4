//! Planning a command: its root, its inputs, and the step that runs it.

use std::collections::BTreeMap;

use super::derivation::MAIN;
use super::error::Error;
use super::parameters;
use super::planner::{Planner, named};
use super::root::Installed;
use super::step::{From, Needed, StepId};
use crate::recipe::{Command, CommandRoot, Kind, Recipe};

impl Planner<'_> {
    /// The step that runs a command; `None` until its root and its inputs can be planned.
    pub(super) fn command(
        &mut self,
        recipe: &Recipe,
        command: &Command,
    ) -> Result<Option<StepId>, Error> {
        let main = |step| From::Step(step, MAIN.to_owned());
        let root = match &command.root {
            CommandRoot::Packages(selection) => self.root(recipe, selection, None)?.map(root),
            CommandRoot::Artifact(name) => {
                let of = self.recipe(name)?;
                match &of.kind {
                    Kind::Ostree(ostree) => self.root(of, &ostree.selection, None)?.map(root),
                    Kind::Image(image) => {
                        let layered = self.layered(of, image)?;
                        layered.map(|(_, installed)| root(installed))
                    }
                    _ => self.artifact(name)?.map(main),
                }
            }
        };
        let mut inputs = Vec::new();
        let mut complete = root.is_some();
        inputs.extend(root.map(|from| Needed {
            role: "root".to_owned(),
            from,
        }));
        for name in &command.inputs {
            match self.artifact(name)? {
                Some(step) => inputs.push(Needed {
                    role: format!("input/{name}"),
                    from: main(step),
                }),
                None => complete = false,
            }
        }
        if !complete {
            return Ok(None);
        }
        let params = parameters::Command {
            run: command.run.clone(),
            // Programs see the processor that they run on, whatever they are made for.
            host: std::env::consts::ARCH.to_owned(),
            epoch: self.recipes.release.epoch,
            seconds: command.limits.seconds,
            mebibytes: command.limits.mebibytes,
            processes: command.limits.processes,
        };
        self.step("command", named(recipe), &params, inputs, BTreeMap::new())
            .map(Some)
    }
}

fn root(installed: Installed) -> From {
    installed.root
}
