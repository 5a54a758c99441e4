//! What is wrong with the recipes, and where.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The recipes can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no recipes directory {}; make one, or name another with --recipes", .0.display())]
    NoDirectory(PathBuf),
    #[error("there is no {}, which gives the name, short, version, arch and epoch of the release", .0.display())]
    NoRelease(PathBuf),
    #[error("{} is a link to nothing; remove it, or have it lead to a recipe", .0.display())]
    LinkToNothing(PathBuf),
    #[error("looking for recipes in {}", path.display())]
    List {
        path: PathBuf,
        source: walkdir::Error,
    },
    #[error("reading {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Problems(#[from] Problems),
}

/// Everything that was found wrong in one go, sorted by place; never empty. Shown one a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// What the system calls the reason why something that a recipe names can't be read: that may be no fault of the recipe.
    pub fn by_system(&self) -> impl Iterator<Item = io::ErrorKind> + '_ {
        self.0.iter().filter_map(|problem| match problem.fault {
            Fault::Body { kind, .. } => kind,
            _ => None,
        })
    }

    /// Nothing found is no error.
    pub fn check(mut found: Vec<Problem>) -> Result<(), Problems> {
        if found.is_empty() {
            return Ok(());
        }
        found.sort();
        found.dedup();
        Err(Problems(found))
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// One thing that is wrong, at its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{place}: {fault}")]
pub struct Problem {
    pub place: Place,
    pub fault: Fault,
}

/// A place in a file; line and column count characters from 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub file: PathBuf,
    pub line: usize,
    pub column: usize,
}

impl Place {
    /// The beginning of a file, where a problem is of the file as a whole.
    pub fn start(file: &Path) -> Self {
        Place {
            file: file.to_owned(),
            line: 1,
            column: 1,
        }
    }

    /// Where the bytes of a text lie, each looked up in one go through the text.
    pub fn of_all(file: &Path, text: &str, offsets: BTreeSet<usize>) -> BTreeMap<usize, Place> {
        let mut places = BTreeMap::new();
        let mut offsets = offsets.into_iter().peekable();
        let mut here = Place::start(file);
        for (at, c) in text.char_indices() {
            while let Some(offset) = offsets.next_if(|&offset| offset < at + c.len_utf8()) {
                places.insert(offset, here.clone());
            }
            match c {
                '\n' => (here.line, here.column) = (here.line + 1, 1),
                _ => here.column += 1,
            }
        }
        places.extend(offsets.map(|offset| (offset, here.clone())));
        places
    }

