//! One directory, and the canonical bytes that its tree id names.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::ids::{BlobId, Hash, TreeId, canonical, path};

/// Ownership, mode, times and extended attributes.
///
/// `mode` holds the twelve permission bits; the type of a file is its [`Content`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Meta {
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Seconds since 1970, where the time is part of the content; composers of their own files leave it out.
    pub mtime: Option<i64>,
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Meta {
    /// Of root, without a time or attributes.
    pub const fn new(mode: u32) -> Self {
        Meta {
            mode,
            uid: 0,
            gid: 0,
            mtime: None,
            xattrs: BTreeMap::new(),
        }
    }
}

/// What a name in a directory stands for, directories aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    File { size: u64, blob: BlobId },
    Symlink { target: Vec<u8> },
    Character { major: u32, minor: u32 },
    Block { major: u32, minor: u32 },
    Fifo,
    Socket,
}

/// Anything that is not a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    pub meta: Meta,
    pub content: Content,
}

impl Leaf {
    pub fn file(mode: u32, blob: BlobId, size: u64) -> Self {
        Leaf {
            meta: Meta::new(mode),
            content: Content::File { size, blob },
        }
    }

    pub fn symlink(target: impl Into<Vec<u8>>) -> Self {
        Leaf {
            meta: Meta::new(0o777),
            content: Content::Symlink {
                target: target.into(),
            },
        }
    }
}

/// What a name in a directory stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    Directory(TreeId),
    Leaf(Leaf),
}

/// A directory with its own metadata; entries are sorted by the bytes of their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    pub meta: Meta,
    pub entries: BTreeMap<Vec<u8>, Node>,
}

/// The bytes are not those of a directory.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    #[error("the directory is not canonical")]
    Encoding(#[from] canonical::Error),
    #[error(
        "the directory holds a bad name {:?}: {reason}",
        String::from_utf8_lossy(name)
    )]
    Name { name: Vec<u8>, reason: &'static str },
    #[error("the directory is not sorted at {:?}", String::from_utf8_lossy(name))]
    Order { name: Vec<u8> },
    #[error("the directory has a bad mode {mode:o}")]
    Mode { mode: u32 },
}

/// Shape `directory` of store-schema/hashed.cddl.
#[derive(Serialize)]
struct DirectoryWire {
    meta: MetaWire,
    entries: Vec<EntryWire>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MetaWire {
    mode: u32,
    uid: u32,
    gid: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mtime: Option<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    xattrs: Vec<(ByteBuf, ByteBuf)>,
}

#[derive(Serialize)]
struct EntryWire {
    name: ByteBuf,
    node: NodeWire,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum NodeWire {
    Directory {
        tree: TreeId,
    },
    File {
        meta: MetaWire,
        size: u64,
        blob: BlobId,
    },
    Symlink {
        meta: MetaWire,
        target: ByteBuf,
    },
    Character {
        meta: MetaWire,
        major: u32,
        minor: u32,
    },
    Block {
        meta: MetaWire,
        major: u32,
        minor: u32,
    },
    Fifo {
        meta: MetaWire,
    },
    Socket {
        meta: MetaWire,
    },
}

impl Directory {
    pub fn new(meta: Meta) -> Self {
        Directory {
            meta,
            entries: BTreeMap::new(),
        }
    }

    pub fn encode(&self) -> Vec<u8> {
        let entries = self.entries.iter().map(|(name, node)| EntryWire {
            name: ByteBuf::from(name.clone()),
            node: NodeWire::from(node),
        });
        let wire = DirectoryWire {
            meta: MetaWire::from(&self.meta),
            entries: entries.collect(),
        };
        canonical::encode(&wire)
            .expect("the wire form has text keys, integers, bytes and lists only")
    }

