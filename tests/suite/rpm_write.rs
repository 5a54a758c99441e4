//! Writing packages: what is written reads back, and rpm itself agrees.

use std::path::PathBuf;
use std::process::Command;

use store::formats::rpm::{FileFlags, Payload, Sense};

use crate::support::records::dependency;
use crate::support::rpm::{Draft, enter, spec};
use crate::support::workspace::Memory;

/// A package with something of everything.
fn everything() -> Draft {
    spec("every-thing-2:1.0~rc1-1.x86_64")
        .provides("every = 1.0")
        .requires("libx >= 1:2.0-3")
        .requires("(a or b >= 2)")
        .requires_pre("/usr/sbin/useradd")
        .conflicts("nothing < 1")
        .obsoletes("some-thing <= 0.9")
        .recommends("docs")
        .suggests("more = 1")
        .supplements("(x and y)")
        .enhances("z > 3")
        .module("every:stable:1:abcdef12")
        .script("pre", "echo before\n")
        .script("post", "echo after\n")
        .script("postun", "echo gone\n")
        .changelog(
            "Release <release@example.com> - 1.0-1",
            1_500_000_000,
            "- first",
        )
        .directory("/etc/every")
        .file("/etc/every/every.conf", b"a=1\n")
        .change("/etc/every/every.conf", |file| {
            file.flags = FileFlags::CONFIG | FileFlags::NO_REPLACE;
            file.mode = 0o640;
            file.group = "every".to_owned();
        })
        .file("/usr/bin/every", b"#!/bin/sh\nexit 0\n")
        .change("/usr/bin/every", |file| {
            file.capabilities = "cap_net_raw=ep".to_owned();
        })
        .symlink("/usr/bin/thing", "every")
        .file("/usr/share/every/empty", b"")
        .file("/usr/share/every/naïve", "ü".as_bytes())
        .ghost("/var/log/every.log")
}

struct OnDisk {
    _dir: tempfile::TempDir,
    path: PathBuf,
}

fn on_disk(bytes: &[u8]) -> OnDisk {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("package.rpm");
    std::fs::write(&path, bytes).unwrap();
    OnDisk { _dir: dir, path }
}

/// Output of a tool that must succeed.
fn run(command: &mut Command) -> String {
    let output = command.env("LC_ALL", "C.UTF-8").output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (&output.stdout, &output.stderr);
    let out = String::from_utf8_lossy(out).into_owned();
    let err = String::from_utf8_lossy(err);
    assert!(output.status.success(), "{command:?}\n{out}\n{err}");
    out
}

fn query(package: &OnDisk, arguments: &[&str]) -> Vec<String> {
    let mut command = Command::new("rpm");
    command
        .args(["-qp", "--nosignature"])
        .args(arguments)
        .arg(&package.path);
    run(&mut command).lines().map(str::to_owned).collect()
}

#[test]
fn a_written_package_reads_back_as_its_spec() {
    let memory = Memory::default();
    let draft = everything();
    let bytes = draft.bytes(&memory);
    let built = enter(&memory, bytes.clone());
    let record = &built.record;

    assert_eq!(record.nevra, draft.spec.nevra);
    assert_eq!(record.modularity_label, draft.spec.modularity_label);
    assert_eq!(record.changelogs, draft.spec.changelogs);
    for wanted in &draft.spec.requires {
        assert!(record.requires.contains(wanted), "{wanted:?}");
    }
    let own = record
        .provides
        .iter()
        .find(|p| p.name == "every-thing(x86-64)");
    assert_eq!(
        own.unwrap().version,
        Some((Sense::Eq, draft.spec.nevra.evr.clone()))
    );
    assert_eq!(record.conflicts, [dependency("nothing < 1")]);
    assert_eq!(record.supplements, [dependency("(x and y)")]);
    let paths = record.files.iter().map(|file| file.path.as_slice());
    assert!(paths.eq(draft.spec.files.iter().map(|file| file.path.as_bytes())));

    let header = store::formats::rpm::Package::read(&mut bytes.as_slice())
        .unwrap()
        .header;
    let start = record.header_range.1 as usize;
    let mut payload = Payload::open(&header, &bytes[start..]).unwrap();
    let mut met = 0;
    while payload.next_file().unwrap().is_some() {
        met += 1;
    }
    assert_eq!(met, draft.spec.files.len() - 1, "all but the ghost");
}

#[test]
fn a_package_written_twice_is_the_same_bytes() {
    let write = || everything().bytes(&Memory::default());
    assert_eq!(write(), write());
    let later = everything().built_at(1_700_000_000);
    assert_ne!(write(), later.bytes(&Memory::default()));
}

/// Pinned when the composer was at version 1: other bytes, from another zstd or from us, need a new version.
#[test]
fn the_bytes_of_a_written_package_never_move() {
    let bytes = everything().bytes(&Memory::default());
    let id = store::ids::BlobId::of(&bytes).to_string();
    assert_eq!(id, "4n25spgrqahdrjymww3rstraztqygu2patnlj247x7kfft6m5vuq");
}

