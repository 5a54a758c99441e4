//! A layer as stretches of one stream: one for each large file, and some for what lies between.
//!
//! The stretch of a large file is the stream of its object in an OSTree repository, but for the mark of its end;
//! it is kept once for both and for all layers. So a layer in which one file changed is little that is new,
//! and one beside a repository costs next to nothing.
//!
//! Gzip would let each be a member of its own (RFC 1952, 2.2), but bootc reads the first only,
//! and takes the layer for one that was cut off.

use std::io::{self, Read};

use rayon::prelude::*;

use super::Error;
use super::archive::{Item, Segment, segments};
use crate::compose::ostree::content::regular;
use crate::compose::ostree::{group_ends_with, told};
use crate::compose::{self, Workspace, WorkspaceError, deflated};
use crate::formats::deflate::{self, Opening};
use crate::formats::tar;
use crate::ids::{BlobId, TreePath};
use crate::tree::{Assembly, Meta, Part};

/// What lies between large files is divided where it gets longer than this, besides where the names of paths say.
const LONGEST: u64 = 1 << 20;

/// A stretch that is shorter than this is said in the list of the layer: a file of its own would take more.
const SHORT: usize = 4096;

/// What one stretch holds.
pub enum Stretch {
    Large {
        path: TreePath,
        meta: Meta,
        blob: BlobId,
        size: u64,
    },
    Between(Vec<Segment>),
}

/// Divides an archive into stretches. Where it does depends on each path, not on those before:
/// a file that comes or goes leaves other stretches as they were.
pub fn divide(entries: &[(TreePath, Item)]) -> Result<Vec<Stretch>, Error> {
    let mut stretches = Vec::new();
    let (mut between, mut length) = (Vec::new(), 0);
    let close = |between: &mut Vec<Segment>, length: &mut u64| {
        *length = 0;
        let between = std::mem::take(between);
        (!between.is_empty()).then_some(Stretch::Between(between))
    };
    for (path, item) in entries {
        for segment in segments(path.clone(), item)? {
            match segment {
                Segment::File {
                    path,
                    meta,
                    blob,
                    size,
                } if size > deflated::LARGE => {
                    stretches.extend(close(&mut between, &mut length));
                    stretches.push(Stretch::Large {
                        path,
                        meta,
                        blob,
                        size,
                    });
                }
                segment => {
                    length += segment.length();
                    between.push(segment);
                }
            }
        }
        if length > LONGEST || group_ends_with(path) {
            stretches.extend(close(&mut between, &mut length));
        }
    }
    between.push(Segment::Bytes(tar::END.to_vec()));
    stretches.extend(close(&mut between, &mut length));
    Ok(stretches)
}

/// The layer but for its end, of parts that are stored; many stretches at a time.
pub fn compress(
    stretches: &[Stretch],
    workspace: &dyn Workspace,
) -> Result<Assembly, compose::Error> {
    let stretches = stretches.par_iter().map(|stretch| match stretch {
        Stretch::Large {
            path,
            meta,
            blob,
            size,
        } => large(path, meta, (*blob, *size), workspace),
        Stretch::Between(segments) => Ok(between(segments, workspace)?),
    });
    let stretches: Vec<Assembly> = stretches.collect::<Result<_, compose::Error>>()?;
    let mut layer = Assembly::default();
    layer.say(&deflate::GZIP_HEAD);
    for part in stretches.into_iter().flat_map(|stretch| stretch.parts) {
        match part {
            Part::Inline { bytes } => layer.say(&bytes),
            part => layer.parts.push(part),
        }
    }
    Ok(layer)
}

fn large(
    path: &TreePath,
    meta: &Meta,
    content: (BlobId, u64),
    workspace: &dyn Workspace,
) -> Result<Assembly, compose::Error> {
    let (blob, size) = content;
    let header = regular(meta);
    let source = (header.clone(), Some(content));
    let (object, length) = match told(&source, workspace)? {
        Some(object) => object,
        None => {
            let mut reader = Counting {
                reader: workspace.read(blob, 0, None)?,
                length: 0,
            };
            let object = deflated::object(&header, content, &mut reader, workspace)?;
            if reader.length != size {
                let path = path.clone();
                return Err(Error::Size { path, blob }.into());
            }
            object
        }
    };
    let begin = header.archived(size).len() as u64;
    let opening = Opening::of(workspace.read(object, begin, None)?);
    let failed = |e| WorkspaceError::new(format!("reading the stream in blob {object}"), e);
    let opening = opening.map_err(failed)?;
    let mark = begin + opening.offset;
    let mut stretch = Assembly::default();
    let range = |stretch: &mut Assembly, offset, end| {
        if offset < end {
            stretch.parts.push(Part::Range {
                blob: object,
                offset,
                length: end - offset,
            });
        }
    };
    range(&mut stretch, begin, mark);
    stretch.say(&[opening.byte]);
    range(&mut stretch, mark + 1, length);
    stretch.say(opening.behind);
    Ok(stretch)
}

fn between(segments: &[Segment], workspace: &dyn Workspace) -> Result<Assembly, Error> {
    let mut plain = Vec::new();
    for segment in segments {
        match segment {
            Segment::Bytes(bytes) => plain.extend_from_slice(bytes),
            Segment::File {
                path, blob, size, ..
            } => {
                let reader = workspace.read(*blob, 0, None)?;
                let read = reader.take(*size).read_to_end(&mut plain);
                let read =
                    read.map_err(|e| WorkspaceError::new(format!("compressing blob {blob}"), e))?;
                if read as u64 != *size {
                    let (path, blob) = (path.clone(), *blob);
                    return Err(Error::Size { path, blob });
                }
            }
        }
    }
    let bytes = deflate::open(&plain).map_err(Error::Compress)?;
    let mut stretch = Assembly::default();
    if bytes.len() < SHORT {
        stretch.say(&bytes);
        return Ok(stretch);
    }
    let (blob, length) = workspace.write(&mut bytes.as_slice())?;
    stretch.parts.push(Part::Range {
        blob,
        offset: 0,
        length,
    });
    Ok(stretch)
}

/// Content on its way into a stretch.
struct Counting<R> {
    reader: R,
    length: u64,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.reader.read(buffer)?;
        self.length += length as u64;
        Ok(length)
    }
}
