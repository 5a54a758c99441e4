//! The packages of a source, held against the keys that it names.
//!
//! Whether a package is seen just now or was known for long makes no difference: what was checked with the same keys
//! is remembered, and other keys ask again.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::error::Error;
use super::facts::Facts;
use super::look::Look;
use super::outside;
use crate::compose::{self, WorkspaceError};
use crate::formats::openpgp::Verified;
use crate::formats::rpm::{self, Brief, SignatureError};
use crate::ids::{BlobId, Digest, EntryId, Hash, Name};
use crate::plan::derivation::MAIN;
use crate::plan::{Derivation, SourcePackage};
use crate::recipe::Source;
use crate::source::Keys;
use crate::store::Store;

/// Why a package is fetched that was fetched before, and whose bytes are gone.
pub(super) const OTHER_KEYS: &str = "its signature is to be checked with other keys";

/// What every package of a source has to pass.
pub(super) struct Gate<'a> {
    store: &'a Store,
    name: &'a Name,
    keys: Keys,
    /// Whether what passed is remembered.
    keep: bool,
}

/// Checks the packages of a source, several at once; all that are refused are told together.
pub(super) fn check(
    look: &Look<'_>,
    facts: &Facts<'_>,
    name: &Name,
    source: &Source,
    packages: &[SourcePackage],
) -> Result<(), Error> {
    let Some(gate) = Gate::of(look, name, source)? else {
        return Ok(());
    };
    let mut unknown = Vec::new();
    for package in packages {
        if let Some(rpm) = package.rpm
            && !gate.knows(rpm)?
        {
            unknown.push((package, rpm));
        }
    }
    let of = unknown.len();
    let done = AtomicUsize::new(0);
    let results = look.each(&unknown, |(package, rpm)| {
        let place = facts.place(*rpm).map(|path| path.as_path());
        let brief = facts.brief(*rpm).ok_or_else(|| Error::Lost {
            package: package.nevra.to_string(),
        })?;
        let result = gate.check(&brief, place);
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        look.observer.reading(name.as_str(), done, of);
        result
    })?;
    let mut passed = Vec::new();
    let mut refused = Vec::new();
    for ((_, rpm), result) in unknown.iter().zip(results) {
        match result {
            // The next epoch may judge otherwise.
            Ok(verified) if verified.ends => {}
            Ok(_) => passed.push(*rpm),
            Err(error) => refused.push(error),
        }
    }
    gate.remember(&passed)?;
    Error::all(name, refused)
}

/// Checks packages of a repository that were fetched before, perhaps when its keys were others; several at once, and
/// nothing of it is kept. Returns the digests of those that have to be fetched once more for it.
pub(super) fn recheck(
    look: &Look<'_>,
    facts: &Facts<'_>,
    name: &Name,
    packages: &[&SourcePackage],
) -> Result<Vec<Digest>, Error> {
    let Some(gate) = facts.gates.get(name) else {
        return Ok(Vec::new());
    };
    let derivations: Vec<Derivation> = packages.iter().map(|one| outside::fetch(one)).collect();
    let outcomes = facts.known_outcomes(&derivations)?;
    let mut unknown = Vec::new();
    for (&package, outcome) in packages.iter().zip(outcomes) {
        if let Some(outcome) = outcome
            && !gate.knows(outcome.outputs[MAIN])?
        {
            unknown.push((package, outcome.outputs[MAIN]));
        }
    }
    let (of, done) = (unknown.len(), AtomicUsize::new(0));
    let results = look.each(&unknown, |(package, rpm)| {
        let brief = facts.brief(*rpm);
        let here = |brief: &Arc<Brief>| look.store.blob_size(brief.file);
        let size = brief.as_ref().map(here).transpose()?.flatten();
        let lacks = match (brief, size) {
            (Some(brief), Some(_)) => gate.check(&brief, None).map(|_| None)?,
            _ => Some(package.digest.clone()),
        };
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        look.observer.reading(name.as_str(), done, of);
        Ok(lacks)
    })?;
    let (mut lacking, mut refused) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(lacks) => lacking.extend(lacks),
            Err(error) => refused.push(error),
        }
    }
    Error::all(name, refused)?;
    Ok(lacking)
}

