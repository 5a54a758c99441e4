//! From a tree to an image.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Seek, SeekFrom, Write};

use super::data::{Data, Fragment, Stored};
use super::directory::{Named, listing};
use super::inode::{self, Common, DIRECTORY, Listing};
use super::metadata::{Metadata, Output, Place};
use super::xattrs::Xattrs;
use super::{Compression, Error, NONE, NONE32, Open};
use crate::ids::{BlobId, TreePath};
use crate::tree::{Builder, Child, Content, Leaf, Meta};

/// What decides the bytes of an image, besides its tree.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub compression: Compression,
    /// Seconds since 1970: of the image, and of files that have no time of their own.
    pub time: i64,
}

/// Bytes of a data block.
const BLOCK: u32 = 128 * 1024;
const SUPERBLOCK: u64 = 96;
const PADDED: u64 = 4096;

/// In the superblock: files with the same bytes share them; there are no attributes.
const SHARED: u16 = 0x40;
const NO_XATTRS: u16 = 0x200;

/// Writes a tree that was opened down to its last directory, with groups of paths that are one file.
///
/// Attributes other than `user.`, `trusted.` and `security.` are left out. Returns the length of the image.
pub fn write<W: Write + Seek>(
    tree: &Builder,
    links: &BTreeSet<Vec<TreePath>>,
    options: &Options,
    open: &Open<'_>,
    to: &mut W,
) -> Result<u64, Error> {
    to.write_all(&[0; SUPERBLOCK as usize])?;
    let mut output = Output {
        writer: to,
        position: SUPERBLOCK,
    };
    let mut data = Data::new(options.compression, BLOCK as usize, &mut output);
    for (path, child) in tree.paths() {
        match child {
            Child::Leaf(Leaf {
                content: Content::File { size, blob },
                ..
            }) => data.add(*blob, *size, open)?,
            Child::Finished(_) => return Err(Error::NotOpened(path)),
            _ => {}
        }
    }
    let (stored, fragments) = data.finish()?;
    let mut inodes = Inodes::new(tree, links, options, stored);
    let root = inodes.write()?;
    let superblock = inodes.finish(root, &fragments, &mut output)?;
    let length = output.position.next_multiple_of(PADDED);
    output.write(&vec![0; (length - output.position) as usize])?;
    to.seek(SeekFrom::Start(0))?;
    to.write_all(&superblock)?;
    to.flush()?;
    Ok(length)
}

/// A directory, with the number of its inode.
struct Folder<'a> {
    path: TreePath,
    directory: &'a Builder,
    number: u32,
    parent: usize,
    /// Known once it is written, after all that are in it.
    inode: Option<Place>,
    /// The directories in it, in the order of their names.
    below: Vec<usize>,
    /// The number of the first thing in it; the others follow in the order of their names.
    first: u32,
}

struct Inodes<'a> {
    options: &'a Options,
    stored: BTreeMap<BlobId, Stored>,
    /// Parents first.
    folders: Vec<Folder<'a>>,
    /// The group of each path that has others.
    groups: BTreeMap<&'a TreePath, usize>,
    links: Vec<&'a Vec<TreePath>>,
    /// The inodes of the groups that were met.
    linked: BTreeMap<usize, (Place, u32)>,
    inodes: Metadata,
    listings: Metadata,
    xattrs: Xattrs,
    ids: BTreeMap<u32, u16>,
    count: u32,
}

impl<'a> Inodes<'a> {
    fn new(
        tree: &'a Builder,
        links: &'a BTreeSet<Vec<TreePath>>,
        options: &'a Options,
        stored: BTreeMap<BlobId, Stored>,
    ) -> Self {
        let mut folders = vec![Folder {
            path: TreePath::root(),
            directory: tree,
            number: 1,
            parent: 0,
            inode: None,
            below: Vec::new(),
            first: 2,
        }];
        // What is in one directory has numbers that follow each other: so runs of names are long.
        let mut number = 2;
        let mut next = 0;
        while next < folders.len() {
            let (directory, path) = (folders[next].directory, folders[next].path.clone());
            folders[next].first = number;
            for (name, child) in &directory.children {
                if let Child::Directory(directory) = child {
                    let place = folders.len();
                    folders[next].below.push(place);
                    folders.push(Folder {
                        path: path.join(name).expect("children have names"),
                        directory,
                        number,
                        parent: next,
                        inode: None,
                        below: Vec::new(),
                        first: 0,
                    });
                }
                number += 1;
            }
            next += 1;
        }
        let links: Vec<&Vec<TreePath>> = links.iter().collect();
        let numbered = links.iter().enumerate();
        let groups =
            numbered.flat_map(|(group, paths)| paths.iter().map(move |path| (path, group)));
        Inodes {
            options,
            stored,
            groups: groups.collect(),
            folders,
            links,
            linked: BTreeMap::new(),
            inodes: Metadata::new(options.compression),
            listings: Metadata::new(options.compression),
            xattrs: Xattrs::new(options.compression),
            ids: BTreeMap::new(),
            count: number - 1,
        }
    }

    /// Writes all inodes, deepest first; returns the place of the root's.
    fn write(&mut self) -> Result<Place, Error> {
        let mut root = None;
        for place in (0..self.folders.len()).rev() {
            let inode = self.folder(place)?;
            self.folders[place].inode = Some(inode);
            root = Some(inode);
        }
        Ok(root.expect("there is always a root"))
    }

