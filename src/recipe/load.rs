//! From a directory of files to recipes.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use walkdir::{DirEntry, WalkDir};

use super::document::Document;
use super::error::{Error, Fault, Place, Problem, Problems};
use super::fields::Fields;
use super::release::Release;
use super::{
    Kind, Lifecycle, Recipe, Recipes, command, compose, disk, image, installer, module, ostree,
    package, repository, source,
};
use crate::ids::Name;

/// The file that all recipes have in common.
const RELEASE: &str = "release.toml";

/// Folders of this name hold bodies of packages, among which TOML files may be.
const BODIES: &str = "files";

/// The longest recipe.
const LIMIT: u64 = 4 << 20;

/// The kinds that can be composed, in the order of the design.
const KINDS: [&str; 10] = [
    "source",
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
    /// Reads every `*.toml` of a directory and its folders, but for hidden ones and those called `files`.
    ///
    /// Whatever is wrong in any file is reported together.
    pub fn load(dir: &Path) -> Result<Recipes, Error> {
        if !dir.is_dir() {
            return Err(Error::NoDirectory(dir.to_owned()));
        }
        let mut problems = Vec::new();
        let release = load_release(dir, &mut problems)?;
        let mut files: BTreeMap<Name, PathBuf> = BTreeMap::new();
        let mut recipes = BTreeMap::new();
        for file in list(dir)? {
            let name = match unused_name(&file, &files) {
                Ok(name) => name,
                Err(fault) => {
                    let place = Place::start(&file);
                    problems.push(Problem { place, fault });
                    continue;
                }
            };
            files.insert(name, file);
        }
        let each = files.par_iter().map(|(name, file)| {
            let mut problems = Vec::new();
            // Without a release nothing can be filled in; its own problem is told.
            let recipe = match (read(file, &mut problems)?, &release) {
                (Some(text), Some(release)) => {
                    let document = Document::new(dir, file, &text, Some(release));
                    recipe(document, name.clone(), &mut problems)
                }
                _ => None,
            };
            Ok((recipe, problems))
        });
        let each: Vec<(Option<Recipe>, Vec<Problem>)> = each.collect::<Result<_, Error>>()?;
        for (recipe, found) in each {
            problems.extend(found);
            recipes.extend(recipe.map(|recipe| (recipe.name.clone(), recipe)));
        }
        Problems::check(problems)?;
        let mut recipes = Recipes {
            dir: dir.to_owned(),
            release: release.expect("a release that is missing or wrong is a problem"),
            recipes,
        };
        recipes.fill_manifests();
        Ok(recipes)
    }

    /// Reads only what they have in common.
    pub fn release(dir: &Path) -> Result<Release, Error> {
        let mut problems = Vec::new();
        let release = load_release(dir, &mut problems)?;
        Problems::check(problems)?;
        Ok(release.expect("a release that is wrong is a problem"))
    }

    /// A module without a manifest and without a source is all that it is made from.
    fn fill_manifests(&mut self) {
        let packages: BTreeMap<Name, String> = self
            .recipes
            .iter()
            .filter_map(|(name, recipe)| match &recipe.kind {
                Kind::Package(package) => Some((name.clone(), package.nevra.name.clone())),
                _ => None,
            })
            .collect();
        for recipe in self.recipes.values_mut() {
            if let Kind::Module(module) = &mut recipe.kind
                && module.packages.is_empty()
                && module.sources.is_empty()
            {
                let names = module.from.iter().filter_map(|name| packages.get(name));
                module.packages = names.cloned().collect();
            }
        }
    }
}

fn load_release(dir: &Path, problems: &mut Vec<Problem>) -> Result<Option<Release>, Error> {
    let file = dir.join(RELEASE);
    if !file.exists() {
        return Err(Error::NoRelease(file));
    }
    let Some(text) = read(&file, problems)? else {
        return Ok(None);
    };
    let document = Document::new(dir, &file, &text, None);
    let release = Release::read(&document);
    let (_, found) = document.finish();
    let good = found.is_empty();
    problems.extend(found);
    Ok(release.filter(|_| good))
}

fn is_hidden(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name.as_encoded_bytes().starts_with(b".")
}

