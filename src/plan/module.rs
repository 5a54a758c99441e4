//! Planning a module.

use std::collections::{BTreeMap, BTreeSet};

use super::error::Error;
use super::manifest::Manifest;
use super::parameters;
use super::planner::Planner;
use super::step::{Needed, StepId};
use crate::formats::modulemd;
use crate::formats::rpm::record;
use crate::ids::Name;
use crate::recipe::{Definition, Module, Recipe, Stream};

/// The licence of a module's metadata where the recipe names none; a document must have one.
const LICENSE: &str = "MIT";

impl Planner<'_> {
    /// The step that gives a module its metadata; `None` until all its packages are known.
    pub(super) fn module(
        &mut self,
        recipe: &Recipe,
        module: &Module,
    ) -> Result<Option<StepId>, Error> {
        let Some(offered) = self.offered(recipe, module)? else {
            return Ok(None);
        };
        self.plan
            .listed
            .insert(recipe.name.clone(), vec![offered.clone()]);
        let document = self.document(recipe, module)?;
        let topic = document.name_stream();
        let params = parameters::Module {
            record: record::VERSION,
            module: document,
        };
        let inputs = offered
            .iter()
            .map(|package| Needed {
                role: "rpm".to_owned(),
                from: package.rpm.clone(),
            })
            .collect();
        let called = (recipe.name.to_string(), &*topic);
        self.step("module", called, &params, inputs, BTreeMap::new())
            .map(Some)
    }

    /// The manifest: the recipe's own, else what an imported document lists.
    pub(super) fn manifest(&self, recipe: &Recipe, module: &Module) -> Result<Manifest, Error> {
        let imported = match &module.definition {
            Definition::Imported(body) if module.packages.is_empty() => {
                imported(recipe, &body.bytes)?
            }
            _ => return Ok(Manifest::Names(module.packages.clone())),
        };
        if !imported.artifacts.is_empty() {
            return Ok(Manifest::Artifacts(
                imported.artifacts.into_iter().collect(),
            ));
        }
        let profiles = imported.profiles.into_values().flatten();
        let names: BTreeSet<String> = imported.api.into_iter().chain(profiles).collect();
        if names.is_empty() {
            let problem = "it lists neither artifacts nor an API; add `packages` to the recipe";
            return Err(Error::Modulemd {
                module: recipe.name.clone(),
                problem: problem.to_owned(),
            });
        }
        Ok(Manifest::Names(names))
    }

    /// The modulemd document, but for its artifacts.
    pub(super) fn document(
        &self,
        recipe: &Recipe,
        module: &Module,
    ) -> Result<modulemd::Module, Error> {
        let mut document = match &module.definition {
            Definition::Imported(body) => {
                let document = imported(recipe, &body.bytes)?;
                if !document.name.is_empty() && document.name != module.module.as_str() {
                    let problem = format!(
                        "it describes {}; name the recipe so, or write `module = \"{}\"`",
                        document.name, document.name
                    );
                    return Err(Error::Modulemd {
                        module: recipe.name.clone(),
                        problem,
                    });
                }
                fill(document, &module.module, &self.recipes.release.arch)
            }
            Definition::Written(stream) => self.written(recipe, module, stream),
        };
        document.artifacts.clear();
        Ok(document)
    }

    fn written(&self, recipe: &Recipe, module: &Module, stream: &Stream) -> modulemd::Module {
        let summary = recipe
            .summary
            .clone()
            .unwrap_or_else(|| module.module.to_string());
        let requires: BTreeMap<String, Vec<String>> = stream
            .requires
            .iter()
            .map(|(name, stream)| (name.to_string(), vec![stream.clone()]))
            .collect();
        let lifecycle = recipe.lifecycle.as_ref();
        let eol = lifecycle
            .and_then(|lifecycle| lifecycle.eol)
            .map(|date| date.to_string());
        let level = lifecycle.and_then(|lifecycle| lifecycle.sla.clone());
        let service_levels = match (level, eol) {
            (None, None) => BTreeMap::new(),
            (level, eol) => [(
                level.unwrap_or_else(|| "supported".to_owned()),
                eol.unwrap_or_default(),
            )]
            .into(),
        };
        modulemd::Module {
            name: module.module.to_string(),
            stream: stream.stream.clone(),
            version: stream.version,
            static_context: stream.context.is_some(),
            context: stream.context.clone().unwrap_or_else(|| context(&requires)),
            arch: self.recipes.release.arch.clone(),
            description: stream
                .description
                .clone()
                .unwrap_or_else(|| summary.clone()),
            summary,
            module_licenses: vec![stream.license.clone().unwrap_or_else(|| LICENSE.to_owned())],
            requires: if requires.is_empty() {
                Vec::new()
            } else {
                vec![requires]
            },
            profiles: stream
                .profiles
                .iter()
                .map(|(name, packages)| (name.clone(), packages.iter().cloned().collect()))
                .collect(),
            service_levels,
            ..modulemd::Module::default()
        }
    }

    /// The names that a profile of one of the modules installs.
    pub(super) fn profile(
        &self,
        artifact: &Name,
        modules: &BTreeMap<&Name, &Module>,
        wanted: &Name,
        profile: &str,
    ) -> Result<Vec<String>, Error> {
        let mut profiles = BTreeMap::new();
        for (name, module) in modules
            .iter()
            .filter(|(_, module)| module.module == *wanted)
        {
            profiles = self.document(self.recipe(name)?, module)?.profiles;
        }
        profiles
            .get(profile)
            .cloned()
            .ok_or_else(|| Error::NoProfile {
                artifact: artifact.clone(),
                module: wanted.clone(),
                profile: profile.to_owned(),
                profiles: profiles.into_keys().collect(),
            })
    }
}

/// The one module that an imported document describes.
fn imported(recipe: &Recipe, bytes: &[u8]) -> Result<modulemd::Module, Error> {
    let wrong = |problem: String| Error::Modulemd {
        module: recipe.name.clone(),
        problem,
    };
    let text = std::str::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8".to_owned()))?;
    let documents = modulemd::read(text).map_err(|error| wrong(error.to_string()))?;
    let mut modules = documents.into_iter().filter_map(|document| match document {
        modulemd::Document::Module { module, .. } => Some(*module),
        _ => None,
    });
    match (modules.next(), modules.next()) {
        (Some(module), None) => Ok(module),
        (None, _) => Err(wrong("it describes no module".to_owned())),
        (Some(_), Some(_)) => Err(wrong(
            "it describes several modules; give each recipe the document of one".to_owned(),
        )),
    }
}

/// What an imported document may leave to whoever builds the module.
fn fill(mut module: modulemd::Module, name: &Name, arch: &str) -> modulemd::Module {
    if module.name.is_empty() {
        module.name = name.to_string();
    }
    if module.stream.is_empty() {
        module.stream = "rolling".to_owned();
    }
    module.version = module.version.max(1);
    if module.context.is_empty() {
        module.context = context(module.requires.first().unwrap_or(&BTreeMap::new()));
    }
    module.arch = arch.to_owned();
    module
}

/// The context of a stream that names none: eight digits that follow from what it requires.
///
/// Two builds of one stream against other requirements are told apart by it, as in the build systems that invented it.
fn context(requires: &BTreeMap<String, Vec<String>>) -> String {
    let mut hasher = blake3::Hasher::new();
    for (module, streams) in requires {
        hasher.update(format!("{module}:{}\n", streams.join(",")).as_bytes());
    }
    hasher.finalize().to_hex()[..8].to_owned()
}
