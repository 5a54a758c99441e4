//! The file systems of a machine with one deployment, as `ostree admin deploy` leaves them.
//!
//! ```text
//! root: ostree/repo/                      bare: an object is the file itself, and the deployment links to it
//!       ostree/deploy/STATEROOT/var/      what outlives deployments
//!       ostree/deploy/STATEROOT/deploy/COMMIT.0/       and COMMIT.0.origin: where updates come from
//!       ostree/boot.1 ─▶ boot.1.1/STATEROOT/BOOTCSUM/0 ─▶ the deployment
//! boot: loader ─▶ loader.1/entries/ostree-1-STATEROOT.conf
//!       ostree/STATEROOT-BOOTCSUM/        kernel and initial RAM disk
//! ```
//!
//! Facts: `ostree-sysroot-deploy.c` of OSTree, and what its command line leaves on disk.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use sha2::{Digest, Sha256};

use super::Error;
use super::os_release::title;
use crate::compose::ostree::{self, Files, content};
use crate::compose::{self, Workspace, WorkspaceError};
use crate::formats::ostree::gvariant::Value;
use crate::formats::ostree::{Checksum, Commit, Kind, repository};
use crate::ids::{BlobId, EntryId, TreePath};
use crate::plan::parameters;
use crate::tree::{Builder, Child, Content, Leaf, Meta};

/// Time of all that OSTree checks out.
const TIMELESS: i64 = 0;

/// What is on the two file systems.
pub struct Sysroot {
    pub root: Builder,
    /// Groups of paths of the root that are one file.
    pub links: BTreeSet<Vec<TreePath>>,
    /// The deployment, which nobody changes.
    pub deployment: TreePath,
    pub boot: Builder,
    pub commit: Checksum,
}

/// What a deployment is told besides its commit.
pub struct Told<'a> {
    pub params: &'a parameters::Disk,
    /// The commit's ref.
    pub reference: &'a str,
    /// Arguments of the kernel, but the one that names the deployment.
    pub arguments: &'a str,
    /// Lines of `/etc/fstab`.
    pub mounts: &'a str,
}

/// Deploys an arranged tree, whose commit is in the payload's repository.
pub fn deploy(
    tree: &Builder,
    kernel: &str,
    payload: EntryId,
    told: &Told<'_>,
    workspace: &dyn Workspace,
) -> Result<Sysroot, compose::Error> {
    let contents = content::objects(tree, workspace)?;
    let mut files = Files::new(repository::BARE_CONFIG, workspace)?;
    let top = ostree::directories::objects(tree, &contents, &mut files)?;
    let (commit, bytes) = commit(payload, told.reference, workspace)?;
    let decoded = Commit::decode(&bytes).map_err(Error::Commit)?;
    if (decoded.tree, decoded.meta) != (top.tree, top.meta) {
        return Err(Error::OtherTree.into());
    }
    files.object(Kind::Commit, &bytes)?;
    let stateroot = told.params.stateroot.as_str();
    let state = path(&format!("ostree/deploy/{stateroot}"));
    let deployment = within(&state, &format!("deploy/{commit}.0"));
    let payload = &told.params.payload;
    let refs = match &payload.updates {
        Some(_) => format!("refs/remotes/{}/{}", payload.remote, told.reference),
        None => format!("refs/heads/{}", told.reference),
    };
    let named = repository::ref_text(commit);
    files.text(&refs, &named)?;
    // What keeps a deployment's commit from being pruned.
    files.text("refs/heads/ostree/1/1/0", &named)?;

    let mut links = Links::default();
    let checked_out = checkout(tree, &deployment, &contents, &mut links)?;
    let mut root = Builder::default();
    root.insert(&path("ostree/repo"), Child::Directory(files.repository))?;
    root.insert(&deployment, Child::Directory(checked_out))?;
    for (checksum, (leaf, _)) in &links.0 {
        let at = within(&path("ostree/repo"), &repository::bare_path(*checksum));
        root.insert(&at, Child::Leaf(leaf.clone()))?;
    }
    let mut machine = Machine { root, workspace };
    machine.etc(tree, &deployment, told)?;
    let refspec = match &payload.updates {
        Some(_) => format!("{}:{}", payload.remote, told.reference),
        None => told.reference.to_owned(),
    };
    machine.text(
        &within(&state, &format!("deploy/{commit}.0.origin")),
        &format!("[origin]\nrefspec={refspec}\n"),
    )?;
    machine.var(&within(&state, "var"))?;

    let version = match decoded.metadata.get("version") {
        Some(Value::String(version)) => version.clone(),
        _ => String::new(),
    };
    let title = title(tree, &version, &told.params.product, workspace)?;
    let boot = machine.boot(tree, kernel, &deployment, &title, told)?;
    Ok(Sysroot {
        links: links.groups(),
        root: machine.root,
        deployment,
        boot,
        commit,
    })
}

