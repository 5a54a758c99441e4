//! Bits flip, files are cut or vanish: the program says so, never takes damage for absence,
//! and realizing again makes anew whatever can be.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, mknodat};
use store::ids::{EntryId, TreeId};
use store::store::VerifyOptions;

use crate::support::bench::allow;
use crate::support::shelf::Shelf;
use crate::support::site::Site;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Harm {
    Flip,
    Cut,
    Lose,
}

const HARMS: [Harm; 3] = [Harm::Flip, Harm::Cut, Harm::Lose];

fn harm(path: &Path, how: Harm) {
    // As a disk does it: in place, whatever links there are.
    let mode = fs::metadata(path).unwrap().permissions();
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    let mut bytes = fs::read(path).unwrap();
    match how {
        Harm::Flip => {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x10;
            fs::write(path, bytes).unwrap();
        }
        Harm::Cut => fs::write(path, &bytes[..bytes.len() / 2]).unwrap(),
        Harm::Lose => return fs::remove_file(path).unwrap(),
    }
    fs::set_permissions(path, mode).unwrap();
}

fn files(dir: &Path, wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let files = walkdir::WalkDir::new(dir).sort_by_file_name().into_iter();
    files
        .map(Result::unwrap)
        .filter(|f| f.file_type().is_file() && wanted(f.file_name().to_str().unwrap()))
        .filter(|f| f.metadata().unwrap().len() > 0)
        .map(walkdir::DirEntry::into_path)
        .collect()
}

/// The object files of a kind: `asm`, `tree`, `entry`, `blob` or `trace`.
fn of_kind(site: &Site, kind: &str) -> Vec<PathBuf> {
    match kind {
        "trace" => files(&site.store().join("traces"), |_| true),
        "blob" => files(&site.store().join("objects"), |name| !name.contains('.')),
        kind => {
            let end = format!(".{kind}");
            files(&site.store().join("objects"), |name| name.ends_with(&end))
        }
    }
}

#[test]
fn whatever_kind_of_file_is_harmed_verify_names_it_and_realizing_makes_it_anew() {
    let good = Site::new();
    let entries = good.realize();
    // What no artifact needs was made to plan, and nobody makes it anew.
    good.well(&["gc"]);
    let dead: BTreeSet<String> = {
        let store = good.open();
        let dead = store.entries().unwrap().into_iter();
        let dead = dead.filter(|entry| !store.is_complete(*entry).unwrap());
        dead.map(|entry| entry.to_string()).collect()
    };
    for kind in ["blob", "asm", "tree", "entry", "trace"] {
        for how in [Harm::Flip, Harm::Lose] {
            let site = good.again();
            let when = format!("{kind} {how:?}");
            // Most of them, yet not all.
            let all = of_kind(&site, kind).into_iter().enumerate();
            let some = all.filter(|(number, _)| number % 5 != 4);
            let harmed: Vec<PathBuf> = some.map(|(_, path)| path).collect();
            assert!(!harmed.is_empty(), "{when}");
            for (number, path) in harmed.iter().enumerate() {
                let cut = how == Harm::Lose && number % 2 == 0;
                harm(path, if cut { Harm::Cut } else { how });
            }
            let quick = site.run(&["verify"]);
            assert_eq!(
                quick.code,
                Some(if how == Harm::Flip { 0 } else { 4 }),
                "{when}"
            );
            let said = site.run(&["verify", "--full"]).with(4);
            for path in &harmed {
                let name = path.file_name().unwrap().to_str().unwrap();
                assert!(said.out.contains(name), "{when}: {name}");
            }
            assert!(said.out.contains("touches entry"), "{when}");
            // What is known to be damaged is not forgotten by a quick look.
            if kind != "trace" {
                site.run(&["verify"]).with(4);
            }
            assert_eq!(site.realize(), entries, "{when}");
            let left = site.run(&["--json", "verify", "--full"]).out;
            let left: serde_json::Value = serde_json::from_str(&left).unwrap();
            for damage in left["damaged"].as_array().unwrap() {
                let mut touched = damage["entries"].as_array().unwrap().iter();
                let only_dead = touched.all(|entry| dead.contains(entry.as_str().unwrap()));
                assert!(only_dead, "{when}: {damage}");
            }
            let again = site.well(&["--json", "realize", "atomic-host", "server"]);
            assert!(again.contains("\"composed\": 0"), "{when}: {again}");
            // What is left nobody could ask for; it goes as `verify` says, and what was harmed is history.
            let left = site.run(&["verify", "--full"]);
            if left.code == Some(4) {
                assert!(
                    left.out.contains("no generation was made of it"),
                    "{when}: {left:?}"
                );
                assert!(
                    left.out.contains("dropped by `store gc`"),
                    "{when}: {left:?}"
                );
                assert!(!left.out.contains("realizing"), "{when}: {left:?}");
            }
            let told = site.well(&["--json", "gc", "--dry-run"]);
            let done = site.well(&["--json", "gc"]);
            let counted = |text: &str| -> Vec<serde_json::Value> {
                let report: serde_json::Value = serde_json::from_str(text).unwrap();
                ["bytes", "records", "entries", "kept"]
                    .map(|key| report[key].clone())
                    .into()
            };
            assert_eq!(counted(&told), counted(&done), "{when}");
            site.run(&["verify", "--full"]).with(0);
            assert_eq!(site.realize(), entries, "{when}");
        }
    }
}

