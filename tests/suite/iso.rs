//! ISO 9660 images, judged by `xorriso`, `isoinfo`, `bsdtar` and `checkisomd5`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use store::compose::Workspace;
use store::formats::iso9660::{self, BLOCK, Bios, Boot, Image, Volume, read};
use store::ids::BlobId;
use store::tree::{Builder, Child, Content, Leaf, Meta, Part};

use crate::support::materialize::{is_root, listing};
use crate::support::sample::{Sample, path, run};
use crate::support::told;

fn volume() -> Volume {
    Volume {
        id: "Sampler-1-x86_64".to_owned(),
        publisher: "Sampler".to_owned(),
        application: "store".to_owned(),
        time: 1_793_491_200,
        boot: Boot::default(),
    }
}

/// A tree that is to become an image.
#[derive(Default)]
struct Disc(Sample);

impl Disc {
    fn file(&mut self, at: &str, bytes: &[u8]) -> &mut Meta {
        self.0.file(at, bytes)
    }

    fn leaf(&mut self, at: &str, leaf: Leaf) -> &mut Meta {
        self.0.leaf(at, leaf)
    }

    /// Every kind of file, in every shape that changes how it is written.
    fn sample() -> Self {
        let mut disc = Disc::default();
        disc.file(".treeinfo", b"[header]\n");
        disc.file("images/install.img", &[7; 5000]);
        disc.file("images/empty", b"");
        disc.file("bin/su", b"setuid").mode = 0o4755;
        let meta = disc.file("bin/owned", b"owned");
        (meta.uid, meta.gid, meta.mode, meta.mtime) = (1000, 998, 0o640, Some(1_500_000_000));
        disc.file("bin/twin", b"owned");
        let long = |letter: &str| letter.repeat(255);
        disc.file(&format!("names/{}", long("n")), b"long name");
        disc.file(&format!("names/{}", &long("n")[1..]), b"another long name");
        disc.file("names/ünïcödé näme", "ü".as_bytes());
        disc.file("names/bash-5.2-1.x86_64.rpm", b"1");
        disc.file("names/bash-5.2+1.x86_64.rpm", b"2");
        disc.leaf("links/relative", Leaf::symlink("../bin/su"));
        disc.leaf("links/absolute", Leaf::symlink("/usr/./lib"));
        disc.leaf(
            "links/long-component",
            Leaf::symlink(format!("a/{}/b", "c".repeat(255))),
        );
        let far = vec!["0123456789"; 92].join("/");
        disc.leaf("links/long", Leaf::symlink(far));
        let deep: Vec<String> = (1..=20).map(|level| format!("level-{level}")).collect();
        disc.file(&format!("{}/bottom", deep.join("/")), b"deep");
        for number in 0..700 {
            disc.file(
                &format!("many/file number {number} of many, all with a name that is long.txt"),
                b"same",
            );
            if number % 7 == 0 {
                disc.0
                    .tree
                    .directory(&path(format!("many/directory-{number}")))
                    .unwrap();
            }
        }
        disc.0.tree.directory(&path("sticky")).unwrap().meta.mode = 0o1777;
        disc
    }

    fn image(&self, volume: &Volume) -> Image {
        iso9660::write(volume, &self.0.tree).unwrap()
    }

    fn burn(&self, image: &Image, to: &Path) {
        let workspace: &dyn Workspace = &self.0.memory;
        let (blob, size) = workspace.assemble(&image.assembly).unwrap();
        assert_eq!(size, image.blocks * BLOCK);
        fs::write(to, workspace.bytes(blob).unwrap()).unwrap();
    }
}

struct Burnt {
    directory: tempfile::TempDir,
    iso: PathBuf,
}

impl Burnt {
    fn of(disc: &Disc, image: &Image) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let iso = directory.path().join("disc.iso");
        disc.burn(image, &iso);
        Burnt { directory, iso }
    }

    fn path(&self) -> &str {
        self.iso.to_str().unwrap()
    }

    fn read(&self) -> read::Contents {
        read::read(&mut File::open(&self.iso).unwrap()).unwrap()
    }

    fn xorriso(&self, arguments: &[&str]) -> String {
        run("xorriso", &[&["-indev", self.path()], arguments].concat())
    }
}

