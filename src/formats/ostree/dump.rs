//! Objects as text, for people and for tests.

use std::fmt;

use super::gvariant::Value;
use super::{Commit, DirMeta, DirTree, FileHeader, Kind, Malformed, Xattrs};

/// One object as text; of a file its header only.
pub fn dump(kind: Kind, bytes: &[u8]) -> Result<String, Malformed> {
    Ok(match kind {
        Kind::Commit => Commit::decode(bytes)?.to_string(),
        Kind::DirTree => DirTree::decode(bytes)?.to_string(),
        Kind::DirMeta => DirMeta::decode(bytes)?.to_string(),
        Kind::File => {
            let (header, size, _) = FileHeader::decode_archived(bytes)?;
            format!("{header}size {size}\n")
        }
    })
}

impl fmt::Display for DirMeta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "dirmeta {:06o} {}:{}", self.mode, self.uid, self.gid)?;
        xattrs(f, &self.xattrs)
    }
}

impl fmt::Display for DirTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "dirtree")?;
        for (name, checksum) in &self.files {
            writeln!(f, "file {name:?} {checksum}")?;
        }
        for (name, sub) in &self.directories {
            writeln!(f, "directory {name:?} {} {}", sub.tree, sub.meta)?;
        }
        Ok(())
    }
}

impl fmt::Display for FileHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "file {:06o} {}:{}", self.mode, self.uid, self.gid)?;
        if self.is_symlink() {
            writeln!(f, "target {:?}", self.target)?;
        }
        xattrs(f, &self.xattrs)
    }
}

impl fmt::Display for Commit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "commit at {}", self.timestamp)?;
        if let Some(parent) = self.parent {
            writeln!(f, "parent {parent}")?;
        }
        writeln!(f, "subject {:?}", self.subject)?;
        if !self.body.is_empty() {
            writeln!(f, "body {:?}", self.body)?;
        }
        for (key, value) in &self.metadata {
            writeln!(f, "metadata {key:?} {value}")?;
        }
        writeln!(f, "root {} {}", self.tree, self.meta)
    }
}

fn xattrs(f: &mut fmt::Formatter<'_>, xattrs: &Xattrs) -> fmt::Result {
    for (name, value) in xattrs {
        writeln!(
            f,
            "xattr {} = \"{}\"",
            name.escape_ascii(),
            value.escape_ascii()
        )?;
    }
    Ok(())
}

/// As GLib's text form, more or less.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, values: &[Value]| {
            values.iter().enumerate().try_for_each(|(at, value)| {
                let comma = if at > 0 { ", " } else { "" };
                write!(f, "{comma}{value}")
            })
        };
        match self {
            Value::Byte(byte) => write!(f, "{byte:#04x}"),
            Value::Bool(truth) => write!(f, "{truth}"),
            Value::U32(number) => write!(f, "{number}"),
            Value::U64(number) => write!(f, "{number}"),
            Value::String(text) => write!(f, "{text:?}"),
            Value::Variant(value) => write!(f, "<{value}>"),
            Value::Bytes(bytes) => write!(f, "b\"{}\"", bytes.escape_ascii()),
            Value::Array(_, values) => {
                f.write_str("[")?;
                list(f, values)?;
                f.write_str("]")
            }
            Value::Tuple(values) => {
                f.write_str("(")?;
                list(f, values)?;
                f.write_str(")")
            }
            Value::Pair(key, value) => write!(f, "{{{key}: {value}}}"),
        }
    }
}
