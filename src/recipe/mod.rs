//! What did somebody write?
//!
//! A directory of TOML files becomes [`Recipes`]: `release.toml`, and a [`Recipe`] for every other file.
//! Each kind has a file of its own here, with the type and the function that reads it.
//! [`Recipes::load`] looks at each file for itself, [`Recipes::check`] at what they say of each other.

mod architecture;
pub mod body;
mod check;
pub mod command;
pub mod compose;
pub mod date;
pub mod dependency;
pub mod disk;
pub mod document;
pub mod error;
pub mod fields;
pub mod image;
pub mod installer;
mod load;
pub mod module;
pub mod ostree;
pub mod package;
pub mod packaged;
mod placeholder;
pub mod release;
pub mod repository;
pub mod selection;
pub mod source;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use body::Body;
pub use command::{Command, Root as CommandRoot};
pub use compose::Compose;
pub use date::Date;
pub use dependency::{Comparison, Dependency};
pub use disk::{Disk, DiskFormat};
pub use document::Places;
pub use error::{Error, Fault, Place, Problem, Problems};
pub use image::{Compression, Image, ImageConfig};
pub use installer::{Installer, SquashfsCompression, Updates};
pub use module::{Definition, Module, Stream};
pub use ostree::Ostree;
pub use package::{Change, Package};
pub use packaged::{Config, Content, File};
pub use release::Release;
pub use repository::Repository;
pub use selection::{Install, Selection};
pub use source::{Location, Source};

use crate::ids::Name;

/// All that one directory of recipes says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipes {
    pub dir: PathBuf,
    pub release: Release,
    pub recipes: BTreeMap<Name, Recipe>,
}

/// A file that describes one artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// The file's stem.
    pub name: Name,
    pub file: PathBuf,
    pub summary: Option<String>,
    pub lifecycle: Option<Lifecycle>,
    pub kind: Kind,
    /// Where its values stand in the file; no part of what it says.
    pub places: Places,
}

/// How long somebody cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lifecycle {
    /// End of life.
    pub eol: Option<Date>,
    /// The service level: `security`, `rawhide`.
    pub sla: Option<String>,
}

/// What a recipe makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    Source(Source),
    Package(Package),
    Module(Module),
    Repository(Repository),
    Ostree(Ostree),
    Image(Image),
    Installer(Installer),
    Disk(Disk),
    Compose(Compose),
    Command(Command),
}

impl Kind {
    /// As in `kind = "…"`.
    pub const fn name(&self) -> &'static str {
        match self {
            Kind::Source(_) => "source",
            Kind::Package(_) => "package",
            Kind::Module(_) => "module",
            Kind::Repository(_) => "repository",
            Kind::Ostree(_) => "ostree",
            Kind::Image(_) => "image",
            Kind::Installer(_) => "installer",
            Kind::Disk(_) => "disk",
            Kind::Compose(_) => "compose",
            Kind::Command(_) => "command",
        }
    }
}

impl Recipe {
    /// The recipes that this one names as what it is made of.
    pub fn uses(&self) -> Vec<Name> {
        match &self.kind {
            Kind::Source(_) | Kind::Package(_) => Vec::new(),
            Kind::Module(module) => module.from.iter().chain(&module.sources).cloned().collect(),
            Kind::Repository(repository) => repository
                .modules
                .iter()
                .chain(&repository.addons)
                .cloned()
                .collect(),
            Kind::Ostree(ostree) => ostree.selection.uses().cloned().collect(),
            Kind::Image(image) => {
                let from = image.selection.uses();
                from.chain(&image.base).cloned().collect()
            }
            Kind::Installer(installer) => {
                let from = installer.selection.uses();
                let installed = installer.repository.iter().chain(&installer.payload);
                from.chain(installed).cloned().collect()
            }
            Kind::Disk(disk) => vec![disk.payload.clone()],
            Kind::Command(command) => {
                let root: Vec<Name> = match &command.root {
                    CommandRoot::Packages(selection) => selection.uses().cloned().collect(),
                    CommandRoot::Artifact(name) => vec![name.clone()],
                };
                root.into_iter()
                    .chain(command.inputs.iter().cloned())
                    .collect()
            }
            Kind::Compose(compose) => compose.variants.values().flatten().cloned().collect(),
        }
    }

