//! What recipes say of each other must be so.

use std::collections::{BTreeMap, BTreeSet};

use super::architecture;
use super::error::{Fault, Problem, Problems};
use super::image::MOST_LAYERS;
use super::{
    Command, CommandRoot, Compose, Disk, Image, Install, Installer, Kind, Module, Recipe, Recipes,
    Repository, Selection,
};
use crate::ids::Name;

/// The kinds that a compose is made of.
const COMPOSED: [&str; 6] = [
    "repository",
    "ostree",
    "image",
    "installer",
    "disk",
    "command",
];

/// The kinds that a command can read.
const READ: [&str; 9] = [
    "package",
    "module",
    "repository",
    "ostree",
    "image",
    "installer",
    "disk",
    "compose",
    "command",
];

impl Recipes {
    /// Looks for names of nothing, of the wrong thing, or of too much.
    ///
    /// What an imported modulemd document or a source holds is not known here, and not judged.
    pub fn check(&self) -> Result<(), Problems> {
        let mut problems = Vec::new();
        for recipe in self.recipes.values() {
            let mut check = Check {
                recipes: self,
                recipe,
                problems: &mut problems,
            };
            match &recipe.kind {
                Kind::Source(_) | Kind::Package(_) => {}
                Kind::Module(module) => check.module(module),
                Kind::Repository(repository) => check.repository(repository),
                Kind::Ostree(ostree) => {
                    check.selection("install", &ostree.selection, &ostree.selection)
                }
                Kind::Image(image) => check.image(image),
                Kind::Compose(compose) => check.compose(compose),
                Kind::Command(command) => check.command(command),
                Kind::Installer(installer) => check.installer(installer),
                Kind::Disk(disk) => check.disk(disk),
            }
            let overlaid = recipe.selection();
            let overlaid = overlaid.is_some_and(|selection| !selection.overlay.is_empty());
            if overlaid || matches!(recipe.kind, Kind::Command(_)) {
                check.circle();
            }
        }
        Problems::check(problems)
    }

    /// The modules that a `from` stands for: those named, and those of the repositories named (with their add-ons).
    pub fn modules_of(&self, from: &BTreeSet<Name>) -> BTreeMap<&Name, &Module> {
        let mut modules = BTreeMap::new();
        for name in from {
            let names: Vec<&Name> = match self.repository(name) {
                Some(repository) => repository.modules.union(&repository.addons).collect(),
                None => vec![name],
            };
            for name in names {
                if let Some((name, recipe)) = self.recipes.get_key_value(name)
                    && let Kind::Module(module) = &recipe.kind
                {
                    modules.insert(name, module);
                }
            }
        }
        modules
    }

    /// All recipes that make a module of this name, one for each stream.
    pub fn streams(&self, module: &Name) -> impl Iterator<Item = (&Name, &Module)> {
        self.all_modules()
            .filter(move |(_, candidate)| candidate.module == *module)
    }

    fn all_modules(&self) -> impl Iterator<Item = (&Name, &Module)> {
        self.recipes
            .iter()
            .filter_map(|(name, recipe)| match &recipe.kind {
                Kind::Module(module) => Some((name, module)),
                _ => None,
            })
    }
}

impl Module {
    /// Whether a package's name stands in the manifest, with an architecture, with a version or without both.
    pub fn lists(&self, package: &str) -> bool {
        let near = |with: char| {
            let start = format!("{package}{with}");
            let near = self.packages.range(start.clone()..);
            near.take_while(move |item| item.starts_with(&start))
        };
        self.packages.contains(package)
            || self.packages.contains(without_arch(package))
            || near('.').any(|item| without_arch(item) == package)
            || near('-').any(|item| without_version(item) == Some(package))
    }
}

/// The name in `NAME-VERSION-RELEASE`, with an epoch or without.
fn without_version(item: &str) -> Option<&str> {
    let mut parts = item.rsplitn(3, '-');
    let (_, version, name) = (parts.next()?, parts.next()?, parts.next()?);
    // Names have hyphens too, and versions begin with digits.
    version
        .starts_with(|c: char| c.is_ascii_digit())
        .then_some(name)
}

