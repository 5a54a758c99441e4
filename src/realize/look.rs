//! Looking at sources: what lies in directories now, and what the lock has of each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::card;
use super::error::Error;
use super::facts::Facts;
use super::observe::Observer;
use super::outside::Outside;
use super::sight::{self, Sight};
use super::signed::{self, Gate};
use super::trace;
use crate::formats::rpm::{Brief, Record};
use crate::ids::{DerivationKey, Digest, EntryId, Hash, Name};
use crate::plan::{Offer, Outcome, Repository, SourcePackage, parameters};
use crate::recipe::{Location, Recipes, Source};
use crate::source::{Found, Lock, LockedPackage, LockedSource, list};
use crate::store::{Batch, Lease, Stamp, Store};

/// A look at the sources.
pub struct Look<'a> {
    pub store: &'a Store,
    pub lock: Option<&'a Lock>,
    /// Seconds since 1970, to tell files that may still be changing.
    pub now: i64,
    /// The release's, which signatures that end are judged by.
    pub epoch: i64,
    pub jobs: usize,
    pub observer: &'a dyn Observer,
    pub(super) outside: Option<&'a Outside<'a>>,
    /// Holds the metadata that is read; a plan, which writes nothing, goes without.
    pub(super) lease: Option<&'a Lease>,
    /// Whether what is learnt is kept; a plan only looks.
    pub keep: bool,
    /// Whether files that go by one name are told of: an update looks several times.
    pub(super) tells: bool,
}

/// One package file, seen.
pub(super) struct Seen {
    pub rpm: EntryId,
    pub record: Arc<Record>,
    pub outcome: (DerivationKey, Outcome),
    /// Whether the store had no record of it.
    pub new: bool,
    pub found: Found,
}

/// The files of a directory that no card told of.
#[derive(Default)]
struct Asked {
    /// With the keys of the cards that they could have, and how many they are; in the order of the files.
    groups: Vec<(Hash, usize)>,
    files: Vec<Found>,
    /// The keys of cards that none of the files there now has.
    gone: Vec<Hash>,
}

impl Seen {
    fn read(&self) -> (EntryId, Arc<Record>) {
        (self.rpm, self.record.clone())
    }

    fn brief(&self) -> (EntryId, Brief) {
        (self.rpm, Brief::of(&self.record))
    }
}

impl<'a> Look<'a> {
    /// A look that nothing is kept of, and nobody outside is asked for.
    pub fn only(
        store: &'a Store,
        recipes: &Recipes,
        lock: Option<&'a Lock>,
        jobs: usize,
        observer: &'a dyn Observer,
    ) -> Self {
        Look {
            store,
            lock,
            now: 0,
            epoch: recipes.release.epoch,
            jobs,
            observer,
            outside: None,
            lease: None,
            keep: false,
            tells: true,
        }
    }