#[test]
fn a_harmed_record_of_what_was_collected_stays_and_is_mended_by_the_recipes_of_that_time() {
    let good = Site::used();
    let names = ["atomic-host@1", "server@1"];
    good.well(&["gc", "--keep-last", "1"]);
    let before = good.well(&["--json", "diff", "server@1", "server@2"]);
    for kind in ["tree", "entry", "trace"] {
        let site = good.again();
        let needed = |damage: &serde_json::Value| damage["needed_by"].as_str().unwrap().to_owned();
        let damaged = |arguments: &[&str]| -> Vec<serde_json::Value> {
            let said = site.run(&[&["--json", "verify", "--full"], arguments].concat());
            let report: serde_json::Value = serde_json::from_str(&said.out).unwrap();
            report["damaged"].as_array().unwrap().clone()
        };
        for path in of_kind(&site, kind) {
            harm(&path, Harm::Flip);
        }
        let all = damaged(&[]);
        let count = |wanted: &str| all.iter().filter(|damage| needed(damage) == wanted).count();
        assert!(count("kept") > 0 && count("history") > 0, "{kind}: {all:?}");
        // What is kept is mended by today's recipes, and what was collected by those of its time.
        site.realize();
        site.well(&["gc"]);
        let left = damaged(&[]);
        assert!(!left.is_empty(), "{kind}");
        for damage in &left {
            assert_eq!(needed(damage), "history", "{kind}: {damage}");
        }
        let said = site.run(&["verify", "--full"]).with(4);
        assert!(
            said.out.contains("only tells of what was collected"),
            "{said:?}"
        );
        assert!(
            said.out.contains("the lock that it was made by"),
            "{said:?}"
        );
        site.revert();
        site.realize();
        site.run(&["verify", "--full"]).with(0);
        let after = site.well(&["--json", "diff", "server@1", "server@2"]);
        assert_eq!(after, before, "{kind}");
        for name in names {
            site.well(&["closure", name]);
        }
    }
}

/// The entry of the edition, and its root.
fn server(site: &Site) -> (EntryId, TreeId) {
    let store = site.open();
    let root = store.roots().unwrap().remove(1);
    assert_eq!(root.name().as_str(), "server");
    let entry = store.generations(&root).unwrap()[0].entry;
    (entry, store.entry(entry).unwrap().root)
}

