//! `primary.xml`: the packages, with what a solver and a fetcher need of them.

use std::fmt;
use std::io::Read;

use super::elements::{Element, Elements, Handler};
use super::error::ReadError;
use super::located;
use super::repomd::{algorithm, digest, number};
use crate::formats::rpm::{Dependency, Sense, Solvable};
use crate::ids::{Algorithm, Digest, Evr, Nevra};

/// A package as a repository lists it. Nothing of it is verified before its file is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Of its paths only those of [`is_primary`](crate::formats::repodata::is_primary).
    pub solvable: Solvable,
    pub location: Location,
    /// Length of the file in bytes.
    pub size: u64,
    pub build_time: u64,
    pub source_rpm: Option<String>,
}

/// Where a package lies, in the words of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// Counted from `base`, or else from the directory above `repodata`.
    pub href: String,
    /// `xml:base`.
    pub base: Option<String>,
}

/// Relative to the repository, or a URL.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&located(self.base.as_deref(), &self.href))
    }
}

/// The packages of a `primary.xml`, one after the other, each as soon as it is read.
///
/// Only the end of the stream tells whether it was the right one: see [`Reference::open`](super::Reference::open).
pub struct Primary<R> {
    elements: Elements<R>,
    state: State,
    over: bool,
}

impl<R: Read> Primary<R> {
    /// `file` is what errors call the document.
    pub fn new(file: &str, reader: R) -> Primary<R> {
        Primary {
            elements: Elements::new(file, reader),
            state: State::default(),
            over: false,
        }
    }
}

impl<R: Read> Iterator for Primary<R> {
    type Item = Result<Listed, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.over {
            match self.elements.step(&mut self.state) {
                Ok(true) => {}
                Ok(false) => self.over = true,
                Err(error) => {
                    self.over = true;
                    return Some(Err(error));
                }
            }
            if let Some(listed) = self.state.listed.take() {
                return Some(Ok(listed));
            }
            if self.over && !self.state.seen_root {
                let what = "it has no <metadata>".to_owned();
                return Some(Err(self.elements.malformed(None, what)));
            }
        }
        None
    }
}

/// A package that is not closed yet.
#[derive(Default)]
struct Unfinished {
    name: String,
    arch: String,
    evr: Option<Evr>,
    algorithm: Option<Algorithm>,
    digest: Option<Digest>,
    location: Option<Location>,
    size: Option<u64>,
    build_time: u64,
    source_rpm: Option<String>,
    /// In the order of [`LISTS`].
    lists: [Vec<Dependency>; 8],
    paths: Vec<Vec<u8>>,
}

/// What all packages of a document may weigh together: a package as much as eight dependencies or paths,
/// and of those each 64 bytes of a name as much as another one. That takes some 5 GB of memory. The 17,649 packages of AppStream
/// of CentOS Stream 9 weigh 0.6 million, one build of its kernel 64 thousand; a document that compresses to nothing
/// could weigh more than a hundred million.
const HEAVIEST: usize = 32 << 20;

const LISTS: [&str; 8] = [
    "provides",
    "requires",
    "conflicts",
    "obsoletes",
    "recommends",
    "suggests",
    "supplements",
    "enhances",
];

#[derive(Default)]
struct State {
    seen_root: bool,
    /// How many packages have begun.
    begun: usize,
    /// See [`HEAVIEST`].
    weight: usize,
    inside: bool,
    package: Unfinished,
    /// Which of [`LISTS`] is open.
    list: Option<usize>,
    listed: Option<Listed>,
}

