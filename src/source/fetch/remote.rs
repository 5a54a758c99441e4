//! A yum repository somewhere else: found by its base, a mirror list or a metalink.

use std::collections::BTreeMap;
use std::path::Path;

use super::client::Rest;
use super::download::{Fetched, Fetcher, Trouble, Wanted};
use super::error::{Error, Failure};
use super::metalink::{INDEX, Metalink};
use super::mirrors::Mirrors;
use super::url::{InvalidUrl, Url};
use crate::formats::repodata::{Reference, Repomd};
use crate::formats::rpm::checksum::Hasher;
use crate::ids::{Algorithm, Digest};
use crate::recipe::Location;

/// No index and no list of mirrors is larger.
const LARGEST: usize = 16 << 20;

/// What the name of a detached signature ends with, beside the file that it is of.
const SIGNATURE: &str = ".asc";

/// Says why an index, with the signature beside it, is not to be taken.
pub type Judge<'j> = &'j dyn Fn(&[u8], Option<&[u8]>) -> Result<(), String>;

/// What an index has to be like.
#[derive(Clone, Copy, Default)]
pub struct Demand<'j> {
    pub judge: Option<Judge<'j>>,
    /// The revision of the state that is known; of several mirrors one with an older state is taken only if no other
    /// gives its own, also when it is asked twice.
    pub known: Option<&'j str>,
}

/// Where a repository is to be looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remote {
    /// The directory that holds `repodata/`.
    Base(Url),
    /// A text with a base URL a line.
    MirrorList(Url),
    /// XML with URLs of `repomd.xml` and its checksums.
    Metalink(Url),
}

impl Remote {
    /// Where a recipe says that the repository is; `None` for a directory of packages.
    pub fn of(location: &Location) -> Result<Option<Remote>, InvalidUrl> {
        Ok(Some(match location {
            Location::Url(url) => Remote::Base(url.parse()?),
            Location::MirrorList(url) => Remote::MirrorList(url.parse()?),
            Location::Metalink(url) => Remote::Metalink(url.parse()?),
            Location::Path(_) => return Ok(None),
        }))
    }
}

/// One consistent state of a repository.
#[derive(Debug)]
pub struct Repository {
    /// The bytes of `repomd.xml`.
    pub repomd: Vec<u8>,
    /// SHA-256 of it.
    pub digest: Digest,
    /// What it says.
    pub index: Repomd,
    /// Whether there is a signature of it, which the judge took.
    pub signed: bool,
    /// Files of the kinds that were asked for and that there are.
    pub files: BTreeMap<String, Fetched>,
    /// For the packages; they stand as they have shown themselves.
    pub mirrors: Mirrors,
}

/// The mirrors that are known, and what they may give.
struct Known {
    mirrors: Mirrors,
    metalink: Option<Metalink>,
}

/// An index that one mirror gave.
struct Index {
    bytes: Vec<u8>,
    repomd: Repomd,
}

