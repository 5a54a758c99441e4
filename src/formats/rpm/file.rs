//! A file as the header of a package describes it.

use super::header::{Header, text};
use super::{Error, tags};
use crate::ids::digest::Algorithm;

/// Bytes that all paths of one package may have.
const MOST_PATHS: usize = 1 << 28;

/// Flags of a packaged file (rpm, `include/rpm/rpmfiles.h`, `rpmfileAttrs`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FileFlags(pub u32);

impl FileFlags {
    pub const CONFIG: u32 = 1 << 0;
    pub const DOC: u32 = 1 << 1;
    pub const MISSING_OK: u32 = 1 << 3;
    pub const NO_REPLACE: u32 = 1 << 4;
    pub const GHOST: u32 = 1 << 6;
    pub const LICENSE: u32 = 1 << 7;
    pub const README: u32 = 1 << 8;
    pub const ARTIFACT: u32 = 1 << 12;

    pub const fn has(self, flag: u32) -> bool {
        self.0 & flag != 0
    }
}

/// Everything that the header says of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackagedFile {
    /// As in the header: absolute in binary packages, a bare name in source packages. Not yet checked.
    pub path: Vec<u8>,
    /// Type and permission bits, as in `st_mode`.
    pub mode: u32,
    pub user: String,
    pub group: String,
    pub mtime: i64,
    pub size: u64,
    /// Hex digest of the content; empty for what is not a regular file.
    pub digest: String,
    /// Empty unless it is a symbolic link.
    pub target: Vec<u8>,
    /// Device number of a device node, as the header packs it: major `(rdev >> 8) & 0xfff`, minor
    /// `(rdev & 0xff) | ((rdev >> 12) & 0xfff00)`, of which the header has 16 bits.
    pub rdev: u32,
    /// Equal inode (with more than one file) means a hard link.
    pub inode: u32,
    pub flags: FileFlags,
    /// As text, `cap_net_raw=ep`; empty for none.
    pub capabilities: String,
    /// 0 neutral, 1 ELF32, 2 ELF64: decides which of two packages of one name owns a shared path.
    pub color: u32,
    pub language: String,
}

/// Everything that the header says of its files; the lists are as long as there are files.
struct Lists<'a> {
    header: &'a Header,
    count: usize,
}

impl<'a> Lists<'a> {
    fn fits<T>(&self, tag: u32, list: Vec<T>) -> Result<Vec<T>, Error> {
        match list.len() {
            0 => Ok(list),
            length if length == self.count => Ok(list),
            length => Err(Error::tag(
                tag,
                format!("it has {length} values for {} files", self.count),
            )),
        }
    }

    fn numbers(&self, tag: u32) -> Result<Vec<u64>, Error> {
        self.fits(tag, self.header.numbers(tag)?)
    }

    fn strings(&self, tag: u32) -> Result<Vec<&'a [u8]>, Error> {
        self.fits(tag, self.header.strings(tag)?)
    }
}

fn at(list: &[u64], index: usize) -> u64 {
    list.get(index).copied().unwrap_or(0)
}

/// What the header keeps in 32 bits or fewer.
fn short(list: &[u64], index: usize) -> u32 {
    u32::try_from(at(list, index)).unwrap_or(u32::MAX)
}

fn bytes<'a>(list: &[&'a [u8]], index: usize) -> &'a [u8] {
    list.get(index).copied().unwrap_or_default()
}

