//! Images composed of roots made by hand, and what skopeo and umoci make of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use store::compose::{Composed, Error, MAIN, Output, Workspace};
use store::ids::{EntryId, TreePath};
use store::plan::facts::ImageFacts;
use store::plan::parameters;
use store::tree::{Builder, Child, Content, Leaf, Meta};

use crate::support::checkout::checkout;
use crate::support::materialize::{is_root, listing, materialize};
use crate::support::rpm::try_compose;
use crate::support::workspace::Memory;

pub const EPOCH: i64 = 1_700_000_000;

pub fn path(text: impl AsRef<[u8]>) -> TreePath {
    TreePath::parse(text).unwrap()
}

pub fn parameters() -> parameters::Image {
    parameters::Image {
        arch: "x86_64".to_owned(),
        version: "1".to_owned(),
        epoch: EPOCH,
        layers: 1,
        compression: "gzip".to_owned(),
        bootable: false,
        config: parameters::ImageConfig::default(),
        annotations: BTreeMap::new(),
    }
}

/// An installed root under construction; what is in it has times, as packages give them.
#[derive(Clone, Default)]
pub struct Root {
    pub tree: Builder,
    pub links: BTreeSet<Vec<TreePath>>,
}

impl Root {
    pub fn leaf(&mut self, at: impl AsRef<[u8]>, mut leaf: Leaf) -> &mut Leaf {
        leaf.meta.mtime = Some(1_600_000_000);
        let at = path(at);
        self.tree.replace(&at, Child::Leaf(leaf)).unwrap();
        let parent = self.tree.directory(&at.parent().unwrap()).unwrap();
        match parent.children.get_mut(at.file_name().unwrap()) {
            Some(Child::Leaf(leaf)) => leaf,
            _ => unreachable!(),
        }
    }

    pub fn file(
        &mut self,
        memory: &Memory,
        at: impl AsRef<[u8]>,
        mode: u32,
        bytes: &[u8],
    ) -> &mut Leaf {
        let workspace: &dyn Workspace = memory;
        let leaf = workspace.file(mode, bytes).unwrap();
        self.leaf(at, leaf)
    }

    pub fn content(&mut self, at: &str, content: Content) {
        let meta = Meta::new(0o600);
        self.leaf(at, Leaf { meta, content });
    }

    pub fn link(&mut self, from: &str, to: &str) {
        let Some(Child::Leaf(leaf)) = self.tree.get(&path(from)).cloned() else {
            panic!("{from}");
        };
        self.tree.insert(&path(to), Child::Leaf(leaf)).unwrap();
        let mut group = vec![path(from), path(to)];
        group.sort();
        self.links.insert(group);
    }

    pub fn remove(&mut self, at: &str) {
        self.tree.remove(&path(at)).unwrap();
        self.links.retain(|group| !group.contains(&path(at)));
    }

