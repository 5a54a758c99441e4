//! Taking directories out of a tree, and putting them into others.

use super::Error;
use crate::ids::TreePath;
use crate::tree::{Builder, Child};

/// Takes out the directory at a path; anything else there is an error.
pub fn take(tree: &mut Builder, at: &str) -> Result<Option<Builder>, Error> {
    match tree.remove(&path(at)) {
        None => Ok(None),
        Some(Child::Directory(directory)) => Ok(Some(directory)),
        Some(_) => Err(Error::NotADirectory(path(at))),
    }
}

pub fn path(text: &str) -> TreePath {
    TreePath::parse(text).expect("the paths of the layout are constants")
}

/// Puts what is in one directory into another; only directories may be in both.
pub fn merge(
    to: &mut Builder,
    from: Builder,
    here: &TreePath,
    there: &TreePath,
) -> Result<(), Error> {
    for (name, child) in from.children {
        let within = |base: &TreePath| base.join(&name).expect("children have names");
        let (path, other) = (within(here), within(there));
        match (to.children.get_mut(&name), child) {
            (None, child) => {
                to.children.insert(name, child);
            }
            (Some(Child::Directory(to)), Child::Directory(from)) => merge(to, from, &path, &other)?,
            (Some(_), _) => return Err(Error::Clash { path, other }),
        }
    }
    Ok(())
}