impl Header {
    /// The paths of all files, in the order of the header.
    pub fn paths(&self) -> Result<Vec<Vec<u8>>, Error> {
        let names = self.strings(tags::BASE_NAMES)?;
        if names.is_empty() {
            let old = self.strings(tags::OLD_FILE_NAMES)?;
            return Ok(old.into_iter().map(<[u8]>::to_vec).collect());
        }
        let directories = self.strings(tags::DIRECTORY_NAMES)?;
        let indexes = self.numbers(tags::DIRECTORY_INDEXES)?;
        let list = Lists {
            header: self,
            count: names.len(),
        };
        let indexes = list.fits(tags::DIRECTORY_INDEXES, indexes)?;
        let mut paths = Vec::with_capacity(names.len());
        // Every file could repeat one long directory: what it adds up to is limited like the header itself.
        let mut total = 0usize;
        for (name, index) in names.iter().zip(indexes) {
            let directory = usize::try_from(index)
                .ok()
                .and_then(|index| directories.get(index))
                .ok_or_else(|| {
                    Error::tag(
                        tags::DIRECTORY_INDEXES,
                        format!("there is no directory {index}"),
                    )
                })?;
            let path = [*directory, *name].concat();
            total += path.len();
            if total > MOST_PATHS {
                return Err(Error::tag(
                    tags::BASE_NAMES,
                    "its paths take more than 256 MiB",
                ));
            }
            paths.push(path);
        }
        if paths.len() == names.len() {
            Ok(paths)
        } else {
            Err(Error::tag(
                tags::DIRECTORY_INDEXES,
                "it is missing, though there are files",
            ))
        }
    }

    /// Every file that the package has, in the order of the header.
    pub fn files(&self) -> Result<Vec<PackagedFile>, Error> {
        let paths = self.paths()?;
        let lists = Lists {
            header: self,
            count: paths.len(),
        };
        let sizes = match self.has(tags::LONG_FILE_SIZES) {
            true => lists.numbers(tags::LONG_FILE_SIZES)?,
            false => lists.numbers(tags::FILE_SIZES)?,
        };
        let modes = lists.numbers(tags::FILE_MODES)?;
        let rdevs = lists.numbers(tags::FILE_RDEVS)?;
        let mtimes = lists.numbers(tags::FILE_MTIMES)?;
        let inodes = lists.numbers(tags::FILE_INODES)?;
        let flags = lists.numbers(tags::FILE_FLAGS)?;
        let colors = lists.numbers(tags::FILE_COLORS)?;
        let digests = lists.strings(tags::FILE_DIGESTS)?;
        let targets = lists.strings(tags::FILE_LINKTOS)?;
        let users = lists.strings(tags::FILE_USERS)?;
        let groups = lists.strings(tags::FILE_GROUPS)?;
        let languages = lists.strings(tags::FILE_LANGUAGES)?;
        let capabilities = lists.strings(tags::FILE_CAPABILITIES)?;
        // Packages of the v6 format leave out owners that are all root.
        let owner = |list: &[&[u8]], i: usize| list.get(i).map_or("root".to_owned(), |n| text(n));
        let files = paths.into_iter().enumerate().map(|(i, path)| PackagedFile {
            path,
            mode: short(&modes, i),
            user: owner(&users, i),
            group: owner(&groups, i),
            mtime: i64::from(short(&mtimes, i)),
            size: at(&sizes, i),
            digest: text(bytes(&digests, i)).to_ascii_lowercase(),
            target: bytes(&targets, i).to_vec(),
            rdev: short(&rdevs, i),
            inode: short(&inodes, i),
            flags: FileFlags(short(&flags, i)),
            capabilities: text(bytes(&capabilities, i)),
            color: short(&colors, i),
            language: text(bytes(&languages, i)),
        });
        Ok(files.collect())
    }

    /// The algorithm of the files' digests; MD5 where the header does not say.
    pub fn file_digest_algorithm(&self) -> Result<Option<Algorithm>, Error> {
        Ok(match self.number(tags::FILE_DIGEST_ALGORITHM)? {
            None => Some(Algorithm::Md5),
            Some(number) => algorithm(number),
        })
    }
}

/// A hash algorithm by its OpenPGP number (RFC 4880 §9.4); `None` for one that is not known here.
pub fn algorithm(number: u64) -> Option<Algorithm> {
    Some(match number {
        1 => Algorithm::Md5,
        2 => Algorithm::Sha1,
        8 => Algorithm::Sha256,
        9 => Algorithm::Sha384,
        10 => Algorithm::Sha512,
        11 => Algorithm::Sha224,
        _ => return None,
    })
}