    /// Where a byte of a text lies.
    pub fn of(file: &Path, text: &str, offset: usize) -> Self {
        let mut places = Place::of_all(file, text, [offset].into());
        places.remove(&offset).expect("it was asked for")
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

/// What can be wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Fault {
    #[error("not TOML: {0}")]
    Syntax(String),
    #[error("not UTF-8 from here on")]
    NotUtf8,
    #[error("longer than {limit} bytes")]
    TooLong { limit: u64 },
    #[error("{field:?} is missing here")]
    Missing { field: String },
    #[error("unknown field {field:?}{}", nearest(field, known, "known here are"))]
    UnknownField { field: String, known: Vec<String> },
    #[error("{field:?} must be {expected}, not {found}")]
    Type {
        field: String,
        expected: &'static str,
        found: &'static str,
    },
    #[error("unknown kind {kind:?}{}", nearest(kind, known, "known are"))]
    UnknownKind {
        kind: String,
        known: Vec<&'static str>,
    },
    #[error("{value:?} can't be {what}: {reason}")]
    Invalid {
        value: String,
        what: &'static str,
        reason: String,
    },
    #[error("{item:?} stands in {field:?} twice")]
    Twice { field: String, item: String },
    #[error("{field:?} is empty; {hint}")]
    Empty { field: String, hint: &'static str },
    #[error("{path:?} lies below {parent:?}, which is no directory in this package")]
    BelowFile { path: String, parent: String },
    #[error("give {wanted}")]
    OneOf { wanted: &'static str },
    #[error("{field:?} means nothing beside {beside:?}; leave one of them out")]
    Beside {
        field: &'static str,
        beside: &'static str,
    },
    #[error("{field:?} means nothing without {other:?}")]
    Without {
        field: &'static str,
        other: &'static str,
    },
    #[error(
        "image {name:?} is no host that boots, so it can't be installed; \"bootable = true\" makes one"
    )]
    NoHost { name: String },
    #[error("no container runtime runs on {arch:?}, which the release is for")]
    NoPlatform { arch: String },
    #[error("an image can't stand on itself: {}", chain.join(" on "))]
    BaseCircle { chain: Vec<String> },
    #[error(
        "with those of the images below it this one may have {layers} layers, and clients take {most}: \
        write fewer here, or in an image below"
    )]
    TooManyLayers { layers: u64, most: u64 },
    #[error(
        "unknown placeholder {{{name}}}{}; for a plain brace write it twice",
        nearest(name, known, "known are")
    )]
    UnknownPlaceholder {
        name: String,
        known: Vec<&'static str>,
    },
    #[error(
        "a single {brace:?}: placeholders look like {{version}}; for a plain brace write it twice"
    )]
    Brace { brace: char },
    #[error("{file:?} can't be read as {field:?}: {reason}")]
    Body {
        field: String,
        file: String,
        reason: String,
        /// What the system calls it, where it is the system that says so.
        kind: Option<io::ErrorKind>,
    },
    #[error("a recipe can't be called {name:?}: {reason}")]
    Name { name: String, reason: &'static str },
    #[error("there is a recipe {name:?} already: {}", other.display())]
    SameName { name: String, other: PathBuf },
    #[error("no {} is called {name:?}{}", wanted.join(" or "), nearest(name, known, "there are"))]
    UnknownRecipe {
        name: String,
        wanted: Vec<&'static str>,
        known: Vec<String>,
    },
    #[error("{name:?} is of kind {found:?} ({}), but {} is wanted here", other.display(), wanted.join(" or "))]
    WrongKind {
        name: String,
        found: &'static str,
        other: PathBuf,
        wanted: Vec<&'static str>,
    },
    #[error("{name:?} is listed in \"modules\" and in \"addons\"")]
    ModuleAndAddon { name: String },
    #[error("{name:?} is made of itself, by way of a root, an input or an overlay")]
    Circle { name: String },
    #[error(
        "{first:?} and {second:?} are two editions in variant {variant:?}, which has one tree to install from; \
         give each a variant of its own"
    )]
    TwoEditions {
        variant: String,
        first: String,
        second: String,
    },
    #[error("{first:?} and {second:?} are two streams of one module, {module:?}")]
    TwoStreams {
        module: String,
        first: String,
        second: String,
    },
    #[error(
        "no recipe makes the module {module:?}{}",
        nearest(module, known, "there are")
    )]
    UnknownModule { module: String, known: Vec<String> },
    #[error(
        "module {module:?} has no stream {stream:?}{}",
        nearest(stream, known, "there is")
    )]
    UnknownStream {
        module: String,
        stream: String,
        known: Vec<String>,
    },
    #[error(
        "module {by:?} requires {module}:{stream}, which is not listed here; add it ({recipe:?} makes it)"
    )]
    RequirementLeftOut {
        by: String,
        module: String,
        stream: String,
        recipe: String,
    },
    #[error(
        "no module of \"from\" is called {module:?}{}",
        nearest(module, known, "there are")
    )]
    ModuleNotInFrom { module: String, known: Vec<String> },
    #[error(
        "module {module:?} has no profile {profile:?}{}",
        nearest(profile, known, "it has")
    )]
    UnknownProfile {
        module: String,
        profile: String,
        known: Vec<String>,
    },
    #[error(
        "{package:?} is not among the module's \"packages\"{}",
        nearest(package, known, "they are")
    )]
    NotInManifest { package: String, known: Vec<String> },
    #[error(
        "no source is given that {package:?} could come from, and no package of \"from\" is called so{}",
        nearest(package, known, "they are")
    )]
    NoOrigin { package: String, known: Vec<String> },
    #[error(
        "no module of \"from\" has a package {package:?}; {module:?} has it: add it to \"from\", or leave the package out"
    )]
    PackageElsewhere { package: String, module: String },
    #[error(
        "no module has a package {package:?}{}",
        nearest(package, known, "\"from\" has")
    )]
    UnknownPackage { package: String, known: Vec<String> },
}

/// The longest list that a message spells out.
const SPELLED_OUT: usize = 12;

/// `; did you mean …?`, or what there is instead if nothing comes near.
pub(super) fn nearest(name: &str, known: &[impl AsRef<str>], introduction: &str) -> String {
    let best = known
        .iter()
        .map(|candidate| {
            let candidate = candidate.as_ref();
            (strsim::jaro_winkler(name, candidate), candidate)
        })
        .filter(|(likeness, _)| *likeness > 0.8)
        // Of equally near ones the first, whatever the order they came in.
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)));
    match best {
        Some((_, best)) => format!("; did you mean {best:?}?"),
        None if known.is_empty() || known.len() > SPELLED_OUT => String::new(),
        None => {
            let known: Vec<&str> = known.iter().map(AsRef::as_ref).collect();
            format!("; {introduction} {}", known.join(", "))
        }
    }
}