#[test]
fn what_xorriso_and_bsdtar_extract_is_the_tree() {
    let mut disc = Disc::sample();
    let image = disc.image(&volume());
    let burnt = Burnt::of(&disc, &image);
    let beside = |name: &str| burnt.directory.path().join(name);
    let expected = disc.0.expected(volume().time, &beside("tree"));
    assert!(expected.len() > 800);
    if !is_root() {
        told::left_out("owners can only be compared as root");
        return;
    }
    let out = beside("bsdtar");
    fs::create_dir(&out).unwrap();
    run(
        "bsdtar",
        &["-xpf", burnt.path(), "-C", out.to_str().unwrap()],
    );
    assert_same(listing(&out), &expected);
    let out = beside("xorriso");
    let to = out.to_str().unwrap();
    burnt.xorriso(&["-osirrox", "on", "-extract", "/", to]);
    // It gives links the time of their extraction.
    let untimed = |lines: BTreeMap<String, String>| {
        let untimed = lines
            .into_iter()
            .map(|(path, line)| match line.split_once(" to ") {
                Some((meta, to)) => (
                    path,
                    format!("{} to {to}", meta.split(" at ").next().unwrap()),
                ),
                None => (path, line),
            });
        untimed.collect::<BTreeMap<_, _>>()
    };
    assert_same(untimed(listing(&out)), &untimed(expected));
}

fn assert_same(found: BTreeMap<String, String>, expected: &BTreeMap<String, String>) {
    for path in found.keys().chain(expected.keys()) {
        assert_eq!(found.get(path), expected.get(path), "{path}");
    }
}

/// libisofs reads no target of more than a thousand bytes.
#[test]
fn bsdtar_reads_a_link_as_long_as_a_path_may_be() {
    let mut disc = Disc::default();
    let target = vec!["0123456789"; 370].join("/");
    disc.leaf("long", Leaf::symlink(target.clone()));
    let burnt = Burnt::of(&disc, &disc.image(&volume()));
    let listed = run("bsdtar", &["-tvf", burnt.path()]);
    assert!(listed.contains(&format!("long -> {target}\n")), "{listed}");
}

#[test]
fn isoinfo_finds_rock_ridge_and_every_name() {
    let disc = Disc::sample();
    let burnt = Burnt::of(&disc, &disc.image(&volume()));
    let said = run("isoinfo", &["-d", "-i", burnt.path()]);
    assert!(said.contains("Volume id: Sampler-1-x86_64\n"), "{said}");
    assert!(
        said.contains("Rock Ridge signatures version 1 found"),
        "{said}"
    );
    let listed = run("isoinfo", &["-f", "-R", "-i", burnt.path()]);
    let listed: Vec<&str> = listed.lines().collect();
    let paths = disc.0.tree.paths();
    assert_eq!(listed.len(), paths.len());
    for (path, _) in paths {
        assert!(listed.contains(&path.to_string().as_str()), "{path}");
    }
}

#[test]
fn our_own_reader_agrees() {
    let disc = Disc::sample();
    let burnt = Burnt::of(&disc, &disc.image(&volume()));
    let contents = burnt.read();
    assert_eq!(contents.volume_id, "Sampler-1-x86_64");
    let files: BTreeMap<&[u8], &read::File> = contents
        .files
        .iter()
        .map(|file| (file.path.as_slice(), file))
        .collect();
    let paths = disc.0.tree.paths();
    assert_eq!(files.len(), paths.len());
    for (path, child) in paths {
        let file = files[path.as_bytes()];
        let (meta, kind) = match child {
            Child::Directory(directory) => (&directory.meta, 0o040_000),
            Child::Leaf(leaf) => match &leaf.content {
                Content::Symlink { target } => {
                    assert_eq!(file.target, *target, "{path}");
                    (&leaf.meta, 0o120_000)
                }
                Content::File { size, .. } => {
                    assert_eq!(file.size(), *size, "{path}");
                    (&leaf.meta, 0o100_000)
                }
                other => panic!("{other:?}"),
            },
            Child::Finished(_) => unreachable!(),
        };
        assert_eq!(
            (file.mode, file.uid, file.gid),
            (kind | meta.mode, meta.uid, meta.gid),
            "{path}"
        );
    }
    let text = contents.to_string();
    assert!(text.contains("\n104755 0:0 bin/su 6\n"), "{text}");
    assert!(
        text.contains("\n120777 0:0 links/relative -> ../bin/su\n"),
        "{text}"
    );
}

#[test]
fn an_image_is_the_same_each_time_and_another_with_another_time() {
    let (one, two) = (Disc::sample(), Disc::sample());
    assert_eq!(one.image(&volume()), two.image(&volume()));
    let later = Volume {
        time: volume().time + 1,
        ..volume()
    };
    assert_ne!(one.image(&volume()), one.image(&later));
}

#[test]
fn files_with_the_same_bytes_share_them() {
    let mut disc = Disc::default();
    disc.file("a", &[1; 100_000]);
    let one = disc.image(&volume()).blocks;
    disc.file("b", &[1; 100_000]);
    assert_eq!(disc.image(&volume()).blocks, one);
}