/// The commit that a ref of an archive repository names, and its bytes.
fn commit(
    payload: EntryId,
    reference: &str,
    workspace: &dyn Workspace,
) -> Result<(Checksum, Vec<u8>), compose::Error> {
    let root = workspace.root(payload)?;
    let read = |at: &str| -> Result<Vec<u8>, compose::Error> {
        let found = workspace.lookup_file(root, &TreePath::parse(at)?)?;
        let (blob, _) = found.ok_or_else(|| Error::NoCommit(reference.to_owned()))?;
        Ok(workspace.bytes(blob)?)
    };
    let text = read(&repository::ref_path(reference))?;
    let text = String::from_utf8_lossy(&text);
    let checksum: Option<Checksum> = text.trim().parse().ok();
    let checksum = checksum.ok_or_else(|| Error::NoCommit(reference.to_owned()))?;
    let bytes = read(&repository::object_path(checksum, Kind::Commit))?;
    Ok((checksum, bytes))
}

/// Objects with all paths that are links to them.
#[derive(Default)]
struct Links(BTreeMap<Checksum, (Leaf, Vec<TreePath>)>);

impl Links {
    fn groups(self) -> BTreeSet<Vec<TreePath>> {
        let groups = self.0.into_iter().map(|(checksum, (_, mut paths))| {
            let object = repository::bare_path(checksum);
            paths.push(within(&path("ostree/repo"), &object));
            paths.sort();
            paths
        });
        groups.collect()
    }
}

/// A tree as OSTree checks it out: all files are links to objects, and nothing has a time.
fn checkout(
    tree: &Builder,
    at: &TreePath,
    contents: &content::Contents,
    links: &mut Links,
) -> Result<Builder, Error> {
    below(tree, &TreePath::root(), at, contents, links)
}

fn below(
    tree: &Builder,
    path: &TreePath,
    at: &TreePath,
    contents: &content::Contents,
    links: &mut Links,
) -> Result<Builder, Error> {
    let mut out = Builder::new(timeless(&tree.meta));
    for (name, child) in &tree.children {
        let path = path.join(name).expect("children have names");
        let at = at.join(name).expect("children have names");
        match child {
            Child::Directory(directory) => {
                let inside = below(directory, &path, &at, contents, links)?;
                out.children.insert(name.clone(), Child::Directory(inside));
            }
            Child::Finished(_) => unreachable!("the tree was opened to its last directory"),
            Child::Leaf(leaf) => {
                let Some(checksum) = contents.of(&path, leaf)? else {
                    continue;
                };
                let leaf = Leaf {
                    meta: timeless(&leaf.meta),
                    content: leaf.content.clone(),
                };
                let object = links.0.entry(checksum);
                let (_, paths) = object.or_insert_with(|| (leaf.clone(), Vec::new()));
                paths.push(at);
                out.children.insert(name.clone(), Child::Leaf(leaf));
            }
        }
    }
    Ok(out)
}

fn timeless(meta: &Meta) -> Meta {
    Meta {
        mtime: Some(TIMELESS),
        xattrs: content::attributes(meta),
        ..meta.clone()
    }
}

/// A machine's own files.
struct Machine<'a> {
    root: Builder,
    workspace: &'a dyn Workspace,
}

