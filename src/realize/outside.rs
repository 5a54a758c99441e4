//! What comes from elsewhere: a repository's packages and metadata, each known by a digest before it is asked for.
//!
//! `realize` brings only what the lock names; `update` alone looks at what a repository has now.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use super::error::Error;
use super::facts::Facts;
use crate::ids::{Digest, Name};
use crate::plan::{Derivation, SourcePackage, parameters};
use crate::recipe::{Location, Recipes, Source};
use crate::source::Lock;
use crate::source::fetch::{
    self, Client, Demand, Event, Fetched, Fetcher, Mirrors, Network, Persistence, Remote,
    Repository, Wanted,
};

/// The version of what comes from outside, as of composers: of both kinds below.
pub(super) const VERSION: u32 = 1;

/// Steps that bring one package, and one state of a repository's metadata.
pub(super) const FETCH: &str = "fetch";
pub const METADATA: &str = "metadata";

/// What is brought, not composed.
pub(super) const KINDS: [&str; 2] = [FETCH, METADATA];

/// The kinds of metadata that are kept, besides `repomd.xml` itself.
const PARTS: [&str; 5] = ["primary", "filelists", "modules", "group", "updateinfo"];

/// The derivation that brings a repository's metadata.
pub(super) fn metadata(params: &parameters::Metadata) -> Derivation {
    Derivation::new(METADATA, VERSION, params, []).expect("locations and digests are text")
}

/// The derivation that brings a package.
pub(super) fn fetch(package: &SourcePackage) -> Derivation {
    let params = parameters::Fetch {
        digest: package.digest.clone(),
        size: package.size,
    };
    Derivation::new(FETCH, VERSION, &params, []).expect("a digest is text")
}

/// The sources of the recipes, and the way to them.
pub(super) struct Outside<'a> {
    recipes: &'a Recipes,
    /// Where the packages of the lock lie, by digest.
    locked: BTreeMap<&'a Digest, Vec<(&'a Name, &'a str)>>,
    /// `None` where nobody outside may be asked, or no source is a repository.
    fetcher: Option<Result<Fetcher<'a>, Arc<fetch::Error>>>,
    /// Of each source, once it was asked for: they are looked for once, also where there are none.
    mirrors: Mutex<BTreeMap<Name, Asked>>,
}

/// The mirrors of a source, or why they are not known; whoever comes while they are looked for waits.
type Asked = Arc<OnceLock<Result<Mirrors, Arc<fetch::Error>>>>;

/// A client for the network, or why there can be none, which matters to who needs one.
pub(super) type Way = Result<Client, Arc<fetch::Error>>;

/// The way to the network, if there is one and any of these sources may need it.
pub(super) fn way(sources: &[(&Name, &Source)], network: Option<&Network>) -> Option<Way> {
    let remote = |(_, source): &(&Name, &Source)| !matches!(source.location, Location::Path(_));
    let network = network.filter(|_| sources.iter().any(remote))?;
    Some(Client::new(network).map_err(Arc::new))
}