/// Writes an image whose large blobs are nothing but zeros, which take no space.
fn burn_sparse(image: &Image, blobs: &BTreeMap<BlobId, Vec<u8>>, to: &Path) {
    let mut file = File::create(to).unwrap();
    let mut offset = 0;
    for part in &image.assembly.parts {
        file.seek(SeekFrom::Start(offset)).unwrap();
        match part {
            Part::Inline { bytes } => file.write_all(bytes).unwrap(),
            Part::Range { blob, length, .. } => {
                // Only its last bytes are other than zero.
                let end = &blobs[blob];
                file.seek(SeekFrom::Start(offset + length - end.len() as u64))
                    .unwrap();
                file.write_all(end).unwrap();
            }
            Part::Deflate { .. } | Part::Inflate { .. } => unreachable!(),
        }
        offset += part.length();
    }
    file.set_len(offset).unwrap();
}

#[test]
fn a_file_of_more_than_four_gigabytes_is_read_to_its_end() {
    let size = (4 << 30) + 77;
    let (blob, small) = (BlobId::of(b"large"), BlobId::of(b"small"));
    let mut tree = Builder::default();
    let leaf = |blob, size| Child::Leaf(Leaf::file(0o644, blob, size));
    tree.insert(&path("images/install.img"), leaf(blob, size))
        .unwrap();
    tree.insert(&path("later"), leaf(small, 5)).unwrap();
    let image = iso9660::write(&volume(), &tree).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let iso = directory.path().join("large.iso");
    let blobs = [(blob, b"the end".to_vec()), (small, b"small".to_vec())].into();
    burn_sparse(&image, &blobs, &iso);
    let iso = iso.to_str().unwrap();
    let contents = read::read(&mut File::open(iso).unwrap()).unwrap();
    let large = contents
        .files
        .iter()
        .find(|file| file.path == b"images/install.img")
        .unwrap();
    assert_eq!((large.extents.len(), large.size()), (2, size));
    let said = run(
        "xorriso",
        &[
            "-indev",
            iso,
            "-find",
            "/images/install.img",
            "-exec",
            "lsdl",
        ],
    );
    assert!(said.contains(&format!(" {size} ")), "{said}");
    let cut = |path: &str, offset: u64, length: usize| {
        let to = directory.path().join("cut");
        let (offset, length) = (offset.to_string(), length.to_string());
        let cut = ["-extract_cut", path, &offset, &length, to.to_str().unwrap()];
        run(
            "xorriso",
            &[&["-indev", iso, "-osirrox", "on"][..], &cut].concat(),
        );
        let bytes = fs::read(&to).unwrap();
        fs::remove_file(&to).unwrap();
        String::from_utf8(bytes).unwrap()
    };
    assert_eq!(cut("/images/install.img", size - 7, 7), "the end");
    assert_eq!(cut("/images/install.img", (1 << 32) - 4096, 4), "\0\0\0\0");
    assert_eq!(cut("/later", 0, 5), "small");
    let listed = run("isoinfo", &["-l", "-R", "-i", iso]);
    assert!(listed.contains("4294965248"), "{listed}");
}

/// Something that has the length of GRUB's image, and shows what was written into it.
fn loader() -> Vec<u8> {
    (0..9000u32).map(|n| (n % 251) as u8).collect()
}

fn bootable() -> (Disc, Volume) {
    let mut disc = Disc::sample();
    disc.file("images/eltorito.img", &loader());
    disc.file("images/efiboot.img", &vec![3; 1 << 20]);
    let boot = Boot {
        bios: Some(Bios {
            path: path("images/eltorito.img"),
            bytes: loader(),
        }),
        efi: Some(path("images/efiboot.img")),
        disk: Some(vec![0x90; 440]),
    };
    let volume = Volume { boot, ..volume() };
    (disc, volume)
}

#[test]
fn xorriso_finds_both_boot_images_and_both_partition_tables() {
    let (disc, volume) = bootable();
    let burnt = Burnt::of(&disc, &disc.image(&volume));
    let said = burnt.xorriso(&["-report_el_torito", "plain", "-report_system_area", "plain"]);
    for line in [
        "El Torito images   :   N  Pltf  B   Emul  Ld_seg  Hdpt  Ldsiz         LBA",
        "BIOS  y   none  0x0000  0x00      4",
        "UEFI  y   none  0x0000  0x00   2048",
        "El Torito img path :   1  /images/eltorito.img",
        "El Torito img path :   2  /images/efiboot.img",
        "El Torito img opts :   1  boot-info-table",
        "grub2-boot-info",
        "System area summary: MBR protective-msdos-label grub2-mbr cyl-align-off GPT",
        "GPT partition path :   2  /images/efiboot.img",
    ] {
        assert!(said.contains(line), "{line:?} is not in {said}");
    }
    assert!(!said.contains("WARNING"), "{said}");
}