impl Handler for State {
    fn open(&mut self, depth: usize, element: &Element<'_>) -> Result<(), String> {
        let package = &mut self.package;
        match (depth, element.name()) {
            (4, "entry") => {
                if let Some(list) = self.list {
                    let entry = entry(element)?;
                    let version = entry.version.as_ref();
                    let version =
                        version.map_or(0, |(_, evr)| evr.version.len() + evr.release.len());
                    carry(&mut self.weight, 1, entry.name.len() + version)?;
                    package.lists[list].push(entry);
                }
            }
            (3, name) => self.list = LISTS.iter().position(|list| *list == name),
            (2, "version") => package.evr = Some(version(element)?),
            (2, "checksum") => package.algorithm = Some(algorithm(&element.need("type")?)?),
            (2, "location") => {
                package.location = Some(Location {
                    href: element.need("href")?,
                    base: element.attribute("base")?,
                });
            }
            (2, "size") => package.size = Some(number("size", &element.need("package")?)?),
            (2, "time") => {
                let time = element.attribute("build")?.unwrap_or_default();
                // Some tools write fractions of a second.
                let whole = time.split('.').next().unwrap_or_default();
                package.build_time = whole.parse().unwrap_or_default();
            }
            (1, "package") => {
                carry(&mut self.weight, 8, 0)?;
                self.begun += 1;
                self.inside = true;
                self.package = Unfinished::default();
            }
            (0, "metadata") => self.seen_root = true,
            (0, other) => return Err(format!("<{other}> where <metadata> is expected")),
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, depth: usize, name: &str, text: &str) -> Result<(), String> {
        let package = &mut self.package;
        match (depth, name) {
            (3, "file") => {
                carry(&mut self.weight, 1, text.len())?;
                package.paths.push(text.as_bytes().to_vec());
            }
            (3, "sourcerpm") if !text.is_empty() => package.source_rpm = Some(text.to_owned()),
            (3, _) => self.list = None,
            (2, "name") => package.name = text.to_owned(),
            (2, "arch") => package.arch = text.to_owned(),
            (2, "checksum") => package.digest = Some(digest(package.algorithm.take(), text)?),
            (1, "package") => {
                let listed = std::mem::take(package);
                // Named for as long as something may be wrong with it.
                package.name.clone_from(&listed.name);
                package.evr.clone_from(&listed.evr);
                self.listed = Some(listed.finish()?);
                self.inside = false;
            }
            _ => {}
        }
        Ok(())
    }

    fn package(&self) -> Option<String> {
        let (name, evr) = (&self.package.name, &self.package.evr);
        self.inside.then(|| match (name.is_empty(), evr) {
            (true, _) => format!("number {}", self.begun),
            (false, None) => name.clone(),
            (false, Some(evr)) => format!("{name}-{evr}"),
        })
    }
}

fn carry(weight: &mut usize, more: usize, bytes: usize) -> Result<(), String> {
    *weight += more + bytes / 64;
    match *weight > HEAVIEST {
        true => Err("it has more packages, dependencies and paths than any repository".to_owned()),
        false => Ok(()),
    }
}

impl Unfinished {
    fn finish(self) -> Result<Listed, String> {
        let word = |what: &str, text: String| {
            let odd = |c: char| c == '/' || c.is_whitespace() || c.is_control();
            match text.is_empty() || text.contains(odd) {
                true => Err(format!("{text:?} is no {what} of a package")),
                false => Ok(text),
            }
        };
        let evr = self.evr.ok_or("it has no <version>")?;
        let nevra = Nevra {
            name: word("name", self.name)?,
            evr: Evr {
                epoch: evr.epoch,
                version: word("version", evr.version)?,
                release: word("release", evr.release)?,
            },
            arch: word("architecture", self.arch)?,
        };
        let [
            provides,
            requires,
            conflicts,
            obsoletes,
            recommends,
            suggests,
            supplements,
            enhances,
        ] = self.lists;
        Ok(Listed {
            solvable: Solvable {
                source: matches!(nevra.arch.as_str(), "src" | "nosrc"),
                nevra,
                digest: self.digest.ok_or("it has no <checksum>")?,
                modularity_labels: Vec::new(),
                provides,
                requires,
                conflicts,
                obsoletes,
                recommends,
                suggests,
                supplements,
                enhances,
                paths: self.paths,
            },
            location: self.location.ok_or("it has no <location>")?,
            size: self.size.ok_or("it has no <size>")?,
            build_time: self.build_time,
            source_rpm: self.source_rpm,
        })
    }
}

/// Collects epoch, version and release, if the attribute is one of them.
fn collect(evr: &mut Evr, key: &str, value: &str) -> Result<(), String> {
    match key {
        "epoch" if !value.is_empty() => {
            evr.epoch = value
                .parse()
                .map_err(|_| format!("the epoch {value:?} is no number"))?;
        }
        "ver" => evr.version = value.to_owned(),
        "rel" => evr.release = value.to_owned(),
        _ => {}
    }
    Ok(())
}

const NOTHING: Evr = Evr {
    epoch: 0,
    version: String::new(),
    release: String::new(),
};

fn version(element: &Element<'_>) -> Result<Evr, String> {
    let mut evr = NOTHING;
    element.each_attribute(|key, value| collect(&mut evr, key, &value))?;
    Ok(evr)
}

fn entry(element: &Element<'_>) -> Result<Dependency, String> {
    let (mut name, mut sense, mut evr, mut pre) = (None, None, NOTHING, false);
    element.each_attribute(|key, value| {
        match key {
            "name" => name = Some(value.into_owned()),
            "flags" => sense = Some(comparison(&value)?),
            "pre" => pre = value != "0",
            _ => collect(&mut evr, key, &value)?,
        }
        Ok(())
    })?;
    let name = name.ok_or("a dependency has no name")?;
    Ok(Dependency {
        rpmlib: name.starts_with("rpmlib("),
        name,
        version: sense.map(|sense| (sense, evr)),
        pre,
    })
}

fn comparison(flags: &str) -> Result<Sense, String> {
    Ok(match flags {
        "LT" => Sense::Lt,
        "LE" => Sense::Le,
        "EQ" => Sense::Eq,
        "GE" => Sense::Ge,
        "GT" => Sense::Gt,
        _ => return Err(format!("{flags:?} is no comparison of versions")),
    })
}
