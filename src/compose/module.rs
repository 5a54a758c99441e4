//! `module`: packages with the metadata that makes them a stream.
//!
//! ```text
//! Packages/NAME-VERSION-RELEASE.ARCH.rpm
//! repodata/repomd.xml, primary, filelists, other, modules
//! ```

use std::collections::{BTreeMap, BTreeSet};

use super::packages::{self, Package};
use super::{Composed, Composer, Error, Output, Workspace};
use crate::formats::modulemd::{self, yaml::Yaml};
use crate::plan::facts::ModuleFacts;
use crate::plan::{Derivation, parameters};
use crate::tree::Builder;

/// Composes `module` derivations.
pub struct Module;

const KIND: &str = "module";

impl Composer for Module {
    fn version(&self) -> u32 {
        3
    }

    fn compose(
        &self,
        derivation: &Derivation,
        workspace: &dyn Workspace,
    ) -> Result<Composed, Error> {
        let params: parameters::Module = super::parameters(KIND, derivation)?;
        super::check_record_version(params.record)?;
        let mut module = params.module;
        complete(&module)?;
        let packages = Package::inputs(derivation, workspace)?;
        belong(&module, &packages)?;
        fill(&mut module, &packages);

        let mut tree = Builder::default();
        let modules = modulemd::document(&module);
        let list = [packages.iter().collect()];
        let (laid_out, facts) = rayon::join(
            || packages::lay_out(&mut tree, &list, &modules, None, workspace),
            || super::value(KIND, &facts(&module, &packages)),
        );
        laid_out?;
        let output = Output::new(KIND, workspace.finish(&tree)?);
        Ok(Composed {
            facts: Some(facts?),
            ..Composed::of(output)
        })
    }
}

/// What a repository's modulemd can't be without.
fn complete(module: &modulemd::Module) -> Result<(), Error> {
    let needed = [
        ("name", module.name.is_empty()),
        ("stream", module.stream.is_empty()),
        ("version", module.version == 0),
        ("context", module.context.is_empty()),
        ("arch", module.arch.is_empty()),
        ("module licence", module.module_licenses.is_empty()),
    ];
    match needed.into_iter().find(|(_, missing)| *missing) {
        Some((field, _)) => Err(Error::IncompleteModule {
            module: module.name_stream(),
            field,
        }),
        None => Ok(()),
    }
}

/// Packages that were built for another module would be hidden, or refused, by clients.
fn belong(module: &modulemd::Module, packages: &[Package]) -> Result<(), Error> {
    let ours = module.name_stream();
    for package in packages {
        if packages::label(&package.brief).is_some_and(|label| label != ours) {
            return Err(Error::ModularWithoutModulemd {
                package: package.brief.nevra.to_string(),
                label: package.brief.label.clone().unwrap_or_default(),
                place: format!("module {ours}"),
            });
        }
    }
    Ok(())
}

/// Completes the document with what only the packages know.
fn fill(module: &mut modulemd::Module, packages: &[Package]) {
    let names: BTreeSet<String> = packages
        .iter()
        .map(|package| package.brief.nevra.with_epoch())
        .collect();
    module.artifacts = names.into_iter().collect();
    if module.content_licenses.is_empty() {
        let licenses: BTreeSet<&String> = packages
            .iter()
            .map(|package| &package.brief.license)
            .filter(|license| !license.is_empty())
            .collect();
        module.content_licenses = licenses.into_iter().cloned().collect();
    }
    // A document that came with a map of digests gets that of the packages which are really here.
    if module.rpm_map.is_some() {
        module.rpm_map = Some(rpm_map(packages));
    }
}

fn rpm_map(packages: &[Package]) -> Yaml {
    let entry = |package: &Package| {
        let nevra = &package.brief.nevra;
        let parts = [
            ("name", Yaml::Text(nevra.name.clone())),
            ("epoch", Yaml::Plain(nevra.evr.epoch.to_string())),
            ("version", Yaml::Text(nevra.evr.version.clone())),
            ("release", Yaml::Text(nevra.evr.release.clone())),
            ("arch", Yaml::Text(nevra.arch.clone())),
            ("nevra", Yaml::Text(nevra.with_epoch())),
        ];
        let parts = parts.map(|(key, value)| (key.to_owned(), value));
        (package.brief.digest.hex.clone(), Yaml::Map(parts.into()))
    };
    let digests = packages.iter().map(entry).collect();
    Yaml::Map(BTreeMap::from([("sha256".to_owned(), Yaml::Map(digests))]))
}

/// What a module's entry is, without opening it.
pub(super) fn facts(module: &modulemd::Module, packages: &[Package]) -> ModuleFacts {
    let mut packages: Vec<_> = packages.iter().map(Package::facts).collect();
    packages.sort();
    ModuleFacts {
        name: module.name.clone(),
        stream: module.stream.clone(),
        version: module.version,
        context: module.context.clone(),
        arch: module.arch.clone(),
        packages,
    }
}
