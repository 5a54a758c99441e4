//! SquashFS images, judged by `unsquashfs`.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use store::compose::{Output, Workspace};
use store::formats::squashfs::{self, Compression, Options};
use store::ids::TreePath;
use store::tree::{Builder, Child, Content, Leaf, Meta};

use crate::support::fixtures;
use crate::support::materialize::{is_root, listing, materialize};
use crate::support::root::{output, root, unpack};
use crate::support::workspace::Memory;

const TIME: i64 = 1_793_491_200;

fn path(text: impl AsRef<[u8]>) -> TreePath {
    TreePath::parse(text).unwrap()
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC")
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    said
}

#[derive(Default)]
struct Image {
    memory: Memory,
    tree: Builder,
    links: BTreeSet<Vec<TreePath>>,
}

impl Image {
    fn file(&mut self, at: &str, bytes: &[u8]) -> &mut Meta {
        let workspace: &dyn Workspace = &self.memory;
        let leaf = workspace.file(0o644, bytes).unwrap();
        self.leaf(at, leaf)
    }

    fn leaf(&mut self, at: &str, leaf: Leaf) -> &mut Meta {
        let at = path(at);
        self.tree.insert(&at, Child::Leaf(leaf)).unwrap();
        let parent = self.tree.directory(&at.parent().unwrap()).unwrap();
        match parent.children.get_mut(at.file_name().unwrap()) {
            Some(Child::Leaf(leaf)) => &mut leaf.meta,
            _ => unreachable!(),
        }
    }

    /// Every kind of file, in every shape that changes how it is written.
    fn sample() -> Self {
        let mut image = Image::default();
        let noise = |length: u32| -> Vec<u8> {
            (0..length)
                .map(|n| (n.wrapping_mul(n.wrapping_add(77)) >> 9) as u8)
                .collect()
        };
        image.file("empty", b"");
        image.file("small", b"small");
        image.file("same-as-small", b"small").mode = 0o600;
        image.file("one-block", &noise(128 * 1024));
        image.file("a-block-and-a-byte", &noise(128 * 1024 + 1));
        image.file("large", &noise(5_000_000));
        image.file("zeros", &vec![0; 3_000_000]);
        image.file("bin/su", b"setuid").mode = 0o4755;
        let meta = image.file("bin/owned", b"owned");
        (meta.uid, meta.gid, meta.mtime) = (1000, 998, Some(1_500_000_000));
        let cap = vec![
            1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ];
        for name in ["ping", "arping"] {
            let meta = image.file(&format!("bin/{name}"), name.as_bytes());
            meta.xattrs
                .insert(b"security.capability".to_vec(), cap.clone());
        }
        image.leaf("bin/sh", Leaf::symlink("bash"));
        image.leaf("bin/far", Leaf::symlink(vec!["0123456789"; 300].join("/")));
        for (name, content) in [
            ("null", Content::Character { major: 1, minor: 3 }),
            (
                "disk",
                Content::Block {
                    major: 8,
                    minor: 17,
                },
            ),
            ("pipe", Content::Fifo),
            ("socket", Content::Socket),
        ] {
            let meta = Meta::new(0o620);
            image.leaf(&format!("dev/{name}"), Leaf { meta, content });
        }
        image.file("linked/one", b"linked");
        image.file("linked/three", b"linked");
        image.file("elsewhere/two", b"linked");
        let group = ["elsewhere/two", "linked/one", "linked/three"].map(path);
        image.links.insert(group.to_vec());
        image.file(&"n".repeat(255), b"long name");
        image.file("ünïcödé näme", "ü".as_bytes());
        for number in 0..1000 {
            image.file(
                &format!("many/file-{number}"),
                format!("{number}").repeat(number % 50).as_bytes(),
            );
            if number % 10 == 0 {
                image
                    .tree
                    .directory(&path(format!("many/directory-{number}")))
                    .unwrap();
            }
        }
        image.tree.directory(&path("sticky")).unwrap().meta.mode = 0o1777;
        image
    }

    fn write(&self, compression: Compression, to: &Path) {
        let options = Options {
            compression,
            time: TIME,
        };
        let workspace: &dyn Workspace = &self.memory;
        let open = |blob| workspace.read(blob, 0, None).map_err(std::io::Error::other);
        let mut file = File::create(to).unwrap();
        let length = squashfs::write(&self.tree, &self.links, &options, &open, &mut file).unwrap();
        assert_eq!(length, fs::metadata(to).unwrap().len());
        assert_eq!(length % 4096, 0);
    }

    /// What an extraction should have.
    fn expected(&mut self, to: &Path) -> std::collections::BTreeMap<String, String> {
        timed(&mut self.tree);
        let workspace: &dyn Workspace = &self.memory;
        let mut output = Output::new("root", workspace.finish(&self.tree).unwrap());
        output.links = self.links.clone();
        materialize(workspace, &output, to);
        listing(to)
    }
}