#[test]
fn sfdisk_verifies_the_partition_tables() {
    let (disc, volume) = bootable();
    let burnt = Burnt::of(&disc, &disc.image(&volume));
    let said = run("sfdisk", &["--verify", burnt.path()]);
    assert!(said.contains("No errors detected"), "{said}");
    let said = run("sfdisk", &["--json", burnt.path()]);
    let table: serde_json::Value = serde_json::from_str(&said).unwrap();
    let partitions = table["partitiontable"]["partitions"].as_array().unwrap();
    let efi = &partitions[1];
    assert_eq!(efi["type"], "C12A7328-F81F-11D2-BA4B-00A0C93EC93B");
    assert_eq!(efi["size"], 2048);
    let mut found = vec![0; 1 << 20];
    let mut iso = File::open(&burnt.iso).unwrap();
    iso.seek(SeekFrom::Start(efi["start"].as_u64().unwrap() * 512))
        .unwrap();
    iso.read_exact(&mut found).unwrap();
    assert!(found.iter().all(|&byte| byte == 3));
}

#[test]
fn the_sum_is_what_implantisomd5_would_have_written_and_checkisomd5_is_content() {
    let (mut disc, volume) = bootable();
    let noise: Vec<u8> = (0..3_000_000u32)
        .map(|n| (n.wrapping_mul(n) >> 7) as u8)
        .collect();
    disc.file("noise", &noise);
    let mut image = disc.image(&volume);
    let plain = Burnt::of(&disc, &image);
    image.implant(&mut File::open(&plain.iso).unwrap()).unwrap();
    let summed = Burnt::of(&disc, &image);
    run("implantisomd5", &[plain.path()]);
    assert!(fs::read(&plain.iso).unwrap() == fs::read(&summed.iso).unwrap());
    run("checkisomd5", &[summed.path()]);
    let mut bytes = fs::read(&summed.iso).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&summed.iso, bytes).unwrap();
    let checked = Command::new("checkisomd5")
        .arg(&summed.iso)
        .output()
        .unwrap();
    assert!(!checked.status.success());
}

#[test]
fn the_smallest_image_passes_its_media_check_too() {
    let mut disc = Disc::default();
    disc.file("small", b"small");
    let mut image = disc.image(&volume());
    let plain = Burnt::of(&disc, &image);
    image.implant(&mut File::open(&plain.iso).unwrap()).unwrap();
    let summed = Burnt::of(&disc, &image);
    run("checkisomd5", &[summed.path()]);
}

#[test]
fn what_can_not_be_an_image_is_refused() {
    let disc = Disc::sample();
    let refused = |volume: Volume| {
        iso9660::write(&volume, &disc.0.tree)
            .unwrap_err()
            .to_string()
    };
    for id in ["", "with blank", "a/b", "123456789012345678901234567890123"] {
        let volume = Volume {
            id: id.to_owned(),
            ..volume()
        };
        assert!(refused(volume).contains("can't be the volume id"), "{id}");
    }
    let (_, mut volume) = bootable();
    assert_eq!(
        refused(volume.clone()),
        "the image is to boot from /images/eltorito.img, which is no file in it"
    );
    volume.boot.bios.as_mut().unwrap().path = path("bin/su");
    volume.boot.bios.as_mut().unwrap().bytes = b"setuid".to_vec();
    volume.boot.efi = Some(path("bin/twin"));
    let said = refused(volume);
    assert!(
        said.contains("has 6 bytes, and an image of GRUB needs"),
        "{said}"
    );
    let mut huge = Builder::default();
    let leaf = Leaf::file(0o644, BlobId::of(b"x"), 1 << 60);
    huge.insert(&path("huge"), Child::Leaf(leaf)).unwrap();
    let said = iso9660::write(&self::volume(), &huge)
        .unwrap_err()
        .to_string();
    assert!(said.contains("longer than 8 TiB"), "{said}");
}

#[test]
fn an_image_that_was_cut_or_changed_is_an_error_or_read_and_never_a_panic() {
    let (mut disc, volume) = bootable();
    disc.0.tree.remove(&path("many"));
    let workspace: &dyn Workspace = &disc.0.memory;
    let (blob, _) = workspace.assemble(&disc.image(&volume).assembly).unwrap();
    let mut whole = workspace.bytes(blob).unwrap();
    whole.truncate(80 * BLOCK as usize);
    for at in (16 * BLOCK as usize..whole.len()).step_by(37) {
        let byte = whole[at];
        whole[at] ^= 0xff;
        let _ = read::read(&mut std::io::Cursor::new(&whole));
        whole[at] = byte;
    }
    for length in (0..whole.len()).step_by(4099) {
        let _ = read::read(&mut std::io::Cursor::new(&whole[..length]));
    }
}