#[test]
fn what_reads_a_harmed_file_says_damaged_and_not_missing() {
    let good = Site::new();
    good.realize();
    let (entry, tree) = server(&good);
    let object = |name: String| Path::new("objects").join(&name[..2]).join(name);
    for (file, command) in [
        (object(format!("{entry}.entry")), vec!["files", "server"]),
        (object(format!("{tree}.tree")), vec!["files", "server"]),
        (
            PathBuf::from("roots/sampler-1-x86_64/server/1"),
            vec!["generations", "server"],
        ),
        (PathBuf::from("store.json"), vec!["roots"]),
        (PathBuf::from("db.sqlite"), vec!["roots"]),
    ] {
        for how in HARMS {
            let site = good.again();
            if file.ends_with("db.sqlite") && how != Harm::Lose {
                fs::write(site.store().join(&file), vec![0x55; 8192]).unwrap();
            } else {
                harm(&site.store().join(&file), how);
            }
            if file.starts_with("roots") && how == Harm::Lose {
                continue;
            }
            let said = site.run(&command).with(4);
            assert!(!said.err.contains("panicked"), "{said:?}");
        }
    }
}

#[test]
fn a_harmed_file_of_a_view_or_its_twin_is_named_and_mended() {
    let good = Site::new();
    let entries = good.realize();
    let view = |site: &Site, name: &str| {
        let entries = fs::read_dir(site.store().join("entries")).unwrap();
        let mut found = entries.map(|e| e.unwrap().path());
        let end = format!("-{name}");
        found
            .find(|path| path.to_str().unwrap().ends_with(&end))
            .unwrap()
    };
    for how in HARMS {
        let site = good.again();
        let repomd = view(&site, "server").join("repodata/repomd.xml");
        // A file of the view's own, as on another file system.
        let bytes = fs::read(&repomd).unwrap();
        let dir = repomd.parent().unwrap();
        fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).unwrap();
        fs::remove_file(&repomd).unwrap();
        fs::write(&repomd, bytes).unwrap();
        harm(&repomd, how);
        fs::set_permissions(dir, fs::Permissions::from_mode(0o555)).unwrap();
        let said = site.run(&["verify", "--full"]).with(4);
        assert!(
            said.out.contains("view") && said.out.contains("repomd.xml"),
            "{said:?}"
        );
        assert_eq!(site.realize(), entries);
        site.sound(&format!("view {how:?}"));
    }
}

#[test]
fn a_harmed_twin_of_a_blob_is_named_and_mended_in_all_views() {
    let shelf = Shelf::default();
    let (entry, _lease) = shelf.put(&[("bin/a", b"one tool"), ("f", b"file")]);
    let (other, _lease) = shelf.put(&[("bin/b", b"one tool")]);
    let names = ["first", "second"].map(|name| name.parse().unwrap());
    let look =
        || [(entry, &names[0]), (other, &names[1])].map(|(e, n)| shelf.store.view(e, n).unwrap());
    let verify = |full| {
        let options = VerifyOptions { full, only: None };
        shelf.store.verify(&options, &|_| {}).unwrap().damaged.len()
    };
    look();
    harm(
        &files(&shelf.path().join("entries/.executable"), |_| true)[0],
        Harm::Flip,
    );
    assert_eq!(verify(true), 2);
    let [first, second] = look();
    assert_eq!(fs::read(first.join("bin/a")).unwrap(), b"one tool");
    assert_eq!(fs::read(second.join("bin/b")).unwrap(), b"one tool");
    assert_eq!(verify(true), 0);
}

/// A site with some packages in a directory, and recipes for what is made of them.
fn taking(maker: &Site) -> Site {
    let site = Site::new();
    fs::create_dir(site.path("rpms")).unwrap();
    for rpm in files(&maker.store().join("entries"), |name| {
        name.ends_with(".rpm")
    }) {
        let to = site.path("rpms").join(rpm.file_name().unwrap());
        fs::copy(&rpm, &to).unwrap();
    }
    let write = |name: &str, text: &str| fs::write(site.path("recipes").join(name), text).unwrap();
    write(
        "sampler-rpms.toml",
        "kind = \"source\"\npath = \"../rpms\"\n",
    );
    write(
        "taken.toml",
        "kind = \"module\"\nsummary = \"Taken\"\nstream = \"1\"\nversion = 1\nsource = \"sampler-rpms\"\n\
         packages = [\"sampler-release\", \"sampler-filesystem\", \"sampler-shell\"]\n",
    );
    write(
        "taken-edition.toml",
        "kind = \"repository\"\nmodules = [\"taken\"]\n",
    );
    write(
        "taken-image.toml",
        "kind = \"image\"\nfrom = [\"taken\"]\ninstall = [\"sampler-shell\"]\n",
    );
    site
}