impl Fetcher<'_> {
    /// Fetches the index of a repository and its files of some kinds.
    ///
    /// A mirror that has an index but not the files of it is between two states;
    /// then the next mirror's index is taken, never a mixture. So it is with one that the judge refuses.
    pub fn look_up(
        &self,
        remote: &Remote,
        kinds: &[&str],
        demand: Demand<'_>,
        directory: &Path,
    ) -> Result<Repository, Error> {
        let Known { mirrors, metalink } = self.known(remote)?;
        let mut places = Vec::new();
        for (mirror, base) in mirrors.urls().iter().enumerate() {
            places.push((mirror, base.join(INDEX)?));
        }
        let mut state = None;
        let mut take = |url: &Url, known: Option<&str>| {
            let index = self.index(url, metalink.as_ref())?;
            if let Some(known) = known
                && index.repomd.is_older_than(known)
            {
                let (found, known) = (index.repomd.revision, known.to_owned());
                return Err(Failure::Older { found, known }.into());
            }
            let mut signed = false;
            if let Some(judge) = demand.judge {
                let signature = self.signature(url)?;
                let judged = judge(&index.bytes, signature.as_deref());
                judged.map_err(Failure::Signature)?;
                signed = signature.is_some();
            }
            let files = self.files(&index.repomd, &mirrors, kinds, directory)?;
            state = Some((index, signed, files));
            Ok(())
        };
        let what = remote.to_string();
        // Where there is no choice, nothing is gained by refusing.
        let known = demand.known.filter(|_| places.len() > 1);
        if let Err(mut error) = self.any_mirror(&what, &mirrors, &places, |url| take(url, known)) {
            // An older state is better than none: the newest of them.
            let mut behind = error.behind().into_iter();
            loop {
                let Some(url) = behind.next() else {
                    return Err(error);
                };
                let place = places.iter().find(|(_, place)| *place == url).cloned();
                match self.any_mirror(&what, &mirrors, place.as_slice(), |url| take(url, None)) {
                    Ok(_) => break,
                    Err(again) => error = error.and(again)?,
                }
            }
        }
        let (index, signed, files) = state.expect("one mirror gave it");
        let digest = Digest {
            algorithm: Algorithm::Sha256,
            hex: Hasher::of(Algorithm::Sha256, &index.bytes),
        };
        Ok(Repository {
            repomd: index.bytes,
            digest,
            index: index.repomd,
            signed,
            files,
            mirrors,
        })
    }

    /// The mirrors of a repository, without a look at what they have.
    pub fn mirrors(&self, remote: &Remote) -> Result<Mirrors, Error> {
        self.known(remote).map(|known| known.mirrors)
    }

    fn known(&self, remote: &Remote) -> Result<Known, Error> {
        let (urls, metalink) = match remote {
            Remote::Base(url) => (vec![url.clone()], None),
            Remote::MirrorList(url) => {
                let kind = "mirror list";
                let mirrors = self.list(url, kind, mirror_list)?;
                (nameable(url, kind, mirrors)?, None)
            }
            Remote::Metalink(url) => {
                let kind = "metalink";
                let metalink = self.list(url, kind, Metalink::read)?;
                let mirrors = nameable(url, kind, metalink.mirrors.clone())?;
                (mirrors, Some(metalink))
            }
        };
        let mirrors = Mirrors::new(urls);
        Ok(Known { mirrors, metalink })
    }

    fn list<T>(
        &self,
        url: &Url,
        kind: &'static str,
        read: fn(&[u8]) -> Result<T, String>,
    ) -> Result<T, Error> {
        let what = format!("the {kind} {url}");
        let alone = Mirrors::new(vec![url.clone()]);
        let mut bytes = Vec::new();
        self.any_mirror(&what, &alone, &[(0, url.clone())], |url| {
            bytes = self.small(url)?;
            Ok(())
        })?;
        read(&bytes).map_err(|reason| Error::List {
            url: url.clone(),
            kind,
            reason,
        })
    }

    fn index(&self, url: &Url, metalink: Option<&Metalink>) -> Result<Index, Trouble> {
        let bytes = self.small(url)?;
        if metalink.is_some_and(|metalink| !metalink.names(&bytes)) {
            return Err(Failure::Unlisted.into());
        }
        let repomd = Repomd::read(&bytes).map_err(|error| Failure::Index(error.to_string()))?;
        Ok(Index { bytes, repomd })
    }

    /// The signature that lies beside an index, if there is one.
    fn signature(&self, index: &Url) -> Result<Option<Vec<u8>>, Trouble> {
        let beside = index.beside(SIGNATURE);
        match self.small(&beside) {
            Ok(signature) => Ok(Some(signature)),
            // Servers that don't list what they have refuse what they don't have, and some have a page for all that.
            Err(Trouble::Mirror(Failure::Missing(_) | Failure::Forbidden(_) | Failure::Page)) => {
                Ok(None)
            }
            Err(Trouble::Mirror(Failure::File(error)))
                if error.kind() == std::io::ErrorKind::NotFound =>
            {
                Ok(None)
            }
            Err(trouble) => Err(trouble),
        }
    }

    /// A file without a digest that is known before. It is kept in memory.
    fn small(&self, url: &Url) -> Result<Vec<u8>, Trouble> {
        let _slot = self.slots.take(url.host());
        let answer = self.client.get(url, &Rest::default())?;
        let encoding = answer.encoding.clone();
        let mut bytes = Vec::new();
        self.read(&url.to_string(), answer, |piece| {
            if bytes.len() + piece.len() > LARGEST {
                return Err(Failure::TooLong(LARGEST as u64).into());
            }
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        match encoding {
            Some(encoding) => Err(Failure::Encoded(encoding).into()),
            None if is_page(&bytes) => Err(Failure::Page.into()),
            None => Ok(bytes),
        }
    }

    /// The files of an index from whichever mirror; without all of them, the index is of no use.
    fn files(
        &self,
        index: &Repomd,
        mirrors: &Mirrors,
        kinds: &[&str],
        directory: &Path,
    ) -> Result<BTreeMap<String, Fetched>, Trouble> {
        let mut files = BTreeMap::new();
        for part in &index.data {
            if !kinds.contains(&part.kind.as_str()) || files.contains_key(&part.kind) {
                continue;
            }
            match self.fetch(mirrors, &wanted(part), directory) {
                Ok(file) => files.insert(part.kind.clone(), file),
                Err(Error::Exhausted { what, attempts }) => {
                    return Err(Failure::Incomplete { what, attempts }.into());
                }
                // The index names a place that can't be fetched from.
                Err(Error::Url(invalid)) => return Err(Failure::Index(invalid.to_string()).into()),
                Err(error) => return Err(error.into()),
            };
        }
        Ok(files)
    }
}

/// The mirrors that a list may name; an error where it names none of them.
fn nameable(list: &Url, kind: &'static str, mut mirrors: Vec<Url>) -> Result<Vec<Url>, Error> {
    mirrors.retain(|mirror| list.may_name(mirror));
    match mirrors.is_empty() {
        true => Err(Error::List {
            url: list.clone(),
            kind,
            reason: "it names only files of this machine, which no list on the network can"
                .to_owned(),
        }),
        false => Ok(mirrors),
    }
}

/// A file of the metadata, as it is asked for.
fn wanted(part: &Reference) -> Wanted {
    Wanted {
        what: part.location(),
        locations: vec![part.location()],
        digest: part.checksum.clone(),
        size: part.size,
    }
}

impl std::fmt::Display for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Remote::Base(url) => write!(f, "the repository {url}"),
            Remote::MirrorList(url) => write!(f, "the repository of the mirror list {url}"),
            Remote::Metalink(url) => write!(f, "the repository of the metalink {url}"),
        }
    }
}