    /// Gathers the facts about these sources.
    pub fn at(&self, sources: &[(&'a Name, &'a Source)]) -> Result<Facts<'a>, Error> {
        let mut facts = Facts::none(self.store);
        facts.lock = self.lock;
        facts.keep = self.keep;
        facts.lease = self.lease;
        for (name, source) in sources {
            let locked = self.lock.and_then(|lock| lock.sources.get(*name));
            let Location::Path(directory) = &source.location else {
                let locked = locked.filter(|locked| locked.is_of(&source.location));
                let locked = locked.ok_or_else(|| Error::NotLocked {
                    name: (*name).clone(),
                })?;
                let gate = Gate::of(self, name, source)?;
                facts.gates.extend(gate.map(|gate| ((*name).clone(), gate)));
                facts.remotes.insert((*name).clone(), source);
                facts.offers.insert((*name).clone(), repository(locked));
                continue;
            };
            let mut packages = match locked {
                Some(locked) => self.locked(&mut facts, name, directory, locked)?,
                None => self.directory(&mut facts, name, directory)?,
            };
            packages.retain(|package| source.draws(&package.nevra.arch));
            packages.sort_by(|a, b| (&a.nevra, a.rpm).cmp(&(&b.nevra, b.rpm)));
            // Copies of one file under two names are one package.
            packages.dedup_by(|a, b| a.rpm == b.rpm);
            if self.tells {
                self.tell_doubles(&facts, name, &packages);
            }
            signed::check(self, &facts, name, source, &packages)?;
            let offer = Offer::Directory(packages);
            facts.offers.insert((*name).clone(), offer);
        }
        Ok(facts)
    }

    /// Warns of files that go by one name and are not the same; `packages` is sorted by names.
    fn tell_doubles(&self, facts: &Facts<'a>, name: &Name, packages: &[SourcePackage]) {
        let place = |package: &SourcePackage| {
            let place = package.rpm.and_then(|rpm| facts.places.get(&rpm));
            place.map_or_else(String::new, |path| path.display().to_string())
        };
        for double in packages.windows(2).filter(|p| p[0].nevra == p[1].nevra) {
            self.observer.warning(&format!(
                "source {name}: {} and {} are both {} and not the same; modules draw one of them",
                place(&double[0]),
                place(&double[1]),
                double[0].nevra
            ));
        }
    }

    /// Takes what lies in the directory now.
    fn directory(
        &self,
        facts: &mut Facts<'a>,
        name: &Name,
        directory: &Path,
    ) -> Result<Vec<SourcePackage>, Error> {
        let unreadable = |source| Error::Source {
            name: name.clone(),
            source,
        };
        let listed = list(directory).map_err(unreadable)?;
        let (listed, others): (Vec<Found>, Vec<Found>) =
            listed.into_iter().partition(Found::is_named_package);
        let mut packages = Vec::with_capacity(listed.len());
        let mut asked = self.carded(facts, directory, listed, &mut packages)?;
        asked.files.extend(others);
        let stamps: Vec<Stamp> = asked.files.iter().map(stamp).collect();
        let hashed = self.store.stamps_get(&stamps)?;
        let rpms: Vec<EntryId> = hashed.iter().flatten().copied().collect();
        facts.gather(&rpms)?;
        let mut unknown = Vec::new();
        for (found, hashed) in asked.files.iter().zip(&hashed) {
            // A file that was hashed and has no record is read again.
            match hashed.and_then(|rpm| Some((rpm, facts.brief(rpm)?))) {
                Some((rpm, brief)) => {
                    packages.push(SourcePackage::of(&brief, rpm));
                    facts.places.insert(rpm, found.path.clone());
                }
                None if found.is_package().map_err(unreadable)? => unknown.push(found.clone()),
                None => {}
            }
        }
        let seen = self.see(name, unknown)?;
        let hashed = match seen.is_empty() {
            true => hashed,
            // Those that were seen just now are known from now on, but for the freshest.
            false => self.store.stamps_get(&stamps)?,
        };
        facts.note(&seen.iter().map(Seen::read).collect::<Vec<_>>())?;
        for seen in seen {
            let (rpm, brief) = seen.brief();
            packages.push(SourcePackage::of(&brief, rpm));
            facts.know(rpm, brief);
            facts.learn(seen);
        }
        self.keep_cards(facts, directory, &asked, &hashed)?;
        Ok(packages)
    }

    /// Takes the files whose cards are kept; returns the others.
    fn carded(
        &self,
        facts: &mut Facts<'a>,
        directory: &Path,
        listed: Vec<Found>,
        packages: &mut Vec<SourcePackage>,
    ) -> Result<Asked, Error> {
        let kept = self.store.cards_get(card::directory(directory))?;
        let mut kept: BTreeMap<Hash, Vec<u8>> = kept.into_iter().collect();
        let groups: Vec<&[Found]> = card::groups(&listed).collect();
        let keys: Vec<Hash> = groups.iter().map(|files| card::key(files)).collect();
        let cards = keys.iter().zip(&groups);
        let cards: Vec<(Option<Vec<u8>>, usize)> = cards
            .map(|(key, files)| (kept.remove(key), files.len()))
            .collect();
        let mut asked = Asked::default();
        for ((key, files), card) in keys.into_iter().zip(groups).zip(card::read_each(&cards)) {
            let Some(known) = card else {
                asked.groups.push((key, files.len()));
                asked.files.extend_from_slice(files);
                continue;
            };
            for ((rpm, brief), found) in known.into_iter().zip(files) {
                packages.push(SourcePackage::of(&brief, rpm));
                facts.places.insert(rpm, found.path.clone());
                facts.know(rpm, brief);
            }
        }
        asked.gone = kept.into_keys().collect();
        Ok(asked)
    }

    /// Gives groups whose files are all known by themselves a card, in place of those that nobody will ask for again.
    fn keep_cards(
        &self,
        facts: &Facts<'a>,
        directory: &Path,
        asked: &Asked,
        hashed: &[Option<EntryId>],
    ) -> Result<(), Error> {
        if !self.keep {
            return Ok(());
        }
        let mut hashed = hashed.iter().copied();
        let card = |&(key, files): &(Hash, usize)| {
            let rpms: Vec<Option<EntryId>> = hashed.by_ref().take(files).collect();
            let brief = |rpm: Option<EntryId>| Some((rpm?, facts.noted(rpm?)?));
            let known = rpms.into_iter().map(brief).collect::<Option<Vec<_>>>()?;
            Some((
                key,
                card::write(known.iter().map(|(rpm, brief)| (*rpm, &**brief))),
            ))
        };
        let new: Vec<(Hash, Vec<u8>)> = asked.groups.iter().filter_map(card).collect();
        let place = card::directory(directory);
        Ok(self.store.cards_put(place, &asked.gone, &new)?)
    }

    /// Takes what the lock names; the directory is asked only for what the store does not know.
    fn locked(
        &self,
        facts: &mut Facts<'a>,
        name: &Name,
        directory: &Path,
        locked: &LockedSource,
    ) -> Result<Vec<SourcePackage>, Error> {
        let mut packages = Vec::new();
        let mut unknown = Vec::new();
        let wanted: Vec<&LockedPackage> = locked.packages.iter().collect();
        let file = |package: &&LockedPackage| Some(sight::entry(package.file?, package.size).id());
        let rpms = self.each(&wanted, file)?;
        let known: Vec<EntryId> = rpms.iter().flatten().copied().collect();
        facts.gather(&known)?;
        for (package, rpm) in wanted.into_iter().zip(rpms) {
            let path = directory.join(&package.location);
            if let Some(rpm) = rpm {
                facts.places.insert(rpm, path.clone());
            }
            match rpm.and_then(|rpm| Some((rpm, facts.brief(rpm)?))) {
                Some((_, brief))
                    if (&brief.nevra, &brief.digest) != (&package.nevra, &package.digest) =>
                {
                    let name = name.clone();
                    return Err(Error::Moved { name, path });
                }
                Some((rpm, brief)) => packages.push(SourcePackage::of(&brief, rpm)),
                _ => unknown.push(Found::at(path).map_err(|source| Error::Unlocked {
                    name: name.clone(),
                    package: package.nevra.to_string(),
                    source,
                })?),
            }
        }
        let at = |package: &'_ LockedPackage| directory.join(&package.location);
        let named = locked.packages.iter().map(|one| (at(one), &one.digest));
        let named: BTreeMap<PathBuf, &Digest> = named.collect();
        let seen = self.see(name, unknown)?;
        facts.note(&seen.iter().map(Seen::read).collect::<Vec<_>>())?;
        for seen in seen {
            if named.get(&seen.found.path) != Some(&&seen.record.sha256) {
                return Err(Error::Moved {
                    name: name.clone(),
                    path: seen.found.path,
                });
            }
            let (rpm, brief) = seen.brief();
            packages.push(SourcePackage::of(&brief, rpm));
            facts.learn(seen);
        }
        Ok(packages)
    }

    /// Does the same for each item, several at once, in the order of the items.
    pub(super) fn each<T: Sync, R: Send>(
        &self,
        items: &[T],
        work: impl Fn(&T) -> R + Send + Sync,
    ) -> Result<Vec<R>, Error> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.jobs)
            .build();
        let pool = pool.map_err(|source| Error::Threads { source })?;
        Ok(pool.install(|| items.par_iter().map(work).collect()))
    }

    /// Reads, checks and records the files, several at once.
    fn see(&self, name: &Name, files: Vec<Found>) -> Result<Vec<Seen>, Error> {
        let of = files.len();
        if of == 0 {
            return Ok(Vec::new());
        }
        self.observer.reading(name.as_str(), 0, of);
        let batch = if self.keep {
            Some(self.store.batch()?)
        } else {
            None
        };
        let done = AtomicUsize::new(0);
        let results = self.each(&files, |found| {
            if self.observer.is_stopped() {
                return None;
            }
            let result = see_one(self.store, name, found.clone(), batch.as_ref());
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            self.observer.reading(name.as_str(), done, of);
            Some(result)
        })?;
        let mut seen = Vec::with_capacity(of);
        let mut refused = Vec::new();
        let stopped = results.iter().any(Option::is_none);
        for result in results.into_iter().flatten() {
            match result {
                Ok(one) => seen.push(one),
                Err(error) => refused.push(error),
            }
        }
        if let Some(batch) = batch {
            batch.commit()?;
            let hashed = seen.iter().map(|one| (stamp(&one.found), one.rpm));
            let hashed: Vec<(Stamp, EntryId)> = hashed.collect();
            let now_ns = self.now.saturating_mul(1_000_000_000);
            self.store.stamps_put(&hashed, now_ns)?;
        }
        Error::all(name, refused)?;
        match stopped {
            true => Err(Error::Stopped),
            false => Ok(seen),
        }
    }
}