/// A package's name without the architecture that may stand behind a dot.
fn without_arch(item: &str) -> &str {
    item.rsplit_once('.').map_or(item, |(name, _)| name)
}

/// One recipe under examination.
struct Check<'r, 'p> {
    recipes: &'r Recipes,
    recipe: &'r Recipe,
    problems: &'p mut Vec<Problem>,
}

impl<'r> Check<'r, '_> {
    fn report(&mut self, field: &str, item: &str, fault: Fault) {
        let place = self.recipe.place(field, item);
        self.problems.push(Problem { place, fault });
    }

    /// Whether a name is one of a recipe of a wanted kind.
    fn refers(&mut self, field: &str, name: &Name, wanted: &[&'static str]) -> bool {
        let text = name.to_string();
        let wanted = wanted.to_vec();
        let fault = match self.recipes.get(name) {
            Some(found) if wanted.contains(&found.kind.name()) => return true,
            Some(found) => Fault::WrongKind {
                name: text.clone(),
                found: found.kind.name(),
                other: found.file.clone(),
                wanted,
            },
            None => {
                let of_kind = |recipe: &&Recipe| wanted.contains(&recipe.kind.name());
                let candidates = self.recipes.recipes.values().filter(of_kind);
                Fault::UnknownRecipe {
                    name: text.clone(),
                    known: candidates.map(|recipe| recipe.name.to_string()).collect(),
                    wanted,
                }
            }
        };
        self.report(field, &text, fault);
        false
    }

    fn module(&mut self, module: &Module) {
        for source in &module.sources {
            self.refers("source", source, &["source"]);
        }
        let mut own = BTreeSet::new();
        for name in &module.from {
            if self.refers("from", name, &["package"])
                && let Some(package) = self.recipes.package(name)
            {
                own.insert(package.nevra.name.clone());
                if !module.lists(&package.nevra.name) {
                    self.not_in_manifest(module, "from", name.as_str(), &package.nevra.name);
                }
            }
        }
        if module.sources.is_empty() {
            for item in &module.packages {
                let named = without_version(item).is_some_and(|name| own.contains(name));
                if !own.contains(item) && !own.contains(without_arch(item)) && !named {
                    let (package, known) = (item.clone(), own.iter().cloned().collect());
                    self.report("packages", item, Fault::NoOrigin { package, known });
                }
            }
        }
        let Some(stream) = module.written() else {
            return;
        };
        for (profile, packages) in &stream.profiles {
            for package in packages.iter().filter(|package| !module.lists(package)) {
                self.not_in_manifest(module, &format!("profiles.{profile}"), package, package);
            }
        }
        for (name, stream) in &stream.requires {
            self.requirement(name, stream);
        }
    }

    fn not_in_manifest(&mut self, module: &Module, field: &str, item: &str, package: &str) {
        let package = package.to_owned();
        let known = module.packages.iter().cloned().collect();
        self.report(field, item, Fault::NotInManifest { package, known });
    }

    /// A module that is required must be made by some recipe, in that stream.
    fn requirement(&mut self, module: &Name, stream: &str) {
        let mut known = Vec::new();
        for (_, candidate) in self.recipes.streams(module) {
            match candidate.written() {
                // Its stream is known when its document is read.
                None => return,
                Some(found) if found.stream == stream => return,
                Some(found) => known.push(found.stream.clone()),
            }
        }
        let item = module.as_str();
        let fault = if known.is_empty() {
            let names: BTreeSet<String> = self
                .recipes
                .all_modules()
                .map(|(_, candidate)| candidate.module.to_string())
                .collect();
            Fault::UnknownModule {
                module: item.to_owned(),
                known: names.into_iter().collect(),
            }
        } else {
            Fault::UnknownStream {
                module: item.to_owned(),
                stream: stream.to_owned(),
                known,
            }
        };
        self.report("requires", item, fault);
    }

    fn repository(&mut self, repository: &Repository) {
        for name in &repository.modules {
            self.refers("modules", name, &["module"]);
        }
        for name in &repository.addons {
            if self.refers("addons", name, &["module"]) && repository.modules.contains(name) {
                let name = name.to_string();
                self.report("addons", &name.clone(), Fault::ModuleAndAddon { name });
            }
        }
        let modules = self.recipes.modules_of(&repository.modules);
        self.one_stream_each("modules", &modules);
        self.requirements_within("modules", &repository.modules, &modules);
        let mut all = modules;
        all.extend(self.recipes.modules_of(&repository.addons));
        self.requirements_within("addons", &repository.addons, &all);
    }

    fn one_stream_each(&mut self, field: &str, modules: &BTreeMap<&Name, &Module>) {
        let mut seen: BTreeMap<&Name, &Name> = BTreeMap::new();
        for (name, module) in modules {
            if let Some(first) = seen.insert(&module.module, name) {
                let fault = Fault::TwoStreams {
                    module: module.module.to_string(),
                    first: first.to_string(),
                    second: name.to_string(),
                };
                self.report(field, name.as_str(), fault);
            }
        }
    }

    /// What the modules of a field require must be among `all`; which to add is for people to decide.
    fn requirements_within(
        &mut self,
        field: &str,
        names: &BTreeSet<Name>,
        all: &BTreeMap<&Name, &Module>,
    ) {
        for by in names {
            let Some(stream) = all.get(by).and_then(|module| module.written()) else {
                continue;
            };
            for (required, wanted) in &stream.requires {
                let fits = |module: &Module| {
                    let stream = module.written().map(|written| &written.stream);
                    module.module == *required && stream.is_none_or(|stream| stream == wanted)
                };
                let maker = self.recipes.streams(required).find(|(_, m)| fits(m));
                // A requirement that nobody makes is told where it is made.
                if let Some((recipe, _)) = maker
                    && !all.values().any(|module| fits(module))
                {
                    let fault = Fault::RequirementLeftOut {
                        by: by.to_string(),
                        module: required.to_string(),
                        stream: wanted.clone(),
                        recipe: recipe.to_string(),
                    };
                    self.report(field, by.as_str(), fault);
                }
            }
        }
    }

    fn image(&mut self, image: &Image) {
        let arch = &self.recipes.release.arch;
        if !architecture::OF_CONTAINERS.contains(&arch.as_str()) {
            let arch = arch.clone();
            self.report("kind", "", Fault::NoPlatform { arch });
        }
        let own = &image.selection;
        let Some(base) = &image.base else {
            return self.selection("install", own, own);
        };
        let below = self.recipes.bases(image);
        if let Some(last) = below
            .iter()
            .position(|(name, _)| **name == self.recipe.name)
        {
            let below = below[..=last].iter().map(|(name, _)| *name);
            let chain = std::iter::once(&self.recipe.name).chain(below);
            let chain = chain.map(Name::to_string).collect();
            return self.report("base", base.as_str(), Fault::BaseCircle { chain });
        }
        let images = std::iter::once(image).chain(below.iter().map(|(_, image)| *image));
        let layers = images.map(|image| u64::from(image.layers)).sum();
        if layers > MOST_LAYERS {
            let most = MOST_LAYERS;
            self.report("layers", "", Fault::TooManyLayers { layers, most });
        }
        if self.refers("base", base, &["image"])
            && let Some(whole) = self.recipes.selection(&self.recipe.name)
        {
            self.selection("install", own, &whole);
        }
    }

    fn installer(&mut self, installer: &Installer) {
        if let Some(repository) = &installer.repository {
            self.refers("repository", repository, &["repository"]);
        }
        if let Some(payload) = &installer.payload
            && self.refers("payload", payload, &["ostree", "image"])
            && let Some(image) = self.recipes.image(payload)
        {
            let bases = self.recipes.bases(image);
            if !bases.last().map_or(image, |(_, bottom)| bottom).bootable {
                let name = payload.to_string();
                self.report("payload", payload.as_str(), Fault::NoHost { name });
            }
        }
        self.selection("runtime", &installer.selection, &installer.selection);
    }

    fn disk(&mut self, disk: &Disk) {
        self.refers("payload", &disk.payload, &["ostree"]);
    }

    /// What a recipe installs by a field; `whole` is that with what it stands on.
    fn selection(&mut self, field: &str, own: &Selection, whole: &Selection) {
        let mut complete = true;
        for name in &own.from {
            complete &= self.refers("from", name, &["module", "repository"]);
        }
        for name in &own.overlay {
            self.refers("overlay", name, &["command"]);
        }
        let modules = self.recipes.modules_of(&whole.from);
        self.one_stream_each("from", &modules);
        self.requirements_within("from", &own.from, &modules);
        if !complete {
            return;
        }
        for install in &own.install {
            let item = install.to_string();
            let fault = match install {
                Install::Profile { module, profile } => {
                    self.missing_profile(&modules, module, profile)
                }
                Install::Package(package) => self.missing_package(&modules, package),
            };
            if let Some(fault) = fault {
                self.report(field, &item, fault);
            }
        }
    }

    fn command(&mut self, command: &Command) {
        match &command.root {
            CommandRoot::Packages(selection) => self.selection("install", selection, selection),
            CommandRoot::Artifact(name) => {
                self.refers("root", name, &["ostree", "image", "command"]);
            }
        }
        for name in &command.inputs {
            self.refers("inputs", name, &READ);
        }
    }

    /// Whoever is made of itself can't be made: only commands, and what they are laid over, can be told to.
    fn circle(&mut self) {
        let mut seen = BTreeSet::new();
        let mut open = self.recipe.uses();
        while let Some(name) = open.pop() {
            if name == self.recipe.name {
                let name = name.to_string();
                self.report("kind", "", Fault::Circle { name });
                return;
            }
            if seen.insert(name.clone())
                && let Some(recipe) = self.recipes.get(&name)
            {
                open.extend(recipe.uses());
            }
        }
    }

    /// A variant has one tree to install from at most.
    fn compose(&mut self, compose: &Compose) {
        for (variant, names) in &compose.variants {
            let field = format!("variants.{variant}");
            let mut edition: Option<&Name> = None;
            for name in names {
                if !self.refers(&field, name, &COMPOSED) {
                    continue;
                }
                if self.recipes.repository(name).is_some()
                    && let Some(first) = edition.replace(name)
                {
                    let fault = Fault::TwoEditions {
                        variant: variant.to_string(),
                        first: first.to_string(),
                        second: name.to_string(),
                    };
                    self.report(&field, name.as_str(), fault);
                }
            }
        }
    }

    fn missing_profile(
        &self,
        modules: &BTreeMap<&Name, &Module>,
        wanted: &Name,
        profile: &str,
    ) -> Option<Fault> {
        let Some(module) = modules.values().find(|module| module.module == *wanted) else {
            return Some(Fault::ModuleNotInFrom {
                module: wanted.to_string(),
                known: modules.values().map(|m| m.module.to_string()).collect(),
            });
        };
        let profiles = &module.written()?.profiles;
        if profiles.contains_key(profile) {
            return None;
        }
        Some(Fault::UnknownProfile {
            module: wanted.to_string(),
            profile: profile.to_owned(),
            known: profiles.keys().cloned().collect(),
        })
    }

    fn missing_package(&self, modules: &BTreeMap<&Name, &Module>, package: &str) -> Option<Fault> {
        // The manifest of an imported module may be in its document alone.
        let open = |module: &&Module| module.packages.is_empty();
        if modules.values().any(|m| m.lists(package) || open(m)) {
            return None;
        }
        let elsewhere = self.recipes.all_modules().find(|(_, m)| m.lists(package));
        let package = package.to_owned();
        Some(match elsewhere {
            Some((module, _)) => Fault::PackageElsewhere {
                package,
                module: module.to_string(),
            },
            None => {
                let known: BTreeSet<&String> = modules
                    .values()
                    .flat_map(|module| &module.packages)
                    .collect();
                Fault::UnknownPackage {
                    package,
                    known: known.into_iter().cloned().collect(),
                }
            }
        })
    }
}
