//! `store cat`

use std::io::{self, BufReader, Write};

use clap::Args;

use super::context::Context;
use super::exit::{Exit, Failure};
use super::output;
use crate::ids::TreePath;
use crate::tree::{Content, Leaf, Node};

/// So much is hashed and written at once: images are large.
const BUFFER: usize = 256 * 1024;

/// Writes a file of an entry to stdout
#[derive(Args)]
pub struct Arguments {
    /// NAME, NAME@N, a hash prefix or an entry's path
    subject: String,
    /// The file, as `store files` shows it
    path: String,
}

impl Arguments {
    pub fn run(self, context: &Context) -> Result<Exit, Failure> {
        if context.global.json {
            let error = "a file's bytes are no JSON document; leave --json away";
            return Err(Failure::new(Exit::Usage, error));
        }
        let store = context.store()?;
        let subject = context.subject(&store, &self.subject)?;
        let path = TreePath::parse(&self.path).map_err(|e| Failure::new(Exit::Usage, e))?;
        let mut node = Node::Directory(store.entry(subject.entry)?.root);
        for name in path.names() {
            let found = match &node {
                Node::Directory(id) => store.directory(*id)?.entries.remove(name),
                Node::Leaf(_) => None,
            };
            node = found.ok_or_else(|| {
                Failure::new(Exit::NotFound, format!("{} has no {path}", self.subject))
                    .hint("`store files` lists what it has")
            })?;
        }
        let blob = match node {
            Node::Leaf(Leaf {
                content: Content::File { blob, .. },
                ..
            }) => blob,
            Node::Leaf(Leaf {
                content: Content::Symlink { target },
                ..
            }) => {
                let target = String::from_utf8_lossy(&target).into_owned();
                let error =
                    format!("{path} is a symbolic link to {target}; links are not followed");
                return Err(Failure::new(Exit::Usage, error));
            }
            _ => return Err(Failure::new(Exit::Usage, format!("{path} is not a file"))),
        };
        let reader = store.read(blob, 0, None);
        let reader = reader.map_err(|error| context.no_bytes(&subject, error))?;
        let mut reader = BufReader::with_capacity(BUFFER, reader);
        let mut out = io::stdout().lock();
        output::finish(io::copy(&mut reader, &mut out).and_then(|_| out.flush()))?;
        Ok(Exit::Done)
    }
}
