//! The files in a payload, checked against the header as they stream by.

use std::collections::BTreeMap;
use std::io::{self, Read};

use super::checksum::{Expectation, Hasher, Meter};
use super::compression::{Compression, decompress};
use super::cpio::{Archive, Member};
use super::signature::covers_payload;
use super::{Error, FileFlags, Header, PackagedFile, tags};
use crate::ids::Algorithm;

const TYPE: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const SYMLINK: u32 = 0o120_000;

/// Bytes that may follow the last file: archives were once padded to blocks.
const MOST_PADDING: u64 = 1 << 20;

/// A payload on its way through; yields each of its files once, in the order of the archive.
///
/// Files of a group of hard links share one content, which comes with one of them, mostly the last.
pub struct Payload<'a> {
    archive: Archive<Meter<Box<dyn Read + Send + 'a>>>,
    compression: Compression,
    files: Vec<PackagedFile>,
    /// Which file has a path; without the slash or dot that it may begin with.
    numbers: BTreeMap<Vec<u8>, usize>,
    /// Of every file, the group of hard links that it belongs to.
    group_of: BTreeMap<usize, usize>,
    groups: Vec<Vec<usize>>,
    seen: Vec<bool>,
    filled: Vec<bool>,
    algorithm: Option<Algorithm>,
    size: Option<u64>,
    current: Option<Current>,
    /// What follows bad content is not looked at.
    failed: bool,
}

/// The file whose content is being read.
struct Current {
    number: usize,
    left: u64,
    hasher: Option<Hasher>,
    sum: Option<(u32, u32)>,
    target: Option<Vec<u8>>,
}

/// A file that the archive has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packed {
    /// Which file of the header it is.
    pub number: usize,
    /// Whether its content follows. It does for every regular file, but once for each group of hard links.
    pub content: bool,
}

impl<'a> Payload<'a> {
    /// Opens the payload of a package that was read to its end: the bytes after its header.
    ///
    /// What the header states of the bytes as they come was checked then, and each file's digest is checked here.
    /// Where the two leave nothing out, a digest of the uncompressed whole is not computed: it would be the third of
    /// the same bytes, and takes a tenth of the time of all unpacking. To rpm, too, one of the two is enough.
    pub fn open(header: &Header, reader: impl Read + Send + 'a) -> Result<Self, Error> {
        refuse_delta(header)?;
        let stated = header.string(tags::PAYLOAD_COMPRESSOR)?.unwrap_or(b"gzip");
        let (compression, reader) = decompress(reader, stated)?;
        let files = header.files()?;
        let groups = link_groups(&files, &header.numbers(tags::FILE_DEVICES)?);
        let mut group_of = BTreeMap::new();
        for (group, members) in groups.iter().enumerate() {
            group_of.extend(members.iter().map(|&member| (member, group)));
        }
        let mut numbers = BTreeMap::new();
        for (number, file) in files.iter().enumerate() {
            if numbers.insert(plain(&file.path).to_vec(), number).is_some() {
                return Err(Error::file(&file.path, "the header lists it twice"));
            }
        }
        let algorithm = header.file_digest_algorithm()?;
        let expected = match algorithm.is_some() && files.iter().all(is_covered) {
            true if covers_payload(header)? => Vec::new(),
            _ => uncompressed_digests(header)?,
        };
        Ok(Payload {
            archive: Archive::new(Meter::new(reader, expected), compression.name()),
            compression,
            seen: vec![false; files.len()],
            filled: vec![false; groups.len()],
            files,
            numbers,
            group_of,
            groups,
            algorithm,
            size: header.number(tags::PAYLOAD_SIZE_ALT)?,
            current: None,
            failed: false,
        })
    }

    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// The files of the header, whose numbers are in what [`Payload::next_file`] gives.
    pub fn files(&self) -> &[PackagedFile] {
        &self.files
    }

    /// Files that are one file by several names: numbers, ascending, two or more.
    pub fn links(&self) -> &[Vec<usize>] {
        &self.groups
    }

    /// Bytes of the archive that have been read, which in the end are all.
    pub fn length(&self) -> u64 {
        self.archive.inner.length
    }

