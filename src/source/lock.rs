//! The lock: what was drawn from the sources, and what was solved from it.
//!
//! `recipes/store.lock` is written by `store update` and by nothing else, the same to the byte for the same lock,
//! one package a line, so that a review shows what moved.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::fs::{File, TryLockError};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};

use crate::ids::{BlobId, Digest, Evr, Hash, InvalidDigest, Name, Nevra};
use crate::recipe::document::Document;
use crate::recipe::fields::{Fields, Found};
use crate::recipe::{Location, Problems};
use crate::store::file;

/// The file's name, in the recipes directory.
pub const FILE: &str = "store.lock";

/// The version of the format that is written here.
const VERSION: u64 = 1;

/// A lock of 60,000 packages has about 20 MiB.
const LIMIT: u64 = 256 << 20;

/// What was drawn, and what was solved.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lock {
    pub sources: BTreeMap<Name, LockedSource>,
    pub solved: BTreeMap<Name, Solved>,
}

/// One source as it was when it was last looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LockedSource {
    /// Digests of the metadata that was used, by location; none for a directory.
    pub metadata: BTreeMap<String, Digest>,
    /// What a repository calls the state that it was in: most count seconds since 1970.
    pub revision: Option<String>,
    /// Whether the source's keys vouched for its index: if so, they have to ever after.
    pub signed: bool,
    /// Whether a repository has packages of modules.
    pub modular: bool,
    pub packages: BTreeSet<LockedPackage>,
}

impl LockedSource {
    /// Whether this can be of a source that lies there: of a repository its index is locked, and what was locked of
    /// a directory says nothing about one.
    pub fn is_of(&self, location: &Location) -> bool {
        matches!(location, Location::Path(_)) || !self.metadata.is_empty()
    }

    /// Forgets what texts were answered with, and packages that no other text has as its answer.
    pub fn forget(&mut self, is_forgotten: impl Fn(&str) -> bool) {
        let packages = std::mem::take(&mut self.packages).into_iter();
        let rest = packages.filter_map(|mut package| {
            let was_asked = !package.asked.is_empty();
            package.asked.retain(|text| !is_forgotten(text));
            (!was_asked || !package.asked.is_empty()).then_some(package)
        });
        self.packages = rest.collect();
    }
}

/// A package that was drawn. Sorted by NEVRA.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LockedPackage {
    pub nevra: Nevra,
    /// Of the whole file: what the package is. A directory's are SHA-256, a repository's what its metadata states.
    pub digest: Digest,
    pub size: u64,
    /// Relative to the source; or a URL, where a repository's metadata says so.
    pub location: String,
    /// BLAKE3 of the whole file, where its bytes were seen: in a directory.
    pub file: Option<BlobId>,
    /// The texts in manifests that it is the answer to; of a repository with modules, each behind the stream that asked:
    /// `nodejs:18/npm`; and where repositories answer together, behind these: `base,updates/npm`.
    /// A repository gives only what was asked for, a directory all it has.
    pub asked: BTreeSet<String>,
    /// The modules that a repository says it is of, `NAME:STREAM:VERSION:CONTEXT`. Of a directory the packages themselves say it.
    pub modules: BTreeSet<String>,
}

/// The packages that an artifact's `install` was solved to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Solved {
    /// Of what was asked; another question has another answer.
    pub question: Hash,
    pub packages: BTreeSet<SolvedPackage>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SolvedPackage {
    pub nevra: Nevra,
    /// Of the whole file.
    pub digest: Digest,
}

/// The lock can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("reading the lock {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("writing the lock {}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error(
        "the lock {} has version {found}, this program knows {VERSION}; update the program, \
         or move the lock away and make another one with `store update`",
        path.display()
    )]
    Version { path: PathBuf, found: u64 },
    #[error(
        "{}:{line}: a merge left its conflict in the lock; take the marks out, and keep of each source the side that you want, as a whole; \
         then run `store update --keep --solve`, which looks at no source, and solves anew",
        path.display()
    )]
    Conflict { path: PathBuf, line: usize },
    #[error(transparent)]
    Problems(#[from] Problems),
}

impl Lock {
    /// Reads the lock beside the recipes, if there is one.
    pub fn load(recipes: &Path) -> Result<Option<Lock>, Error> {
        let path = recipes.join(FILE);
        let failed = |source| Error::Read {
            path: path.clone(),
            source,
        };
        let opened = file::open(&path).and_then(|file| file::check(&file).map(|_| file));
        let file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mut text = String::new();
        file.take(LIMIT).read_to_string(&mut text).map_err(failed)?;
        Lock::parse(&path, &text).map(Some)
    }

