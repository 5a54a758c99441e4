//! An OCI layout as one file, the form in which composes carry container images.
//!
//! It is a tar archive of the layout's files, as `skopeo` writes `oci-archive:`;
//! held as parts, so that the layers in it are those of the layout.

use super::{Error, Workspace};
use crate::ids::{BlobId, TreeId, TreePath};
use crate::tree::{Assembly, Content, Directory, Part, Visit, walk};

/// The file that makes a directory an OCI layout.
pub const MARK: &str = "oci-layout";

const BLOCK: u64 = 512;

/// What stands behind the last file.
const END: usize = 1024;

/// The longest name, and the first size that is too large, for the header of a file.
const NAME: usize = 100;
const SIZE: u64 = 1 << 33;

/// The archive of a layout; every file in it has the time, in seconds since 1970.
pub fn archive(
    layout: TreeId,
    time: i64,
    workspace: &dyn Workspace,
) -> Result<(BlobId, u64), Error> {
    let mut parts = Vec::new();
    let mut add = |path: &TreePath, visit: Visit<'_>| -> Result<(), Error> {
        let leaf = match visit {
            // Directories that are not named are made by some readers in the name of root, which few are.
            Visit::Directory { .. } if !path.is_root() => {
                let bytes = head(path, None, time)?;
                parts.push(Part::Inline { bytes });
                return Ok(());
            }
            Visit::Directory { .. } => return Ok(()),
            Visit::Leaf(leaf) => leaf,
        };
        let Content::File { blob, size } = leaf.content else {
            return Ok(());
        };
        let mut bytes = head(path, Some(size), time)?;
        if size > 0 {
            parts.push(Part::Inline { bytes });
            parts.push(Part::Range {
                blob,
                offset: 0,
                length: size,
            });
            bytes = vec![0; (size.next_multiple_of(BLOCK) - size) as usize];
        }
        if !bytes.is_empty() {
            parts.push(Part::Inline { bytes });
        }
        Ok(())
    };
    let read = |id: TreeId| -> Result<Directory, Error> {
        Ok(Directory::clone(&*workspace.directory(id)?))
    };
    walk(layout, &read, &mut add)?;
    parts.push(Part::Inline {
        bytes: vec![0; END],
    });
    Ok(workspace.assemble(&Assembly { parts })?)
}

/// A ustar header, by POSIX.1-2001, of a file with its size, or of a directory; they are root's.
fn head(path: &TreePath, size: Option<u64>, time: i64) -> Result<Vec<u8>, Error> {
    let (mode, kind) = match size {
        Some(_) => (b"0000644\0", b"0"),
        None => (b"0000755\0", b"5"),
    };
    let size = size.unwrap_or(0);
    let name = path.as_bytes();
    if name.len() > NAME || size >= SIZE {
        return Err(Error::Unarchivable { path: path.clone() });
    }
    let mut head = vec![0; BLOCK as usize];
    let mut put = |at: usize, bytes: &[u8]| head[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, name);
    put(100, mode);
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{size:011o}\0").as_bytes());
    put(
        136,
        format!("{:011o}\0", time.clamp(0, SIZE as i64 - 1)).as_bytes(),
    );
    // Its own sum is taken for spaces in it.
    put(148, b"        ");
    put(156, kind);
    put(257, b"ustar\x0000");
    let sum: u64 = head.iter().map(|byte| u64::from(*byte)).sum();
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Ok(head)
}
