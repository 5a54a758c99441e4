//! Which packages the modules of a repository leave in sight, by dnf's rules.
//!
//! Of each module one stream is active at most: the one that was chosen, or else its default,
//! or else one that an active stream requires. Packages of other streams are hidden,
//! and so are packages of no module that have, or provide, the name of a package of an active stream.
//!
//! No plan asks this. A module draws from a repository by the same rule, its own stream being the active one
//! (`plan::manifest`); and in an edition every package is of some module, all of whose streams are active, so that nothing
//! is hidden from a client or from a tree. It is what dnf makes of a whole repository: the solver is judged beside dnf with it.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, HashSet};

use crate::formats::modulemd::{Document, Module};
use crate::formats::rpm::Solvable;
use crate::ids::Evr;

/// The pseudo-module that stands for the operating system.
const PLATFORM: &str = "platform";

/// Modules of real distributions require each other three deep.
const DEEPEST: usize = 32;

/// How often modules may be looked at before the search is given up: no real repository comes near.
const MOST_LOOKS: usize = 10_000;

/// The modules of one or several repositories, with their active streams.
#[derive(Debug)]
pub struct Modularity<'m> {
    /// The active streams by the names of their modules.
    pub active: BTreeMap<&'m str, &'m Module>,
    /// Streams that were chosen, or are defaults, and can't be active.
    pub refused: Vec<Refused>,
    /// Artifacts of the active streams, and of all others.
    shown: HashSet<&'m str>,
    hidden: HashSet<&'m str>,
    /// Names that packages and source packages of active streams have for themselves.
    names: HashSet<&'m str>,
    sources: HashSet<&'m str>,
}

/// A stream that can't be active, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// `NAME:STREAM`.
    pub stream: String,
    pub what: String,
}

impl<'m> Modularity<'m> {
    /// `chosen` are streams by module; `platform` is the stream of the module `platform`: `el9`.
    pub fn new(
        documents: &'m [Document],
        chosen: &'m BTreeMap<String, String>,
        platform: &'m str,
    ) -> Modularity<'m> {
        let mut search = Search::new(documents, platform);
        let mut refused = Vec::new();
        let mut activate = |search: &mut Search<'m>, name: &'m str, stream: &'m str| {
            if let Err(what) = search.activate(name, stream, 0) {
                let stream = format!("{name}:{stream}");
                refused.push(Refused { stream, what });
            }
        };
        for (name, stream) in chosen {
            activate(&mut search, name, stream);
        }
        // A default gives way to what was chosen for its module, and to the stream that something chosen requires.
        for (name, stream) in search.defaults.clone() {
            if !search.active.contains_key(name) && !chosen.contains_key(name) {
                activate(&mut search, name, stream);
            }
        }
        let active = search.active;
        let mut modularity = Modularity {
            active,
            refused,
            shown: HashSet::new(),
            hidden: HashSet::new(),
            names: HashSet::new(),
            sources: HashSet::new(),
        };
        modularity.index(documents);
        modularity
    }

    fn index(&mut self, documents: &'m [Document]) {
        for module in modules(documents) {
            let active = self.active.get(module.name.as_str());
            if !active.is_some_and(|active| std::ptr::eq(*active, module)) {
                self.hidden
                    .extend(module.artifacts.iter().map(String::as_str));
                continue;
            }
            let freed: HashSet<&str> = module.demodularized.iter().map(String::as_str).collect();
            for artifact in &module.artifacts {
                self.shown.insert(artifact);
                let Some((name, arch)) = name_and_arch(artifact) else {
                    continue;
                };
                match arch {
                    _ if freed.contains(name) => {}
                    "src" | "nosrc" => drop(self.sources.insert(name)),
                    _ => drop(self.names.insert(name)),
                }
            }
        }
    }

    /// Whether a package is out of sight.
    pub fn hides(&self, solvable: &Solvable) -> bool {
        let nevra = solvable.nevra.with_epoch();
        if self.shown.contains(nevra.as_str()) {
            return false;
        }
        let name = solvable.nevra.name.as_str();
        if self.hidden.contains(nevra.as_str()) {
            return true;
        }
        match solvable.source {
            true => self.sources.contains(name),
            false => {
                let mut provides = solvable.provides.iter().map(|one| one.name.as_str());
                self.names.contains(name) || provides.any(|name| self.names.contains(name))
            }
        }
    }
}

fn modules(documents: &[Document]) -> impl Iterator<Item = &Module> {
    documents.iter().filter_map(|document| match document {
        Document::Module { module, .. } => Some(&**module),
        _ => None,
    })
}

/// Of `NAME-EPOCH:VERSION-RELEASE.ARCH`.
fn name_and_arch(artifact: &str) -> Option<(&str, &str)> {
    let (rest, arch) = artifact.rsplit_once('.')?;
    let (rest, _release) = rest.rsplit_once('-')?;
    let (name, _version) = rest.rsplit_once('-')?;
    Some((name, arch))
}