/// As yum reads it: a URL a line, comments and empty lines between.
fn mirror_list(text: &[u8]) -> Result<Vec<Url>, String> {
    let text = std::str::from_utf8(text).map_err(|_| "it is no text")?;
    let lines = text.lines().map(str::trim);
    let urls: Vec<Url> = lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .filter_map(|line| line.parse().ok())
        .collect();
    match urls.is_empty() {
        true => Err("no line of it is a URL with https, http or file".to_owned()),
        false => Ok(urls),
    }
}

/// Whether it is an HTML page, whatever the server calls it: some call every file one, and login pages have any name.
fn is_page(bytes: &[u8]) -> bool {
    let mut rest = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    loop {
        rest = rest.trim_ascii_start();
        let end: &[u8] = match rest {
            [b'<', b'?', ..] => b"?>",
            [b'<', b'!', b'-', b'-', ..] => b"-->",
            _ => break,
        };
        let Some(at) = rest.windows(end.len()).position(|here| here == end) else {
            return false;
        };
        rest = &rest[at + end.len()..];
    }
    let start = rest[..rest.len().min(14)].to_ascii_lowercase();
    start.starts_with(b"<!doctype html") || start.starts_with(b"<html")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_known_by_how_it_begins() {
        for page in [
            "\n<!DOCTYPE html><html>",
            "\u{feff}<HTML lang=en>",
            "<?xml version=\"1.0\"?>\n<!-- a <repomd> --> <!DOCTYPE html PUBLIC",
        ] {
            assert!(is_page(page.as_bytes()), "{page}");
        }
        for other in [
            "",
            "<?xml version=\"1.0\"?>\n<!-- <html> -->\n<repomd>",
            "https://mirror.example/os/",
            "<!-- <html>",
        ] {
            assert!(!is_page(other.as_bytes()), "{other}");
        }
    }
}