    /// Replaces the lock beside the recipes: at every moment there is the old one or the new one, whole.
    ///
    /// One at a time may do so: see [`Writing`].
    pub fn save(&self, recipes: &Path, _: &Writing) -> Result<(), Error> {
        let path = recipes.join(FILE);
        // Where somebody made it a link, what it leads to is the lock.
        let path = std::fs::canonicalize(&path).unwrap_or(path);
        let directory = path.parent().unwrap_or(recipes);
        let new = directory.join(".store.lock.new");
        let write = || {
            let mut file = File::create(&new)?;
            file.write_all(self.to_string().as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&new, &path)?;
            File::open(directory)?.sync_all()
        };
        write().map_err(|source| {
            let _ = std::fs::remove_file(&new);
            Error::Write {
                path: path.clone(),
                source,
            }
        })
    }

    /// Reads a lock's text; `file` is what errors call it.
    pub fn parse(file: &Path, text: &str) -> Result<Lock, Error> {
        if let Some(line) = conflict(text) {
            return Err(Error::Conflict {
                path: file.to_owned(),
                line,
            });
        }
        let document = Document::new(Path::new(""), file, text, None);
        let table = document.parse();
        let (lock, version) = match &table {
            Some(table) => read(Fields::new(&document, table.get_ref(), 0, "")),
            None => Default::default(),
        };
        // Of another version nothing else that is strange is worth a word.
        if version.is_some_and(|version| version != VERSION) {
            return Err(Error::Version {
                path: file.to_owned(),
                found: version.unwrap_or_default(),
            });
        }
        let (_, problems) = document.finish();
        Problems::check(problems)?;
        Ok(lock)
    }
}

/// The right to write the lock of some recipes, from before it is read until it is written; it ends with the process.
///
/// It is a `flock` on their directory: nothing is left there.
#[derive(Debug)]
pub struct Writing {
    _directory: File,
}

impl Writing {
    /// `None` if another process has it.
    pub fn of(recipes: &Path) -> Result<Option<Writing>, Error> {
        let locked = File::open(recipes).map(|directory| (directory.try_lock(), directory));
        match locked {
            Ok((Err(TryLockError::WouldBlock), _)) => Ok(None),
            // Where a file system can't lock, the last one to write wins.
            Ok((_, _directory)) => Ok(Some(Writing { _directory })),
            Err(source) => Err(Error::Read {
                path: recipes.to_owned(),
                source,
            }),
        }
    }
}

/// The line on which a conflict begins that a merge could not resolve; no line of a lock looks like it.
fn conflict(text: &str) -> Option<usize> {
    let marks = |line: &str| {
        ["<<<<<<< ", ">>>>>>> "]
            .iter()
            .any(|mark| line.starts_with(mark))
    };
    text.lines().position(marks).map(|line| line + 1)
}

fn read(fields: Fields) -> (Lock, Option<u64>) {
    let mut lock = Lock::default();
    fields.demand("version");
    let version = fields.number("version", u64::MAX);
    for (name, table) in fields.named_tables("source", "a source's name") {
        lock.sources.insert(name, source(&table));
        table.finish();
    }
    for (name, table) in fields.named_tables("solved", "an artifact's name") {
        lock.solved
            .extend(solved(&table).map(|solved| (name, solved)));
        table.finish();
    }
    fields.finish();
    (lock, version.map(|found| found.value))
}

fn source(fields: &Fields) -> LockedSource {
    let mut metadata = BTreeMap::new();
    for (location, text) in fields.strings::<String>("metadata", "a location") {
        let at = fields.place("metadata");
        metadata.extend(digest(fields, at, &text).map(|digest| (location, digest)));
    }
    let answered = RefCell::new(BTreeSet::new());
    let packages = packages(fields, |table, nevra| {
        let digest = stated(table);
        table.demand("size");
        let size = table.number("size", u64::MAX);
        let location = table.required("location");
        let file = table.parsed("file", "a blob's id");
        let asked: BTreeSet<String> = table.set("asked", "a package's name");
        let mut answered = answered.borrow_mut();
        for text in &asked {
            if !answered.insert(text.clone()) {
                let reason = "another package answers it too; take one of the two out, then run `store update --keep`";
                table.invalid(table.place("asked"), text, "a text with one answer", reason);
            }
        }
        Some(LockedPackage {
            nevra,
            digest: digest?,
            size: size?.value,
            location: location?.value,
            file: file.map(|found| found.value),
            asked,
            modules: table.set("modules", "a module with its stream"),
        })
    });
    LockedSource {
        metadata,
        revision: fields.string("revision").map(|found| found.value),
        signed: fields.boolean("signed", false),
        modular: fields.boolean("modular", false),
        packages,
    }
}

