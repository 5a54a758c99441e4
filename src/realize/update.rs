//! Looking at the sources, for the lock.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::answers::{self, Answers, Unsolved};
use super::error::{Error, told};
use super::facts::Facts;
use super::look::Look;
use super::metadata::{self, REPOMD};
use super::observe::{self, Observer};
use super::outside::{self, Outside};
use super::{Options, root_name, signed};
use crate::formats::repodata::Repomd;
use crate::ids::Name;
use crate::plan::derivation::MAIN;
use crate::plan::{self, Offer, parameters};
use crate::recipe::{Kind, Location, Recipes, Source};
use crate::source::fetch::{Demand, Event};
use crate::source::{Keys, Lock, LockedPackage, LockedSource, Moved};
use crate::store::{Lease, NewGeneration, Store};

/// Revisions are numbers, dates and ids; what is longer, in bytes, is none that the lock need keep.
const LONGEST_REVISION: usize = 128;

/// A lock made anew, and what moved.
#[derive(Debug)]
pub struct Updated {
    pub lock: Lock,
    pub moved: Vec<Moved>,
    /// Artifacts and modules that were not answered now.
    pub unsolved: Vec<(Name, Unsolved)>,
}

/// What is looked at, and what is asked again.
#[derive(Debug, Clone, Copy, Default)]
pub struct Scope<'a> {
    /// Sources; all, if none is named. The others stay as they were locked.
    pub names: &'a [Name],
    /// Whether no source is looked at: all stay as they were locked.
    pub keep: bool,
    /// Whether what can be solved is, although the lock has an answer to the same question.
    pub anew: bool,
}

/// Looks at sources, and at what the artifacts are solved to then.
pub fn update(
    store: &Store,
    recipes: &Recipes,
    old: Option<&Lock>,
    Scope { names, keep, anew }: Scope<'_>,
    options: &Options,
    observer: &dyn Observer,
) -> Result<Updated, Error> {
    let mut sources = Vec::new();
    for (name, recipe) in &recipes.recipes {
        if let Kind::Source(source) = &recipe.kind {
            sources.push((name, source));
        }
    }
    for name in names {
        if !sources.iter().any(|(source, _)| *source == name) {
            return Err(Error::NoSource { name: name.clone() });
        }
    }
    let looked: Vec<(&Name, &Source)> = sources
        .iter()
        .filter(|(name, _)| !keep && (names.is_empty() || names.contains(name)))
        .copied()
        .collect();
    let lease = store.lease()?;
    let look = Look {
        store,
        lock: None,
        now: options.now,
        epoch: recipes.release.epoch,
        jobs: options.jobs,
        observer,
        outside: None,
        lease: Some(&lease),
        keep: true,
        tells: true,
    };
    let way = outside::way(&sources, options.network.as_ref());
    let tell = |event: Event<'_>| observe::tell(observer, event);
    let outside = Outside::new(recipes, old, way.as_ref(), &tell);
    let (directories, repositories): (Vec<_>, Vec<_>) = looked
        .iter()
        .partition(|(_, source)| matches!(source.location, Location::Path(_)));
    let facts = look.at(&directories)?;
    let mut lock = Lock::default();
    for (name, source) in &sources {
        let kept = old.and_then(|old| old.sources.get(*name));
        let kept = kept.filter(|kept| kept.is_of(&source.location));
        lock.sources
            .extend(kept.map(|kept| ((*name).clone(), kept.clone())));
    }
    for (name, source) in &directories {
        let locked = locked(&facts, name, source)?;
        lock.sources.insert((*name).clone(), locked);
    }
    for (name, source) in &repositories {
        let keys = signed::keys(name, source, recipes.release.epoch)?;
        let before = old.and_then(|old| old.sources.get(*name));
        let was_signed = before.is_some_and(|before| before.signed);
        let judge = |index: &[u8], signature: Option<&[u8]>| {
            judge(observer, name, (&keys, was_signed), index, signature)
        };
        let demand = Demand {
            judge: keys.is_some().then_some(&judge),
            known: before.and_then(|one| one.revision.as_deref()),
        };
        let (index, locked) = look_up(store, &outside, recipes, name, demand, options.now)?;
        if let Some(known) = demand.known
            && index.is_older_than(known)
        {
            observer.warning(&format!(
                "source {name}: its index is of an older state ({}) than the one that was locked ({known}); \
                 does a mirror lag behind?",
                index.revision
            ));
        }
        lock.sources.insert((*name).clone(), locked);
    }
    let moved = answers::moved(&lock, old);
    for locked in lock.sources.values_mut() {
        locked.forget(|text| answers::is_of(text, &moved));
    }
    let known: Vec<_> = sources
        .iter()
        .copied()
        .filter(|(name, _)| lock.sources.contains_key(*name))
        .collect();
    let mut asked = lock.clone();
    if let Some(old) = old.filter(|_| !anew) {
        asked.solved.clone_from(&old.solved);
    }
    let mut open = open(recipes, &lock, old, &directories, &repositories);
    let mut recovered = BTreeMap::new();
    let unsolved = loop {
        let look = Look {
            lock: Some(&asked),
            tells: false,
            ..look
        };
        let mut facts = look.at(&known)?;
        for (name, offer) in &mut facts.offers {
            if let Offer::Repository(repository) = offer {
                repository.settled = !open.contains(name);
            }
        }
        let answers = Answers::ask(recipes, &facts)?;
        facts.were_read()?;
        let lacking = answers.lacking();
        let lacking: Vec<&Name> = lacking
            .iter()
            .filter(|name| !recovered.contains_key(*name))
            .collect();
        let behind = behind(&facts, &asked);
        if lacking.is_empty() && behind.is_empty() {
            break answers.write(&facts, &mut lock, old);
        }
        for name in lacking {
            let locked = asked.sources.get(name);
            let lease = locked.map(|locked| recover(store, &outside, (name, locked)));
            let lease = lease.transpose().unwrap_or_else(|error| {
                observer.warning(&format!("the metadata that the lock has: {}", told(&error)));
                None
            });
            recovered.insert(name.clone(), lease);
        }
        drop(facts);
        for name in behind {
            asked
                .sources
                .entry(name.clone())
                .or_default()
                .packages
                .clear();
            open.insert(name);
        }
    };
    let empty = Lock::default();
    let moved = Lock::changes(old.unwrap_or(&empty), &lock);
    Ok(Updated {
        lock,
        moved,
        unsolved,
    })
}

