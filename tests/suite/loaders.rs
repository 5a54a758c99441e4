//! Boot loaders and their file system: GRUB as `grub-mkimage` links it, FAT as `mtools` and `fsck.vfat` read it.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Command;

use liblzma::read::XzDecoder;
use liblzma::stream::{Filters, LzmaOptions, Stream};
use store::compose::Workspace;
use store::formats::fat;
use store::formats::grub::{self, Dependencies, Parts, with_dependencies};
use store::ids::TreePath;
use store::tree::{Builder, Child, Leaf};

use crate::support::workspace::Memory;

const GRUB: &str = "/usr/lib/grub/i386-pc";
const MODULES: [&str; 4] = ["biosdisk", "iso9660", "normal", "linux"];

fn run(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
    said
}

fn part(name: &str) -> Vec<u8> {
    fs::read(Path::new(GRUB).join(name)).unwrap_or_else(|error| panic!("{GRUB}/{name}: {error}"))
}

fn linked(prefix: &str) -> Vec<u8> {
    let all = Dependencies::parse(&String::from_utf8(part("moddep.lst")).unwrap());
    let order = with_dependencies(&MODULES, &all).unwrap();
    let modules: Vec<Vec<u8>> = order
        .iter()
        .map(|name| part(&format!("{name}.mod")))
        .collect();
    let parts = Parts {
        diskboot: &part("diskboot.img"),
        decompressor: &part("lzma_decompress.img"),
        kernel: &part("kernel.img"),
        modules: &modules,
        prefix,
    };
    grub::disc(&part("cdboot.img"), &parts).unwrap()
}

/// What stands before the compressed part, without the lengths that compression decides; and that part, unpacked.
fn taken_apart(image: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let decompressor = part("lzma_decompress.img").len();
    let start = 2048 + 512;
    let long = |at: usize| u32::from_le_bytes(image[at..at + 4].try_into().unwrap()) as usize;
    let (compressed, plain) = (long(start + 8), long(start + 12));
    let (head, body) = image.split_at(start + decompressor);
    assert_eq!(body.len(), compressed);
    let sectors = usize::from(u16::from_le_bytes([
        image[2048 + 0x1fc],
        image[2048 + 0x1fd],
    ]));
    assert_eq!(sectors, (decompressor + compressed).div_ceil(512));
    let mut head = head.to_vec();
    head[2048 + 0x1fc..2048 + 0x1fe].fill(0);
    head[start + 8..start + 12].fill(0);
    let mut options = LzmaOptions::new_preset(9).unwrap();
    options.dict_size(1 << 16);
    let mut filters = Filters::new();
    filters.lzma1(&options);
    let stream = Stream::new_raw_decoder(&filters).unwrap();
    let mut unpacked = Vec::new();
    let reader = XzDecoder::new_stream(body, stream);
    let _ = reader.take(plain as u64).read_to_end(&mut unpacked);
    assert_eq!(unpacked.len(), plain);
    (head, unpacked)
}

#[test]
fn grub_is_linked_as_grub_mkimage_links_it() {
    let directory = tempfile::tempdir().unwrap();
    let theirs = directory.path().join("theirs");
    let tool = ["grub-mkimage", "grub2-mkimage"]
        .into_iter()
        .find(|tool| Command::new(tool).arg("--version").output().is_ok());
    let mut command = Command::new(tool.expect("scripts/test installs it"));
    command.args([
        "-O",
        "i386-pc-eltorito",
        "-d",
        GRUB,
        "-p",
        "/boot/grub",
        "-o",
    ]);
    run(command.arg(&theirs).args(MODULES));
    let (their_head, theirs) = taken_apart(&fs::read(theirs).unwrap());
    let (our_head, ours) = taken_apart(&linked("/boot/grub"));
    assert!(our_head == their_head);
    assert!(ours == theirs);
}

#[test]
fn a_grub_that_was_cut_is_refused() {
    let kernel = part("kernel.img");
    for length in (0..kernel.len()).step_by(101) {
        let parts = Parts {
            diskboot: &part("diskboot.img"),
            decompressor: &part("lzma_decompress.img"),
            kernel: &kernel[..length],
            modules: &[],
            prefix: "/",
        };
        if let Err(error) = grub::disk(&parts, 2048) {
            assert!(
                error
                    .to_string()
                    .starts_with("GRUB's kernel.img is not as expected"),
                "{error}"
            );
        } else {
            // Only the names of sections were cut.
            assert!(length > kernel.len() - 1024, "{length}");
        }
    }
}