#[test]
fn a_package_that_rotted_unseen_is_called_damaged_and_never_unpacked() {
    let maker = Site::new();
    maker.realize();
    let realize = ["--json", "realize", "taken-image"];
    let wanted = crate::support::site::entries(&taking(&maker).well(&realize));
    let site = taking(&maker);
    site.well(&["realize", "taken-edition"]);
    let rpms = of_kind(&site, "blob").into_iter();
    let rpms = rpms.filter(|path| {
        fs::read(path)
            .unwrap()
            .starts_with(&[0xed, 0xab, 0xee, 0xdb])
    });
    let rpms: Vec<PathBuf> = rpms.collect();
    assert_eq!(rpms.len(), 3);
    // What is unpacked of them was named when they were first seen, and not read since.
    rpms.iter().for_each(|path| harm(path, Harm::Flip));
    let said = site.run(&realize);
    assert_ne!(said.code, Some(0), "{said:?}");
    assert!(said.out.contains("damaged"), "{said:?}");
    site.run(&["verify", "--full"]).with(4);
    let again = site.well(&realize);
    assert_eq!(crate::support::site::entries(&again), wanted);
    site.well(&["realize", "taken-edition"]);
    site.sound("taken again");
}

#[test]
fn a_harmed_package_of_a_source_is_taken_from_there_again() {
    let maker = Site::new();
    maker.realize();
    let site = taking(&maker);
    let realize = ["--json", "realize", "taken-edition"];
    let entries = crate::support::site::entries(&site.well(&realize));
    for how in HARMS {
        for kind in ["blob", "asm", "trace"] {
            let harmed = of_kind(&site, kind);
            harmed.iter().for_each(|path| harm(path, how));
            if !harmed.is_empty() {
                site.run(&["verify", "--full"]).with(4);
            }
            let again = site.well(&realize);
            assert_eq!(crate::support::site::entries(&again), entries);
            site.sound(&format!("{kind} {how:?}"));
        }
    }
    // Without the source, what needs it says what it lacks, and what does not goes on.
    fs::remove_dir_all(site.path("rpms")).unwrap();
    fs::create_dir(site.path("rpms")).unwrap();
    let said = site.run(&realize);
    assert_ne!(said.code, Some(0), "{said:?}");
    assert!(!said.err.contains("panicked"), "{said:?}");
    site.sound("without the source");
}

#[test]
fn an_index_that_is_lost_is_made_anew_and_gives_the_same_answers() {
    let site = Site::used();
    let ask = || {
        [
            vec!["--json", "roots"],
            vec!["--json", "generations", "server"],
            vec!["--json", "closure", "atomic-host"],
            vec!["--json", "closure", "server@1"],
            vec!["--json", "diff", "server@1", "server@2"],
            vec!["files", "server"],
        ]
        .map(|question| site.well(&question))
    };
    let before = ask();
    let entries = site.realize();
    for end in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(site.store().join(format!("db.sqlite{end}")));
    }
    let said = site.run(&["roots"]).with(4);
    assert!(said.err.contains("--rebuild-index"), "{said:?}");
    site.run(&["realize", "server"]).with(4);
    site.run(&["gc"]).with(4);
    site.well(&["verify", "--rebuild-index"]);
    site.sound("rebuilt");
    assert_eq!(ask(), before);
    let again = site.well(&["--json", "realize", "atomic-host", "server"]);
    assert!(again.contains("\"composed\": 0"), "{again}");
    assert_eq!(site.realize(), entries);
    site.well(&["gc", "--keep-last", "1"]);
    site.sound("collected");

    // What is harmed while there is no index, its making tells.
    let trace = of_kind(&site, "trace").remove(0);
    harm(&trace, Harm::Flip);
    fs::remove_file(site.store().join("db.sqlite")).unwrap();
    let said = site.run(&["verify", "--rebuild-index"]).with(4);
    let name = trace.file_name().unwrap().to_str().unwrap();
    assert!(said.out.contains(name), "{said:?}");
}

