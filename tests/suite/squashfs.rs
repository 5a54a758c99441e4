//! SquashFS images, judged by `unsquashfs`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use store::compose::Workspace;
use store::formats::squashfs::{self, Compression, Options};
use store::tree::{Child, Content};

use crate::support::fixtures;
use crate::support::materialize::{is_root, listing};
use crate::support::root::{output, root, unpack};
use crate::support::sample::{Sample, run};
use crate::support::told;
use crate::support::workspace::Memory;

const TIME: i64 = 1_793_491_200;

struct Image(Sample);

impl Image {
    fn write(&self, compression: Compression, to: &Path) {
        let options = Options {
            compression,
            time: TIME,
        };
        let workspace: &dyn Workspace = &self.0.memory;
        let open = |blob| workspace.read(blob, 0, None).map_err(std::io::Error::other);
        let mut file = File::create(to).unwrap();
        let length =
            squashfs::write(&self.0.tree, &self.0.links, &options, &open, &mut file).unwrap();
        assert_eq!(length, fs::metadata(to).unwrap().len());
        assert_eq!(length % 4096, 0);
    }
}

const ALL: [(Compression, &str); 3] = [
    (Compression::Gzip, "gzip"),
    (Compression::Xz, "xz"),
    (Compression::Zstd, "zstd"),
];

#[test]
fn what_unsquashfs_extracts_is_the_tree() {
    let mut image = Image(Sample::of_all());
    let directory = tempfile::tempdir().unwrap();
    let beside = |name: &str| directory.path().join(name);
    let images: Vec<PathBuf> = ALL
        .map(|(compression, name)| {
            let to = beside(name);
            image.write(compression, &to);
            to
        })
        .into();
    let expected = image.0.expected(TIME, &beside("tree"));
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
            told::left_out("owners and devices can only be compared as root");
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
            pool.install(|| Image(Sample::of_all()).write(compression, &to));
            images.push(fs::read(&to).unwrap());
        }
        assert!(images[0] == images[1], "{name}");
    }
}

#[test]
fn a_tree_of_nothing_is_an_image_too() {
    let directory = tempfile::tempdir().unwrap();
    let to = directory.path().join("empty");
    Image(Sample::default()).write(Compression::Zstd, &to);
    let said = run("unsquashfs", &["-lln", to.to_str().unwrap()]);
    assert!(said.contains("drwxr-xr-x 0/0"), "{said}");
}

#[test]
fn a_file_that_is_not_as_long_as_its_tree_says_is_refused() {
    let mut image = Image(Sample::default());
    image.0.file("file", b"12345");
    for (size, found) in [(4, 5), (6, 5), (200_000, 5)] {
        let Some(Child::Leaf(leaf)) = image.0.tree.children.get_mut(&b"file"[..]) else {
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
        let workspace: &dyn Workspace = &image.0.memory;
        let open = |blob| workspace.read(blob, 0, None).map_err(std::io::Error::other);
        let mut to = std::io::Cursor::new(Vec::new());
        let error = squashfs::write(&image.0.tree, &image.0.links, &options, &open, &mut to);
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
    let mut image = Image(Sample {
        memory,
        tree,
        links,
    });
    let directory = tempfile::tempdir().unwrap();
    let to = directory.path().join("root.img");
    image.write(Compression::Zstd, &to);
    let expected = image.0.expected(TIME, &directory.path().join("tree"));
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
