//! A file deflated: kept once, as the object that an archive repository of OSTree has of it, for all that need it.
//!
//! A gzip layer takes the stream out of it, for a stretch of its own.
//! Which form an object is kept in, its content decides:
//!
//! | content | stream | kept as |
//! |---|---|---|
//! | a database, as that of packages | pieces that are compressed each by itself | a list of them: where pages stay, so do pieces |
//! | long, and no shorter when compressed | stored blocks | a list of ranges of the content |
//! | all other | one | a blob |

use std::io::{self, Cursor, Read};

use super::{Workspace, WorkspaceError};
use crate::formats::deflate;
use crate::formats::ostree::FileHeader;
use crate::ids::BlobId;
use crate::tree::{Assembly, Part};

/// Files longer than this are stretches of their own in a gzip layer, in bytes.
/// Part of every gzip layer, and of every repository with a file that does not get shorter.
pub const LARGE: u64 = 16 * 1024;

/// Stores the object of a regular file, whose content is read to its end; gives its blob and length.
///
/// `size` is what the content must turn out to have: whoever reads another length takes no such object.
pub fn object(
    header: &FileHeader,
    (blob, size): (BlobId, u64),
    content: &mut dyn Read,
    workspace: &dyn Workspace,
) -> Result<(BlobId, u64), WorkspaceError> {
    let failed = |error| WorkspaceError::new(format!("compressing blob {blob}"), error);
    let start = header.archived(size);
    let at = start.len() as u64;
    let told = |object: (BlobId, u64)| {
        if size > LARGE {
            workspace.deflated(blob, object.0, at);
        }
        object
    };
    let mut begin = Vec::new();
    let begins = content.take(deflate::BEGIN).read_to_end(&mut begin);
    begins.map_err(failed)?;
    let in_pieces = deflate::is_in_pieces(&begin, size);
    let mut content = Cursor::new(begin).chain(content);
    if in_pieces {
        return pieces(start, &mut content, &failed, workspace);
    }
    if size > deflate::IN_MEMORY {
        let mut object = Cursor::new(start).chain(deflate::stream(content));
        return workspace.write(&mut object).map(told);
    }
    let mut bytes = Vec::with_capacity(size as usize + 1);
    // One byte more shows that it is longer than said.
    let read = content.take(size + 1).read_to_end(&mut bytes);
    read.map_err(failed)?;
    let stream = deflate::whole(&bytes).map_err(failed)?;
    if size > LARGE && bytes.len() as u64 == size && !is_shorter(stream.len(), bytes.len()) {
        return workspace.assemble(&stored(start, blob, size));
    }
    let mut object = Cursor::new(start).chain(stream.as_slice());
    workspace.write(&mut object).map(told)
}

/// Whether it is worth it to keep a stream beside the content: not for a thirtieth.
const fn is_shorter(stream: usize, content: usize) -> bool {
    stream < content / 32 * 31
}

fn pieces(
    start: Vec<u8>,
    content: &mut dyn Read,
    failed: &dyn Fn(io::Error) -> WorkspaceError,
    workspace: &dyn Workspace,
) -> Result<(BlobId, u64), WorkspaceError> {
    let mut assembly = Assembly::default();
    assembly.say(&start);
    loop {
        let mut piece = Vec::with_capacity(deflate::PIECE as usize);
        let read = (&mut *content).take(deflate::PIECE).read_to_end(&mut piece);
        read.map_err(failed)?;
        if piece.is_empty() {
            assembly.say(&deflate::END);
            return workspace.assemble(&assembly);
        }
        let stream = deflate::piece(&piece).map_err(failed)?;
        let (blob, length) = workspace.write(&mut stream.as_slice())?;
        assembly.parts.push(Part::Range {
            blob,
            offset: 0,
            length,
        });
    }
}

fn stored(start: Vec<u8>, blob: BlobId, size: u64) -> Assembly {
    let mut assembly = Assembly::default();
    assembly.say(&start);
    let mut offset = 0;
    for (head, length) in deflate::stored(size) {
        assembly.say(&head);
        assembly.parts.push(Part::Range {
            blob,
            offset,
            length,
        });
        offset += length;
    }
    assembly
}