/// Repositories whose answers that are not there yet have to be asked for, also where something at hand would do:
/// they were looked at just now, or a module draws from one of them and from a directory that is not what it was.
fn open(
    recipes: &Recipes,
    lock: &Lock,
    old: Option<&Lock>,
    directories: &[(&Name, &Source)],
    repositories: &[(&Name, &Source)],
) -> BTreeSet<Name> {
    let before = |name: &Name| old.and_then(|old| old.sources.get(name));
    let changed = |name: &Name| {
        let is_directory = directories.iter().any(|(directory, _)| *directory == name);
        is_directory && before(name) != lock.sources.get(name)
    };
    let mut open: BTreeSet<Name> = repositories
        .iter()
        .map(|(name, _)| (*name).clone())
        .collect();
    for recipe in recipes.recipes.values() {
        if let Kind::Module(module) = &recipe.kind
            && module.sources.iter().any(changed)
        {
            open.extend(module.sources.iter().cloned());
        }
    }
    open
}

/// Repositories with modules that an older program locked, without the streams that asked: whose answer is whose
/// can't be told, so all has to be asked again.
fn behind(facts: &Facts<'_>, asked: &Lock) -> Vec<Name> {
    let catalogs = facts.catalogs().into_iter();
    let behind = catalogs.filter(|(name, catalog)| {
        let locked = asked.sources.get(name);
        let locked = locked.is_some_and(|one| !one.modular && !one.packages.is_empty());
        locked && plan::Catalog::is_modular(&**catalog)
    });
    behind.map(|(name, _)| name).collect()
}

/// Holds an index against the keys of its source. One without a signature is taken: many repositories have none,
/// and packages are held against the keys themselves. But one that was signed once stays so.
fn judge(
    observer: &dyn Observer,
    name: &Name,
    (keys, was_signed): (&Option<Keys>, bool),
    index: &[u8],
    signature: Option<&[u8]>,
) -> Result<(), String> {
    match (keys, signature) {
        (Some(keys), Some(signature)) => {
            let checked = keys.check_metadata(index, signature);
            checked.map(drop).map_err(|refusals| refusals.to_string())
        }
        (Some(_), None) if was_signed => Err(
            "it has no signature, and had one when it was locked; if nobody signs it any more, \
             take `signed = true` out of the lock"
                .to_owned(),
        ),
        (Some(_), None) => {
            observer.warning(&format!(
                "source {name}: its index is not signed; its packages have to be"
            ));
            Ok(())
        }
        (None, _) => Ok(()),
    }
}

