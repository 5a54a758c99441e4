//! A directory is two objects: what it holds, and what it is itself.

use std::collections::BTreeMap;

use super::gvariant::{self, Type, Value};
use super::object::{self, Checksum, Malformed, Xattrs};
use crate::ids::path::check_name;

/// File type bits of a directory.
pub const DIRECTORY: u32 = 0o040000;

const META: &str = "(uuua(ayay))";
const TREE: &str = "(a(say)a(sayay))";

/// A directory's own metadata.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirMeta {
    pub uid: u32,
    pub gid: u32,
    /// With the file type bits.
    pub mode: u32,
    pub xattrs: Xattrs,
}

/// The names in a directory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DirTree {
    pub files: BTreeMap<String, Checksum>,
    pub directories: BTreeMap<String, Subdirectory>,
}

/// A directory as the one above names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subdirectory {
    pub tree: Checksum,
    pub meta: Checksum,
}

impl DirMeta {
    pub fn encode(&self) -> Vec<u8> {
        gvariant::write(&Value::Tuple(vec![
            object::swapped(self.uid),
            object::swapped(self.gid),
            object::swapped(self.mode),
            object::write_xattrs(&self.xattrs),
        ]))
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let what = "dirmeta";
        let [Value::U32(uid), Value::U32(gid), Value::U32(mode), xattrs] =
            object::members(what, META, bytes)?
        else {
            return Err(Malformed::Shape { what });
        };
        let mode = mode.swap_bytes();
        if mode & !0o7777 != DIRECTORY {
            return Err(Malformed::Mode { what, mode });
        }
        Ok(DirMeta {
            uid: uid.swap_bytes(),
            gid: gid.swap_bytes(),
            mode,
            xattrs: object::read_xattrs(what, xattrs)?,
        })
    }
}

impl DirTree {
    pub fn encode(&self) -> Vec<u8> {
        let files = self.files.iter().map(|(name, checksum)| {
            Value::Tuple(vec![Value::text(name), Value::Bytes(checksum.0.to_vec())])
        });
        let directories = self.directories.iter().map(|(name, sub)| {
            Value::Tuple(vec![
                Value::text(name),
                Value::Bytes(sub.tree.0.to_vec()),
                Value::Bytes(sub.meta.0.to_vec()),
            ])
        });
        let kind = |text| Type::parse(text).expect("a constant type");
        gvariant::write(&Value::Tuple(vec![
            Value::Array(kind("(say)"), files.collect()),
            Value::Array(kind("(sayay)"), directories.collect()),
        ]))
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let what = "dirtree";
        let [Value::Array(_, files), Value::Array(_, directories)] =
            object::members(what, TREE, bytes)?
        else {
            return Err(Malformed::Shape { what });
        };
        let mut tree = DirTree::default();
        for file in files {
            let (name, [checksum]) = named(file)?;
            append(&mut tree.files, name, checksum)?;
        }
        for directory in directories {
            let (name, [below, meta]) = named(directory)?;
            append(
                &mut tree.directories,
                name,
                Subdirectory { tree: below, meta },
            )?;
        }
        match tree
            .files
            .keys()
            .find(|name| tree.directories.contains_key(*name))
        {
            Some(name) => Err(Malformed::Name {
                what,
                name: name.clone(),
                reason: "it is both a file and a directory",
            }),
            None => Ok(tree),
        }
    }
}

/// A name with the checksums behind it.
fn named<const N: usize>(value: Value) -> Result<(String, [Checksum; N]), Malformed> {
    let what = "dirtree";
    let shape = || Malformed::Shape { what };
    let Value::Tuple(members) = value else {
        return Err(shape());
    };
    let mut members = members.into_iter();
    let Some(Value::String(name)) = members.next() else {
        return Err(shape());
    };
    let checksums: Vec<Checksum> = members
        .map(|member| match member {
            Value::Bytes(bytes) => object::checksum(what, &bytes),
            _ => Err(shape()),
        })
        .collect::<Result<_, _>>()?;
    Ok((name, checksums.try_into().map_err(|_| shape())?))
}

fn append<T>(names: &mut BTreeMap<String, T>, name: String, value: T) -> Result<(), Malformed> {
    let what = "dirtree";
    if let Err(reason) = check_name(name.as_bytes()) {
        return Err(Malformed::Name { what, name, reason });
    }
    if names
        .last_key_value()
        .is_some_and(|(last, _)| *last >= name)
    {
        return Err(Malformed::Order { what, name });
    }
    names.insert(name, value);
    Ok(())
}
