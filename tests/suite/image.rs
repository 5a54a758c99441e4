//! Kind `image`: skopeo and umoci are the judges of what is composed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use store::compose::{Composed, Error, MAIN, Output, Workspace};
use store::ids::{EntryId, TreePath};
use store::plan::facts::ImageFacts;
use store::plan::parameters;
use store::tree::{Builder, Child, Content, Leaf, Meta};

use crate::support::bench::Bench;
use crate::support::checkout::checkout;
use crate::support::materialize::{is_root, listing, materialize};
use crate::support::rpm::try_compose;
use crate::support::workspace::Memory;

const EPOCH: i64 = 1_700_000_000;

fn path(text: impl AsRef<[u8]>) -> TreePath {
    TreePath::parse(text).unwrap()
}

fn parameters() -> parameters::Image {
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
struct Root {
    tree: Builder,
    links: BTreeSet<Vec<TreePath>>,
}

impl Root {
    fn leaf(&mut self, at: impl AsRef<[u8]>, mut leaf: Leaf) -> &mut Leaf {
        leaf.meta.mtime = Some(1_600_000_000);
        let at = path(at);
        self.tree.replace(&at, Child::Leaf(leaf)).unwrap();
        let parent = self.tree.directory(&at.parent().unwrap()).unwrap();
        match parent.children.get_mut(at.file_name().unwrap()) {
            Some(Child::Leaf(leaf)) => leaf,
            _ => unreachable!(),
        }
    }

    fn file(
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

    fn content(&mut self, at: &str, content: Content) {
        let meta = Meta::new(0o600);
        self.leaf(at, Leaf { meta, content });
    }

    fn link(&mut self, from: &str, to: &str) {
        let Some(Child::Leaf(leaf)) = self.tree.get(&path(from)).cloned() else {
            panic!("{from}");
        };
        self.tree.insert(&path(to), Child::Leaf(leaf)).unwrap();
        let mut group = vec![path(from), path(to)];
        group.sort();
        self.links.insert(group);
    }

    fn remove(&mut self, at: &str) {
        self.tree.remove(&path(at)).unwrap();
        self.links.retain(|group| !group.contains(&path(at)));
    }

    /// Every kind of file, in every shape that changes how an archive has it.
    fn sample(memory: &Memory) -> Self {
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
    fn devices(mut self) -> Self {
        self.content("dev/null", Content::Character { major: 1, minor: 3 });
        self.content("dev/loop0", Content::Block { major: 7, minor: 0 });
        self
    }

    fn output(&self, memory: &Memory) -> Output {
        let workspace: &dyn Workspace = memory;
        let mut output = Output::new("root", workspace.finish(&self.tree).unwrap());
        output.links.clone_from(&self.links);
        output
    }

    fn enter(&self, memory: &Memory) -> EntryId {
        memory.enter(&self.output(memory))
    }
}

/// A root without a base becomes an image.
fn alone(memory: &Memory, root: &Root, params: &parameters::Image) -> Result<Composed, Error> {
    try_compose(memory, "image", params, [("root", root.enter(memory))])
}

/// An image on another one.
fn on_top(
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

fn facts(image: &Composed) -> ImageFacts {
    image.facts.as_ref().unwrap().to().unwrap()
}

fn run(command: &mut Command) -> String {
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
struct Layout {
    directory: tempfile::TempDir,
}

impl Layout {
    fn of(memory: &Memory, image: &Composed) -> Self {
        let directory = tempfile::tempdir().unwrap();
        checkout(
            memory,
            image.outputs[MAIN].root,
            &directory.path().join("oci"),
        );
        Layout { directory }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("oci")
    }

    fn inspect(&self, arguments: &[&str]) -> Value {
        inspect(&self.path(), arguments)
    }

    /// What `umoci` makes of it: the directory of the root.
    fn unpack(&self) -> PathBuf {
        unpack(&self.path(), &self.directory.path().join("bundle"))
    }
}

/// The file of a blob in a layout.
fn blob(layout: &Path, digest: &str) -> PathBuf {
    let hex = digest.strip_prefix("sha256:").unwrap();
    layout.join("blobs/sha256").join(hex)
}

fn inspect(layout: &Path, arguments: &[&str]) -> Value {
    let mut command = Command::new("skopeo");
    command.arg("inspect").args(arguments);
    let said = run(command.arg(format!("oci:{}", layout.display())));
    serde_json::from_str(&said).unwrap()
}

fn unpack(layout: &Path, bundle: &Path) -> PathBuf {
    let mut command = Command::new("umoci");
    command.arg("unpack");
    if !is_root() {
        command.arg("--rootless");
    }
    run(command.arg("--image").arg(layout).arg(bundle));
    bundle.join("rootfs")
}

/// Owners and what else an ordinary user can't set are told apart by root only.
fn comparable(listing: BTreeMap<String, String>) -> BTreeMap<String, String> {
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
fn assert_same(memory: &Memory, root: &Root, unpacked: &Path) {
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

fn sample(memory: &Memory) -> Root {
    let sample = Root::sample(memory);
    match is_root() {
        true => sample.devices(),
        false => sample,
    }
}

#[test]
fn umoci_unpacks_an_image_to_the_tree_that_was_installed() {
    for compression in ["gzip", "zstd"] {
        let memory = Memory::default();
        let root = sample(&memory);
        let params = parameters::Image {
            compression: compression.to_owned(),
            ..parameters()
        };
        let image = alone(&memory, &root, &params).unwrap();
        let layout = Layout::of(&memory, &image);
        if compression == "zstd" {
            // umoci before 0.5 reads gzip only: what it is shown is what skopeo makes of it.
            let plain = layout.directory.path().join("plain");
            run(Command::new("skopeo")
                .args(["copy", "--dest-compress-format=gzip"])
                .arg(format!("oci:{}", layout.path().display()))
                .arg(format!("oci:{}:latest", plain.display())));
            let unpacked = unpack(&plain, &layout.directory.path().join("bundle"));
            assert_same(&memory, &root, &unpacked);
            continue;
        }
        assert_same(&memory, &root, &layout.unpack());
    }
}

/// Another reader of archives, with another idea of what is optional in them.
#[test]
fn tar_unpacks_a_layer_to_the_tree_that_was_installed() {
    let memory = Memory::default();
    let root = sample(&memory);
    for compression in ["gzip", "zstd"] {
        let params = parameters::Image {
            compression: compression.to_owned(),
            ..parameters()
        };
        let image = alone(&memory, &root, &params).unwrap();
        let layout = Layout::of(&memory, &image);
        let digest = &facts(&image).layers[0].digest;
        let blob = blob(&layout.path(), digest);
        let unpacked = layout.directory.path().join("unpacked");
        fs::create_dir(&unpacked).unwrap();
        let mut tar = Command::new("tar");
        tar.args(["-xp", "--xattrs", "--xattrs-include=*", "--numeric-owner"]);
        tar.arg(format!("--{compression}"));
        run(tar.arg("-C").arg(&unpacked).arg("-f").arg(blob));
        assert_same(&memory, &root, &unpacked);
    }
}

#[test]
fn skopeo_reads_what_the_recipe_says_of_a_container() {
    let memory = Memory::default();
    let text = |text: &str| Some(text.to_owned());
    let words = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect());
    let params = parameters::Image {
        config: parameters::ImageConfig {
            cmd: words(&["--all"]),
            entrypoint: words(&["/usr/bin/tool", "run"]),
            env: [("PATH".to_owned(), "/usr/bin".to_owned())].into(),
            user: text("17:18"),
            ports: ["80/tcp".to_owned(), "53/udp".to_owned()].into(),
            labels: [("example.label".to_owned(), "text".to_owned())].into(),
            volumes: ["/var/lib/tool".to_owned()].into(),
            working_dir: text("/var"),
            stop_signal: text("SIGINT"),
        },
        annotations: [("example.annotation".to_owned(), "more".to_owned())].into(),
        ..parameters()
    };
    let image = alone(&memory, &Root::sample(&memory), &params).unwrap();
    let layout = Layout::of(&memory, &image);
    let image_facts = facts(&image);

    let said = layout.inspect(&[]);
    assert_eq!(said["Digest"], *image_facts.manifest);
    assert_eq!(said["Created"], "2023-11-14T22:13:20Z");
    assert_eq!(said["Architecture"], "amd64");
    assert_eq!(said["Os"], "linux");
    assert_eq!(
        said["Layers"],
        serde_json::json!([image_facts.layers[0].digest])
    );
    assert_eq!(said["Labels"]["example.label"], "text");
    assert_eq!(said["Labels"]["org.opencontainers.image.version"], "1");

    let config = &layout.inspect(&["--config"])["config"];
    let expected = serde_json::json!({
        "User": "17:18",
        "ExposedPorts": {"53/udp": {}, "80/tcp": {}},
        "Env": ["PATH=/usr/bin"],
        "Entrypoint": ["/usr/bin/tool", "run"],
        "Cmd": ["--all"],
        "Volumes": {"/var/lib/tool": {}},
        "WorkingDir": "/var",
        "Labels": {"example.label": "text", "org.opencontainers.image.version": "1"},
        "StopSignal": "SIGINT",
    });
    assert_eq!(*config, expected);
    let raw = layout.inspect(&["--raw"]);
    assert_eq!(raw["annotations"]["example.annotation"], "more");

    // A copy into another kind of storage reads every byte and holds it against its digest.
    let copy = layout.directory.path().join("copy");
    run(Command::new("skopeo")
        .args(["copy", "--preserve-digests"])
        .arg(format!("oci:{}", layout.path().display()))
        .arg(format!("dir:{}", copy.display())));
}

/// A base with all that a layer on top may change.
fn base(memory: &Memory) -> Root {
    let mut root = Root::sample(memory);
    root.file(memory, "opt/goes/away", 0o644, b"gone");
    root.file(memory, "opt/all/one", 0o644, b"1");
    root.file(memory, "opt/all/two", 0o644, b"2");
    root.file(memory, "opt/file", 0o644, b"becomes a directory");
    root.file(memory, "opt/directory/inside", 0o644, b"becomes a file");
    root.file(memory, "opt/changes", 0o644, b"before");
    root.file(memory, "opt/mode", 0o644, b"same bytes");
    root.file(memory, "opt/link/one", 0o644, b"parts");
    root.link("opt/link/one", "opt/link/two");
    root.file(memory, "opt/join/one", 0o644, b"joins");
    root.file(memory, "opt/join/two", 0o644, b"joins");
    root.leaf("opt/points", Leaf::symlink("changes"));
    root
}

fn changed(memory: &Memory) -> Root {
    let mut root = base(memory);
    root.remove("opt/goes/away");
    root.remove("opt/goes");
    root.remove("opt/all/one");
    root.remove("opt/all/two");
    root.file(memory, "opt/all/three", 0o644, b"3");
    root.remove("opt/file");
    root.file(memory, "opt/file/inside", 0o644, b"a directory");
    root.remove("opt/directory/inside");
    root.remove("opt/directory");
    root.file(memory, "opt/directory", 0o644, b"a file");
    root.file(memory, "opt/changes", 0o644, b"after");
    root.file(memory, "opt/mode", 0o600, b"same bytes");
    root.links
        .retain(|group| !group.contains(&path("opt/link/one")));
    root.links
        .insert(vec![path("opt/join/one"), path("opt/join/two")]);
    root.leaf("opt/points", Leaf::symlink("mode"));
    root.file(memory, "usr/bin/new", 0o755, b"new");
    root.tree
        .directory(&path("var/lib/owned"))
        .unwrap()
        .meta
        .mode = 0o700;
    root.tree.directory(&path("srv/empty")).unwrap().meta.mode = 0o711;
    root
}

#[test]
fn a_layer_on_a_base_says_only_what_is_new_changed_or_gone() {
    let memory = Memory::default();
    let (old, new) = (base(&memory), changed(&memory));
    let below = alone(&memory, &old, &parameters()).unwrap();
    let image = on_top(&memory, (&below, &old), &new, &parameters()).unwrap();
    let (below, image_facts) = (facts(&below), facts(&image));
    assert_eq!(image_facts.layers.len(), 2);
    assert_eq!(image_facts.layers[0], below.layers[0]);

    let layout = Layout::of(&memory, &image);
    assert_same(&memory, &new, &layout.unpack());
    let archive = blob(&layout.path(), &image_facts.layers[1].digest);
    let listed = run(Command::new("tar").arg("-tzf").arg(archive));
    let listed: Vec<&str> = listed.lines().collect();
    assert_eq!(
        listed,
        [
            "./",
            "opt/",
            "opt/.wh.goes",
            "opt/all/",
            "opt/all/.wh..wh..opq",
            "opt/all/three",
            "opt/changes",
            "opt/directory",
            "opt/file/",
            "opt/file/inside",
            "opt/join/",
            "opt/join/one",
            "opt/join/two",
            "opt/link/",
            "opt/link/one",
            "opt/link/two",
            "opt/mode",
            "opt/points",
            "srv/",
            "srv/empty/",
            "usr/",
            "usr/bin/",
            "usr/bin/new",
            "var/",
            "var/lib/",
            "var/lib/owned/",
        ]
    );
    let raw = layout.inspect(&["--raw"]);
    assert_eq!(
        raw["annotations"]["org.opencontainers.image.base.digest"],
        *below.manifest
    );
}

#[test]
fn what_an_image_does_not_say_its_base_decides() {
    let memory = Memory::default();
    let root = Root::sample(&memory);
    let mut params = parameters();
    let words = |word: &str| Some(vec![word.to_owned()]);
    params.config.cmd = words("old-cmd");
    params.config.entrypoint = words("old-entrypoint");
    params.config.user = Some("17".to_owned());
    params.config.env = [("A", "1"), ("B", "1")]
        .map(|(a, b)| (a.into(), b.into()))
        .into();
    params.config.ports = ["80/tcp".to_owned()].into();
    let below = alone(&memory, &root, &params).unwrap();

    params.config = parameters::ImageConfig {
        entrypoint: words("new-entrypoint"),
        env: [("B", "2"), ("C", "2")]
            .map(|(a, b)| (a.into(), b.into()))
            .into(),
        ports: ["443/tcp".to_owned()].into(),
        ..parameters::ImageConfig::default()
    };
    let image = on_top(&memory, (&below, &root), &root, &params).unwrap();
    let config = &Layout::of(&memory, &image).inspect(&["--config"])["config"];
    // A command is for the entry point that it was given with.
    let expected = serde_json::json!({
        "User": "17",
        "ExposedPorts": {"443/tcp": {}, "80/tcp": {}},
        "Env": ["A=1", "B=2", "C=2"],
        "Entrypoint": ["new-entrypoint"],
        "Labels": {"org.opencontainers.image.version": "1"},
    });
    assert_eq!(*config, expected);
}

#[test]
fn what_no_layer_can_hold_is_refused_or_dropped_with_a_word() {
    let memory = Memory::default();
    let mut root = Root::sample(&memory);
    root.content("run/socket", Content::Socket);
    alone(&memory, &root, &parameters()).unwrap();
    assert_eq!(
        memory.notes(),
        ["/run/socket dropped: a layer can't hold a socket"]
    );

    root.file(&memory, "usr/share/.wh.hidden", 0o644, b"");
    let error = alone(&memory, &root, &parameters())
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("/usr/share/.wh.hidden has a name"),
        "{error}"
    );
    root.remove("usr/share/.wh.hidden");

    let leaf = root.file(&memory, "usr/share/odd", 0o644, b"");
    leaf.meta.xattrs.insert(b"user.a=b".to_vec(), b"c".to_vec());
    let error = alone(&memory, &root, &parameters())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("/usr/share/odd has an extended attribute \"user.a=b\""),
        "{error}"
    );
    root.remove("usr/share/odd");

    let params = parameters::Image {
        bootable: true,
        ..parameters()
    };
    let error = alone(&memory, &root, &params).unwrap_err().to_string();
    assert!(error.contains("needs a kernel"), "{error}");
}

#[test]
fn a_base_that_is_no_image_is_refused() {
    let memory = Memory::default();
    let root = Root::sample(&memory);
    let entry = root.enter(&memory);
    let inputs = [("base", entry), ("base-root", entry), ("root", entry)];
    let error = try_compose(&memory, "image", &parameters(), inputs).unwrap_err();
    assert!(
        error.to_string().contains("it has no file index.json"),
        "{error}"
    );
}

#[test]
fn the_images_that_ship_are_what_skopeo_and_umoci_take_and_rpm_knows() {
    let bench = Bench::shipped();
    let paths = bench.realize(&["container-base", "web-server-image"]);
    let [base, web] = &paths[..] else {
        panic!("{paths:?}")
    };
    let layers = |layout: &Path| inspect(layout, &[])["Layers"].as_array().unwrap().clone();
    let (below, above) = (layers(base), layers(web));
    assert_eq!((below.len(), above.len()), (1, 2));
    assert_eq!(below[0], above[0]);
    let file = |layout: &Path| {
        let hex = below[0].as_str().unwrap().strip_prefix("sha256:").unwrap();
        fs::metadata(layout.join("blobs/sha256").join(hex)).unwrap()
    };
    // One file on disk, not two.
    assert_eq!(file(base).ino(), file(web).ino());

    let rootfs = unpack(web, &bench.path().join("bundle"));
    let mut rpm = Command::new("rpm");
    rpm.arg("--dbpath")
        .arg(rootfs.join("usr/lib/sysimage/rpm"))
        .arg("-qa");
    let installed = run(&mut rpm);
    let mut installed: Vec<&str> = installed.lines().collect();
    installed.sort_unstable();
    assert_eq!(
        installed,
        [
            "sampler-filesystem-1-1.noarch",
            "sampler-httpd-2.4-1.x86_64",
            "sampler-init-1.2-3.noarch",
            "sampler-release-1-1.noarch",
            "sampler-shell-1.0-1.noarch",
        ]
    );
    if !is_root() {
        println!("LEFT OUT: only root unpacks owners for rpm to look at");
        return;
    }
    let mut rpm = Command::new("rpm");
    rpm.arg("--root").arg(&rootfs);
    rpm.args(["--dbpath", "/usr/lib/sysimage/rpm", "-Va"]);
    let verified = rpm.output().unwrap().stdout;
    let verified = String::from_utf8(verified).unwrap();
    let mut wrong: Vec<&str> = verified.lines().collect();
    wrong.sort_unstable();
    // Accounts of sysusers.d were added.
    assert_eq!(
        wrong,
        [
            "S.5......  c /etc/group",
            "S.5......  c /etc/passwd",
            "S.5......  c /etc/shadow",
        ]
    );
}