/// The recipe files, sorted; a folder that links lead back into is read once.
fn list(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let wanted = |entry: &DirEntry| {
        let name = entry.file_name().as_encoded_bytes();
        let bodies = entry.file_type().is_dir() && name == BODIES.as_bytes();
        entry.depth() == 0 || !(name.starts_with(b".") || bodies)
    };
    let walk = WalkDir::new(dir)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(wanted);
    let mut files = Vec::new();
    for entry in walk {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) if error.loop_ancestor().is_some() => continue,
            // A link to nothing, as editors leave one beside what they edit.
            Err(error) if error.path().is_some_and(is_hidden) => continue,
            Err(error) if error.path().is_some_and(Path::is_symlink) => {
                let path = error.path().unwrap_or(dir).to_owned();
                return Err(Error::LinkToNothing(path));
            }
            Err(source) => {
                let path = source.path().unwrap_or(dir).to_owned();
                return Err(Error::List { path, source });
            }
        };
        let is_release = entry.depth() == 1 && entry.file_name() == RELEASE;
        let is_toml = entry.path().extension().is_some_and(|end| end == "toml");
        if is_toml && !is_release && entry.file_type().is_file() {
            files.push(entry.into_path());
        }
    }
    Ok(files)
}

fn unused_name(file: &Path, files: &BTreeMap<Name, PathBuf>) -> Result<Name, Fault> {
    let name = name(file)?;
    match files.get(&name) {
        None => Ok(name),
        Some(other) => Err(Fault::SameName {
            name: name.to_string(),
            other: other.clone(),
        }),
    }
}

fn name(file: &Path) -> Result<Name, Fault> {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let refuse = |reason| {
        let name = stem.to_string();
        Err(Fault::Name { name, reason })
    };
    match stem.parse::<Name>() {
        Ok(name) => Ok(name),
        Err(_) => {
            refuse("use letters, digits and ._+-, at most 128, beginning with a letter or digit")
        }
    }
}

fn read(file: &Path, problems: &mut Vec<Problem>) -> Result<Option<String>, Error> {
    let mut bytes = Vec::new();
    std::fs::File::open(file)
        .and_then(|open| open.take(LIMIT + 1).read_to_end(&mut bytes))
        .map_err(|source| Error::Read {
            path: file.to_owned(),
            source,
        })?;
    if bytes.len() as u64 > LIMIT {
        problems.push(Problem {
            place: Place::start(file),
            fault: Fault::TooLong { limit: LIMIT },
        });
        return Ok(None);
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(error) => {
            let good = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(&error.as_bytes()[..good]).into_owned();
            problems.push(Problem {
                place: Place::of(file, &text, good),
                fault: Fault::NotUtf8,
            });
            Ok(None)
        }
    }
}

fn recipe(document: Document, name: Name, problems: &mut Vec<Problem>) -> Option<Recipe> {
    let read = read_recipe(&document, &name);
    let file = document.file.to_owned();
    let (places, found) = document.finish();
    let good = found.is_empty();
    problems.extend(found);
    let (summary, lifecycle, kind) = read.filter(|_| good)?;
    Some(Recipe {
        name,
        file,
        summary,
        lifecycle,
        kind,
        places,
    })
}

type Parts = (Option<String>, Option<Lifecycle>, Kind);

fn read_recipe(document: &Document, name: &Name) -> Option<Parts> {
    let table = document.parse()?;
    let fields = Fields::new(document, table.get_ref(), 0, "");
    if name.as_str() == "release" && fields.has("release") {
        let reason = "release.toml, at the top of the recipes, is what they have in common; \
            one in a folder is an artifact of that name, with a `kind`";
        let name = name.to_string();
        fields.report(fields.place("release"), Fault::Name { name, reason });
        return None;
    }
    let kind = fields.required("kind")?;
    let summary = fields.string("summary").map(|found| found.value);
    let lifecycle = fields.table("lifecycle").map(lifecycle);
    let read = match kind.value.as_str() {
        "source" => source::read(&fields).map(Kind::Source),
        "package" => package::read(&fields, name, summary.as_deref()).map(Kind::Package),
        "module" => module::read(&fields, name).map(Kind::Module),
        "repository" => repository::read(&fields).map(Kind::Repository),
        "ostree" => ostree::read(&fields).map(Kind::Ostree),
        "image" => image::read(&fields).map(Kind::Image),
        "installer" => installer::read(&fields).map(Kind::Installer),
        "disk" => disk::read(&fields).map(Kind::Disk),
        "compose" => compose::read(&fields).map(Kind::Compose),
        "command" => command::read(&fields).map(Kind::Command),
        _ => {
            // Its fields are those of a kind that is not known here.
            let (kind, at) = (kind.value, kind.at);
            let known = KINDS.to_vec();
            fields.report(at, Fault::UnknownKind { kind, known });
            return None;
        }
    };
    fields.finish();
    Some((summary, lifecycle, read?))
}

fn lifecycle(fields: Fields) -> Lifecycle {
    let lifecycle = Lifecycle {
        eol: fields.date("eol"),
        sla: fields.string("sla").map(|found| found.value),
    };
    fields.finish();
    lifecycle
}
