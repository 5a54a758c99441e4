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
use super::module::facts;
use super::packages::{self, Package};
use super::treeinfo::{Described, tree_info};
use super::{Composed, Composer, Error, Output, Workspace};
use crate::formats::comps;
use crate::formats::modulemd::{self, Defaults, Document};
use crate::ids::{BlobId, EntryId, TreePath};
use crate::plan::facts::{ModuleFacts, RepositoryFacts};
use crate::plan::{Derivation, parameters};
use crate::tree::{Builder, Child, Content};

/// Composes `repository` derivations.
pub struct Repository;

const KIND: &str = "repository";
/// The profile that is installed with a module when nobody says which.
const DEFAULT_PROFILE: &str = "default";

/// A module as an input: its document, and its packages.
struct Stream {
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
        let rpms: BTreeMap<BlobId, Package> = Package::inputs(derivation, workspace)?
            .into_iter()
            .map(|package| (package.brief.file, package))
            .collect();

        let mut tree = Builder::default();
        let modules = modules(derivation, &rpms, workspace)?;
        edition(&mut tree, &modules, params.comps, workspace)?;
        let addons = addons(&mut tree, derivation, &rpms, workspace)?;
        let described = Described {
            release: &params.release,
            variant: params.variant.clone(),
            name: params.name.to_string(),
        };
        let addon_names = addons.keys().map(String::as_str);
        tree_info(&mut tree, &described, addon_names, workspace)?;
        let facts = RepositoryFacts {
            modules: modules.iter().map(Stream::facts).collect(),
            addons,
        };
        Composed::of(Output::new(KIND, workspace.finish(&tree)?)).with_facts(KIND, &facts)
    }
}

/// The modules of the edition, by name; one name can't have two streams.
fn modules(
    derivation: &Derivation,
    rpms: &BTreeMap<BlobId, Package>,
    workspace: &dyn Workspace,
) -> Result<Vec<Stream>, Error> {
    let mut modules: BTreeMap<String, Stream> = BTreeMap::new();
    for (role, entry) in roles(derivation, "module/") {
        let stream = Stream::open(role, entry, rpms, workspace)?;
        let label = stream.module.name_stream();
        if let Some(other) = modules.insert(stream.module.name.clone(), stream) {
            return Err(Error::TwoStreams {
                streams: [other.module.name_stream(), label],
            });
        }
    }
    Ok(modules.into_values().collect())
}

fn roles<'a>(
    derivation: &'a Derivation,
    prefix: &'a str,
) -> impl Iterator<Item = (&'a str, EntryId)> {
    derivation.inputs.iter().filter_map(move |input| {
        let name = input.role.strip_prefix(prefix)?;
        Some((name, input.entry))
    })
}

fn edition(
    tree: &mut Builder,
    modules: &[Stream],
    comps: Option<BlobId>,
    workspace: &dyn Workspace,
) -> Result<(), Error> {
    let lists = lists(modules);
    let packages: Vec<&Package> = lists.iter().flatten().copied().collect();
    owned(modules, &packages)?;
    packages::place(tree, packages)?;
    let comps = comps.map(|blob| workspace.bytes(blob)).transpose()?;
    if let Some(comps) = &comps {
        comps::check(comps)?;
    }
    let documents: Vec<Document> = modules.iter().flat_map(Stream::documents).collect();
    let text = modulemd::stream(&documents);
    packages::index(tree, &lists, &text, comps.as_deref(), workspace)
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
fn owned(modules: &[Stream], packages: &[&Package]) -> Result<(), Error> {
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
fn addons(
    tree: &mut Builder,
    derivation: &Derivation,
    rpms: &BTreeMap<BlobId, Package>,
    workspace: &dyn Workspace,
) -> Result<BTreeMap<String, ModuleFacts>, Error> {
    let mut addons = BTreeMap::new();
    for (name, entry) in roles(derivation, "addon/") {
        let stream = Stream::open(name, entry, rpms, workspace)?;
        let path = TreePath::parse("addons")?.join(name.as_bytes())?;
        tree.insert(&path, Child::Finished(workspace.root(entry)?))?;
        addons.insert(name.to_owned(), stream.facts());
    }
    Ok(addons)
}

impl Stream {
    /// Reads a module's entry: its small metadata and the names of its packages.
    fn open(
        role: &str,
        entry: EntryId,
        rpms: &BTreeMap<BlobId, Package>,
        workspace: &dyn Workspace,
    ) -> Result<Self, Error> {
        let module = document(role, entry, workspace)?;
        let mut packages = Vec::new();
        let root = workspace.root(entry)?;
        for (file, leaf) in held::files(KIND, (entry, root), packages::DIRECTORY, workspace)? {
            let Content::File { blob, .. } = leaf.content else {
                continue;
            };
            let package = rpms.get(&blob).ok_or_else(|| Error::MissingPackage {
                module: module.name_stream(),
                file,
            })?;
            packages.push(package.clone());
        }
        packages.sort_by(|a, b| a.order().cmp(&b.order()));
        Ok(Stream { module, packages })
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
        facts(&self.module, &self.packages)
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