    fn folder(&mut self, place: usize) -> Result<Place, Error> {
        let folder = &self.folders[place];
        let (directory, number, first) = (folder.directory, folder.number, folder.first);
        let (path, mut below) = (folder.path.clone(), folder.below.clone().into_iter());
        let parent = match place {
            // Nothing is above the root: a number that nobody has.
            0 => self.count + 1,
            _ => self.folders[folder.parent].number,
        };
        let links = 2 + folder.below.len() as u32;
        let mut names = Vec::with_capacity(directory.children.len());
        for (own, (name, child)) in (first..).zip(&directory.children) {
            let (inode, number, kind) = match child {
                Child::Directory(_) => {
                    let below = below.next().expect("each was counted");
                    let below = &self.folders[below];
                    let inode = below.inode.expect("deeper ones are written before");
                    (inode, below.number, DIRECTORY)
                }
                Child::Leaf(leaf) => {
                    let path = path.join(name).expect("children have names");
                    let (inode, number) = self.leaf(&path, leaf, own)?;
                    (inode, number, inode::kind(&leaf.content))
                }
                Child::Finished(_) => unreachable!("the files were looked through before"),
            };
            names.push(Named {
                name,
                inode,
                number,
                kind,
            });
        }
        let bytes = listing(&names);
        let at = self.listings.place()?;
        self.listings.add(&bytes)?;
        let length = u32::try_from(bytes.len() + 3);
        length.map_err(|_| Error::TooMany("4 GiB of names in a directory"))?;
        let listing = Listing {
            block: at.block,
            offset: at.offset,
            length: bytes.len() as u32,
            parent,
        };
        let common = self.common(&directory.meta, number, links)?;
        self.inode(&inode::directory(&common, &listing))
    }

    fn leaf(&mut self, path: &TreePath, leaf: &Leaf, own: u32) -> Result<(Place, u32), Error> {
        let group = self.groups.get(path).copied();
        if let Some(met) = group.and_then(|group| self.linked.get(&group)) {
            return Ok(*met);
        }
        let links = group.map_or(1, |group| self.links[group].len() as u32);
        let common = self.common(&leaf.meta, own, links)?;
        let bytes = match &leaf.content {
            Content::File { blob, .. } => {
                let empty = Stored {
                    fragment: (NONE32, 0),
                    ..Stored::default()
                };
                inode::file(&common, self.stored.get(blob).unwrap_or(&empty))
            }
            content => inode::other(&common, content),
        };
        let met = (self.inode(&bytes)?, own);
        if let Some(group) = group {
            self.linked.insert(group, met);
        }
        Ok(met)
    }

    fn inode(&mut self, bytes: &[u8]) -> Result<Place, Error> {
        let place = self.inodes.place()?;
        self.inodes.add(bytes)?;
        Ok(place)
    }

    fn common(&mut self, meta: &Meta, number: u32, links: u32) -> Result<Common, Error> {
        let time = meta.mtime.unwrap_or(self.options.time);
        Ok(Common {
            mode: meta.mode,
            uid: self.id(meta.uid)?,
            gid: self.id(meta.gid)?,
            mtime: time.clamp(0, i64::from(u32::MAX)) as u32,
            number,
            links,
            xattrs: self.xattrs.number(&meta.xattrs)?,
        })
    }

    fn id(&mut self, id: u32) -> Result<u16, Error> {
        let next = self.ids.len();
        match self.ids.get(&id) {
            Some(&place) => Ok(place),
            None if next < usize::from(u16::MAX) => {
                self.ids.insert(id, next as u16);
                Ok(next as u16)
            }
            None => Err(Error::Owners),
        }
    }

    /// Writes the tables; returns the superblock.
    fn finish(
        self,
        root: Place,
        fragments: &[Fragment],
        output: &mut Output<'_>,
    ) -> Result<Vec<u8>, Error> {
        let compression = self.options.compression;
        let inodes = output.position;
        self.inodes.finish(output)?;
        let listings = output.position;
        self.listings.finish(output)?;
        let mut table = Metadata::new(compression);
        for (start, length) in fragments {
            table.add(&start.to_le_bytes())?;
            table.add(&length.to_le_bytes())?;
            table.add(&[0; 4])?;
        }
        let fragment_table = table.finish_table(output)?;
        let fragment_table = if fragments.is_empty() {
            NONE
        } else {
            fragment_table
        };
        let mut by_place: Vec<(u16, u32)> =
            self.ids.iter().map(|(id, place)| (*place, *id)).collect();
        by_place.sort_unstable();
        let mut table = Metadata::new(compression);
        for (_, id) in &by_place {
            table.add(&id.to_le_bytes())?;
        }
        let ids = table.finish_table(output)?;
        let xattrs = self.xattrs.finish(compression, output)?;
        let flags = SHARED | if xattrs == NONE { NO_XATTRS } else { 0 };
        let time = self.options.time.clamp(0, i64::from(u32::MAX)) as u32;

        let mut bytes = b"hsqs".to_vec();
        for value in [self.count, time, BLOCK, fragments.len() as u32] {
            bytes.extend(value.to_le_bytes());
        }
        let log = BLOCK.trailing_zeros() as u16;
        for value in [
            compression.number(),
            log,
            flags,
            by_place.len() as u16,
            4,
            0,
        ] {
            bytes.extend(value.to_le_bytes());
        }
        for value in [
            root.reference(),
            output.position,
            ids,
            xattrs,
            inodes,
            listings,
            fragment_table,
            // No table for exports by NFS.
            NONE,
        ] {
            bytes.extend(value.to_le_bytes());
        }
        debug_assert_eq!(bytes.len() as u64, SUPERBLOCK);
        Ok(bytes)
    }
}
