//! ext4 file systems, judged by `e2fsck` and read back by `debugfs`.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use store::compose::Workspace;
use store::formats::ext4::{self, Options};
use store::ids::{BlobId, TreePath};
use store::tree::{Assembly, Builder, Child, Content, Leaf, Part};

use crate::support::materialize::{is_root, listing};
use crate::support::sample::{Sample, path, run};
use crate::support::told;

const TIME: i64 = 1_793_491_200;
const MIB: u64 = 1 << 20;

fn options(immutable: &BTreeSet<TreePath>, size: u64) -> Options<'_> {
    Options {
        label: "root",
        uuid: *b"0123456789abcdef",
        size,
        journal: 4 * MIB,
        time: TIME,
        immutable,
    }
}

/// Writes what an assembly says; blobs that the workspace does not have are left as holes.
fn lay_out(assembly: &Assembly, workspace: &dyn Workspace, to: &Path) {
    let file = File::create(to).unwrap();
    let mut at = 0;
    for part in &assembly.parts {
        match part {
            Part::Inline { bytes } => file.write_all_at(bytes, at).unwrap(),
            Part::Range { blob, offset, .. } => {
                let mut bytes = Vec::new();
                if let Ok(mut reader) = workspace.read(*blob, *offset, Some(part.length())) {
                    reader.read_to_end(&mut bytes).unwrap();
                }
                file.write_all_at(&bytes, at).unwrap();
            }
            Part::Deflate { .. } | Part::Inflate { .. } => {
                unreachable!("nothing is compressed in it")
            }
        }
        at += part.length();
    }
    file.set_len(at).unwrap();
}

struct Made {
    directory: tempfile::TempDir,
    image: PathBuf,
}

impl Made {
    fn of(sample: &Sample, options: &Options<'_>) -> Self {
        let assembly = ext4::write(&sample.tree, &sample.links, options).unwrap();
        assert_eq!(assembly.length(), Some(options.size));
        let directory = tempfile::tempdir().unwrap();
        let image = directory.path().join("image");
        lay_out(&assembly, &sample.memory, &image);
        Made { directory, image }
    }

    fn path(&self) -> &str {
        self.image.to_str().unwrap()
    }

    /// Nothing to repair, and nothing to mend either.
    fn is_sound(&self) {
        let said = run("/sbin/e2fsck", &["-f", "-n", self.path()]);
        assert!(!said.contains("Fix?"), "{said}");
    }

    fn debugfs(&self, command: &str) -> String {
        run("/sbin/debugfs", &["-R", command, self.path()])
    }
}

#[test]
fn e2fsck_finds_nothing_and_debugfs_every_file_as_it_was() {
    let mut sample = Sample::of_all();
    let immutable = BTreeSet::from([path("linked")]);
    let made = Made::of(&sample, &options(&immutable, 200 * MIB));
    made.is_sound();
    let paths = sample.tree.paths();
    assert!(paths.len() > 1000);
    for name in ["ping", "arping"] {
        let said = made.debugfs(&format!("ea_get -x /bin/{name} security.capability"));
        assert!(said.contains("01 00 00 02 00 20 00 00"), "{said}");
    }
    assert!(made.debugfs("stat /linked").contains("Flags: 0x80010"));
    assert!(made.debugfs("stat /linked/one").contains("Links: 3"));
    let said = made.debugfs("stat /dev/disk");
    assert!(said.contains("Device major/minor number: 08:17"), "{said}");
    if !is_root() {
        told::left_out("owners and devices can only be compared as root");
        return;
    }
    let out = made.directory.path().join("out");
    fs::create_dir(&out).unwrap();
    made.debugfs(&format!("rdump / {}", out.display()));
    let mut expected = sample.expected(TIME, &made.directory.path().join("tree"));
    let mut found = listing(&out);
    assert!(found.remove("lost+found").is_some());
    let said = made.debugfs("stat /bin/su");
    assert!(said.contains("Mode:  04755"), "{said}");
    // debugfs makes no special files, and knows no links between files, gives no attributes, no times to links, no set-user-id and no sticky bit.
    for line in expected.values_mut().chain(found.values_mut()) {
        line.truncate(line.find(" caps ").unwrap_or(line.len()));
        if let Some((meta, twin)) = line.split_once(" same as ") {
            let (_, rest) = twin.split_once(' ').unwrap();
            *line = format!("{meta} {rest}");
        }
        if let Some((meta, target)) = line.split_once(" to ") {
            let (meta, _) = meta.split_once(" at ").unwrap();
            *line = format!("{meta} to {target}");
        }
        *line = line
            .replacen("104755", "100755", 1)
            .replacen("41777", "40777", 1);
    }
    for path in found.keys().chain(expected.keys()) {
        if path.starts_with("dev/") {
            continue;
        }
        assert_eq!(found.get(path), expected.get(path), "{path}");
    }
}