/// Fetches the metadata that a repository has now, and names it in the store by the source.
fn look_up(
    store: &Store,
    outside: &Outside<'_>,
    recipes: &Recipes,
    name: &Name,
    demand: Demand<'_>,
    now: i64,
) -> Result<(Repomd, LockedSource), Error> {
    let batch = store.batch()?;
    let directory = batch.scratch()?;
    let found = outside.look_up(name, demand, &store.arriving()?)?;
    let index = directory.join("repomd.xml");
    std::fs::write(&index, &found.repomd).map_err(|source| Error::Unreadable {
        path: index.clone(),
        source,
    })?;
    let mut digests = BTreeMap::from([(REPOMD.to_owned(), found.digest)]);
    let mut files = BTreeMap::from([(REPOMD.to_owned(), index)]);
    for part in &found.index.data {
        if let Some(fetched) = found.files.get(&part.kind) {
            digests.insert(part.location(), part.checksum.clone());
            files.insert(part.location(), fetched.path().to_owned());
        }
    }
    let params = parameters::Metadata { files: digests };
    let outcome = metadata::store(&batch, &outside::metadata(&params), &files)?;
    // Held until the root names it.
    let lease = batch.commit()?;
    let new = NewGeneration {
        entry: outcome.outputs[MAIN],
        trace: Some(outcome.trace),
        label: None,
        time: now,
        also: BTreeSet::new(),
        origin: None,
    };
    store.keep_generation(&root_name(recipes, name)?, new)?;
    drop(lease);
    let revision = Some(found.index.revision.clone());
    let locked = LockedSource {
        metadata: params.files,
        revision: revision.filter(|text| (1..=LONGEST_REVISION).contains(&text.len())),
        signed: found.signed,
        ..LockedSource::default()
    };
    Ok((found.index, locked))
}

/// Fetches the metadata that the lock has of a source, and was not here.
fn recover(
    store: &Store,
    outside: &Outside<'_>,
    (name, locked): (&Name, &LockedSource),
) -> Result<Arc<Lease>, Error> {
    let batch = store.batch()?;
    let params = parameters::Metadata {
        files: locked.metadata.clone(),
    };
    let files = outside.state(name, &params, &store.arriving()?)?;
    let files = files.iter();
    let files = files.map(|(location, file)| (location.clone(), file.path().to_owned()));
    metadata::store(&batch, &outside::metadata(&params), &files.collect())?;
    Ok(batch.commit()?)
}

fn locked(facts: &Facts<'_>, name: &Name, source: &Source) -> Result<LockedSource, Error> {
    let Location::Path(directory) = &source.location else {
        return Err(Error::NotLocked { name: name.clone() });
    };
    let mut packages = BTreeSet::new();
    for package in facts.packages(name) {
        let Some(rpm) = package.rpm else {
            continue;
        };
        let brief = facts.brief(rpm).ok_or_else(|| Error::Lost {
            package: package.nevra.to_string(),
        })?;
        let place = facts
            .place(rpm)
            .expect("a package that was looked at has a place");
        packages.insert(LockedPackage {
            nevra: package.nevra.clone(),
            digest: package.digest.clone(),
            size: package.size,
            location: relative(name, place, directory)?,
            file: Some(brief.file),
            asked: BTreeSet::new(),
            modules: BTreeSet::new(),
        });
    }
    Ok(LockedSource {
        packages,
        ..LockedSource::default()
    })
}

/// Where a package lies in its source, as the lock writes it.
fn relative(name: &Name, path: &Path, directory: &Path) -> Result<String, Error> {
    let inside = path.strip_prefix(directory).unwrap_or(path);
    let text = inside.to_str().ok_or_else(|| Error::Unnamable {
        name: name.clone(),
        path: path.to_owned(),
    })?;
    Ok(text.to_owned())
}
