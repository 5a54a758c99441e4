//! The record of a package, as far as its header knows it.

use super::record::{Dependency, FileKind, ListedFile, Record, Sense};
use super::relations::Relation;
use super::{Error, FileFlags, Header, tags};
use crate::ids::{Algorithm, BlobId, Digest, Hash, Nevra};

/// Changelog entries that a record keeps.
const CHANGELOGS: usize = 10;

/// What the header says; the ids and lengths of the file are left for who knows them.
pub(super) fn describe(header: &Header) -> Result<Record, Error> {
    let label = header.text(tags::MODULARITY_LABEL)?;
    let source_rpm = header.text(tags::SOURCE_RPM)?;
    let size = match header.number(tags::LONG_SIZE)? {
        Some(size) => size,
        None => header.number(tags::SIZE)?.unwrap_or(0),
    };
    let no_id = BlobId(Hash::from_bytes([0; 32]));
    Ok(Record {
        nevra: header.nevra()?,
        content: no_id,
        file: no_id,
        sha256: Digest {
            algorithm: Algorithm::Sha256,
            hex: String::new(),
        },
        file_size: 0,
        header_range: (0, 0),
        source: header.is_source(),
        source_rpm: Some(source_rpm).filter(|name| !name.is_empty()),
        summary: header.text(tags::SUMMARY)?,
        description: header.text(tags::DESCRIPTION)?,
        url: header.text(tags::URL)?,
        license: header.text(tags::LICENSE)?,
        vendor: header.text(tags::VENDOR)?,
        group: header.text(tags::GROUP)?,
        packager: header.text(tags::PACKAGER)?,
        build_host: header.text(tags::BUILD_HOST)?,
        build_time: header.number(tags::BUILD_TIME)?.unwrap_or(0),
        installed_size: size,
        archive_size: 0,
        modularity_label: Some(label).filter(|label| !label.is_empty()),
        provides: provides(header)?,
        requires: header.dependencies(Relation::Requires)?,
        conflicts: header.dependencies(Relation::Conflicts)?,
        obsoletes: header.dependencies(Relation::Obsoletes)?,
        recommends: header.weak(Relation::Recommends)?,
        suggests: header.weak(Relation::Suggests)?,
        supplements: header.weak(Relation::Supplements)?,
        enhances: header.weak(Relation::Enhances)?,
        files: listed(header)?,
        changelogs: header.changelogs(CHANGELOGS)?,
        scriptlets: header.scriptlets()?,
    })
}

/// Packages from before rpm 4 need not provide themselves; rpm adds it as it reads them, and so do we.
fn provides(header: &Header) -> Result<Vec<Dependency>, Error> {
    let mut provides = header.dependencies(Relation::Provides)?;
    if !header.has_region() && !header.is_source() {
        let Nevra { name, evr, .. } = header.nevra()?;
        let own = Dependency {
            name,
            version: Some((Sense::Eq, evr)),
            pre: false,
            rpmlib: false,
        };
        if !provides.contains(&own) {
            provides.push(own);
        }
    }
    Ok(provides)
}

fn listed(header: &Header) -> Result<Vec<ListedFile>, Error> {
    let files = header.files()?.into_iter().map(|file| ListedFile {
        kind: match file.mode & 0o170_000 {
            // As createrepo_c ranks them: a directory that is a ghost is a directory.
            0o040_000 => FileKind::Directory,
            _ if file.flags.has(FileFlags::GHOST) => FileKind::Ghost,
            _ => FileKind::File,
        },
        path: file.path,
    });
    Ok(files.collect())
}
