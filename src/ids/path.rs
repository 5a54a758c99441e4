//! Paths inside a tree.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A place inside a tree: names joined by `/`, relative to the tree's root, which is the empty path.
///
/// It cannot hold an empty name, `.`, `..` or a NUL byte, so nobody downstream checks.
/// Names are bytes: packages of other decades carry names that are not UTF-8.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TreePath(Vec<u8>);

/// Bytes of a bad path that a message repeats.
const SHOWN: usize = 300;

/// Names that a path from outside may have: far more than people nest, and few enough
/// for all that recurses over a tree of such paths.
pub const DEEPEST: usize = 256;

/// The bytes can't be a path inside a tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{:?}{} can't be a path in a tree: {reason}",
    String::from_utf8_lossy(&path[..path.len().min(SHOWN)]),
    if path.len() > SHOWN { "…" } else { "" }
)]
pub struct InvalidPath {
    pub path: Vec<u8>,
    pub reason: &'static str,
}

impl TreePath {
    pub const fn root() -> Self {
        TreePath(Vec::new())
    }

    /// Reads a path; leading, trailing and doubled slashes are dropped.
    pub fn parse(path: impl AsRef<[u8]>) -> Result<Self, InvalidPath> {
        let path = path.as_ref();
        let clean = TreePath::of_any_depth(path)?;
        if clean.names().nth(DEEPEST).is_some() {
            return Err(InvalidPath {
                path: path.to_vec(),
                reason: "it is more than 256 directories deep",
            });
        }
        Ok(clean)
    }

    /// For what the store holds already, where a path of the input stands below a directory of ours.
    fn of_any_depth(path: &[u8]) -> Result<Self, InvalidPath> {
        let mut clean = Vec::with_capacity(path.len());
        for name in path.split(|&b| b == b'/').filter(|name| !name.is_empty()) {
            check_name(name).map_err(|reason| InvalidPath {
                path: path.to_vec(),
                reason,
            })?;
            if !clean.is_empty() {
                clean.push(b'/');
            }
            clean.extend_from_slice(name);
        }
        Ok(TreePath(clean))
    }

    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn names(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.0.split(|&b| b == b'/').filter(|name| !name.is_empty())
    }

    /// The last name; `None` for the root.
    pub fn file_name(&self) -> Option<&[u8]> {
        self.names().next_back()
    }

    /// The directory that holds it; `None` for the root.
    pub fn parent(&self) -> Option<TreePath> {
        if self.is_root() {
            return None;
        }
        let end = self.0.iter().rposition(|&b| b == b'/').unwrap_or(0);
        Some(TreePath(self.0[..end].to_vec()))
    }

    pub fn join(&self, name: &[u8]) -> Result<TreePath, InvalidPath> {
        let mut path = self.0.clone();
        path.push(b'/');
        path.extend_from_slice(name);
        TreePath::of_any_depth(&path)
    }

    /// Whether this is `base` or lies below it.
    pub fn starts_with(&self, base: &TreePath) -> bool {
        base.is_root()
            || (self.0.starts_with(&base.0)
                && matches!(self.0.get(base.0.len()), None | Some(b'/')))
    }
}

/// Says why bytes can't be one name in a directory.
pub fn check_name(name: &[u8]) -> Result<(), &'static str> {
    match name {
        b"" => Err("a name is empty"),
        b"." | b".." => Err("\".\" and \"..\" are not names"),
        _ if name.contains(&b'/') => Err("a name holds a slash"),
        _ if name.contains(&0) => Err("a name holds a NUL byte"),
        _ if name.len() > 255 => Err("a name is longer than 255 bytes"),
        _ => Ok(()),
    }
}

/// As people write it, with a leading slash; bytes that are not UTF-8 are replaced.
impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", self.0.escape_ascii())
    }
}

impl Serialize for TreePath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for TreePath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let bytes = serde_bytes::ByteBuf::deserialize(deserializer)?;
        let path = TreePath::of_any_depth(&bytes).map_err(D::Error::custom)?;
        if path.0 == *bytes {
            Ok(path)
        } else {
            Err(D::Error::custom("a path has superfluous slashes"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_cannot_leave_its_tree() {
        assert_eq!(
            TreePath::parse("/usr//bin/").unwrap().as_bytes(),
            b"usr/bin"
        );
        assert!(TreePath::parse("usr/../etc").is_err());
        assert!(TreePath::parse("./usr").is_err());
        assert!(TreePath::parse(b"a\0b").is_err());
    }

    #[test]
    fn a_path_is_not_endlessly_deep() {
        assert!(TreePath::parse("d/".repeat(256)).is_ok());
        let error = TreePath::parse("d/".repeat(257)).unwrap_err();
        assert!(error.to_string().contains("256 directories deep"));
    }

    #[test]
    fn a_sibling_with_the_same_beginning_is_not_below() {
        let usr = TreePath::parse("usr").unwrap();
        assert!(TreePath::parse("usr/bin").unwrap().starts_with(&usr));
        assert!(!TreePath::parse("usrlocal").unwrap().starts_with(&usr));
        assert_eq!(usr.parent(), Some(TreePath::root()));
    }
}
