//! Sources that name keys: what is realized from them, and what is not.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use store::ids::{BlobId, Hash};

use crate::support::bench::{Bench, Said};
use crate::support::gpg::Gpg;
use crate::support::rpm::spec;
use crate::support::server::{Manner, Server};
use crate::support::workspace::Memory;

const MODULE: &str =
    "kind = \"module\"\nstream = \"1\"\nversion = 1\nsource = \"os\"\npackages = [\"tool\"]\n";

const SOURCE: &str = "kind = \"source\"\npath = \"../rpms\"\ngpgkeys = [\"key.asc\"]\n";

/// A bench with a source of one signed package, and the key that it is signed with.
fn signed() -> (Gpg, String, Bench) {
    let gpg = Gpg::new();
    let key = gpg.key("20200101", "ed25519");
    let bench = Bench::of(&[("os.toml", SOURCE), ("drawn.toml", MODULE)]);
    trust(&gpg, &key, &bench);
    add(&bench, "tool");
    gpg.sign_package(&key, &[], &bench.path().join("rpms/tool.rpm"));
    (gpg, key, bench)
}

fn trust(gpg: &Gpg, key: &str, bench: &Bench) {
    let armored = gpg.run("20200601", &["--armor", "--export", key], b"");
    bench.write("recipes/key.asc", armored);
}

fn add(bench: &Bench, name: &str) {
    let bytes = spec(&format!("{name}-1-1.x86_64")).bytes(&Memory::default());
    bench.write(&format!("rpms/{name}.rpm"), bytes);
}

#[test]
fn a_source_of_signed_packages_is_realized_and_one_that_is_not_names_each_bad_one() {
    let (gpg, _, bench) = signed();
    bench.run(&["plan", "drawn"]).works();
    bench.realize(&["drawn"]);
    bench.realize(&["drawn"]);
    add(&bench, "bare");
    bench
        .run(&["realize", "drawn"])
        .fails(1, &["bare-1-1.x86_64", "rpms/bare.rpm", "it is not signed"]);
    add(&bench, "foreign");
    let stranger = gpg.key("20200102", "rsa2048");
    gpg.sign_package(&stranger, &[], &bench.path().join("rpms/foreign.rpm"));
    let id = stranger[24..].to_lowercase();
    for command in [&["realize", "drawn"][..], &["plan", "drawn"], &["update"]] {
        bench.run(command).fails(
            1,
            &[
                "2 files",
                "rpms/bare.rpm",
                "rpms/foreign.rpm",
                &format!("signed by key {id}, which is not among the keys"),
            ],
        );
    }
}

#[test]
fn other_keys_ask_again_also_for_packages_that_are_locked_and_known() {
    let (gpg, key, bench) = signed();
    bench.run(&["update"]).works();
    bench.realize(&["drawn"]);
    let stranger = gpg.key("20200102", "ed25519");
    trust(&gpg, &stranger, &bench);
    bench
        .run(&["realize", "drawn"])
        .fails(1, &["tool-1-1.x86_64", "not among the keys"]);
    trust(&gpg, &key, &bench);
    bench.realize(&["drawn"]);
}

#[test]
fn what_was_checked_is_not_read_again_and_what_was_replaced_is_never_taken_for_it() {
    let (gpg, key, bench) = signed();
    bench.run(&["update"]).works();
    // Known and checked: nobody asks for the bytes.
    let path = bench.path().join("rpms/tool.rpm");
    let kept = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    bench.run(&["plan", "drawn"]).works();
    // Known, but not checked with both keys, and another file in its place.
    let stranger = gpg.key("20200102", "ed25519");
    let both = gpg.run("20200601", &["--armor", "--export", &key, &stranger], b"");
    bench.write("recipes/key.asc", both);
    bench
        .run(&["plan", "drawn"])
        .fails(1, &["tool-1-1.x86_64", "neither in the store"]);
    let mut other = kept.clone();
    *other.last_mut().unwrap() ^= 1;
    fs::write(&path, other).unwrap();
    bench
        .run(&["plan", "drawn"])
        .fails(1, &["rpms/tool.rpm", "no longer the package"]);
    fs::write(&path, kept).unwrap();
    bench.realize(&["drawn"]);
}

#[test]
fn packages_that_are_not_drawn_need_no_signature_and_none_is_asked_of_what_is_added_by_hand() {
    let (_, _, bench) = signed();
    let other = spec("tool-1-1.s390x").bytes(&Memory::default());
    bench.write("rpms/other.rpm", other);
    bench.write(
        "recipes/os.toml",
        format!("{SOURCE}arches = [\"x86_64\"]\n"),
    );
    bench.realize(&["drawn"]);
    bench.run(&["add", "rpms/other.rpm"]).works();
}

#[test]
fn a_key_that_is_none_is_named() {
    let (_, _, bench) = signed();
    bench.write("recipes/key.asc", "a key\n");
    bench
        .run(&["realize", "drawn"])
        .fails(2, &["os", "key.asc", "no OpenPGP public key"]);
}

