//! From an installed root to the operating system that OSTree deploys.
//!
//! ```text
//! usr/            all that an upgrade replaces; read-only when deployed
//!   etc/          what was /etc: OSTree merges it into the /etc of a deployment
//!   lib/modules/VERSION/{vmlinuz,initramfs.img}
//!   lib/tmpfiles.d/zz-ostree-state.conf   makes again what packages had in /var
//!   share/factory/var/                    … and their files
//!   local ─▶ ../var/usrlocal
//! var/ run/ dev/ proc/ sys/ boot/ sysroot/ tmp/     empty
//! ostree ─▶ sysroot/ostree
//! home root srv mnt opt ─▶ var/…   media ─▶ run/media
//! ```
//!
//! Facts: `docs/adapting-existing.md` and `docs/deployment.md` of OSTree.

use super::moving::{path, take};
use super::state::{Owners, State};
use super::{Error, kernel, toplevel};
use crate::compose::Workspace;
use crate::ids::TreePath;
use crate::tree::{Builder, Child, Leaf};

/// The database that rpm keeps in a root, and the place where clients of OSTree systems look for it.
const DATABASE: &str = "usr/lib/sysimage/rpm";
const DATABASE_LINK: (&str, &str) = ("usr/share/rpm", "../lib/sysimage/rpm");

/// Arranges the tree in place; returns the version of its kernel.
pub fn arrange(tree: &mut Builder, workspace: &dyn Workspace) -> Result<Option<String>, Error> {
    for top in ["etc", "run", "usr", "var"] {
        if let Some(Child::Leaf(_)) = tree.get(&path(top)) {
            return Err(Error::NotADirectory(path(top)));
        }
    }
    let kernel = kernel::settle(tree, workspace)?;
    let owners = Owners::of(tree, workspace)?;
    toplevel::collect(tree, workspace)?;
    let state = State::take(tree, &owners, workspace)?;
    state.write(tree, workspace)?;
    toplevel::finish(tree, workspace)?;
    if tree.get(&path(DATABASE)).is_some() && tree.get(&path(DATABASE_LINK.0)).is_none() {
        let link = Child::Leaf(Leaf::symlink(DATABASE_LINK.1));
        tree.insert(&path(DATABASE_LINK.0), link)?;
    }
    move_etc(tree)?;
    if ["usr/lib/os-release", "usr/etc/os-release"]
        .iter()
        .all(|at| tree.get(&path(at)).is_none())
    {
        workspace
            .note("no os-release in /usr/lib or /etc: `ostree admin deploy` refuses such a tree");
    }
    Ok(kernel)
}

fn move_etc(tree: &mut Builder) -> Result<(), Error> {
    let etc = take(tree, "etc")?;
    let usr_etc = take(tree, "usr/etc")?;
    let etc = match (etc, usr_etc) {
        (Some(etc), Some(usr_etc)) if !etc.children.is_empty() && !usr_etc.children.is_empty() => {
            return Err(Error::TwoEtc {
                path: example(&usr_etc),
            });
        }
        (Some(etc), None) => etc,
        (None, Some(usr_etc)) => usr_etc,
        (Some(etc), Some(usr_etc)) if usr_etc.children.is_empty() => etc,
        (Some(_), Some(usr_etc)) => usr_etc,
        (None, None) => Builder::default(),
    };
    tree.insert(&path("usr/etc"), Child::Directory(etc))?;
    Ok(())
}

/// A path below `/usr/etc`, of a file if there is one.
fn example(usr_etc: &Builder) -> TreePath {
    let paths = usr_etc.paths();
    let leaf = paths
        .iter()
        .find(|(_, child)| matches!(child, Child::Leaf(_)));
    match leaf.or(paths.first()) {
        Some((inner, _)) => TreePath::parse([b"usr/etc/", inner.as_bytes()].concat())
            .expect("a path below another is one"),
        None => path("usr/etc"),
    }
}