/// The keys that a source names.
pub(super) fn keys(name: &Name, source: &Source, epoch: i64) -> Result<Option<Keys>, Error> {
    Keys::of(source, epoch).map_err(|source| Error::Keys {
        name: name.clone(),
        source,
    })
}

impl<'a> Gate<'a> {
    /// That of a source, if it names keys.
    pub fn of(look: &Look<'a>, name: &'a Name, source: &Source) -> Result<Option<Gate<'a>>, Error> {
        let keys = keys(name, source, look.epoch)?;
        Ok(keys.map(|keys| Gate {
            store: look.store,
            name,
            keys,
            keep: look.keep,
        }))
    }

    /// Whether a package passed before.
    pub fn knows(&self, rpm: EntryId) -> Result<bool, Error> {
        Ok(self.store.signed_get(rpm, self.keys.digest)?)
    }

    pub fn remember(&self, rpms: &[EntryId]) -> Result<(), Error> {
        match self.keep {
            true => Ok(self.store.signed_put(rpms, self.keys.digest)?),
            false => Ok(()),
        }
    }

    /// Lets one package pass, by what is remembered or else by its bytes; `false` where these are nowhere at hand.
    pub fn admit(&self, brief: &Brief, rpm: EntryId, place: Option<&Path>) -> Result<bool, Error> {
        if self.knows(rpm)? {
            return Ok(true);
        }
        if place.is_none() && self.store.blob_size(brief.file)?.is_none() {
            return Ok(false);
        }
        let verified = self.check(brief, place)?;
        if !verified.ends {
            self.remember(&[rpm])?;
        }
        Ok(true)
    }

    /// Checks one package by its bytes, where they lie outside or else in the store.
    pub fn check(&self, brief: &Brief, place: Option<&Path>) -> Result<Verified, Error> {
        let package = brief.nevra.to_string();
        let refuse = |source| Error::Signature {
            name: self.name.clone(),
            package: match place {
                Some(path) => format!("{package} ({})", path.display()),
                None => package.clone(),
            },
            source,
        };
        let mut missing = Error::Lost {
            package: package.clone(),
        };
        if let Some(path) = place
            && let Ok(file) = File::open(path)
        {
            let path = path.to_owned();
            match self.verdict(file, brief.file) {
                Ok(Some(verdict)) => return verdict.map_err(refuse),
                Ok(None) => missing = Error::Changed { path },
                Err(source) => missing = Error::Unreadable { path, source },
            }
        }
        if self.store.blob_size(brief.file)?.is_none() {
            return Err(missing);
        }
        let reader = self.store.read(brief.file, 0, None)?;
        let verdict = self.verdict(reader, brief.file).map_err(|error| {
            let error = WorkspaceError::new("reading a package", error);
            compose::Error::from(error)
        })?;
        verdict.map_or(Err(missing), |verdict| verdict.map_err(refuse))
    }

    /// What the keys say of bytes, unless these are not the package's.
    fn verdict(
        &self,
        reader: impl Read,
        file: BlobId,
    ) -> io::Result<Option<Result<Verified, SignatureError>>> {
        let mut hashed = Hashed {
            reader,
            hasher: blake3::Hasher::new(),
        };
        let verdict = match self.keys.check_package(&mut hashed) {
            Err(SignatureError::Package(rpm::Error::Read(error))) => return Err(error),
            verdict => verdict,
        };
        io::copy(&mut hashed, &mut io::sink())?;
        let found = BlobId(Hash::from_bytes(*hashed.hasher.finalize().as_bytes()));
        Ok((found == file).then_some(verdict))
    }
}

/// Bytes that are hashed as they pass: what was checked must be what is named.
struct Hashed<R> {
    reader: R,
    hasher: blake3::Hasher,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.reader.read(buffer)?;
        self.hasher.update(&buffer[..length]);
        Ok(length)
    }
}
