//! `repository`: the packages of modules as one flat yum repository, an edition.
//!
//! ```text
//! Packages/                   of all modules, each file once
//! repodata/                   primary, filelists, other, modules (with defaults), group
//! addons/NAME/Packages/       one module each, as its step made it: enabled by hand, so without defaults
//! addons/NAME/repodata/
//! .treeinfo                   the edition as a variant, each add-on as an add-on of it
//! ```
//!
//! No byte of a package is read: the modules' trees say which files there are, the records what is in them.

use std::collections::{BTreeMap, BTreeSet};

use super::held;
use super::module;
use super::packages::{self, Package};
use super::treeinfo::{Described, tree_info};
use super::{Composed, Composer, Error, Output, Workspace};
use crate::formats::comps;
use crate::formats::modulemd::{self, Defaults, Document};
use crate::ids::{BlobId, ById, EntryId, TreePath, canonical};
use crate::plan::facts::{ModuleFacts, RepositoryFacts};
use crate::plan::{Derivation, parameters};
use crate::tree::{Builder, Child, Content, Node};

/// Composes `repository` derivations.
pub struct Repository;

const KIND: &str = "repository";
/// The profile that is installed with a module when nobody says which.
const DEFAULT_PROFILE: &str = "default";

/// The packages among the inputs, by their files.
type Rpms = ById<BlobId, Package>;

/// A module as an input: its document, and its packages.
struct Stream {
    /// What it is called as an input.
    role: String,
    entry: EntryId,
    module: modulemd::Module,
    packages: Vec<Package>,
}

impl Composer for Repository {
    fn version(&self) -> u32 {
        4
    }

    fn compose(
        &self,
        derivation: &Derivation,
        workspace: &dyn Workspace,
    ) -> Result<Composed, Error> {
        let params: parameters::Repository = super::parameters(KIND, derivation)?;
        super::check_record_version(params.record)?;
        let rpms: Rpms = Package::inputs(derivation, workspace)?
            .into_iter()
            .map(|package| (package.brief.file, package))
            .collect();

        let mut tree = Builder::default();
        let modules = modules(derivation, &rpms, workspace)?;
        let added = streams(derivation, "addon/", &rpms, workspace)?;
        let (laid_out, facts) = rayon::join(
            || edition(&mut tree, &modules, params.comps, workspace),
            || facts(&modules, &added),
        );
        laid_out?;
        addons(&mut tree, &added, workspace)?;
        let described = Described {
            release: &params.release,
            variant: params.variant.clone(),
            name: params.name.to_string(),
        };
        let addon_names = added.iter().map(|addon| addon.role.as_str());
        tree_info(&mut tree, &described, addon_names, workspace)?;
        let output = Output::new(KIND, workspace.finish(&tree)?);
        Ok(Composed {
            facts: Some(facts?),
            ..Composed::of(output)
        })
    }
}

/// What the edition's entry is, without opening it.
fn facts(modules: &[Stream], addons: &[Stream]) -> Result<canonical::Value, Error> {
    let addons = addons.iter();
    let facts = RepositoryFacts {
        modules: modules.iter().map(Stream::facts).collect(),
        addons: addons
            .map(|addon| (addon.role.clone(), addon.facts()))
            .collect(),
    };
    super::value(KIND, &facts)
}

/// The modules of the edition, by name; one name can't have two streams.
fn modules(
    derivation: &Derivation,
    rpms: &Rpms,
    workspace: &dyn Workspace,
) -> Result<Vec<Stream>, Error> {
    let mut modules: BTreeMap<String, Stream> = BTreeMap::new();
    for stream in streams(derivation, "module/", rpms, workspace)? {
        let label = stream.module.name_stream();
        if let Some(other) = modules.insert(stream.module.name.clone(), stream) {
            return Err(Error::TwoStreams {
                streams: [other.module.name_stream(), label],
            });
        }
    }
    Ok(modules.into_values().collect())
}

/// The modules among the inputs whose roles begin so.
fn streams(
    derivation: &Derivation,
    prefix: &str,
    rpms: &Rpms,
    workspace: &dyn Workspace,
) -> Result<Vec<Stream>, Error> {
    let inputs = derivation.inputs.iter();
    let roles = inputs.filter_map(|input| Some((input.role.strip_prefix(prefix)?, input.entry)));
    roles
        .map(|(role, entry)| Stream::open(role, entry, rpms, workspace))
        .collect()
}