fn timed(tree: &mut Builder) {
    tree.meta.mtime.get_or_insert(TIME);
    for child in tree.children.values_mut() {
        match child {
            Child::Directory(directory) => timed(directory),
            Child::Leaf(leaf) => drop(leaf.meta.mtime.get_or_insert(TIME)),
            Child::Finished(_) => unreachable!(),
        }
    }
}

const ALL: [(Compression, &str); 3] = [
    (Compression::Gzip, "gzip"),
    (Compression::Xz, "xz"),
    (Compression::Zstd, "zstd"),
];

#[test]
fn what_unsquashfs_extracts_is_the_tree() {
    let mut image = Image::sample();
    let directory = tempfile::tempdir().unwrap();
    let beside = |name: &str| directory.path().join(name);
    let images: Vec<PathBuf> = ALL
        .map(|(compression, name)| {
            let to = beside(name);
            image.write(compression, &to);
            to
        })
        .into();
    let expected = image.expected(&beside("tree"));
    assert!(expected.len() > 1000);
    for (file, (_, name)) in images.iter().zip(ALL) {
        let file = file.to_str().unwrap();
        let said = run("unsquashfs", &["-s", file]);
        assert!(said.contains(&format!("Compression {name}\n")), "{said}");
        let said = run("unsquashfs", &["-lln", file]);
        assert!(
            said.contains("/dev/null\n") && said.contains("  8, 17 "),
            "{said}"
        );
        if !is_root() {
            println!("LEFT OUT: owners and devices can only be compared as root");
            continue;
        }
        let out = beside(&format!("out-{name}"));
        run(
            "unsquashfs",
            &["-no-progress", "-d", out.to_str().unwrap(), file],
        );
        let mut found = listing(&out);
        // Sockets can't be extracted.
        let socket = found.remove("dev/socket");
        let mut expected = expected.clone();
        let there = expected.remove("dev/socket");
        assert!(socket.is_none() || socket == there);
        for path in found.keys().chain(expected.keys()) {
            assert_eq!(found.get(path), expected.get(path), "{path}");
        }
    }
}

#[test]
fn an_image_has_the_same_bytes_with_one_thread_and_with_many() {
    let directory = tempfile::tempdir().unwrap();
    for (compression, name) in ALL {
        let mut images = Vec::new();
        for threads in [1, 4] {
            let to = directory.path().join(format!("{name}-{threads}"));
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| Image::sample().write(compression, &to));
            images.push(fs::read(&to).unwrap());
        }
        assert!(images[0] == images[1], "{name}");
    }
}

#[test]
fn a_tree_of_nothing_is_an_image_too() {
    let directory = tempfile::tempdir().unwrap();
    let to = directory.path().join("empty");
    Image::default().write(Compression::Zstd, &to);
    let said = run("unsquashfs", &["-lln", to.to_str().unwrap()]);
    assert!(said.contains("drwxr-xr-x 0/0"), "{said}");
}

#[test]
fn a_file_that_is_not_as_long_as_its_tree_says_is_refused() {
    let mut image = Image::default();
    image.file("file", b"12345");
    for (size, found) in [(4, 5), (6, 5), (200_000, 5)] {
        let Some(Child::Leaf(leaf)) = image.tree.children.get_mut(&b"file"[..]) else {
            unreachable!()
        };
        let Content::File { size: said, .. } = &mut leaf.content else {
            unreachable!()
        };
        *said = size;
        let options = Options {
            compression: Compression::Zstd,
            time: TIME,
        };
        let workspace: &dyn Workspace = &image.memory;
        let open = |blob| workspace.read(blob, 0, None).map_err(std::io::Error::other);
        let mut to = std::io::Cursor::new(Vec::new());
        let error = squashfs::write(&image.tree, &image.links, &options, &open, &mut to);
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains(&format!("has {found} bytes where its tree says {size}")),
            "{error}"
        );
    }
}

#[test]
fn a_root_of_real_packages_comes_out_as_it_went_in() {
    let files = fixtures::packages("repos/tizen3-armv7l/rpms");
    if files.is_empty() || !is_root() {
        return;
    }
    let memory = Memory::default();
    let some = files.iter().filter(|file| {
        ["filesystem-", "setup-", "bash-", "dbus-1", "identifier-"]
            .iter()
            .any(|name| fixtures::name(file).starts_with(name))
    });
    let entries: Vec<_> = some.map(|file| unpack(&memory, file)).collect();
    let composed = root(&memory, "armv7l", &entries).unwrap();
    let output = output(&composed);
    let workspace: &dyn Workspace = &memory;
    let tree = workspace.open(output.root).unwrap();
    let links = output.links.clone();
    let mut image = Image {
        memory,
        tree,
        links,
    };
    let directory = tempfile::tempdir().unwrap();
    let to = directory.path().join("root.img");
    image.write(Compression::Zstd, &to);
    let expected = image.expected(&directory.path().join("tree"));
    let out = directory.path().join("out");
    run(
        "unsquashfs",
        &[
            "-no-progress",
            "-d",
            out.to_str().unwrap(),
            to.to_str().unwrap(),
        ],
    );
    assert_eq!(listing(&out), expected);
}
