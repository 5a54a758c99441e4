//! `unpack`: the files of a package as a tree, beside the header that knows their owners.
//!
//! ```text
//! header     the header as it is in the package
//! files/     what the payload holds, at its path
//! ```
//!
//! Owners are names in a header; what they number is for whoever composes a root to say. Here all is of root.

use std::collections::BTreeMap;
use std::io::Read;

use super::import::{CONTENT, root_name};
use super::{Composed, Composer, Error, Output, Workspace, WorkspaceError};
use crate::formats::rpm::{
    self, Capabilities, FileFlags, Header, PackagedFile, Payload, capabilities,
};
use crate::ids::{BlobId, TreePath};
use crate::plan::{Derivation, parameters};
use crate::tree::{Builder, Child, Content, Leaf, Meta};

/// The file with the header, and the directory with the files, in an entry of kind `unpacked`.
pub const HEADER: &str = "header";
pub const FILES: &str = "files";

pub struct Unpack;

impl Composer for Unpack {
    fn version(&self) -> u32 {
        2
    }

    fn compose(
        &self,
        derivation: &Derivation,
        workspace: &dyn Workspace,
    ) -> Result<Composed, Error> {
        let kind = "unpack";
        let parameters::Unpack {} = super::parameters(kind, derivation)?;
        let (content, _) = super::input_file(kind, CONTENT, CONTENT, derivation, workspace)?;
        let mut reader = workspace.read(content, 0, None)?;
        let header = Header::read(&mut reader)?;

        let mut builder = Builder::default();
        let image = workspace.file(0o644, header.image())?;
        builder.insert(&root_name(HEADER), Child::Leaf(image))?;
        builder.directory(&root_name(FILES))?;
        let mut payload = Payload::open(&header, reader)?;
        let paths = paths(payload.files())?;
        let contents = store(&mut payload, workspace)?;
        let lasts = lasts(payload.links());
        for number in 0..paths.len() {
            if let Some(content) = &contents[number] {
                let last = lasts.get(&number).copied().unwrap_or(number);
                let file = &payload.files()[last];
                place(&mut builder, &paths[number], file, content)?;
            }
        }
        let mut output = Output::new("unpacked", workspace.finish(&builder)?);
        for group in payload.links() {
            let mut links: Vec<_> = group.iter().map(|&number| paths[number].clone()).collect();
            links.sort();
            output.links.insert(links);
        }
        Ok(Composed::of(output))
    }
}

/// Where each file goes; a path that would leave the tree is an error here.
fn paths(files: &[PackagedFile]) -> Result<Vec<TreePath>, Error> {
    let mut paths = Vec::with_capacity(files.len());
    for file in files {
        let path = TreePath::parse(&file.path)?;
        paths.push(TreePath::parse(
            [FILES.as_bytes(), b"/", path.as_bytes()].concat(),
        )?);
    }
    Ok(paths)
}

/// The last name of each file that has several: mode, time and capabilities are said of that one, as rpm sets them.
fn lasts(links: &[Vec<usize>]) -> BTreeMap<usize, usize> {
    let groups = links
        .iter()
        .filter_map(|group| Some((group, *group.last()?)));
    let lasts = groups.flat_map(|(group, last)| group.iter().map(move |&number| (number, last)));
    lasts.collect()
}

/// What a file of the payload is; a directory has nothing further.
enum Stored {
    Directory,
    Leaf(Content),
}

/// Reads the payload through, storing content as it comes; `None` for files that are not in it.
fn store(
    payload: &mut Payload<'_>,
    workspace: &dyn Workspace,
) -> Result<Vec<Option<Stored>>, Error> {
    let mut stored: Vec<Option<Stored>> = Vec::new();
    stored.resize_with(payload.files().len(), || None);
    while let Some(packed) = payload.next_file()? {
        let file = payload.files()[packed.number].clone();
        if file.flags.has(FileFlags::GHOST) {
            continue;
        }
        stored[packed.number] = match packed.content {
            true => {
                let (blob, size) = write(payload, &file, workspace)?;
                Some(Stored::Leaf(Content::File { size, blob }))
            }
            false => special(&file)?,
        };
    }
    for group in payload.links() {
        let blob = group.iter().find_map(|&number| match &stored[number] {
            Some(Stored::Leaf(Content::File { size, blob })) => Some((*size, *blob)),
            _ => None,
        });
        let (size, blob) = blob.expect("a payload ends well only if every group had its content");
        for &number in group {
            stored[number] = Some(Stored::Leaf(Content::File { size, blob }));
        }
    }
    Ok(stored)
}

fn write(
    payload: &mut Payload<'_>,
    file: &PackagedFile,
    workspace: &dyn Workspace,
) -> Result<(BlobId, u64), WorkspaceError> {
    let mut content: &mut dyn Read = payload;
    workspace
        .write(&mut content)
        .map_err(|error| WorkspaceError {
            action: format!("unpacking {}", String::from_utf8_lossy(&file.path)),
            source: error.into(),
        })
}

/// Everything but regular files.
fn special(file: &PackagedFile) -> Result<Option<Stored>, Error> {
    let (major, minor) = device(file.rdev);
    Ok(Some(match file.mode & 0o170_000 {
        // A hard link whose content comes with another.
        0o100_000 => return Ok(None),
        0o040_000 => Stored::Directory,
        0o120_000 => Stored::Leaf(Content::Symlink {
            target: file.target.clone(),
        }),
        0o020_000 => Stored::Leaf(Content::Character { major, minor }),
        0o060_000 => Stored::Leaf(Content::Block { major, minor }),
        0o010_000 => Stored::Leaf(Content::Fifo),
        0o140_000 => Stored::Leaf(Content::Socket),
        kind => {
            return Err(Error::Rpm(rpm::Error::PayloadFile {
                path: String::from_utf8_lossy(&file.path).into_owned(),
                reason: format!("{kind:o} is not a type of file"),
            }));
        }
    }))
}

/// As `makedev(3)` packs them; the header has the lowest 16 bits.
fn device(rdev: u32) -> (u32, u32) {
    (
        (rdev >> 8) & 0xfff,
        (rdev & 0xff) | ((rdev >> 12) & 0xf_ff00),
    )
}

fn meta(file: &PackagedFile) -> Result<Meta, Error> {
    let mut meta = Meta::new(match file.mode & 0o170_000 {
        // All of them, once it is made, whatever its package says; OSTree's checksums count them.
        0o120_000 => 0o777,
        _ => file.mode & 0o7777,
    });
    meta.mtime = Some(file.mtime);
    if !file.capabilities.is_empty() {
        let capabilities = Capabilities::parse(&file.capabilities)?.to_attribute()?;
        meta.xattrs
            .insert(capabilities::ATTRIBUTE.to_vec(), capabilities);
    }
    Ok(meta)
}

fn place(
    builder: &mut Builder,
    path: &TreePath,
    file: &PackagedFile,
    stored: &Stored,
) -> Result<(), Error> {
    let meta = meta(file)?;
    match stored {
        Stored::Directory => builder.directory(path)?.meta = meta,
        Stored::Leaf(content) => {
            let content = content.clone();
            builder.insert(path, Child::Leaf(Leaf { meta, content }))?;
        }
    }
    Ok(())
}