#[test]
fn rpm_accepts_a_written_package_and_says_the_same() {
    let memory = Memory::default();
    let package = on_disk(&everything().bytes(&memory));
    let checked = run(Command::new("rpm")
        .args(["-K", "--nosignature"])
        .arg(&package.path));
    assert!(checked.contains("digests OK"), "{checked}");
    assert_eq!(
        query(&package, &["--qf", "%{nevra}\n"]),
        ["every-thing-2:1.0~rc1-1.x86_64"]
    );
    let requires = query(&package, &["--requires"]);
    for wanted in [
        "libx >= 1:2.0-3",
        "(a or b >= 2)",
        "/bin/sh",
        "/usr/sbin/useradd",
    ] {
        assert!(
            requires.iter().any(|line| line == wanted),
            "{wanted}: {requires:?}"
        );
    }
    assert_eq!(query(&package, &["--enhances"]), ["z > 3"]);
    assert_eq!(
        query(&package, &["--provides"]),
        [
            "every = 1.0",
            "every-thing = 2:1.0~rc1-1",
            "every-thing(x86-64) = 2:1.0~rc1-1"
        ]
    );
    assert_eq!(
        query(&package, &["--configfiles"]),
        ["/etc/every/every.conf"]
    );
    assert_eq!(
        query(&package, &["--filecaps"])[2],
        "/usr/bin/every\tcap_net_raw=ep"
    );
    assert!(
        query(&package, &["--scripts"])
            .join("\n")
            .contains("echo before")
    );
    assert_eq!(
        query(
            &package,
            &[
                "--qf",
                "[%{filenames} %{fileusername}:%{filegroupname} %{filemodes:perms}\n]"
            ]
        )[1],
        "/etc/every/every.conf root:every -rw-r-----"
    );
    let listed = query(&package, &["-l"]);
    assert_eq!(listed.len(), 7);
}

#[test]
fn cpio_extracts_what_was_written() {
    let memory = Memory::default();
    let package = on_disk(&everything().bytes(&memory));
    let target = tempfile::tempdir().unwrap();
    let script = "rpm2cpio \"$1\" | cpio -id --quiet";
    run(Command::new("sh")
        .args(["-ec", script, "sh"])
        .arg(&package.path)
        .current_dir(&target));
    let read = |name: &str| std::fs::read(target.path().join(name)).unwrap();
    assert_eq!(read("etc/every/every.conf"), b"a=1\n");
    assert_eq!(read("usr/bin/thing"), b"#!/bin/sh\nexit 0\n");
    assert_eq!(read("usr/share/every/naïve"), "ü".as_bytes());
    assert!(!target.path().join("var/log/every.log").exists());
}

#[test]
fn rpm_installs_a_written_package_into_its_database() {
    let memory = Memory::default();
    let package = on_disk(&everything().bytes(&memory));
    let root = tempfile::tempdir().unwrap();
    let database = root.path().join("db");
    let mut install = Command::new("rpm");
    install
        .args([
            "-i",
            "--justdb",
            "--nodeps",
            "--noscripts",
            "--nosignature",
            "--ignorearch",
        ])
        .arg("--dbpath")
        .arg(&database)
        .arg(&package.path);
    run(&mut install);
    let mut ask = Command::new("rpm");
    ask.arg("--dbpath")
        .arg(&database)
        .args(["-qa", "--qf", "%{nevra}\n"]);
    assert_eq!(run(&mut ask), "every-thing-2:1.0~rc1-1.x86_64\n");
}

#[test]
fn a_package_without_files_is_written_too() {
    let memory = Memory::default();
    let built = spec("meta-1-1.noarch").requires("a").build(&memory);
    assert!(built.record.files.is_empty());
    let package = on_disk(&built.bytes);
    run(Command::new("rpm")
        .args(["-K", "--nosignature"])
        .arg(&package.path));
    built.unpacked(&memory);
}

#[test]
fn what_cannot_be_written_is_refused() {
    let refused = |draft: Draft| {
        let mut open = |_| Ok(Box::new(std::io::empty()) as _);
        let error = store::formats::rpm::write(&draft.spec, &mut open, &mut Vec::new());
        error.unwrap_err().to_string()
    };
    let mut unsorted = spec("x-1-1.noarch").file("/a", b"").file("/b", b"");
    unsorted.spec.files.reverse();
    assert!(refused(unsorted).contains("not in order"));
    assert!(refused(spec("x-1-1.src")).contains("source packages"));
    assert!(refused(spec("x-1-1.noarch").file("/a/../b", b"")).contains("path"));
    assert!(refused(spec("x-1-1.noarch").file("a", b"")).contains("slash"));
    assert!(refused(spec("x-1-1.noarch").script("prepost", "")).contains("scriptlet"));
    assert!(refused(spec("x-1-1.noarch").file("/a", b"long")).contains("bytes"));
    let mut nul = spec("x-1-1.noarch");
    nul.spec.summary = "a\0b".to_owned();
    assert!(refused(nul).contains("NUL"));
}

#[test]
fn dnf_finds_a_written_package_through_createrepo() {
    let memory = Memory::default();
    let package = on_disk(&everything().bytes(&memory));
    let folder = package.path.parent().unwrap();
    run(Command::new("createrepo_c").arg("--quiet").arg(folder));
    let cache = tempfile::tempdir().unwrap();
    let mut ask = Command::new("dnf");
    ask.args([
        "--quiet",
        "--setopt=reposdir=/dev/null",
        "--repo=here",
        "--forcearch=x86_64",
    ])
    .arg(format!("--repofrompath=here,{}", folder.display()))
    .arg(format!("--setopt=cachedir={}", cache.path().display()))
    .arg(format!("--setopt=logdir={}", cache.path().display()))
    .arg(format!("--setopt=persistdir={}", cache.path().display()))
    .args(["repoquery", "--requires", "every-thing"]);
    let requires = run(&mut ask);
    for wanted in ["libx >= 1:2.0-3", "(a or b >= 2)", "/bin/sh"] {
        assert!(requires.lines().any(|line| line == wanted), "{requires}");
    }
}