impl Machine<'_> {
    fn text(&mut self, at: &TreePath, text: &str) -> Result<(), Error> {
        let leaf = self.workspace.file(0o644, text.as_bytes())?;
        self.root.replace(at, Child::Leaf(leaf))?;
        Ok(())
    }

    /// `/etc` is a copy of what the tree has, with what is the machine's own: what is mounted, and where updates are.
    fn etc(&mut self, tree: &Builder, deployment: &TreePath, told: &Told<'_>) -> Result<(), Error> {
        let etc = within(deployment, "etc");
        let copied = match tree.get(&path("usr/etc")) {
            Some(Child::Directory(directory)) => directory.clone(),
            _ => Builder::default(),
        };
        self.root.insert(&etc, Child::Directory(copied))?;
        let mut table = self.existing(&within(&etc, "fstab"))?;
        let has_boot = table.lines().any(|line| {
            let mut words = line.split_whitespace();
            words.next().is_some_and(|word| !word.starts_with('#')) && words.next() == Some("/boot")
        });
        if has_boot {
            self.workspace
                .note("/etc/fstab says where /boot is: nothing is added to it");
        } else {
            if !table.is_empty() && !table.ends_with('\n') {
                table.push('\n');
            }
            table += told.mounts;
            self.text(&within(&etc, "fstab"), &table)?;
        }
        let payload = &told.params.payload;
        let Some(url) = &payload.updates else {
            self.workspace
                .note("no [updates] in the recipe: the machine finds none by itself");
            return Ok(());
        };
        let trust = match &payload.key {
            Some(key) => format!("gpg-verify=true\ngpgkeypath={key}\n"),
            None => "gpg-verify=false\n".to_owned(),
        };
        let remote = &payload.remote;
        let text = format!("[remote \"{remote}\"]\nurl={url}\n{trust}");
        self.text(
            &within(&etc, &format!("ostree/remotes.d/{remote}.conf")),
            &text,
        )
    }

    fn existing(&self, at: &TreePath) -> Result<String, Error> {
        let bytes = match self.root.get(at) {
            Some(Child::Leaf(Leaf {
                content: Content::File { blob, .. },
                ..
            })) => self.workspace.bytes(*blob)?,
            _ => Vec::new(),
        };
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// What `ostree admin os-init` makes; the rest is made by systemd-tmpfiles at boot.
    fn var(&mut self, var: &TreePath) -> Result<(), Error> {
        for (name, mode) in [("lib", 0o755), ("log", 0o755), ("tmp", 0o1777)] {
            self.root.directory(&within(var, name))?.meta.mode = mode;
        }
        for (name, target) in [("run", "../run"), ("lock", "../run/lock")] {
            let link = Child::Leaf(Leaf::symlink(target));
            self.root.insert(&within(var, name), link)?;
        }
        Ok(())
    }

    /// Kernel, initial RAM disk and the entry that boots them; the links of the root lead from it to the deployment.
    fn boot(
        &mut self,
        tree: &Builder,
        kernel: &str,
        deployment: &TreePath,
        title: &str,
        told: &Told<'_>,
    ) -> Result<Builder, Error> {
        let stateroot = told.params.stateroot.as_str();
        let modules = within(&path("usr/lib/modules"), kernel);
        let file = |name: &str| match tree.get(&within(&modules, name)) {
            Some(Child::Leaf(leaf)) => match leaf.content {
                Content::File { blob, size: 1.. } => Some((leaf.clone(), blob)),
                _ => None,
            },
            _ => None,
        };
        let image = file("vmlinuz").ok_or(Error::NoKernel)?;
        let initrd = file("initramfs.img");
        let mut sum = Sha256::new();
        for (_, blob) in std::iter::once(&image).chain(&initrd) {
            self.add(*blob, &mut sum)?;
        }
        let sum = data_encoding::HEXLOWER.encode(&sum.finalize());
        let mut boot = Builder::default();
        let directory = format!("ostree/{stateroot}-{sum}");
        let linked = format!("ostree/boot.1/{stateroot}/{sum}/0");
        let mut entry = format!(
            "title {title} (ostree:0)\nversion 1\noptions {} ostree=/{linked}\n",
            told.arguments
        );
        let parts = [
            ("linux", format!("vmlinuz-{kernel}"), Some(image)),
            ("initrd", format!("initramfs-{kernel}.img"), initrd),
        ];
        for (key, name, found) in parts {
            let Some((leaf, _)) = found else { continue };
            boot.insert(&path(&format!("{directory}/{name}")), Child::Leaf(leaf))?;
            entry += &format!("{key} /{directory}/{name}\n");
        }
        let leaf = self.workspace.file(0o644, entry.as_bytes())?;
        let at = path(&format!("loader.1/entries/ostree-1-{stateroot}.conf"));
        boot.insert(&at, Child::Leaf(leaf))?;
        for (name, target) in [("loader", "loader.1"), ("boot", ".")] {
            boot.insert(&path(name), Child::Leaf(Leaf::symlink(target)))?;
        }
        let name = deployment.file_name().unwrap_or_default();
        let name = String::from_utf8_lossy(name);
        let target = format!("../../../deploy/{stateroot}/deploy/{name}");
        let link = format!("ostree/boot.1.1/{stateroot}/{sum}/0");
        for (at, target) in [
            (link.as_str(), target.as_str()),
            ("ostree/boot.1", "boot.1.1"),
        ] {
            let link = Child::Leaf(Leaf::symlink(target));
            self.root.insert(&path(at), link)?;
        }
        self.root.directory(&path("boot"))?;
        Ok(boot)
    }

    fn add(&self, blob: BlobId, sum: &mut Sha256) -> Result<(), Error> {
        let mut reader = self.workspace.read(blob, 0, None)?;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let length = reader.read(&mut buffer);
            let length =
                length.map_err(|e| WorkspaceError::new(format!("reading blob {blob}"), e))?;
            if length == 0 {
                return Ok(());
            }
            sum.update(&buffer[..length]);
        }
    }
}

pub fn path(text: &str) -> TreePath {
    TreePath::parse(text).expect("it is made of constants, checked names and a kernel's version")
}

pub fn within(base: &TreePath, below: &str) -> TreePath {
    let names = path(below);
    let names = names.names();
    names.fold(base.clone(), |at, name| {
        at.join(name).expect("a name of a path is a name")
    })
}