#[test]
fn a_file_in_more_pieces_than_an_inode_holds_is_sound() {
    let mut sample = Sample::default();
    let blob = BlobId::of(b"not in the workspace: a hole");
    sample.leaf("large", Leaf::file(0o644, blob, 1500 * MIB));
    sample.file("behind", b"behind");
    let none = BTreeSet::new();
    let made = Made::of(&sample, &options(&none, 2048 * MIB));
    made.is_sound();
    assert!(made.debugfs("cat /behind").contains("behind"));
    let said = made.debugfs("ex /large");
    assert!(
        said.lines().filter(|line| line.starts_with(" 1/")).count() > 4,
        "{said}"
    );
}

#[test]
fn groups_that_end_early_are_sound_and_so_are_many_small_files() {
    let none = BTreeSet::new();
    // A last group too short for its own tables, one that is just long enough, and a single one.
    for size in [129 * MIB, 133 * MIB, 16 * MIB, 16 * MIB + 12345] {
        let mut sample = Sample::default();
        sample.file("file", b"file");
        let made = Made::of(&sample, &options(&none, size));
        made.is_sound();
        assert_eq!(fs::metadata(&made.image).unwrap().len(), size);
    }
    let mut sample = Sample::default();
    for number in 0..20_000 {
        sample.file(&format!("many/{}/{number}", number % 16), b"the same bytes");
    }
    Made::of(&sample, &options(&none, 256 * MIB)).is_sound();
    // The last group is left out, and all inodes lie in the others.
    Made::of(&sample, &options(&none, 257 * MIB)).is_sound();
}

#[test]
fn more_files_than_its_groups_can_count_need_a_larger_file_system() {
    let mut sample = Sample::default();
    for number in 0..33_000 {
        sample.leaf(&format!("links/{number}"), Leaf::symlink("target"));
    }
    let none = BTreeSet::new();
    let error = ext4::write(&sample.tree, &sample.links, &options(&none, 128 * MIB)).unwrap_err();
    let ext4::Error::TooSmall { needed, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(needed, 256 * MIB);
    Made::of(&sample, &options(&none, needed)).is_sound();
}

#[test]
fn attributes_that_fit_no_inode_share_a_block() {
    let mut sample = Sample::default();
    for number in 0..1500 {
        let meta = sample.file(&format!("file-{number}"), b"");
        meta.xattrs.insert(b"user.long".to_vec(), vec![b'x'; 200]);
        meta.xattrs.insert(
            b"security.selinux".to_vec(),
            b"system_u:object_r:bin_t:s0\0".to_vec(),
        );
        meta.xattrs
            .insert(b"unknown.space".to_vec(), b"left out".to_vec());
    }
    let none = BTreeSet::new();
    let made = Made::of(&sample, &options(&none, 64 * MIB));
    made.is_sound();
    let said = made.debugfs("ea_list /file-1499");
    assert!(
        said.contains("user.long (200)") && said.contains("security.selinux (27)"),
        "{said}"
    );
    assert!(!said.contains("unknown"), "{said}");
    let meta = sample.file("too-much", b"");
    meta.xattrs.insert(b"user.huge".to_vec(), vec![0; 5000]);
    let error = ext4::write(&sample.tree, &sample.links, &options(&none, 64 * MIB));
    assert!(error.unwrap_err().to_string().contains("too-much"));
}

#[test]
fn what_does_not_fit_is_told_with_the_bytes_that_it_needs() {
    let mut sample = Sample::default();
    sample.leaf("large", Leaf::file(0o644, BlobId::of(b"large"), 100 * MIB));
    let none = BTreeSet::new();
    let error = ext4::write(&sample.tree, &sample.links, &options(&none, 64 * MIB)).unwrap_err();
    let ext4::Error::TooSmall { needed, .. } = error else {
        panic!("{error}")
    };
    let made = Made::of(&sample, &options(&none, needed + MIB));
    made.is_sound();
    let tree = Builder::default();
    let taken = Child::Leaf(Leaf {
        meta: store::tree::Meta::new(0o644),
        content: Content::Fifo,
    });
    let mut with = tree.clone();
    with.insert(&path("lost+found"), taken).unwrap();
    let error = ext4::write(&with, &sample.links, &options(&none, 64 * MIB)).unwrap_err();
    assert!(error.to_string().contains("lost+found"), "{error}");
}
