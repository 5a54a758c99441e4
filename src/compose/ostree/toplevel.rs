//! What stands at the top of an operating system, and where it points.

use super::Error;
use super::moving::{merge, path, take};
use crate::compose::Workspace;
use crate::tree::{Builder, Child, Content, Leaf, Meta};

/// A directory that becomes a link into what outlives an upgrade.
struct Moved {
    from: &'static str,
    to: &'static str,
    link: &'static str,
    /// Where no package has the directory.
    mode: u32,
}

const fn moved(from: &'static str, to: &'static str, link: &'static str, mode: u32) -> Moved {
    Moved {
        from,
        to,
        link,
        mode,
    }
}

const MOVED: [Moved; 7] = [
    moved("home", "var/home", "var/home", 0o755),
    moved("root", "var/roothome", "var/roothome", 0o700),
    moved("srv", "var/srv", "var/srv", 0o755),
    moved("mnt", "var/mnt", "var/mnt", 0o755),
    moved("opt", "var/opt", "var/opt", 0o755),
    moved("media", "run/media", "run/media", 0o755),
    moved("usr/local", "var/usrlocal", "../var/usrlocal", 0o755),
];

/// Directories that are mounted over, with the mode they have where no package has them.
const MOUNTED: [(&str, u32); 6] = [
    ("boot", 0o755),
    ("dev", 0o755),
    ("proc", 0o555),
    ("sys", 0o555),
    ("sysroot", 0o755),
    ("tmp", 0o1777),
];

const LINKS: [(&str, &str); 1] = [("ostree", "sysroot/ostree")];

/// Moves directories into `/var` and `/run`, leaving links.
pub fn collect(tree: &mut Builder, workspace: &dyn Workspace) -> Result<(), Error> {
    for Moved {
        from,
        to,
        link,
        mode,
    } in MOVED
    {
        let content = match tree.remove(&path(from)) {
            None => Builder::new(Meta::new(mode)),
            Some(Child::Directory(directory)) => directory,
            Some(Child::Leaf(leaf)) => match &leaf.content {
                _ if points_to(&leaf, link) => Builder::new(Meta::new(mode)),
                Content::Symlink { target } => {
                    let target = String::from_utf8_lossy(target);
                    workspace.note(&format!(
                        "/{from} left as a link to {target}, not to {link}"
                    ));
                    tree.insert(&path(from), Child::Leaf(leaf))?;
                    continue;
                }
                _ => return Err(Error::NotADirectory(path(from))),
            },
            Some(Child::Finished(_)) => unreachable!("the tree was opened to its last directory"),
        };
        // A package that has the target too decides its mode.
        match tree.get(&path(to)) {
            None => tree.insert(&path(to), Child::Directory(content))?,
            Some(_) => merge(tree.directory(&path(to))?, content, &path(from), &path(to))?,
        }
        tree.insert(&path(from), Child::Leaf(Leaf::symlink(link)))?;
    }
    Ok(())
}

/// Makes the empty directories and the links that are not about state.
pub fn finish(tree: &mut Builder, workspace: &dyn Workspace) -> Result<(), Error> {
    for (name, mode) in MOUNTED {
        let found = take(tree, name)?.unwrap_or(Builder::new(Meta::new(mode)));
        dropped(name, &found, workspace);
        tree.insert(&path(name), Child::Directory(Builder::new(found.meta)))?;
    }
    for (name, target) in LINKS {
        let link = Child::Leaf(Leaf::symlink(target));
        match tree.remove(&path(name)) {
            Some(Child::Directory(found)) => dropped(name, &found, workspace),
            Some(Child::Leaf(leaf)) if !points_to(&leaf, target) => {
                workspace.note(&format!(
                    "/{name} dropped: it is a link to {target} in a deployed tree"
                ));
            }
            _ => {}
        }
        tree.insert(&path(name), link)?;
    }
    Ok(())
}

fn points_to(leaf: &Leaf, link: &str) -> bool {
    matches!(&leaf.content, Content::Symlink { target } if target == link.as_bytes())
}

fn dropped(name: &str, found: &Builder, workspace: &dyn Workspace) {
    let inside = found
        .paths()
        .into_iter()
        .filter(|(_, child)| matches!(child, Child::Leaf(_)));
    for (below, _) in inside {
        workspace.note(&format!(
            "/{name}{below} dropped: /{name} is empty in a deployed tree"
        ));
    }
}