    /// Every kind of file, in every shape that changes how an archive has it.
    pub fn sample(memory: &Memory) -> Self {
        let mut root = Root::default();
        root.file(memory, "etc/passwd", 0o644, b"root:x:0:0:::\n");
        root.file(memory, "usr/bin/su", 0o4755, b"setuid");
        root.file(memory, "usr/bin/wall", 0o2755, b"setgid")
            .meta
            .gid = 5;
        let ping = root.file(memory, "usr/bin/ping", 0o755, b"capable");
        let capability = [1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        ping.meta
            .xattrs
            .insert(b"security.capability".to_vec(), capability.to_vec());
        root.file(memory, "usr/share/empty", 0o644, b"");
        root.file(memory, "usr/share/block", 0o644, &[7; 512]);
        root.file(
            memory,
            "usr/share/\u{fc}n\u{ef}c\u{f6}d\u{e9} n\u{e4}me",
            0o644,
            "ü".as_bytes(),
        );
        let long = format!("usr/share/{}/{}", "d".repeat(200), "n".repeat(255));
        root.file(memory, &long, 0o644, b"long name");
        // Some that a header divides, and some that need a record: too long before a slash, or behind.
        for (before, behind) in [(89, 100), (144, 100), (145, 100), (89, 101), (60, 60)] {
            let path = format!("usr/share/{}/{}", "a".repeat(before), "b".repeat(behind));
            root.file(memory, &path, 0o644, b"of some length");
            let path = format!(
                "usr/share/{}/{}",
                "c".repeat(before),
                "d".repeat(behind - 1)
            );
            root.tree.directory(&self::path(&path)).unwrap();
        }
        root.leaf("usr/share/long", Leaf::symlink("x".repeat(300)));
        root.leaf("usr/bin/sh", Leaf::symlink("bash"));
        let big = root.file(memory, "usr/share/big-ids", 0o640, b"owned");
        (big.meta.uid, big.meta.gid) = (3_000_000, 4_000_000_000);
        root.file(memory, "usr/share/old", 0o644, b"old").meta.mtime = Some(-86_400);
        root.file(memory, "usr/share/late", 0o644, b"late")
            .meta
            .mtime = Some(9_000_000_000);
        root.file(memory, "usr/share/timeless", 0o644, b"x")
            .meta
            .mtime = None;
        let large: Vec<u8> = (0..700_000u32)
            .map(|n| (n.wrapping_mul(n) >> 9) as u8)
            .collect();
        root.file(memory, "usr/lib/large", 0o644, &large);
        // One file by two names, the second of which comes first among whole paths.
        root.file(memory, "usr/lib/a/one", 0o644, b"linked");
        root.link("usr/lib/a/one", "usr/lib/a-two");
        root.link(&long, "usr/share/z-long-link");
        let sticky = root.tree.directory(&path("tmp")).unwrap();
        sticky.meta.mode = 0o1777;
        let owned = root.tree.directory(&path("var/lib/owned")).unwrap();
        (owned.meta.mode, owned.meta.uid, owned.meta.gid) = (0o2750, 17, 18);
        root.content("usr/share/fifo", Content::Fifo);
        root
    }

    /// What only root can make.
    pub fn devices(mut self) -> Self {
        self.content("dev/null", Content::Character { major: 1, minor: 3 });
        self.content("dev/loop0", Content::Block { major: 7, minor: 0 });
        self
    }

    pub fn output(&self, memory: &Memory) -> Output {
        let workspace: &dyn Workspace = memory;
        let mut output = Output::new("root", workspace.finish(&self.tree).unwrap());
        output.links.clone_from(&self.links);
        output
    }

    pub fn enter(&self, memory: &Memory) -> EntryId {
        memory.enter(&self.output(memory))
    }
}

/// A root without a base becomes an image.
pub fn alone(memory: &Memory, root: &Root, params: &parameters::Image) -> Result<Composed, Error> {
    try_compose(memory, "image", params, [("root", root.enter(memory))])
}

/// An image on another one.
pub fn on_top(
    memory: &Memory,
    (base, old): (&Composed, &Root),
    new: &Root,
    params: &parameters::Image,
) -> Result<Composed, Error> {
    let inputs = [
        ("base", memory.enter(&base.outputs[MAIN])),
        ("base-root", old.enter(memory)),
        ("root", new.enter(memory)),
    ];
    try_compose(memory, "image", params, inputs)
}

pub fn facts(image: &Composed) -> ImageFacts {
    image.facts.as_ref().unwrap().to().unwrap()
}

pub fn run(command: &mut Command) -> String {
    let output = command
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC")
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// An image on disk.
pub struct Layout {
    pub directory: tempfile::TempDir,
}

impl Layout {
    pub fn of(memory: &Memory, image: &Composed) -> Self {
        let directory = tempfile::tempdir().unwrap();
        checkout(
            memory,
            image.outputs[MAIN].root,
            &directory.path().join("oci"),
        );
        Layout { directory }
    }

    pub fn path(&self) -> PathBuf {
        self.directory.path().join("oci")
    }

    pub fn inspect(&self, arguments: &[&str]) -> Value {
        inspect(&self.path(), arguments)
    }

    /// What `umoci` makes of it: the directory of the root.
    pub fn unpack(&self) -> PathBuf {
        unpack(&self.path(), &self.directory.path().join("bundle"))
    }
}

/// The file of a blob in a layout.
pub fn blob(layout: &Path, digest: &str) -> PathBuf {
    let hex = digest.strip_prefix("sha256:").unwrap();
    layout.join("blobs/sha256").join(hex)
}

pub fn inspect(layout: &Path, arguments: &[&str]) -> Value {
    let mut command = Command::new("skopeo");
    command.arg("inspect").args(arguments);
    let said = run(command.arg(format!("oci:{}", layout.display())));
    serde_json::from_str(&said).unwrap()
}

pub fn unpack(layout: &Path, bundle: &Path) -> PathBuf {
    let mut command = Command::new("umoci");
    command.arg("unpack");
    if !is_root() {
        command.arg("--rootless");
    }
    run(command.arg("--image").arg(layout).arg(bundle));
    bundle.join("rootfs")
}

/// Owners and what else an ordinary user can't set are told apart by root only.
pub fn comparable(listing: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let strip = |line: String| match is_root() {
        true => line,
        false => {
            let (mode, rest) = line.split_once(' ').unwrap();
            let rest = rest.split_once(' ').map_or("", |(_, rest)| rest);
            let rest = rest.split(" caps ").next().unwrap_or_default();
            format!("{mode} {rest}")
        }
    };
    let lines = listing.into_iter();
    // The directory that it was unpacked into is nobody's.
    let lines = lines.filter(|(path, _)| !path.is_empty());
    lines.map(|(path, line)| (path, strip(line))).collect()
}

/// What is unpacked is what was installed: owners, modes, times, capabilities, links, bytes.
pub fn assert_same(memory: &Memory, root: &Root, unpacked: &Path) {
    let mut root = root.clone();
    // What has no time takes that of the release.
    if let Some(Child::Leaf(_)) = root.tree.get(&path("usr/share/timeless")) {
        let share = root.tree.directory(&path("usr/share")).unwrap();
        if let Some(Child::Leaf(leaf)) = share.children.get_mut(&b"timeless"[..]) {
            leaf.meta.mtime = Some(EPOCH);
        }
    }
    let expected = tempfile::tempdir().unwrap();
    materialize(memory, &root.output(memory), expected.path());
    let expected = comparable(listing(expected.path()));
    let found = comparable(listing(unpacked));
    assert_eq!(found, expected);
}

pub fn sample(memory: &Memory) -> Root {
    let sample = Root::sample(memory);
    match is_root() {
        true => sample.devices(),
        false => sample,
    }
}