fn solved(fields: &Fields) -> Option<Solved> {
    fields.demand("question");
    let question = fields.parsed("question", "a hash");
    let packages = packages(fields, |table, nevra| {
        let digest = stated(table)?;
        Some(SolvedPackage { nevra, digest })
    });
    let question = question?.value;
    Some(Solved { question, packages })
}

fn packages<P: Ord>(fields: &Fields, read: impl Fn(&Fields, Nevra) -> Option<P>) -> BTreeSet<P> {
    let mut packages = BTreeSet::new();
    fields.demand("packages");
    for table in fields.tables("packages") {
        let package = nevra(&table);
        let (nevra, item) = (package.clone(), package.to_string());
        let at = table.at();
        let package = read(&table, nevra);
        table.finish();
        if package.is_some_and(|package| !packages.insert(package)) {
            fields.twice(at, "packages", item);
        }
    }
    packages
}

/// Parts that are missing are reported, and empty in what nobody then sees.
fn nevra(fields: &Fields) -> Nevra {
    let text = |field| {
        let found = fields.required(field);
        found.map_or_else(String::new, |found| found.value)
    };
    let epoch = fields.number("epoch", u32::MAX.into());
    Nevra {
        name: text("name"),
        evr: Evr {
            epoch: epoch.map_or(0, |epoch| epoch.value as u32),
            version: text("version"),
            release: text("release"),
        },
        arch: text("arch"),
    }
}

fn stated(fields: &Fields) -> Option<Digest> {
    let Found { value, at } = fields.required("digest")?;
    digest(fields, at, &value)
}

fn digest(fields: &Fields, at: usize, text: &str) -> Option<Digest> {
    match text.parse() {
        Ok(digest) => Some(digest),
        Err(error) => {
            let error: InvalidDigest = error;
            fields.invalid(at, text, "a digest", error.to_string());
            None
        }
    }
}

/// The text of the file.
impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "# Written by `store update`. Keep it with the recipes; don't edit it."
        )?;
        writeln!(f, "version = {VERSION}")?;
        for (name, source) in &self.sources {
            writeln!(f, "\n[source.{}]", Quoted(name.as_str()))?;
            if let Some(revision) = &source.revision {
                writeln!(f, "revision = {}", Quoted(revision))?;
            }
            if source.signed {
                writeln!(f, "signed = true")?;
            }
            if source.modular {
                writeln!(f, "modular = true")?;
            }
            writeln!(f, "packages = [")?;
            for package in &source.packages {
                let LockedPackage {
                    nevra,
                    digest,
                    size,
                    location,
                    file,
                    asked,
                    modules,
                } = package;
                write_nevra(f, nevra)?;
                let location = Quoted(location);
                write!(
                    f,
                    ", size = {size}, location = {location}, digest = \"{digest}\""
                )?;
                if let Some(file) = file {
                    write!(f, ", file = \"{file}\"")?;
                }
                for (field, texts) in [("asked", asked), ("modules", modules)] {
                    if !texts.is_empty() {
                        let texts: Vec<_> =
                            texts.iter().map(|text| Quoted(text).to_string()).collect();
                        write!(f, ", {field} = [{}]", texts.join(", "))?;
                    }
                }
                writeln!(f, " }},")?;
            }
            writeln!(f, "]")?;
            if !source.metadata.is_empty() {
                // Behind the packages, for it is a table: an inline one has to stay on one line in TOML 1.0.
                writeln!(f, "\n[source.{}.metadata]", Quoted(name.as_str()))?;
                for (location, digest) in &source.metadata {
                    writeln!(f, "{} = \"{digest}\"", Quoted(location))?;
                }
            }
        }
        for (name, solved) in &self.solved {
            writeln!(f, "\n[solved.{}]", Quoted(name.as_str()))?;
            writeln!(f, "question = \"{}\"", solved.question)?;
            writeln!(f, "packages = [")?;
            for SolvedPackage { nevra, digest } in &solved.packages {
                write_nevra(f, nevra)?;
                writeln!(f, ", digest = \"{digest}\" }},")?;
            }
            writeln!(f, "]")?;
        }
        Ok(())
    }
}

fn write_nevra(f: &mut fmt::Formatter<'_>, nevra: &Nevra) -> fmt::Result {
    let Nevra { name, evr, arch } = nevra;
    write!(f, "    {{ name = {}", Quoted(name))?;
    if evr.epoch != 0 {
        write!(f, ", epoch = {}", evr.epoch)?;
    }
    let (version, release, arch) = (Quoted(&evr.version), Quoted(&evr.release), Quoted(arch));
    write!(
        f,
        ", version = {version}, release = {release}, arch = {arch}"
    )
}

/// A text as TOML's basic string, which is also a good key.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                c if c.is_control() => write!(f, "\\u{:04x}", c as u32)?,
                c => f.write_char(c)?,
            }
        }
        f.write_char('"')
    }
}
