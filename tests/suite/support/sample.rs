//! A tree with every kind of file, in every shape that changes how it is written to a medium.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use store::compose::{Output, Workspace};
use store::ids::TreePath;
use store::tree::{Builder, Child, Content, Leaf, Meta};

use super::materialize::{listing, materialize};
use super::workspace::Memory;

pub fn path(text: impl AsRef<[u8]>) -> TreePath {
    TreePath::parse(text).unwrap()
}

/// Runs a program that has to succeed; returns what it said.
pub fn run(program: &str, arguments: &[&str]) -> String {
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
pub struct Sample {
    pub memory: Memory,
    pub tree: Builder,
    pub links: BTreeSet<Vec<TreePath>>,
}

impl Sample {
    pub fn file(&mut self, at: &str, bytes: &[u8]) -> &mut Meta {
        let workspace: &dyn Workspace = &self.memory;
        let leaf = workspace.file(0o644, bytes).unwrap();
        self.leaf(at, leaf)
    }

    pub fn leaf(&mut self, at: &str, leaf: Leaf) -> &mut Meta {
        let at = path(at);
        self.tree.insert(&at, Child::Leaf(leaf)).unwrap();
        let parent = self.tree.directory(&at.parent().unwrap()).unwrap();
        match parent.children.get_mut(at.file_name().unwrap()) {
            Some(Child::Leaf(leaf)) => &mut leaf.meta,
            _ => unreachable!(),
        }
    }

    /// Every kind of file, in every shape that changes how it is written.
    pub fn of_all() -> Self {
        let mut sample = Sample::default();
        let noise = |length: u32| -> Vec<u8> {
            (0..length)
                .map(|n| (n.wrapping_mul(n.wrapping_add(77)) >> 9) as u8)
                .collect()
        };
        sample.file("empty", b"");
        sample.file("small", b"small");
        sample.file("same-as-small", b"small").mode = 0o600;
        sample.file("one-block", &noise(128 * 1024));
        sample.file("a-block-and-a-byte", &noise(128 * 1024 + 1));
        sample.file("large", &noise(5_000_000));
        sample.file("zeros", &vec![0; 3_000_000]);
        sample.file("bin/su", b"setuid").mode = 0o4755;
        let meta = sample.file("bin/owned", b"owned");
        (meta.uid, meta.gid, meta.mtime) = (1000, 998, Some(1_500_000_000));
        let cap = vec![
            1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ];
        for name in ["ping", "arping"] {
            let meta = sample.file(&format!("bin/{name}"), name.as_bytes());
            meta.xattrs
                .insert(b"security.capability".to_vec(), cap.clone());
        }
        sample.leaf("bin/sh", Leaf::symlink("bash"));
        sample.leaf("bin/far", Leaf::symlink(vec!["0123456789"; 300].join("/")));
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
            sample.leaf(&format!("dev/{name}"), Leaf { meta, content });
        }
        sample.file("linked/one", b"linked");
        sample.file("linked/three", b"linked");
        sample.file("elsewhere/two", b"linked");
        let group = ["elsewhere/two", "linked/one", "linked/three"].map(path);
        sample.links.insert(group.to_vec());
        sample.file(&"n".repeat(255), b"long name");
        sample.file("ünïcödé näme", "ü".as_bytes());
        for number in 0..1000 {
            sample.file(
                &format!("many/file-{number}"),
                format!("{number}").repeat(number % 50).as_bytes(),
            );
            if number % 10 == 0 {
                sample
                    .tree
                    .directory(&path(format!("many/directory-{number}")))
                    .unwrap();
            }
        }
        sample.tree.directory(&path("sticky")).unwrap().meta.mode = 0o1777;
        sample
    }

    /// What an extraction should have.
    /// Files that have no time have this one.
    pub fn expected(&mut self, time: i64, to: &Path) -> BTreeMap<String, String> {
        timed(&mut self.tree, time);
        let workspace: &dyn Workspace = &self.memory;
        let mut output = Output::new("root", workspace.finish(&self.tree).unwrap());
        output.links = self.links.clone();
        materialize(workspace, &output, to);
        listing(to)
    }
}

pub fn timed(tree: &mut Builder, time: i64) {
    tree.meta.mtime.get_or_insert(time);
    for child in tree.children.values_mut() {
        match child {
            Child::Directory(directory) => timed(directory, time),
            Child::Leaf(leaf) => drop(leaf.meta.mtime.get_or_insert(time)),
            Child::Finished(_) => unreachable!(),
        }
    }
}
