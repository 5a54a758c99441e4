//! Kind `package`: one real RPM, from what the recipe holds.

use std::collections::{BTreeMap, BTreeSet};

use super::date::Date;
use super::dependency::{Comparison, Dependency, check_version};
use super::error::Fault;
use super::fields::{Fields, Found};
use super::packaged::{self, File};
use crate::ids::{Evr, Name, Nevra};

/// A package that is written here, not drawn from a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its name is the recipe's, unless it says otherwise.
    pub nevra: Nevra,
    pub summary: String,
    /// Falls back to the summary.
    pub description: String,
    pub license: String,
    pub url: Option<String>,
    pub vendor: Option<String>,
    /// As written: what a package provides by itself (its own name and version) is not filled in here.
    pub provides: BTreeSet<Dependency>,
    pub requires: BTreeSet<Dependency>,
    pub conflicts: BTreeSet<Dependency>,
    pub obsoletes: BTreeSet<Dependency>,
    pub recommends: BTreeSet<Dependency>,
    pub suggests: BTreeSet<Dependency>,
    pub supplements: BTreeSet<Dependency>,
    pub enhances: BTreeSet<Dependency>,
    /// Sorted by path, no path twice.
    pub files: Vec<File>,
    /// By name: `pre`, `post`, `preun`, `postun`, `pretrans`, `posttrans`.
    pub scripts: BTreeMap<&'static str, String>,
    /// Newest first.
    pub changelog: Vec<Change>,
}

/// One entry of a changelog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub date: Date,
    /// `Name <mail> - version`, by convention.
    pub author: String,
    pub text: String,
}

impl Change {
    /// Seconds since 1970: noon, as rpmbuild has it.
    pub fn time(&self) -> i64 {
        self.date.seconds() + 12 * 60 * 60
    }
}

/// The scriptlets that a package may have.
const SCRIPTS: [&str; 6] = ["pre", "post", "preun", "postun", "pretrans", "posttrans"];

pub(super) fn read(fields: &Fields, name: &Name, summary: Option<&str>) -> Option<Package> {
    let own = fields.parsed::<Name>("name", "a package's name");
    let nevra = Nevra {
        name: own.map_or_else(|| name.to_string(), |found| found.value.to_string()),
        evr: Evr {
            epoch: fields
                .number("epoch", u32::MAX.into())
                .map_or(0, |epoch| epoch.value as u32),
            version: fields.checked("version", "a version", check_version),
            release: fields.checked("release", "a release", check_version),
        },
        arch: arch(fields),
    };
    fields.demand("summary");
    let summary = summary.unwrap_or_default().to_owned();
    let description = fields.string("description");
    let license = fields.checked("license", "a license", |text| match text.is_empty() {
        true => Err("it is empty".into()),
        false => Ok(()),
    });
    let text = |field| fields.string(field).map(|found| found.value);
    Some(Package {
        nevra,
        description: description.map_or_else(|| summary.clone(), |found| found.value),
        summary,
        license,
        url: text("url"),
        vendor: text("vendor"),
        provides: plain(fields, "provides", true),
        requires: dependencies(fields, "requires"),
        conflicts: dependencies(fields, "conflicts"),
        obsoletes: plain(fields, "obsoletes", false),
        recommends: dependencies(fields, "recommends"),
        suggests: dependencies(fields, "suggests"),
        supplements: dependencies(fields, "supplements"),
        enhances: dependencies(fields, "enhances"),
        files: files(fields),
        scripts: scripts(fields),
        changelog: changelog(fields),
    })
}

/// Packages that hold no machine code run everywhere, so that is what one gets without asking.
fn arch(fields: &Fields) -> String {
    match fields.parsed::<Name>("arch", "an architecture") {
        Some(found) => found.value.to_string(),
        None => "noarch".to_owned(),
    }
}

fn dependencies(fields: &Fields, field: &'static str) -> BTreeSet<Dependency> {
    fields.set(field, "a dependency")
}

/// Dependencies of a list that rpm allows no expressions in, nor, in `provides`, ranges of versions.
fn plain(fields: &Fields, field: &'static str, exact: bool) -> BTreeSet<Dependency> {
    for Found { value, at } in fields.list(field) {
        // What can't be read is reported by the second reading below.
        let Ok(dependency) = value.parse::<Dependency>() else {
            continue;
        };
        let ranged = |version: &Option<(Comparison, Evr)>| {
            version
                .as_ref()
                .is_some_and(|(sign, _)| *sign != Comparison::Equal)
        };
        if dependency.is_rich() {
            fields.invalid(at, &value, "here", "rpm allows no (A if B) in this list");
        } else if exact && ranged(&dependency.version) {
            fields.invalid(at, &value, "provided", "only = makes sense here");
        }
    }
    dependencies(fields, field)
}

fn files(fields: &Fields) -> Vec<File> {
    let mut files: BTreeMap<String, (usize, File)> = BTreeMap::new();
    for table in fields.tables("files") {
        let at = table.place("path");
        let file = packaged::read(&table);
        table.finish();
        let Some(file) = file else { continue };
        if files.contains_key(&file.path) {
            fields.twice(at, "files", file.path);
        } else {
            files.insert(file.path.clone(), (at, file));
        }
    }
    for (path, (at, _)) in &files {
        let parents = path.match_indices('/').map(|(end, _)| &path[..end]);
        for parent in parents {
            let is_directory = |file: &File| file.content == packaged::Content::Directory;
            if files
                .get(parent)
                .is_some_and(|(_, file)| !is_directory(file))
            {
                let (path, parent) = (path.clone(), parent.to_owned());
                fields.report(*at, Fault::BelowFile { path, parent });
            }
        }
    }
    files.into_values().map(|(_, file)| file).collect()
}

fn scripts(fields: &Fields) -> BTreeMap<&'static str, String> {
    let mut scripts = BTreeMap::new();
    if let Some(table) = fields.table("scripts") {
        for name in SCRIPTS {
            if let Some(script) = table.string(name) {
                scripts.insert(name, script.value);
            }
        }
        table.finish();
    }
    scripts
}

fn changelog(fields: &Fields) -> Vec<Change> {
    let mut changes = Vec::new();
    for table in fields.tables("changelog") {
        let date = table.date("date");
        table.demand("date");
        let (author, text) = (table.required("author"), table.required("text"));
        table.finish();
        if let (Some(date), Some(author), Some(text)) = (date, author, text) {
            changes.push(Change {
                date,
                author: author.value,
                text: text.value,
            });
        }
    }
    // Of one day, the one that is written first is the newest.
    changes.sort_by_key(|change| std::cmp::Reverse(change.date));
    changes
}
