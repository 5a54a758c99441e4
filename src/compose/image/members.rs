//! A layer as members of a gzip file (RFC 1952, 2.2): one for each large file, and some for what lies between.
//!
//! The stream of a large file is that of its object in an OSTree repository, and kept once for both and for all layers;
//! so a layer in which one file changed is little that is new, and one beside a repository costs next to nothing.
//! Readers of layers take members as one file, as those of estargz are.

use std::io::{self, BufReader, Read};

use libdeflater::Crc;
use rayon::prelude::*;

use super::Error;
use super::archive::{Item, Segment, segments};
use crate::compose::ostree::content::regular;
use crate::compose::ostree::{group_ends_with, told};
use crate::compose::{self, Workspace, WorkspaceError, deflated};
use crate::formats::{deflate, tar};
use crate::ids::{BlobId, TreePath};
use crate::tree::{Assembly, Meta, Part};

/// What lies between large files is divided where it gets longer than this, besides where the names of paths say.
const LONGEST: u64 = 1 << 20;

/// A member that is shorter than this is said in the list of the layer: a file of its own would take more.
const SHORT: usize = 4096;

/// Content that is only summed is read in steps of this length.
const BUFFER: usize = 128 * 1024;

/// What one member holds.
pub enum Member {
    Large {
        path: TreePath,
        meta: Meta,
        blob: BlobId,
        size: u64,
    },
    Between(Vec<Segment>),
}

/// Divides an archive into members. Where it does depends on each path, not on those before:
/// a file that comes or goes leaves other members as they were.
pub fn divide(entries: &[(TreePath, Item)]) -> Result<Vec<Member>, Error> {
    let mut members = Vec::new();
    let (mut between, mut length) = (Vec::new(), 0);
    let close = |between: &mut Vec<Segment>, length: &mut u64| {
        *length = 0;
        let between = std::mem::take(between);
        (!between.is_empty()).then_some(Member::Between(between))
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
                    members.extend(close(&mut between, &mut length));
                    members.push(Member::Large {
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
            members.extend(close(&mut between, &mut length));
        }
    }
    between.push(Segment::Bytes(tar::END.to_vec()));
    members.extend(close(&mut between, &mut length));
    Ok(members)
}

/// The layer, of parts that are stored; many members at a time.
pub fn compress(members: &[Member], workspace: &dyn Workspace) -> Result<Assembly, compose::Error> {
    let members = members.par_iter().map(|member| match member {
        Member::Large {
            path,
            meta,
            blob,
            size,
        } => large(path, meta, (*blob, *size), workspace),
        Member::Between(segments) => Ok(between(segments, workspace)?),
    });
    let members: Vec<Assembly> = members.collect::<Result<_, compose::Error>>()?;
    let mut layer = Assembly::default();
    for part in members.into_iter().flat_map(|member| member.parts) {
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
    let mut reader = Summing {
        reader: workspace.read(blob, 0, None)?,
        sum: Crc::new(),
        length: 0,
    };
    let header = regular(meta);
    let source = (header.clone(), Some(content));
    let (object, length) = match told(&source, workspace)? {
        Some(object) => {
            let mut buffered = BufReader::with_capacity(BUFFER, &mut reader);
            let read = io::copy(&mut buffered, &mut io::sink());
            read.map_err(|e| WorkspaceError::new(format!("reading blob {blob}"), e))?;
            object
        }
        None => deflated::object(&header, content, &mut reader, workspace)?,
    };
    if reader.length != size {
        let path = path.clone();
        return Err(Error::Size { path, blob }.into());
    }
    let offset = header.archived(size).len() as u64;
    let mut member = Assembly::default();
    member.say(&deflate::MEMBER_HEAD);
    member.parts.push(Part::Range {
        blob: object,
        offset,
        length: length - offset,
    });
    member.say(&deflate::member_tail(reader.sum.sum(), size));
    Ok(member)
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
    let bytes = deflate::member(&plain).map_err(Error::Compress)?;
    let mut member = Assembly::default();
    if bytes.len() < SHORT {
        member.say(&bytes);
        return Ok(member);
    }
    let (blob, length) = workspace.write(&mut bytes.as_slice())?;
    member.parts.push(Part::Range {
        blob,
        offset: 0,
        length,
    });
    Ok(member)
}

/// Content on its way into a member.
struct Summing<R> {
    reader: R,
    sum: Crc,
    length: u64,
}

impl<R: Read> Read for Summing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.reader.read(buffer)?;
        self.sum.update(&buffer[..length]);
        self.length += length as u64;
        Ok(length)
    }
}