    pub fn id(&self) -> TreeId {
        TreeId::of(&self.encode())
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut fields = canonical::Fields::of(bytes)?;
        let rows = fields.rows("entries", ["name", "node"])?;
        let meta: MetaWire = fields.read("meta")?;
        fields.end()?;
        // Most files of a directory have the same metadata: it is read once for all that follow each other.
        let mut last = None;
        let mut entries = Vec::with_capacity(rows.len());
        for [name, node] in rows {
            let name = name.any_bytes()?.to_vec();
            path::check_name(&name).map_err(|reason| Malformed::Name {
                name: name.clone(),
                reason,
            })?;
            if entries.last().is_some_and(|(last, _)| *last >= name) {
                return Err(Malformed::Order { name });
            }
            entries.push((name, Node::decode(node, &mut last)?));
        }
        Ok(Directory {
            meta: meta.check()?,
            entries: entries.into_iter().collect(),
        })
    }
}

impl Node {
    /// `last` is the metadata of the file before, with its bytes.
    fn decode<'a>(
        node: canonical::Cell<'a>,
        last: &mut Option<(canonical::Cell<'a>, Meta)>,
    ) -> Result<Self, Malformed> {
        let ("file", file) = node.variant()? else {
            return node.read::<NodeWire>()?.check();
        };
        let [blob, bytes, size] = file.row(["blob", "meta", "size"])?;
        let meta = match last {
            Some((same, meta)) if *same == bytes => meta.clone(),
            _ => {
                let meta = bytes.read::<MetaWire>()?.check()?;
                *last = Some((bytes, meta.clone()));
                meta
            }
        };
        let content = Content::File {
            size: size.number()?,
            blob: BlobId(Hash::from_bytes(blob.bytes()?)),
        };
        Ok(Node::Leaf(Leaf { meta, content }))
    }
}

/// What the bytes below a directory are counted by: one of its files or directories, without name and metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    Directory(TreeId),
    File { size: u64, blob: BlobId },
}

impl Held {
    /// What a directory has of these, in its order.
    pub fn decode(bytes: &[u8]) -> Result<Vec<Held>, Malformed> {
        let mut fields = canonical::Fields::of(bytes)?;
        let mut held = Vec::new();
        for [_, node] in fields.rows("entries", ["name", "node"])? {
            match node.variant()? {
                ("directory", node) => {
                    let [tree] = node.row(["tree"])?;
                    held.push(Held::Directory(TreeId(Hash::from_bytes(tree.bytes()?))));
                }
                ("file", node) => {
                    let [blob, _, size] = node.row(["blob", "meta", "size"])?;
                    held.push(Held::File {
                        size: size.number()?,
                        blob: BlobId(Hash::from_bytes(blob.bytes()?)),
                    });
                }
                _ => {}
            }
        }
        Ok(held)
    }
}

impl From<&Meta> for MetaWire {
    fn from(meta: &Meta) -> Self {
        let Meta {
            mode,
            uid,
            gid,
            mtime,
            xattrs,
        } = meta;
        let xattrs = xattrs
            .iter()
            .map(|(k, v)| (ByteBuf::from(k.clone()), ByteBuf::from(v.clone())));
        MetaWire {
            mode: *mode,
            uid: *uid,
            gid: *gid,
            mtime: *mtime,
            xattrs: xattrs.collect(),
        }
    }
}

impl MetaWire {
    fn check(self) -> Result<Meta, Malformed> {
        let MetaWire {
            mode,
            uid,
            gid,
            mtime,
            xattrs,
        } = self;
        if mode & !0o7777 != 0 {
            return Err(Malformed::Mode { mode });
        }
        let mut sorted = BTreeMap::new();
        for (name, value) in xattrs {
            let name = name.into_vec();
            if sorted
                .last_key_value()
                .is_some_and(|(last, _)| *last >= name)
            {
                return Err(Malformed::Order { name });
            }
            sorted.insert(name, value.into_vec());
        }
        Ok(Meta {
            mode,
            uid,
            gid,
            mtime,
            xattrs: sorted,
        })
    }
}

impl From<&Node> for NodeWire {
    fn from(node: &Node) -> Self {
        let Leaf { meta, content } = match node {
            Node::Directory(tree) => return NodeWire::Directory { tree: *tree },
            Node::Leaf(leaf) => leaf,
        };
        let meta = MetaWire::from(meta);
        match content {
            Content::File { size, blob } => NodeWire::File {
                meta,
                size: *size,
                blob: *blob,
            },
            Content::Symlink { target } => NodeWire::Symlink {
                meta,
                target: ByteBuf::from(target.clone()),
            },
            Content::Character { major, minor } => NodeWire::Character {
                meta,
                major: *major,
                minor: *minor,
            },
            Content::Block { major, minor } => NodeWire::Block {
                meta,
                major: *major,
                minor: *minor,
            },
            Content::Fifo => NodeWire::Fifo { meta },
            Content::Socket => NodeWire::Socket { meta },
        }
    }
}

impl NodeWire {
    fn check(self) -> Result<Node, Malformed> {
        let (meta, content) = match self {
            NodeWire::Directory { tree } => return Ok(Node::Directory(tree)),
            NodeWire::File { meta, size, blob } => (meta, Content::File { size, blob }),
            NodeWire::Symlink { meta, target } => (
                meta,
                Content::Symlink {
                    target: target.into_vec(),
                },
            ),
            NodeWire::Character { meta, major, minor } => {
                (meta, Content::Character { major, minor })
            }
            NodeWire::Block { meta, major, minor } => (meta, Content::Block { major, minor }),
            NodeWire::Fifo { meta } => (meta, Content::Fifo),
            NodeWire::Socket { meta } => (meta, Content::Socket),
        };
        Ok(Node::Leaf(Leaf {
            meta: meta.check()?,
            content,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Directory {
        let mut directory = Directory::new(Meta::new(0o755));
        let mut ping = Leaf::file(0o755, BlobId::of(b"ping"), 4);
        ping.meta.mtime = Some(-1);
        ping.meta
            .xattrs
            .insert(b"security.capability".to_vec(), vec![1, 0, 0, 2]);
        let leaves = [
            (&b"ping"[..], ping),
            (b"link", Leaf::symlink("../ping")),
            (
                b"null",
                Leaf {
                    meta: Meta::new(0o666),
                    content: Content::Character { major: 1, minor: 3 },
                },
            ),
            (
                b"\xff",
                Leaf {
                    meta: Meta::new(0o600),
                    content: Content::Fifo,
                },
            ),
        ];
        directory.entries = leaves
            .into_iter()
            .map(|(n, l)| (n.to_vec(), Node::Leaf(l)))
            .collect();
        directory.entries.insert(
            b"sub".to_vec(),
            Node::Directory(Directory::new(Meta::new(0o700)).id()),
        );
        directory
    }

    #[test]
    fn a_directory_reads_back() {
        assert_eq!(Directory::decode(&sample().encode()).unwrap(), sample());
        let held = Held::decode(&sample().encode()).unwrap();
        let (sub, blob) = (Directory::new(Meta::new(0o700)).id(), BlobId::of(b"ping"));
        let file = Held::File { size: 4, blob };
        assert_eq!(held, [file, Held::Directory(sub)]);
    }

    /// Pinned when the encoding was fixed: a change here makes every store unreadable.
    #[test]
    fn the_id_of_a_directory_never_moves() {
        insta(
            &Directory::new(Meta::new(0o755)).encode(),
            "a2646d657461a3636769640063756964\
00646d6f64651901ed67656e747269657380",
        );
        fn insta(bytes: &[u8], hex: &str) {
            assert_eq!(data_encoding::HEXLOWER.encode(bytes), hex);
        }
    }

    #[test]
    fn unsorted_entries_and_bad_names_are_refused() {
        let mut bytes = sample().encode();
        let at = bytes.windows(4).position(|w| w == b"link").unwrap();
        bytes[at..at + 4].copy_from_slice(b"zink");
        assert!(matches!(
            Directory::decode(&bytes),
            Err(Malformed::Order { .. })
        ));
        bytes[at..at + 4].copy_from_slice(b"l/nk");
        assert!(matches!(
            Directory::decode(&bytes),
            Err(Malformed::Name { .. })
        ));
    }
}