    /// Goes to the next file, checking what was left of the one before; `None` after the last.
    ///
    /// After the last file, what the header lists must have come, and all checksums of the archive must fit.
    pub fn next_file(&mut self) -> Result<Option<Packed>, Error> {
        self.skip()?;
        if self.failed {
            return Err(Error::payload("an earlier file of it is bad"));
        }
        let (number, size, sum) = match self.archive.next()? {
            Member::Trailer => return self.end().map(|()| None),
            Member::Numbered(number) => {
                let number = usize::try_from(number).unwrap_or(usize::MAX);
                if number >= self.files.len() {
                    let reason = format!(
                        "it has a file {number}, but the header has {}",
                        self.files.len()
                    );
                    return Err(Error::payload(reason));
                }
                (number, self.expected_size(number), None)
            }
            Member::Named { name, size, sum } => {
                let number = self.numbers.get(plain(&name)).copied();
                let number =
                    number.ok_or_else(|| Error::file(&name, "the header does not list it"))?;
                (number, size, sum)
            }
        };
        if std::mem::replace(&mut self.seen[number], true) {
            return Err(Error::file(&self.files[number].path, "it comes twice"));
        }
        self.begin(number, size, sum).map(Some)
    }

    /// Bytes of a file in the stripped form, which does not say.
    fn expected_size(&self, number: usize) -> u64 {
        let file = &self.files[number];
        let last = match self.group_of.get(&number) {
            Some(&group) => self.groups[group].last() == Some(&number),
            None => true,
        };
        match file.mode & TYPE {
            REGULAR if last => file.size,
            SYMLINK => file.size,
            _ => 0,
        }
    }

    fn begin(&mut self, number: usize, size: u64, sum: Option<u32>) -> Result<Packed, Error> {
        let file = &self.files[number];
        let kind = file.mode & TYPE;
        let group = self.group_of.get(&number).copied();
        // A zero-length member of a link group stands for the content that another one brings.
        let content = kind == REGULAR && (group.is_none() || size > 0 || file.size == 0);
        let right = match kind {
            REGULAR if !content => 0,
            REGULAR => file.size,
            SYMLINK => file.target.len() as u64,
            _ => 0,
        };
        if size != right {
            let reason = format!("it has {size} bytes, but the header states {right}");
            return Err(Error::file(&file.path, reason));
        }
        if let (true, Some(group)) = (content, group) {
            self.filled[group] = true;
        }
        let hasher = self.algorithm.map(Hasher::new);
        self.current = Some(Current {
            number,
            left: size,
            hasher: hasher.filter(|_| content && !file.digest.is_empty()),
            sum: sum.filter(|_| content).map(|sum| (sum, 0)),
            target: (kind == SYMLINK).then(Vec::new),
        });
        Ok(Packed { number, content })
    }

    fn skip(&mut self) -> Result<(), Error> {
        let mut buffer = [0; 1 << 13];
        while self.content(&mut buffer)? > 0 {}
        Ok(())
    }

    fn content(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let read = self.content_unless_bad(buffer);
        if read.is_err() {
            (self.failed, self.current) = (true, None);
        }
        read
    }

    fn content_unless_bad(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let Some(current) = &mut self.current else {
            return Ok(0);
        };
        if buffer.is_empty() {
            return Ok(0);
        }
        if current.left == 0 {
            let current = self.current.take().expect("it was there a line ago");
            self.archive.pad()?;
            return self.finish(current).map(|()| 0);
        }
        let most = usize::try_from(current.left).unwrap_or(usize::MAX);
        let most = most.min(buffer.len());
        let length = self.archive.read(&mut buffer[..most])?;
        if length == 0 {
            return Err(Error::Truncated { part: "payload" });
        }
        let bytes = &buffer[..length];
        current.left -= length as u64;
        if let Some(hasher) = &mut current.hasher {
            hasher.update(bytes);
        }
        if let Some((_, sum)) = &mut current.sum {
            *sum = bytes
                .iter()
                .fold(*sum, |sum, &byte| sum.wrapping_add(byte.into()));
        }
        if let Some(target) = &mut current.target {
            // No longer than the header's target, which is in memory already.
            target.extend_from_slice(bytes);
        }
        Ok(length)
    }

