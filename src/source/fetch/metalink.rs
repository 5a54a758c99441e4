//! Metalinks: where the mirrors are, and what their `repomd.xml` may be.
//!
//! The form that mirror managers write: version 3, with alternates in a namespace of their own.

use std::collections::BTreeMap;

use super::url::Url;
use super::xml::{Element, read};
use crate::formats::rpm::checksum::Hasher;
use crate::ids::Digest;

/// What every mirror's URL ends with.
pub const INDEX: &str = "repodata/repomd.xml";

/// Mirror managers list the versions of some days: about ten.
const MOST: usize = 100;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metalink {
    /// Base URLs, the preferred first.
    pub mirrors: Vec<Url>,
    /// The newest, then older ones that mirrors may still have.
    pub versions: Vec<Version>,
}

/// What a `repomd.xml` may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub size: Option<u64>,
    pub digest: Digest,
}

impl Metalink {
    pub fn read(document: &[u8]) -> Result<Metalink, String> {
        let root = read(document)?;
        if root.name != "metalink" {
            return Err(format!("it begins with <{}>, not <metalink>", root.name));
        }
        let files = root.child("files").unwrap_or(&root);
        let file = files
            .children("file")
            .find(|file| file.attribute("name") == Some("repomd.xml"))
            .ok_or("it has no file repomd.xml")?;
        let alternates = file.child("alternates");
        let alternates = alternates.iter().flat_map(|all| all.children("alternate"));
        let versions: Vec<Version> = std::iter::once(file)
            .chain(alternates)
            .filter_map(version)
            .collect();
        if versions.len() > MOST {
            return Err(format!(
                "it has {} versions of repomd.xml, and more than {MOST} are too many",
                versions.len()
            ));
        }
        if versions.is_empty() {
            return Err("it has no checksum of repomd.xml that is known here".to_owned());
        }
        let mirrors = mirrors(file);
        if mirrors.is_empty() {
            return Err("it names no mirror with https, http or file".to_owned());
        }
        Ok(Metalink { mirrors, versions })
    }

    /// Whether these bytes are one of the versions. They are hashed once for each algorithm, not for each version.
    pub fn names(&self, repomd: &[u8]) -> bool {
        let mut hashes = BTreeMap::new();
        self.versions.iter().any(|Version { size, digest }| {
            if size.is_some_and(|size| size != repomd.len() as u64) {
                return false;
            }
            let hash = hashes.entry(digest.algorithm);
            let hash = hash.or_insert_with(|| Hasher::of(digest.algorithm, repomd));
            *hash == digest.hex
        })
    }
}

/// The version with the strongest of its checksums.
fn version(element: &Element) -> Option<Version> {
    let hashes = element.child("verification")?.children("hash");
    let digests = hashes.filter_map(|hash| {
        let algorithm = hash.attribute("type")?.replace("sha-", "sha");
        Digest::new(algorithm.parse().ok()?, &hash.text).ok()
    });
    Some(Version {
        size: element
            .child("size")
            .and_then(|size| size.text.parse().ok()),
        digest: digests.max_by_key(|digest| digest.algorithm)?,
    })
}

fn mirrors(file: &Element) -> Vec<Url> {
    let urls = file
        .child("resources")
        .into_iter()
        .flat_map(|all| all.children("url"));
    let mut mirrors: Vec<(u32, Url)> = urls
        .filter_map(|element| {
            let preference = element
                .attribute("preference")
                .and_then(|text| text.parse().ok());
            // rsync and ftp are not spoken here.
            let url: Url = element.text.parse().ok()?;
            Some((preference.unwrap_or(0), url.without(INDEX)?))
        })
        .collect();
    mirrors.sort_by_key(|(preference, _)| std::cmp::Reverse(*preference));
    mirrors.into_iter().map(|(_, url)| url).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const METALINK: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<metalink version="3.0" xmlns="http://www.metalinker.org/" xmlns:mm0="http://fedorahosted.org/mirrormanager">
 <files>
  <file name="repomd.xml">
   <mm0:timestamp>1</mm0:timestamp>
   <size>3</size>
   <verification>
    <hash type="md5">00000000000000000000000000000000</hash>
    <hash type="sha256">ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad</hash>
   </verification>
   <mm0:alternates>
    <mm0:alternate>
     <size>0</size>
     <verification><hash type="sha1">da39a3ee5e6b4b0d3255bfef95601890afd80709</hash></verification>
    </mm0:alternate>
   </mm0:alternates>
   <resources maxconnections="1">
    <url protocol="rsync" type="rsync" preference="100">rsync://a/os/repodata/repomd.xml</url>
    <url protocol="http" type="http" location="DE" preference="90">http://b/os/repodata/repomd.xml</url>
    <url protocol="https" type="https" preference="95">https://c/os/repodata/repomd.xml</url>
    <url protocol="https" type="https" preference="99">https://d/os/other.xml</url>
   </resources>
  </file>
 </files>
</metalink>"#;

    #[test]
    fn mirrors_come_by_preference_and_any_listed_version_will_do() {
        let metalink = Metalink::read(METALINK.as_bytes()).unwrap();
        let mirrors: Vec<String> = metalink.mirrors.iter().map(Url::to_string).collect();
        assert_eq!(mirrors, ["https://c/os/", "http://b/os/"]);
        assert!(metalink.names(b"abc"), "the strongest checksum decides");
        assert!(metalink.names(b""), "an alternate");
        assert!(!metalink.names(b"abd"));
    }

    #[test]
    fn of_versions_there_are_not_too_many() {
        let start = METALINK.find("<mm0:alternate>").unwrap();
        let end = METALINK.find("</mm0:alternates>").unwrap();
        let more = |times| {
            let (before, after) = (&METALINK[..start], &METALINK[end..]);
            before.to_owned() + &METALINK[start..end].repeat(times) + after
        };
        assert!(Metalink::read(more(MOST - 1).as_bytes()).is_ok());
        let error = Metalink::read(more(MOST).as_bytes()).unwrap_err();
        assert!(error.contains("101 versions"), "{error}");
    }

    #[test]
    fn a_metalink_without_what_counts_is_refused() {
        for (from, to, why) in [
            ("repomd.xml\"", "other\"", "no file repomd.xml"),
            ("<hash", "<hush", ""),
            ("/repodata/repomd.xml<", "<", "no mirror"),
            ("metalink", "html", "not <metalink>"),
        ] {
            let broken = METALINK
                .replace(from, to)
                .replace("</hash", if from == "<hash" { "</hush" } else { "</hash" });
            let error = Metalink::read(broken.as_bytes()).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