/// The search for streams that can be active together.
struct Search<'m> {
    /// Every stream by module and name: the newest version of each context, the newest first.
    streams: BTreeMap<&'m str, BTreeMap<&'m str, Vec<&'m Module>>>,
    defaults: BTreeMap<&'m str, &'m str>,
    platform: &'m str,
    active: BTreeMap<&'m str, &'m Module>,
    looks: usize,
}

impl<'m> Search<'m> {
    fn new(documents: &'m [Document], platform: &'m str) -> Search<'m> {
        let mut streams: BTreeMap<&str, BTreeMap<&str, Vec<&Module>>> = BTreeMap::new();
        for module in modules(documents).filter(|module| module.name != PLATFORM) {
            let contexts = streams
                .entry(&module.name)
                .or_default()
                .entry(&module.stream)
                .or_default();
            contexts.push(module);
        }
        for contexts in streams.values_mut().flat_map(BTreeMap::values_mut) {
            contexts.sort_by_key(|module| (&module.context, Reverse(module.version)));
            contexts.dedup_by_key(|module| &module.context);
            contexts.sort_by_key(|module| (Reverse(module.version), &module.context));
        }
        let mut defaults: BTreeMap<&str, (u64, &str)> = BTreeMap::new();
        for document in documents {
            if let Document::Defaults(one) = document {
                let stated = (one.modified, one.stream.as_str());
                let latest = defaults.entry(&one.module).or_insert(stated);
                *latest = (*latest).max(stated);
            }
        }
        Search {
            streams,
            defaults: defaults
                .into_iter()
                .map(|(module, (_, stream))| (module, stream))
                .filter(|(_, stream)| !stream.is_empty())
                .collect(),
            platform,
            active: BTreeMap::new(),
            looks: 0,
        }
    }

    /// Makes a stream active, with those that it requires, or changes nothing.
    fn activate(&mut self, name: &'m str, stream: &'m str, depth: usize) -> Result<(), String> {
        if let Some(active) = self.active.get(name) {
            return match active.stream == stream {
                true => Ok(()),
                false => Err(format!("{} is active already", active.name_stream())),
            };
        }
        self.looks += 1;
        if depth > DEEPEST || self.looks > MOST_LOOKS {
            return Err("the modules require each other without end".to_owned());
        }
        let contexts = self.streams.get(name).and_then(|all| all.get(stream));
        let contexts = contexts.cloned().unwrap_or_default();
        let mut reason = "there is no such stream".to_owned();
        for module in contexts {
            let before = self.active.clone();
            self.active.insert(name, module);
            match self.require(module, depth) {
                Ok(()) => return Ok(()),
                Err(why) => reason = why,
            }
            self.active = before;
        }
        Err(reason)
    }

    /// Makes active what a module requires: one of its alternatives.
    fn require(&mut self, module: &'m Module, depth: usize) -> Result<(), String> {
        let mut reason = None;
        for alternative in &module.requires {
            let before = self.active.clone();
            let mut all = alternative.iter();
            match all.try_for_each(|(name, streams)| self.one_of(name, streams, depth)) {
                Ok(()) => return Ok(()),
                Err(why) => reason = Some(why),
            }
            self.active = before;
        }
        reason.map_or(Ok(()), Err)
    }

    fn one_of(&mut self, name: &'m str, allowed: &[String], depth: usize) -> Result<(), String> {
        let wanted = || format!("it requires {name}: [{}]", allowed.join(", "));
        if name == PLATFORM {
            return match allows(allowed, self.platform) {
                true => Ok(()),
                false => Err(wanted()),
            };
        }
        if let Some(active) = self.active.get(name) {
            return match allows(allowed, &active.stream) {
                true => Ok(()),
                false => Err(format!("{}, but {} is active", wanted(), active.stream)),
            };
        }
        let mut streams: Vec<&str> = self
            .streams
            .get(name)
            .into_iter()
            .flat_map(|streams| streams.keys().copied())
            .filter(|stream| allows(allowed, stream))
            .collect();
        let default = self.defaults.get(name).copied();
        streams.sort_by(|a, b| preferred(default, a, b));
        let mut reason = None;
        for stream in streams {
            match self.activate(name, stream, depth + 1) {
                Ok(()) => return Ok(()),
                Err(why) => reason = Some(why),
            }
        }
        Err(match reason {
            Some(why) => format!("{}: {why}", wanted()),
            None => format!("{}, which is not there", wanted()),
        })
    }
}

/// The default stream first, then the highest.
fn preferred(default: Option<&str>, a: &str, b: &str) -> Ordering {
    (default == Some(b))
        .cmp(&(default == Some(a)))
        .then_with(|| Evr::parse(b).compare(&Evr::parse(a)))
        .then_with(|| a.cmp(b))
}

/// Whether a list of streams allows one: an empty list does, and `-f30` excludes.
fn allows(list: &[String], stream: &str) -> bool {
    let excluded = list.iter().any(|one| one.strip_prefix('-') == Some(stream));
    let named = list.iter().any(|one| one == stream);
    let open = list.iter().all(|one| one.starts_with('-'));
    !excluded && (named || open)
}
