//! A whole distribution from servers that misbehave, one with each file: a tree of real packages, fetched and composed.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use super::support::bench::Bench;
use super::support::server::{Manner, Server};

/// A directory of RPMs that `scripts/bench` measures on too: it says how to come by one.
const CORPUS: &str = "STORE_BENCH_CORPUS";

/// A server that boots, and can hold containers.
const INSTALL: &str = "linux-image-amd64 systemd systemd-sysv udev dracut bash coreutils openssh-server podman \
    e2fsprogs network-manager ostree ostree-boot sudo dnf";

/// What one of two mirrors does with its Nth file, while the other one has it; the files are many.
fn misbehaves(number: usize, bytes: &[u8]) -> Manner {
    match number % 97 {
        96 => Manner::Stall(bytes.to_vec(), bytes.len() / 2),
        n => match n % 7 {
            0 => Manner::Cut(bytes.to_vec(), bytes.len() / 2),
            1 => Manner::Page { called_so: true },
            2 => Manner::Page { called_so: false },
            3 => Manner::Status(404, ""),
            4 => Manner::Hangup,
            5 => Manner::WrongPart(bytes.to_vec()),
            _ => Manner::Good(bytes.iter().map(|byte| byte ^ 1).collect()),
        },
    }
}

fn recipes(source: &str, rpms: &Path) -> Bench {
    let files = fs::read_dir(rpms)
        .unwrap()
        .map(|file| file.unwrap().file_name());
    let names = files.filter_map(|file| {
        let file = file.into_string().unwrap();
        let nevra = file.strip_suffix(".rpm")?;
        Some(nevra.rsplitn(3, '-').nth(2)?.to_owned())
    });
    let names: BTreeSet<String> = names.collect();
    let listed = |names: &mut dyn Iterator<Item = &str>| {
        let names: Vec<String> = names.map(|name| format!("{name:?}")).collect();
        names.join(", ")
    };
    let module = format!(
        "kind = \"module\"\nstream = \"1\"\nversion = 1\nsource = \"corpus\"\npackages = [{}]\n",
        listed(&mut names.iter().map(String::as_str))
    );
    let host = format!(
        "kind = \"ostree\"\nfrom = [\"all\"]\ninstall = [{}]\nref = \"corpus/host\"\n",
        listed(&mut INSTALL.split_whitespace())
    );
    Bench::of(&[
        ("corpus.toml", &format!("kind = \"source\"\n{source}\n")),
        ("all.toml", &module),
        ("host.toml", &host),
    ])
}

#[test]
#[ignore = "needs a corpus, $STORE_BENCH_CORPUS, and some minutes"]
fn an_atomic_host_of_the_corpus_comes_whole_from_two_servers_that_misbehave() {
    #[expect(
        clippy::disallowed_methods,
        reason = "the corpus lies where it is said to"
    )]
    let corpus = std::env::var_os(CORPUS).unwrap_or_else(|| panic!("{CORPUS} names no directory"));
    let corpus = Path::new(&corpus);
    let work = tempfile::tempdir().unwrap();
    let repository = work.path().join("repository");
    fs::create_dir(&repository).unwrap();
    for file in fs::read_dir(corpus).unwrap() {
        let file = file.unwrap();
        if file.path().extension().is_some_and(|end| end == "rpm") {
            std::os::unix::fs::symlink(file.path(), repository.join(file.file_name())).unwrap();
        }
    }
    let made = Command::new("createrepo_c")
        .arg("-q")
        .arg(&repository)
        .status();
    assert!(made.unwrap().success());
    let mirrors = [Server::start(), Server::start()];
    let mut locations: Vec<_> = walkdir::WalkDir::new(&repository)
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.is_file())
        .collect();
    locations.sort();
    for (number, path) in locations.iter().enumerate() {
        let bytes = fs::read(path).unwrap();
        let location = format!("/{}", path.strip_prefix(&repository).unwrap().display());
        let (bad, good) = (&mirrors[number % 2], &mirrors[(number + 1) % 2]);
        good.good(&location, &bytes);
        let manner = match location.ends_with("repomd.xml") {
            true => Manner::Status(503, ""),
            false => misbehaves(number / 2, &bytes),
        };
        bad.on(&location, &[manner]);
    }
    let list = format!("{}\n{}\n", mirrors[0].url("/"), mirrors[1].url("/"));
    mirrors[0].good("/mirrors", list.as_bytes());

    let source = format!("mirrorlist = \"{}\"", mirrors[0].url("/mirrors"));
    let bench = recipes(&source, corpus);
    let began = Instant::now();
    bench.print(&["update"]);
    let host = bench.realize(&["host"]);
    println!(
        "{} files in {} s",
        locations.len(),
        began.elapsed().as_secs()
    );
    let honest = recipes(
        &format!("url = \"file://{}\"", repository.display()),
        corpus,
    );
    honest.print(&["update"]);
    assert_eq!(
        honest.realize(&["host"])[0].file_name(),
        host[0].file_name()
    );
    assert_eq!(
        fs::read(bench.recipes().join("store.lock")).unwrap(),
        fs::read(honest.recipes().join("store.lock")).unwrap()
    );
    let checked = Command::new("ostree")
        .arg("fsck")
        .arg(format!("--repo={}", bench.path().join(&host[0]).display()))
        .status();
    assert!(checked.unwrap().success());
    let verified = bench.print(&["verify", "--full"]);
    println!("{verified}");
}