fn see_one(store: &Store, name: &Name, found: Found, batch: Option<&Batch>) -> Result<Seen, Error> {
    let refuse = |source: Box<dyn std::error::Error + Send + Sync>| Error::Package {
        name: name.clone(),
        path: found.path.clone(),
        source,
    };
    let sight = Sight::of(&found.path).map_err(refuse)?;
    let (derivation, composed) = sight.import(batch).map_err(|e| refuse(e.into()))?;
    // What the stamp stands for must be what was read.
    if Found::at(found.path.clone())
        .map_err(|e| refuse(e.into()))?
        .stamp
        != found.stamp
    {
        return Err(Error::Changed { path: found.path });
    }
    let (trace, outputs) = trace::of(&derivation, composed, Vec::new());
    let id = match batch {
        Some(batch) => {
            for entry in outputs.values() {
                batch.record(entry)?;
            }
            batch.trace(&trace)?
        }
        None => trace.id(),
    };
    let rpm = sight.entry().id();
    let new = trace::choose(store, derivation.key())?.is_none();
    Ok(Seen {
        new,
        rpm,
        record: Arc::new(sight.record().clone()),
        outcome: (derivation.key(), trace::outcome(id, trace)),
        found,
    })
}

/// A repository, as the lock has it.
fn repository(locked: &LockedSource) -> Offer {
    let mut answers = BTreeMap::new();
    for package in &locked.packages {
        let drawn = SourcePackage {
            nevra: package.nevra.clone(),
            digest: package.digest.clone(),
            size: package.size,
            labels: package.modules.iter().cloned().collect(),
            rpm: None,
        };
        let asked = package.asked.iter();
        answers.extend(asked.map(|text| (text.clone(), drawn.clone())));
    }
    Offer::Repository(Repository {
        metadata: parameters::Metadata {
            files: locked.metadata.clone(),
        },
        modular: locked.modular,
        answers,
        settled: true,
    })
}

/// What the index knows a file by.
pub(super) fn stamp(found: &Found) -> Stamp {
    let crate::source::directory::Stamp {
        device,
        inode,
        size,
        mtime,
        ctime,
    } = found.stamp;
    Stamp {
        dev: device,
        ino: inode,
        size,
        mtime_ns: mtime,
        ctime_ns: ctime,
    }
}