impl<'a> Outside<'a> {
    /// `tell` hears how far files have come.
    pub fn new(
        recipes: &'a Recipes,
        lock: Option<&'a Lock>,
        way: Option<&'a Way>,
        tell: &'a (dyn Fn(Event<'_>) + Sync),
    ) -> Self {
        let mut locked: BTreeMap<&Digest, Vec<(&Name, &str)>> = BTreeMap::new();
        for (name, source) in lock.into_iter().flat_map(|lock| &lock.sources) {
            for package in &source.packages {
                let places = locked.entry(&package.digest).or_default();
                places.push((name, &package.location));
            }
        }
        Outside {
            recipes,
            locked,
            fetcher: way.map(|way| {
                let client = way.as_ref().map_err(Arc::clone)?;
                Ok(Fetcher::new(client, Persistence::default(), tell))
            }),
            mirrors: Mutex::default(),
        }
    }

    /// Whatever is on its way ends soon; what has come of it stays, for the next who wants it.
    pub fn stop(&self) {
        if let Some(Ok(fetcher)) = &self.fetcher {
            fetcher.stop();
        }
    }

    /// Fetches a package into a directory, from any source that has it.
    pub fn package(
        &self,
        what: &str,
        wanted: &parameters::Fetch,
        facts: &Facts<'_>,
        directory: &Path,
    ) -> Result<(Name, Fetched), Error> {
        let origins = self.origins(&wanted.digest, facts);
        let mut failed = Vec::new();
        for (name, location) in origins {
            let wanted = Wanted {
                what: what.to_owned(),
                locations: vec![location],
                digest: wanted.digest.clone(),
                size: Some(wanted.size),
            };
            match self.file(&name, &wanted, directory) {
                Ok(fetched) => return Ok((name, fetched)),
                Err(Error::Stopped) => return Err(Error::Stopped),
                Err(error) => failed.push(error),
            }
        }
        let package = what.to_owned();
        Err(match failed.len() {
            0 => Error::Lost { package },
            1 => failed.remove(0),
            _ => Error::Nowhere { package, failed },
        })
    }

    /// Fetches the metadata of a source in one state, by locations.
    pub fn state(
        &self,
        name: &Name,
        wanted: &parameters::Metadata,
        directory: &Path,
    ) -> Result<BTreeMap<String, Fetched>, Error> {
        let fetch = |(location, digest): (&String, &Digest)| {
            let wanted = Wanted {
                what: location.clone(),
                locations: vec![location.clone()],
                digest: digest.clone(),
                size: None,
            };
            let fetched = self.file(name, &wanted, directory)?;
            Ok((location.clone(), fetched))
        };
        wanted.files.iter().map(fetch).collect()
    }

    /// Looks at what a repository has now.
    pub fn look_up(
        &self,
        name: &Name,
        demand: Demand<'_>,
        directory: &Path,
    ) -> Result<Repository, Error> {
        let remote = self.remote(name)?;
        let fetcher = self.fetcher(name, "")?;
        let found = fetcher.look_up(&remote, &PARTS, demand, directory);
        found.map_err(|source| failed(name, source))
    }

    /// The sources that have a package, each with where it lies there.
    fn origins(&self, digest: &Digest, facts: &Facts<'_>) -> Vec<(Name, String)> {
        let locked = self.locked.get(digest).into_iter().flatten();
        let mut origins: BTreeMap<Name, String> = locked
            .map(|(name, location)| ((*name).clone(), (*location).to_owned()))
            .collect();
        for (name, catalog) in facts.catalogs() {
            if let Some(location) = catalog.location(digest) {
                origins.entry(name).or_insert(location);
            }
        }
        let remote = |(name, _): &(Name, String)| self.remote(name).is_ok();
        origins.into_iter().filter(remote).collect()
    }

    fn remote(&self, name: &Name) -> Result<Remote, Error> {
        let nowhere = || Error::NoSource { name: name.clone() };
        let source = self.recipes.source(name).ok_or_else(nowhere)?;
        let remote = Remote::of(&source.location).map_err(|error| failed(name, error.into()))?;
        remote.ok_or_else(nowhere)
    }

    fn file(&self, name: &Name, wanted: &Wanted, directory: &Path) -> Result<Fetched, Error> {
        let fetcher = self.fetcher(name, &wanted.what)?;
        let asked = self.asked(name);
        let remote = self.remote(name)?;
        let mirrors = asked.get_or_init(|| fetcher.mirrors(&remote).map_err(Arc::new));
        let mirrors = mirrors.as_ref().map_err(|source| Error::Fetch {
            name: name.clone(),
            source: source.clone(),
        })?;
        let fetched = fetcher.fetch(mirrors, wanted, directory);
        fetched.map_err(|source| failed(name, source))
    }

    fn asked(&self, name: &Name) -> Asked {
        let mut all = self
            .mirrors
            .lock()
            .expect("no thread panics while it looks here");
        all.entry(name.clone()).or_default().clone()
    }

    fn fetcher(&self, name: &Name, what: &str) -> Result<&Fetcher<'a>, Error> {
        let name = name.clone();
        match &self.fetcher {
            Some(Ok(fetcher)) => Ok(fetcher),
            Some(Err(source)) => Err(Error::Fetch {
                name,
                source: source.clone(),
            }),
            None => Err(Error::Offline {
                name,
                what: what.to_owned(),
            }),
        }
    }
}

fn failed(name: &Name, source: fetch::Error) -> Error {
    if matches!(source, fetch::Error::Stopped { .. }) {
        return Error::Stopped;
    }
    Error::Fetch {
        name: name.clone(),
        source: Arc::new(source),
    }
}