/// A bench that draws the tool from a repository with an index by `createrepo_c`.
fn published() -> (Gpg, String, Bench) {
    let (gpg, key, bench) = signed();
    let rpms = bench.path().join("rpms");
    let made = Command::new("createrepo_c").arg("-q").arg(&rpms).status();
    assert!(made.unwrap().success());
    let source = format!(
        "kind = \"source\"\nurl = \"file://{}\"\ngpgkeys = [\"key.asc\"]\n",
        rpms.display()
    );
    bench.write("recipes/os.toml", source);
    bench.print(&["update"]);
    (gpg, key, bench)
}

#[test]
fn what_is_fetched_has_to_be_signed_by_one_of_the_keys() {
    let (gpg, _, bench) = published();
    let stranger = gpg.key("20200102", "ed25519");
    trust(&gpg, &stranger, &bench);
    bench
        .run(&["realize", "drawn"])
        .fails(1, &["tool-1-1.x86_64", "which is not among the keys"]);
    assert!(
        bench
            .print(&["roots"])
            .lines()
            .all(|root| !root.contains("drawn"))
    );
}

#[test]
fn what_was_fetched_has_to_pass_other_keys_too_though_nothing_is_to_do() {
    let (gpg, key, bench) = published();
    bench.realize(&["drawn"]);
    assert_eq!(bench.json(&["realize", "drawn"])["steps"]["composed"], 0);
    let stranger = gpg.key("20200102", "ed25519");
    trust(&gpg, &stranger, &bench);
    let refused = ["tool-1-1.x86_64", "which is not among the keys"];
    for command in [
        &["realize", "drawn"][..],
        &["realize", "drawn", "--dry-run"],
        &["plan", "drawn"],
    ] {
        bench.run(command).fails(1, &refused);
    }
    let said = bench.run(&["lint"]);
    assert_eq!(said.code, 1);
    let lint = said.out;
    assert!(lint.contains("[unreadable-source]"), "{lint}");
    assert!(lint.contains(refused[1]), "{lint}");
    trust(&gpg, &key, &bench);
    bench.run(&["lint"]).works();
    assert_eq!(
        bench.json(&["realize", "drawn", "--offline"])["steps"]["composed"],
        0
    );
}

#[test]
fn who_may_only_read_a_store_is_given_nothing_that_other_keys_refuse() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let (gpg, key, bench) = published();
    bench.realize(&["drawn"]);
    let program = bench.path().join("program");
    fs::copy(env!("CARGO_BIN_EXE_store"), &program).unwrap();
    fs::set_permissions(bench.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let realize = || {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65532", "--regid=65532", "--clear-groups"]);
        command.arg(&program).args(["realize", "drawn", "--store"]);
        command.arg(bench.store()).current_dir(bench.path());
        Said::of(command.output().unwrap())
    };
    realize().works();
    let stranger = gpg.key("20200102", "ed25519");
    trust(&gpg, &stranger, &bench);
    realize().fails(1, &["tool-1-1.x86_64", "which is not among the keys"]);
    // Nothing can be remembered there of what passes.
    let armored = gpg.run("20200601", &["--armor", "--export", &key], b"");
    bench.write("recipes/key.asc", [b"Renewed\n", &armored[..]].concat());
    realize().works();
}

#[test]
fn a_package_that_is_damaged_here_is_called_so_when_other_keys_ask_for_its_bytes() {
    let (gpg, key, bench) = published();
    bench.realize(&["drawn"]);
    let id = blake3::hash(&fs::read(bench.path().join("rpms/tool.rpm")).unwrap());
    let id = BlobId(Hash::from_bytes(*id.as_bytes())).to_string();
    let object = bench.store().join("objects").join(&id[..2]).join(&id);
    let mut bytes = fs::read(&object).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::set_permissions(&object, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&object, bytes).unwrap();
    let armored = gpg.run("20200601", &["--armor", "--export", &key], b"");
    bench.write("recipes/key.asc", [b"Renewed\n", &armored[..]].concat());
    bench
        .run(&["realize", "drawn"])
        .fails(4, &[&id, "is damaged", "its bytes hash to"]);
}

#[test]
fn a_plan_says_which_packages_are_fetched_once_more_to_be_held_against_other_keys() {
    let (gpg, key, bench) = published();
    bench.realize(&["drawn"]);
    // Of the bytes that were fetched nothing is left.
    bench.run(&["gc", "--forget", "drawn@1"]).works();
    let stranger = gpg.key("20200102", "ed25519");
    let both = gpg.run("20200601", &["--armor", "--export", &key, &stranger], b"");
    bench.write("recipes/key.asc", both);
    let plan = bench.print(&["plan", "drawn"]);
    let again = "tool-1-1.x86_64: its signature is to be checked with other keys";
    assert!(plan.contains(again), "{plan}");
    bench.realize(&["drawn"]);
    let plan = bench.print(&["plan", "drawn"]);
    assert!(plan.starts_with("0 steps to do"), "{plan}");
}