    fn finish(&self, current: Current) -> Result<(), Error> {
        let file = &self.files[current.number];
        let bad = |reason: String| Err(Error::file(&file.path, reason));
        if let Some((stated, found)) = current.sum
            && stated != found
        {
            return bad(format!(
                "its bytes add up to {found}, but the archive states {stated}"
            ));
        }
        if let Some(hasher) = current.hasher {
            let found = hasher.finish();
            if found != file.digest {
                return bad(format!(
                    "its digest is {found}, but the header states {}",
                    file.digest
                ));
            }
        }
        match current.target {
            Some(target) if target != file.target => {
                bad("it links to something else than the header states".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn end(&mut self) -> Result<(), Error> {
        let missing = |(file, &seen): (&PackagedFile, &bool)| {
            (!seen && !file.flags.has(FileFlags::GHOST)).then(|| file.path.clone())
        };
        if let Some(path) = self.files.iter().zip(&self.seen).find_map(missing) {
            return Err(Error::file(
                &path,
                "the header lists it, but it never comes",
            ));
        }
        if let Some(group) = self.filled.iter().position(|filled| !filled) {
            let path = &self.files[self.groups[group][0]].path;
            return Err(Error::file(path, "none of its hard links has the content"));
        }
        self.padding()?;
        let meter = &mut self.archive.inner;
        if self.size.is_some_and(|size| size != meter.length) {
            return Err(Error::Mismatch {
                what: "length of the uncompressed payload",
                stated: self.size.unwrap_or_default().to_string(),
                found: meter.length.to_string(),
            });
        }
        std::mem::take(&mut meter.expected)
            .into_iter()
            .try_for_each(Expectation::check)
    }

    /// Reads to the very end, where compressors keep checksums of their own.
    fn padding(&mut self) -> Result<(), Error> {
        let mut buffer = [0; 1 << 12];
        let mut total = 0;
        loop {
            let length = self.archive.read(&mut buffer)?;
            total += length as u64;
            if length == 0 {
                return Ok(());
            }
            if total > MOST_PADDING || buffer[..length].iter().any(|&byte| byte != 0) {
                return Err(Error::payload("bytes follow the end of the archive"));
            }
        }
    }
}

/// Reads the content of the current file; what is wrong with it comes out where it would end.
impl Read for Payload<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.content(buffer)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}

/// Delta RPMs have the header of a package, but can't be unpacked by themselves.
pub(super) fn refuse_delta(header: &Header) -> Result<(), Error> {
    match header.string(tags::PAYLOAD_FORMAT)? {
        Some(b"drpm") => Err(Error::Delta),
        Some(b"cpio") | None => Ok(()),
        Some(other) => Err(Error::malformed(
            "payload",
            format!(
                "its format is {:?}, not cpio",
                String::from_utf8_lossy(other)
            ),
        )),
    }
}

fn uncompressed_digests(header: &Header) -> Result<Vec<Expectation>, Error> {
    const WHAT: &str = "digest of the uncompressed payload";
    let mut expected = Vec::new();
    for (tag, algorithm) in [
        (tags::PAYLOAD_DIGEST_ALT, digest_algorithm(header)?),
        (tags::PAYLOAD_SHA512_ALT, Some(Algorithm::Sha512)),
    ] {
        expect(header, &mut expected, tag, algorithm, WHAT)?;
    }
    Ok(expected)
}

/// Whether a file has no content, or a digest of it.
fn is_covered(file: &PackagedFile) -> bool {
    let content = file.mode & TYPE == REGULAR && !file.flags.has(FileFlags::GHOST);
    !content || !file.digest.is_empty()
}

/// The algorithm of the payload's digests; SHA-256 where the header leaves it out, as v6 packages do.
pub(super) fn digest_algorithm(header: &Header) -> Result<Option<Algorithm>, Error> {
    Ok(match header.number(tags::PAYLOAD_DIGEST_ALGORITHM)? {
        None => Some(Algorithm::Sha256),
        Some(number) => super::file::algorithm(number),
    })
}

/// Notes a digest that the header states; one of an algorithm unknown here is passed over.
pub(super) fn expect(
    header: &Header,
    expected: &mut Vec<Expectation>,
    tag: u32,
    algorithm: Option<Algorithm>,
    what: &'static str,
) -> Result<(), Error> {
    if let (Some(stated), Some(algorithm)) = (header.string(tag)?, algorithm) {
        let stated = String::from_utf8_lossy(stated).into_owned();
        expected.push(Expectation::new(what, algorithm, stated));
    }
    Ok(())
}

/// A path as header and archive have in common: archives say `./usr`, `/usr` or `usr`.
fn plain(path: &[u8]) -> &[u8] {
    let path = path
        .strip_prefix(b".")
        .filter(|p| p.starts_with(b"/"))
        .unwrap_or(path);
    path.strip_prefix(b"/").unwrap_or(path)
}

/// Regular files of one inode. What differs in content can't be one file, whatever a careless builder wrote;
/// modes and owners may differ, as a spec file can say others for each name.
fn link_groups(files: &[PackagedFile], devices: &[u64]) -> Vec<Vec<usize>> {
    let mut groups: BTreeMap<(u64, u32), Vec<usize>> = BTreeMap::new();
    for (number, file) in files.iter().enumerate() {
        if file.mode & TYPE == REGULAR && !file.flags.has(FileFlags::GHOST) {
            let device = devices.get(number).copied().unwrap_or(0);
            groups.entry((device, file.inode)).or_default().push(number);
        }
    }
    let one = |group: &Vec<usize>| {
        let first = &files[group[0]];
        group.len() > 1
            && group[1..]
                .iter()
                .map(|&number| &files[number])
                .all(|file| (file.size, &file.digest) == (first.size, &first.digest))
    };
    groups.into_values().filter(one).collect()
}