struct Files {
    memory: Memory,
    tree: Builder,
}

impl Files {
    fn new(files: &[(&str, Vec<u8>)]) -> Self {
        let (memory, mut tree) = (Memory::default(), Builder::default());
        for (path, bytes) in files {
            let workspace: &dyn Workspace = &memory;
            let leaf = workspace.file(0o644, bytes).unwrap();
            let path = TreePath::parse(path).unwrap();
            tree.insert(&path, Child::Leaf(leaf)).unwrap();
        }
        Files { memory, tree }
    }

    fn write(&self, to: &Path) {
        let assembly = fat::write(&self.tree, "ANACONDA", 1_793_491_200, 0).unwrap();
        let workspace: &dyn Workspace = &self.memory;
        let (blob, _) = workspace.assembled(&assembly).unwrap();
        fs::write(to, workspace.bytes(blob).unwrap()).unwrap();
    }
}

#[test]
fn mtools_and_fsck_read_the_file_system_of_the_loaders() {
    let noise: Vec<u8> = (0..2_500_001u32)
        .map(|n| (n.wrapping_mul(n) >> 7) as u8)
        .collect();
    let mut files = vec![
        ("EFI/BOOT/BOOTX64.EFI", noise.clone()),
        ("EFI/BOOT/GRUBX64.EFI", noise[..2048].to_vec()),
        ("EFI/BOOT/GRUB.CFG", b"set timeout=60\n".to_vec()),
        ("EMPTY", Vec::new()),
        ("EFI/ALMALINUX/grub.cfg", b"set timeout=1\n".to_vec()),
        ("EFI/ALMALINUX/grub.cfg.rpmnew", b"set timeout=2\n".to_vec()),
        ("EFI/ALMALINUX/GRUB~1.CFG", b"set timeout=3\n".to_vec()),
        ("EFI/ALMALINUX/thirteen-char", b"no end\n".to_vec()),
        (
            "EFI/ALMALINUX/a-name-that-takes-more-than-two-entries.conf",
            b"long\n".to_vec(),
        ),
    ];
    let names: Vec<String> = (0..200).map(|number| format!("MANY/F{number}")).collect();
    files.extend(
        names
            .iter()
            .map(|name| (name.as_str(), name.clone().into_bytes())),
    );
    let directory = tempfile::tempdir().unwrap();
    // Small, and longer than what two bytes can count.
    for large in [0, 40_000_000] {
        let mut files = files.clone();
        files.push(("LARGE.IMG", vec![7; large]));
        let image = directory.path().join(format!("{large}.img"));
        Files::new(&files).write(&image);
        let said = run(Command::new("fsck.vfat").arg("-n").arg("-v").arg(&image));
        assert!(
            !said.contains("ifferen") && !said.contains("orrupt"),
            "{said}"
        );
        let image = image.to_str().unwrap();
        let listed = run(Command::new("mdir").args(["-i", image, "::"]));
        assert!(
            listed.contains("Volume in drive : is ANACONDA") && listed.contains("2026-11-01"),
            "{listed}"
        );
        for (path, bytes) in &files {
            let to = directory.path().join("out");
            run(Command::new("mcopy")
                .args(["-n", "-o", "-i", image, &format!("::{path}")])
                .arg(&to));
            assert!(fs::read(&to).unwrap() == *bytes, "{path}");
        }
    }
}

#[test]
fn what_fat_can_not_hold_is_refused() {
    for (path, expected) in [
        ("EFI/a?b", "/EFI/a?b has no name that FAT can hold"),
        ("EFI/with a blank", "/EFI/with a blank has no name"),
        ("a.", "/a. has no name"),
    ] {
        let files = Files::new(&[(path, Vec::new())]);
        let error = fat::write(&files.tree, "X", 0, 0).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    let mut tree = Builder::default();
    let leaf = Leaf::file(0o644, store::ids::BlobId::of(b"large"), 200 << 20);
    tree.insert(&TreePath::parse("LARGE").unwrap(), Child::Leaf(leaf))
        .unwrap();
    let error = fat::write(&tree, "X", 0, 0).unwrap_err().to_string();
    assert!(
        error.contains("their file system can hold 127 MiB"),
        "{error}"
    );
}