pub fn node(path: &Path, of: FileType) {
    mknodat(CWD, path, of, 0o644.into(), 0).unwrap();
}

#[test]
fn what_lies_in_place_of_a_file_is_named_holds_nothing_up_and_is_replaced() {
    let good = Site::new();
    let entries = good.realize();
    good.well(&["gc"]);
    for kind in ["blob", "asm", "tree", "entry", "trace"] {
        for thing in ["fifo", "socket", "directory", "link"] {
            let site = good.again();
            let when = format!("{thing} for {kind}");
            let path = of_kind(&site, kind).remove(0);
            let aside = site.path("aside");
            fs::rename(&path, &aside).unwrap();
            match thing {
                "fifo" => node(&path, FileType::Fifo),
                "socket" => node(&path, FileType::Socket),
                "directory" => fs::create_dir(&path).unwrap(),
                // As long as what belongs there, and not in the store.
                _ => std::os::unix::fs::symlink(&aside, &path).unwrap(),
            }
            let name = path.file_name().unwrap().to_str().unwrap();
            // The new index knows of it as well as the old one.
            for arguments in [&["verify"][..], &["verify", "--full", "--rebuild-index"]] {
                let said = site.run(arguments).with(4);
                assert!(said.out.contains(name), "{when}: {said:?}");
            }
            assert_eq!(site.realize(), entries, "{when}");
            // What was made to plan and is left over goes.
            site.well(&["gc"]);
            site.well(&["verify", "--full"]);
        }
    }
}

#[test]
fn what_lies_in_place_of_a_file_is_damage_to_whoever_reads_it_first() {
    let good = Site::new();
    good.realize();
    let (entry, tree) = server(&good);
    let files = good.well(&["--json", "files", "server", "repodata/repomd.xml"]);
    let files: serde_json::Value = serde_json::from_str(&files).unwrap();
    let blob = files["files"][0]["blob"].as_str().unwrap().to_owned();
    let object = |name: String| Path::new("objects").join(&name[..2]).join(name);
    let show = ["show", "server", "--path"];
    for (file, command) in [
        (object(format!("{entry}.entry")), &["files", "server"][..]),
        (object(format!("{tree}.tree")), &["files", "server"]),
        (
            object(blob.clone()),
            &["cat", "server", "repodata/repomd.xml"],
        ),
        // Where the view has to be made again.
        (object(blob), &show),
        (
            PathBuf::from("roots/sampler-1-x86_64/server/1"),
            &["generations", "server"],
        ),
        (PathBuf::from("store.json"), &["roots"]),
    ] {
        for of in [FileType::Fifo, FileType::Socket, FileType::Directory] {
            let site = good.again();
            let path = site.store().join(&file);
            fs::remove_file(&path).unwrap();
            match of {
                FileType::Directory => fs::create_dir(&path).unwrap(),
                of => node(&path, of),
            }
            if command == show {
                allow(&site.store().join("entries"));
                fs::remove_dir_all(site.store().join("entries")).unwrap();
            }
            site.run(command).with(4);
        }
    }
}