#[test]
fn an_index_that_is_signed_is_signed_by_one_of_the_keys() {
    let (gpg, key, bench) = published();
    let said = bench.run(&["update"]).works();
    assert!(said.err.contains("its index is not signed"), "{}", said.err);
    let index = fs::read(bench.path().join("rpms/repodata/repomd.xml")).unwrap();
    let sign = |key: &str| {
        let arguments = ["--armor", "--local-user", key, "--detach-sign"];
        bench.write(
            "rpms/repodata/repomd.xml.asc",
            gpg.run("20200601", &arguments, &index),
        );
    };
    sign(&key);
    let said = bench.run(&["update"]).works();
    assert!(!said.err.contains("not signed"), "{}", said.err);
    sign(&gpg.key("20200102", "ed25519"));
    bench.run(&["update"]).fails(
        1,
        &[
            "repomd.xml",
            "not signed as it should be",
            "not among the keys",
        ],
    );
    // Whoever stands in between can't take the signature away.
    fs::remove_file(bench.path().join("rpms/repodata/repomd.xml.asc")).unwrap();
    let taken = ["repomd.xml", "it has no signature, and had one"];
    bench.run(&["update"]).fails(1, &taken);
    bench.edit("store.lock", "signed = true\n", "");
    let said = bench.run(&["update"]).works();
    assert!(said.err.contains("its index is not signed"), "{}", said.err);
}

#[test]
fn a_server_that_forbids_what_it_does_not_have_or_shows_a_page_has_no_signature() {
    let (_, _, bench) = published();
    let server = Server::start();
    for file in walkdir::WalkDir::new(bench.path().join("rpms")) {
        let file = file.unwrap();
        if file.file_type().is_file() {
            let location = file.path().strip_prefix(bench.path().join("rpms")).unwrap();
            let location = format!("/{}", location.display());
            server.good(&location, &fs::read(file.path()).unwrap());
        }
    }
    let asked = "/repodata/repomd.xml.asc";
    let page = Manner::Page { called_so: false };
    server.on(asked, &[Manner::Status(403, ""), page]);
    let url = format!("file://{}", bench.path().join("rpms").display());
    bench.edit("os.toml", &url, &server.url("/"));
    for times in [1, 2] {
        let said = bench.run(&["update"]).works();
        assert!(said.err.contains("its index is not signed"), "{}", said.err);
        assert_eq!(server.count(asked), times);
    }
}

/// Metadata may say anything; what it calls a package must not decide whether that is checked.
#[test]
fn a_package_that_is_not_what_the_metadata_calls_it_is_refused() {
    let (_, _, bench) = published();
    let rpms = bench.path().join("rpms");
    // Another package, unsigned, under the name of the one that is drawn.
    add(&bench, "tool");
    let index = |arguments: &[&str]| {
        let mut command = Command::new(arguments[0]);
        let made = command
            .args(&arguments[1..])
            .current_dir(&rpms)
            .output()
            .unwrap();
        assert!(made.status.success(), "{arguments:?}");
        made.stdout
    };
    index(&["createrepo_c", "-q", "."]);
    let primary = index(&["sh", "-c", "zcat repodata/*-primary.xml.gz"]);
    let primary = String::from_utf8(primary).unwrap();
    fs::write(
        bench.path().join("primary.xml"),
        primary.replace("ver=\"1\"", "ver=\"2\""),
    )
    .unwrap();
    index(&[
        "modifyrepo_c",
        "--mdtype=primary",
        "../primary.xml",
        "repodata",
    ]);
    assert!(
        bench
            .print(&["update"])
            .contains("tool.x86_64 upgraded from 1-1 to 2-1")
    );
    bench.run(&["realize", "drawn"]).fails(
        1,
        &["tool-2-1.x86_64", "it says that it is tool-1-1.x86_64"],
    );
}

/// Nor does it decide what a package is that the store has for long.
#[test]
fn a_package_that_is_here_is_not_taken_for_what_the_metadata_calls_it_later() {
    for keys in [true, false] {
        let (_, _, bench) = published();
        if !keys {
            bench.edit("os.toml", "gpgkeys = [\"key.asc\"]\n", "");
        }
        bench.realize(&["drawn"]);
        let rpms = bench.path().join("rpms");
        let primary =
            "zcat repodata/*-primary.xml.gz | sed 's/ver=\"1\"/ver=\"2\"/' > ../primary.xml";
        for arguments in [
            &["sh", "-c", primary][..],
            &[
                "modifyrepo_c",
                "--mdtype=primary",
                "../primary.xml",
                "repodata",
            ],
        ] {
            let mut command = Command::new(arguments[0]);
            let made = command.args(&arguments[1..]).current_dir(&rpms).output();
            assert!(made.unwrap().status.success(), "{arguments:?}");
        }
        bench.print(&["update"]);
        bench.run(&["realize", "drawn"]).fails(
            1,
            &["tool-2-1.x86_64", "it says that it is tool-1-1.x86_64"],
        );
    }
}