fn edition(
    tree: &mut Builder,
    modules: &[Stream],
    comps: Option<BlobId>,
    workspace: &dyn Workspace,
) -> Result<(), Error> {
    let lists = lists(modules);
    owned(modules, lists.iter().flatten().copied())?;
    let comps = comps.map(|blob| workspace.bytes(blob)).transpose()?;
    if let Some(comps) = &comps {
        comps::check(comps)?;
    }
    let documents: Vec<Document> = modules.iter().flat_map(Stream::documents).collect();
    let text = modulemd::stream(&documents);
    packages::lay_out(tree, &lists, &text, comps.as_deref(), workspace)
}

/// The packages of each module, but none that an earlier one has.
fn lists(modules: &[Stream]) -> Vec<Vec<&Package>> {
    let mut seen = BTreeSet::new();
    let mut lists = Vec::with_capacity(modules.len());
    for stream in modules {
        let packages = stream.packages.iter();
        lists.push(
            packages
                .filter(|package| seen.insert(package.brief.file))
                .collect(),
        );
    }
    lists
}

/// Clients refuse a package with a label whose module they can't see.
fn owned<'a>(modules: &[Stream], packages: impl Iterator<Item = &'a Package>) -> Result<(), Error> {
    for package in packages {
        let Some(label) = packages::label(&package.brief) else {
            continue;
        };
        if !modules.iter().any(|m| m.module.name_stream() == label) {
            return Err(Error::ModularWithoutModulemd {
                package: package.brief.nevra.to_string(),
                label: package.brief.label.clone().unwrap_or_default(),
                place: "edition".to_owned(),
            });
        }
    }
    Ok(())
}

/// A module's tree is an add-on's repository already.
fn addons(tree: &mut Builder, addons: &[Stream], workspace: &dyn Workspace) -> Result<(), Error> {
    for addon in addons {
        let path = TreePath::parse("addons")?.join(addon.role.as_bytes())?;
        tree.insert(&path, Child::Finished(workspace.root(addon.entry)?))?;
    }
    Ok(())
}

impl Stream {
    /// Reads a module's entry: its small metadata and the names of its packages.
    fn open(
        role: &str,
        entry: EntryId,
        rpms: &Rpms,
        workspace: &dyn Workspace,
    ) -> Result<Self, Error> {
        let module = document(role, entry, workspace)?;
        let mut packages = Vec::new();
        let root = workspace.root(entry)?;
        let directory = held::directory(KIND, (entry, root), packages::DIRECTORY, workspace)?;
        for (name, node) in &directory.entries {
            let Node::Leaf(leaf) = node else { continue };
            let Content::File { blob, .. } = leaf.content else {
                continue;
            };
            let package = rpms.get(&blob).ok_or_else(|| Error::MissingPackage {
                module: module.name_stream(),
                file: String::from_utf8_lossy(name).into_owned(),
            })?;
            packages.push(package.clone());
        }
        packages.sort_by(|a, b| a.order().cmp(&b.order()));
        Ok(Stream {
            role: role.to_owned(),
            entry,
            module,
            packages,
        })
    }

    /// Its modulemd, and the defaults without which clients hide its packages.
    fn documents(&self) -> [Document; 2] {
        let Self { module, .. } = self;
        let profile = module.profiles.get_key_value(DEFAULT_PROFILE);
        let profiles: Vec<String> = profile.map(|(name, _)| name.clone()).into_iter().collect();
        let defaults = Defaults {
            module: module.name.clone(),
            stream: module.stream.clone(),
            profiles: [(module.stream.clone(), profiles)].into(),
            ..Defaults::default()
        };
        let module = Document::Module {
            module: Box::new(module.clone()),
            unknown: Vec::new(),
        };
        [module, Document::Defaults(defaults)]
    }

    fn facts(&self) -> ModuleFacts {
        module::facts(&self.module, &self.packages)
    }
}

/// The modulemd document that a module's metadata carries.
fn document(
    role: &str,
    entry: EntryId,
    workspace: &dyn Workspace,
) -> Result<modulemd::Module, Error> {
    let root = workspace.root(entry)?;
    let held = held::modules(KIND, role, (entry, root), workspace)?;
    let mut modules = held.into_iter().flat_map(|held| held.modules);
    modules.next().ok_or_else(|| Error::Metadata {
        module: role.to_owned(),
        source: "it has no modulemd document".into(),
    })
}