#[test]
fn a_directory_with_something_in_it_is_never_deleted_for_an_object() {
    let site = Site::new();
    let entries = site.realize();
    let path = of_kind(&site, "blob").remove(0);
    let name = path.file_name().unwrap().to_str().unwrap();
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    fs::write(path.join("thesis"), "years of work").unwrap();
    site.run(&["verify"]).with(4);
    let said = site.run(&["realize", "atomic-host", "server"]).with(1);
    assert!(
        said.err.contains(name) && said.err.contains("move it away"),
        "{said:?}"
    );
    // Nor when the collector comes to it, which it keeps from nothing else.
    let dead = site.again();
    fs::remove_dir_all(dead.store().join("roots")).unwrap();
    let in_the_way = dead.store().join(path.strip_prefix(site.store()).unwrap());
    let said = dead.run(&["--json", "gc"]).with(1);
    assert!(
        said.err.contains(name) && said.err.contains("move it away"),
        "{said:?}"
    );
    let told: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert!(told["objects"].as_u64().unwrap() > 0, "{told}");
    assert!(
        told["in_the_way"][0].as_str().unwrap().ends_with(name),
        "{told}"
    );
    assert_eq!(
        fs::read_to_string(in_the_way.join("thesis")).unwrap(),
        "years of work"
    );
    assert_eq!(of_kind(&dead, "blob"), [in_the_way.join("thesis")]);
    fs::rename(&in_the_way, dead.path("mine")).unwrap();
    dead.well(&["gc"]);
    dead.well(&["verify", "--full"]);

    fs::rename(&path, site.path("mine")).unwrap();
    assert_eq!(site.realize(), entries);
    site.well(&["verify", "--full"]);
}

#[test]
fn verify_tells_what_to_do_about_what_realizing_does_not_repair() {
    let good = Site::new();
    good.realize();
    let root = "roots/sampler-1-x86_64/server/1";
    let advised = |site: &Site, arguments: &[&str], advice: &str| {
        let said = site.run(arguments).with(4);
        assert!(said.out.contains(advice), "{said:?}");
        assert!(!said.out.contains("realizing"), "{said:?}");
    };

    let site = good.again();
    harm(&site.store().join(root), Harm::Flip);
    advised(&site, &["verify"], "brought back from a copy, or removed");
    site.run(&["gc"]).with(4);
    fs::remove_file(site.store().join(root)).unwrap();
    site.well(&["verify"]);
    site.well(&["gc"]);

    let site = good.again();
    let mine = site.store().join("objects/aa/mine");
    fs::create_dir_all(mine.parent().unwrap()).unwrap();
    fs::write(&mine, "").unwrap();
    advised(&site, &["verify", "--rebuild-index"], "move it away");
    assert!(mine.exists());
}

#[test]
fn what_somebody_else_put_into_the_store_is_told_and_stops_no_collector_but_among_the_roots() {
    let good = Site::new();
    good.realize();
    for stray in [
        "objects/foo",
        "objects/aa/foo",
        "traces/foo",
        "entries/.executable/foo",
    ] {
        let site = good.again();
        let path = site.store().join(stray);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "").unwrap();
        site.well(&["gc"]);
        assert!(path.exists(), "{stray}");
        if stray.starts_with("entries/") {
            site.well(&["verify", "--rebuild-index"]);
            continue;
        }
        for arguments in [
            &["verify"][..],
            &["verify", "--full"],
            &["verify", "--rebuild-index"],
        ] {
            let said = site.run(arguments).with(4);
            let told = format!(
                "foreign file: the store writes no such name ({})",
                Path::new("store").join(stray).display()
            );
            assert_eq!(said.out.matches(&told).count(), 1, "{said:?}");
            let summary = " checked; 1 foreign file beside them; what the store did not write stays; move it away\n";
            assert!(said.out.ends_with(summary), "{said:?}");
        }
        fs::remove_file(&path).unwrap();
        site.well(&["verify", "--full"]);
    }
    let site = good.again();
    let stray = site.store().join("roots/foo");
    fs::write(&stray, "").unwrap();
    let stops = "store/roots/foo is nothing that the store wrote";
    for arguments in [&["gc"][..], &["gc", "--dry-run"], &["roots"]] {
        let said = site.run(arguments).with(4);
        assert!(said.err.contains(stops), "{said:?}");
        assert!(said.err.contains("move it away"), "{said:?}");
    }
    for arguments in [&["verify"][..], &["verify", "--rebuild-index"]] {
        let said = site.run(arguments).with(4);
        assert!(said.out.contains("foreign file"), "{said:?}");
        assert!(said.out.contains("move it away"), "{said:?}");
    }
    fs::remove_file(&stray).unwrap();
    site.well(&["gc"]);
}