    /// The artifacts that it hands on whole: what it delivers, or arranges.
    pub fn delivers(&self) -> Vec<&Name> {
        match &self.kind {
            Kind::Installer(installer) => {
                let installed = installer.repository.iter().chain(&installer.payload);
                installed.collect()
            }
            Kind::Disk(disk) => vec![&disk.payload],
            Kind::Compose(compose) => compose.variants.values().flatten().collect(),
            _ => Vec::new(),
        }
    }

    /// What it has installed.
    pub fn selection(&self) -> Option<&Selection> {
        match &self.kind {
            Kind::Ostree(ostree) => Some(&ostree.selection),
            Kind::Image(image) => Some(&image.selection),
            Kind::Installer(installer) => Some(&installer.selection),
            Kind::Command(command) => match &command.root {
                CommandRoot::Packages(selection) => Some(selection),
                CommandRoot::Artifact(_) => None,
            },
            _ => None,
        }
    }

    /// The field that says what is installed.
    pub const fn wanted(&self) -> &'static str {
        match self.kind {
            Kind::Installer(_) => "runtime",
            _ => "install",
        }
    }

    /// Where an item of a field stands, or the field, or at least the file:
    /// `place("install", "@gtk/default")`, `place("requires", "gtk")`, `place("profiles.default", "bash")`.
    pub fn place(&self, field: &str, item: &str) -> Place {
        self.places
            .of(field, item)
            .cloned()
            .unwrap_or_else(|| Place::start(&self.file))
    }
}

impl Recipes {
    pub fn get(&self, name: &Name) -> Option<&Recipe> {
        self.recipes.get(name)
    }

    pub fn source(&self, name: &Name) -> Option<&Source> {
        match &self.get(name)?.kind {
            Kind::Source(source) => Some(source),
            _ => None,
        }
    }

    pub fn package(&self, name: &Name) -> Option<&Package> {
        match &self.get(name)?.kind {
            Kind::Package(package) => Some(package),
            _ => None,
        }
    }

    pub fn module(&self, name: &Name) -> Option<&Module> {
        match &self.get(name)?.kind {
            Kind::Module(module) => Some(module),
            _ => None,
        }
    }

    pub fn repository(&self, name: &Name) -> Option<&Repository> {
        match &self.get(name)?.kind {
            Kind::Repository(repository) => Some(repository),
            _ => None,
        }
    }

    pub fn image(&self, name: &Name) -> Option<&Image> {
        match &self.get(name)?.kind {
            Kind::Image(image) => Some(image),
            _ => None,
        }
    }

    /// What has packages installed: its own selection, with those of all images below it.
    ///
    /// Whoever stands on itself is left at the second time around; [`Recipes::check`] complains.
    pub fn selection(&self, name: &Name) -> Option<Selection> {
        let recipe = self.get(name)?;
        let mut whole = recipe.selection()?.clone();
        if let Kind::Image(image) = &recipe.kind {
            for (_, base) in self.bases(image) {
                whole.from.extend(base.selection.from.iter().cloned());
                whole.install.extend(base.selection.install.iter().cloned());
            }
        }
        Some(whole)
    }

    /// The images below an image, nearest first, each once.
    pub fn bases(&self, image: &Image) -> Vec<(&Name, &Image)> {
        let mut bases: Vec<(&Name, &Image)> = Vec::new();
        let mut next = image.base.as_ref();
        while let Some((name, recipe)) = next.and_then(|name| self.recipes.get_key_value(name))
            && let Kind::Image(base) = &recipe.kind
            && bases.iter().all(|(known, _)| *known != name)
        {
            bases.push((name, base));
            next = base.base.as_ref();
        }
        bases
    }

    pub fn ostree(&self, name: &Name) -> Option<&Ostree> {
        match &self.get(name)?.kind {
            Kind::Ostree(ostree) => Some(ostree),
            _ => None,
        }
    }
}
