//! The program as people and scripts meet it: what it prints where, how it ends, and what it says when it can't.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::Mutex;

use store::store::{GcOptions, Store};

use super::support::bench::{Bench, Said};
use super::support::materialize::is_root;
use super::support::told;

/// Commands that read, each with arguments that fit the artifact `server`.
const READERS: [&[&str]; 9] = [
    &["show", "server"],
    &["closure", "server"],
    &["files", "server"],
    &["log", "server"],
    &["generations", "server"],
    &["roots"],
    &["diff", "server", "server"],
    &["verify"],
    &["plan", "server"],
];

#[test]
fn every_command_prints_one_json_document_and_talks_on_stderr() {
    let bench = Bench::shipped();
    let plan = bench.json(&["plan", "server"]);
    assert_eq!(plan["complete"], false);
    assert!(!bench.store().exists(), "a plan makes no store");
    let said = bench.run(&["realize", "server", "--json"]).works();
    assert!(
        said.err.contains("repository server: composed"),
        "{}",
        said.err
    );
    let realized = said.document("realize");
    let artifact = &realized["artifacts"][0];
    assert_eq!(artifact["name"], "server");
    assert_eq!(artifact["kind"], "repository");
    assert_eq!(artifact["status"], "composed");
    assert_eq!(artifact["generation"], 1);
    assert_eq!(realized["steps"]["failed"], 0);
    assert!(
        Path::new(artifact["path"].as_str().unwrap())
            .join("repodata/repomd.xml")
            .is_file()
    );
    assert_eq!(artifact["key"].as_str().unwrap().len(), 52);
    let entry = artifact["entry"].as_str().unwrap().to_owned();

    for arguments in READERS {
        let said = bench.run(&[arguments, &["--json", "-q"]].concat()).works();
        assert_eq!(said.err, "", "{arguments:?}");
        said.document(arguments[0]);
        let said = bench.run(&[arguments, &["-q"]].concat()).works();
        assert_eq!(said.err, "", "{arguments:?}");
        assert!(
            said.out.ends_with('\n') || arguments[0] == "log",
            "{arguments:?}"
        );
    }
    assert_eq!(bench.json(&["show", "server"])["entry"], entry);
    assert_eq!(
        bench.json(&["show", "server"])["generation"],
        "sampler-1-x86_64/server@1"
    );
    assert_eq!(bench.json(&["roots"])["roots"][0]["entry"], entry);
    assert_eq!(
        bench.json(&["generations", "server"])["generations"][0]["number"],
        1
    );
    assert_eq!(
        bench.json(&["verify", "--full"])["damaged"],
        serde_json::json!([])
    );
    let files = bench.json(&["files", "server", "repodata/repomd.xml"]);
    assert_eq!(files["files"][0]["mode"], "0644");
    assert_eq!(files["files"].as_array().unwrap().len(), 1);
    let closure = bench.json(&["closure", "server"]);
    let module = |name: &str| {
        let nodes = closure["nodes"].as_array().unwrap();
        nodes
            .iter()
            .any(|node| node["kind"] == "module" && node["name"] == name)
    };
    assert!(
        module("base-runtime:1") && module("web-server:2"),
        "{closure}"
    );
    let packages = bench.print(&["closure", "server", "--packages"]);
    assert_eq!(packages.lines().count(), 9, "{packages}");
    let document = bench.json(&["closure", "server", "--packages"]);
    let lines: Vec<&str> = packages.lines().collect();
    assert_eq!(document["packages"], serde_json::json!(lines));
    assert_eq!(document["entry"], entry);
    assert!(document["nodes"].is_null());
    let planned = bench.print(&["plan", "server", "--packages"]);
    let sorted = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(sorted(&planned), sorted(&packages));
    let said = bench.run(&["plan", "release", "--packages"]).works();
    assert!(said.out.is_empty() && said.err.contains("release holds no packages of its own"));
    let cat = bench.print(&["cat", "server", "repodata/repomd.xml"]);
    assert!(
        cat.starts_with("<?xml") && cat.ends_with("</repomd>\n"),
        "{cat}"
    );

    bench.write("note.txt", "a note\n");
    let added = bench.json(&["add", "note.txt"]);
    assert_eq!(added["added"][0]["kind"], "file");
    let id = bench.print(&["add", "note.txt"]);
    assert_eq!(bench.print(&["cat", id.trim(), "note.txt"]), "a note\n");
    let dry = bench.json(&["gc", "--dry-run"]);
    let real = bench.json(&["gc"]);
    assert_eq!(
        (dry["dry_run"].as_bool(), real["dry_run"].as_bool()),
        (Some(true), Some(false))
    );
    assert_eq!(dry["bytes"], real["bytes"]);
    assert_eq!(bench.json(&["gc"])["objects"], 0);
    assert_eq!(bench.json(&["update"])["changed"], true);

    // Refusals too.
    let said = bench.run(&["show", "servr", "--json"]);
    assert_eq!(said.code, 3);
    let refusal = said.document("error");
    assert_eq!(refusal["exit"], 3);
    assert!(
        refusal["error"]
            .as_str()
            .unwrap()
            .contains("near to it: server")
    );
}

#[test]
fn an_artifact_goes_by_many_names() {
    let bench = Bench::shipped();
    let first = bench.realize(&["cloud"]).remove(0);
    bench.edit("packages/sampler-httpd.toml", "listen 80", "listen 8080");
    bench.print(&["realize", "cloud", "--label", "RC1"]);
    let entry = |name: &str| {
        let shown = bench.json(&["show", name]);
        shown["entry"].as_str().unwrap().to_owned()
    };
    let (one, two) = (entry("cloud@1"), entry("cloud@2"));
    assert_ne!(one, two);
    for name in [
        "cloud",
        "cloud@RC1",
        "sampler-1-x86_64/cloud",
        "sampler-1-x86_64/cloud@2",
        &two,
        &two[..32],
        &two[..12],
        &format!("store/entries/{}-cloud", &two[..32]),
    ] {
        assert_eq!(entry(name), two, "{name}");
    }
    assert_eq!(entry(first.to_str().unwrap()), one);
    assert_eq!(entry("sampler-1-x86_64/cloud@1"), one);
    let shown = bench.print(&["generations", "cloud"]);
    assert!(shown.lines().nth(1).unwrap().ends_with("  RC1"), "{shown}");

    let no_such = ["has no generation", "it has 1, 2 (RC1)"];
    for name in ["cloud@3", "cloud@RC2", "cloud@0", "cloud@"] {
        bench.run(&["show", name]).fails(3, &no_such);
    }
    for name in ["clout", "clout@1"] {
        bench
            .run(&["show", name])
            .fails(3, &["no artifact", "near to it: cloud"]);
    }
    for name in ["", "@1", "sampler-2-x86_64/nothing", "/nowhere/at-all"] {
        bench.run(&["show", name]).fails(3, &["no artifact"]);
    }
    // What is as short as names are is no hash.
    let short = [
        "no artifact",
        "a hash is named by 6 of its characters or more",
    ];
    bench.run(&["show", &two[..5]]).fails(3, &short);

    // The release of the recipes decides between roots of one name; without recipes both are said.
    bench.edit("release.toml", "version = \"1\"", "version = \"2\"");
    bench.print(&["realize", "cloud"]);
    assert!(
        bench
            .print(&["show", "cloud"])
            .contains("sampler-2-x86_64/cloud@1")
    );
    let said = bench.run(&["show", "cloud", "--recipes", "nowhere"]);
    said.fails(
        2,
        &[
            "sampler-1-x86_64/cloud, sampler-2-x86_64/cloud",
            "full name",
        ],
    );
    assert_eq!(bench.print(&["roots"]).lines().count(), 2);
}

#[test]
fn a_store_that_is_not_there_reads_as_an_empty_one_and_stays_away() {
    let bench = Bench::shipped();
    for arguments in READERS {
        let said = bench.run(arguments);
        let expected = match arguments[0] {
            "roots" | "verify" | "plan" => 0,
            _ => 3,
        };
        assert_eq!(said.code, expected, "{arguments:?}: {}", said.err);
        assert!(!bench.store().exists(), "{arguments:?} made a store");
    }
    bench
        .run(&["cat", "server", "x"])
        .fails(3, &["no artifact"]);
    assert!(bench.print(&["gc"]).starts_with("nothing to free"));
    for arguments in [
        &["realize", "servr"][..],
        &["realize", "server", "--no-such-flag"],
        &["realize", "server", "--jobs", "0"],
        &["realize", "server", "--dry-run"],
        &["update", "no-such-source"],
        &["update", "--no-such-flag"],
        &["gc", "--keep-last", "0"],
        &["gc", "--grace", "soon"],
        &["show"],
        &["no-such-command"],
        &[],
    ] {
        bench.run(arguments);
        assert!(!bench.store().exists(), "{arguments:?} made a store");
    }
    fs::create_dir(bench.store()).unwrap();
    assert_eq!(bench.print(&["roots"]), "");
    assert_eq!(fs::read_dir(bench.store()).unwrap().count(), 0);
}

#[test]
fn a_program_that_asks_for_json_reads_why_its_arguments_are_refused() {
    let bench = Bench::shipped();
    for (arguments, says) in [
        (
            &["--json", "realize", "server", "--jobz", "1"][..],
            "--jobz",
        ),
        (&["realize", "--json"], "<NAME>"),
        (&["gc", "--grace", "soon", "--json"], "a number and a unit"),
        (&["no-such-command", "--json"], "no-such-command"),
        (&["--json"], "Usage: store"),
    ] {
        let said = bench.run(arguments);
        assert_eq!(said.code, 2, "{arguments:?}: {}", said.err);
        let refusal = said.document("error");
        assert_eq!(refusal["exit"], 2);
        let error = refusal["error"].as_str().unwrap();
        assert!(
            error.contains(says) && !error.starts_with("error"),
            "{error}"
        );
        assert!(said.err.contains(says), "{}", said.err);
    }
    // Who asks for help gets it; and behind two dashes stand names.
    assert!(
        bench
            .print(&["gc", "--help", "--json"])
            .contains("--dry-run")
    );
    bench
        .run(&["realize", "--jobz", "--", "--json"])
        .fails(2, &["--jobz"]);
}

#[test]
fn who_asks_for_collected_bytes_reads_that_they_were_collected_and_how_to_have_them_again() {
    let bench = Bench::shipped();
    bench.realize(&["server"]);
    let entry = bench.json(&["show", "server@1"])["entry"].clone();
    let httpd = |from, to| bench.edit("packages/sampler-httpd.toml", from, to);
    httpd("\"2.4\"", "\"2.5\"");
    bench.realize(&["server"]);
    bench.print(&["gc", "--keep-last", "1"]);
    let says = [
        "the bytes of server@1 were collected",
        "because: ",
        "`store realize server` with the recipes and the lock of that time",
        "`store generations server`",
    ];
    bench.run(&["show", "server@1", "--path"]).fails(3, &says);
    bench
        .run(&["cat", "server@1", "addons/web-server/repodata/repomd.xml"])
        .fails(3, &says);
    let hash = &entry.as_str().unwrap()[..20];
    bench
        .run(&["show", hash, "--path"])
        .fails(3, &[&format!("the bytes of entry {hash}")]);
    // And so it is.
    httpd("\"2.5\"", "\"2.4\"");
    bench.realize(&["server"]);
    let path = bench.print(&["show", "server@1", "--path"]);
    assert!(Path::new(path.trim()).join("repodata/repomd.xml").exists());
}

#[test]
fn a_label_names_a_generation_and_keeps_nothing_as_the_help_says() {
    let bench = Bench::shipped();
    bench.run(&["realize", "server", "--label", "RC1"]).works();
    bench.edit("packages/sampler-httpd.toml", "\"2.4\"", "\"2.5\"");
    bench.realize(&["server"]);
    bench.print(&["gc", "--keep-last", "1"]);
    let shown = bench.json(&["show", "server@RC1"]);
    assert_eq!(shown["label"], "RC1");
    assert_eq!(shown["complete"], false);
    let shown = bench.print(&["show", "server@1"]);
    assert!(shown.contains("/server@1 (RC1)\n"), "{shown}");
    for (command, says) in [
        ("gc", "newest generations of each artifact, labelled or not"),
        ("realize", "`gc --keep-last` takes it all the same"),
    ] {
        let help = bench.print(&[command, "--help"]);
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(help.contains(says), "{help}");
    }
}

#[test]
fn what_is_composed_no_more_is_forgotten_by_its_name_and_never_numbered_anew() {
    let bench = Bench::shipped();
    bench.realize(&["server", "cloud"]);
    bench.edit(
        "packages/sampler-httpd.toml",
        "listen 80\\n",
        "listen 8080\\n",
    );
    bench.realize(&["server"]);
    bench.print(&["gc"]);
    let all = ["--forget", "server", "--forget", "cloud"];
    let told = bench.json(&[&["gc", "--dry-run"], &all[..]].concat());
    let named = ["cloud@1", "server@1", "server@2"].map(|one| format!("sampler-1-x86_64/{one}"));
    assert_eq!(told["forgotten"], serde_json::json!(named));
    // A dry run forgets nothing.
    assert_eq!(bench.json(&["gc"])["objects"], 0);
    // A newest one that is no good: the one before it stands again.
    let first = bench.json(&["show", "server@1"])["entry"].clone();
    let said = bench.print(&["gc", "--forget", "server@2"]);
    assert!(
        said.starts_with("forgot sampler-1-x86_64/server@2; freed "),
        "{said}"
    );
    assert_eq!(bench.json(&["show", "server"])["entry"], first);
    bench
        .run(&["show", "server@2"])
        .fails(3, &["has no generation \"2\"; it has 1"]);
    bench.realize(&["server"]);
    let number = |bench: &Bench| {
        bench.json(&["generations", "server"])["generations"]
            .as_array()
            .unwrap()
            .last()
            .unwrap()["number"]
            .clone()
    };
    assert_eq!(number(&bench), 3);
    // All that a dry run foresees goes.
    bench.print(&["gc"]);
    let told = bench.json(&[&["gc", "--dry-run"], &all[..]].concat());
    let gone = bench.json(&[&["gc"], &all[..]].concat());
    for count in ["kept", "objects", "entries", "bytes", "forgotten"] {
        assert_eq!(gone[count], told[count], "{count}");
    }
    assert_eq!(gone["kept"], 0);
    assert_eq!(bench.print(&["roots"]), "");
    for command in [&["show", "server"][..], &["gc", "--forget", "server"]] {
        bench
            .run(command)
            .fails(3, &["there is no artifact \"server\""]);
    }
    bench.print(&["verify", "--full"]);
    bench.print(&["verify", "--rebuild-index"]);
    bench.realize(&["server"]);
    assert_eq!(number(&bench), 4);
    let entry = bench.json(&["show", "server"])["entry"].clone();
    let entry = entry.as_str().unwrap();
    bench
        .run(&["gc", "--forget", &entry[..12]])
        .fails(2, &["name a generation, as NAME@N"]);
    bench
        .run(&["gc", "--forget", "server", "--undo"])
        .fails(2, &["--undo"]);
}

#[test]
fn wrong_usage_ends_with_2_and_what_is_not_there_with_3() {
    let bench = Bench::shipped();
    let said = bench.run(&["realize", "servr"]);
    said.fails(3, &["no recipe named servr", "did you mean server?"]);
    bench
        .run(&["plan", "servr"])
        .fails(3, &["did you mean server?"]);
    let said = bench.run(&["realize", "server", "--jobz", "1"]);
    said.fails(2, &["--jobz", "--jobs"]);
    let said = bench.run(&["realize", "server", "--jobs", "0"]);
    said.fails(2, &["--jobs 0", "use 1 or more"]);
    bench.run(&["realize"]).fails(2, &["<NAME>"]);
    bench
        .run(&["update", "os"])
        .fails(3, &["os is not a source"]);
    bench
        .run(&["add", "nowhere"])
        .fails(3, &["nowhere", "No such file"]);
    bench
        .run(&["realize", "server", "-q", "-v"])
        .fails(2, &["--quiet"]);
    let help = bench.run(&["--help"]).works();
    assert!(help.out.contains("Exit codes:") && help.err.is_empty());
    bench.realize(&["server"]);
    bench
        .run(&["cat", "server", "repodata"])
        .fails(2, &["not a file"]);
    bench
        .run(&["cat", "server", "nope"])
        .fails(3, &["store files"]);
    bench.run(&["cat", "server", "../x"]).fails(2, &["../x"]);
    bench
        .run(&["files", "server", "nope"])
        .fails(3, &["has no /nope"]);
    bench
        .run(&["generations", "servr"])
        .fails(3, &["near to it: server"]);
}

#[test]
fn differences_are_an_error_only_if_asked() {
    let bench = Bench::shipped();
    bench.realize(&["server", "cloud"]);
    assert_eq!(bench.run(&["diff", "server", "cloud"]).works().err, "");
    assert_eq!(
        bench.run(&["diff", "server", "cloud", "--exit-code"]).code,
        1
    );
    let same = bench
        .run(&["diff", "server", "server@1", "--exit-code"])
        .works();
    assert_eq!(same.out, "server@1 and server@1 are equal\n");
}

#[test]
fn a_damaged_store_ends_with_4() {
    let bench = Bench::shipped();
    let path = bench.realize(&["server"]).remove(0);
    // Objects and views may share storage: a new file in place of the object leaves the view alone.
    let blob = bench.json(&["files", "server", "repodata/repomd.xml"]);
    let blob = blob["files"][0]["blob"].as_str().unwrap().to_owned();
    let object = find(&bench.store().join("objects"), &blob).expect("the object of a blob");
    let mut bytes = fs::read(&object).unwrap();
    bytes[10] ^= 1;
    let directory = object.parent().unwrap();
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
    fs::remove_file(&object).unwrap();
    fs::write(&object, bytes).unwrap();
    assert!(path.join("repodata/repomd.xml").exists());
    let said = bench.run(&["verify", "--full"]);
    assert_eq!(said.code, 4, "{}{}", said.out, said.err);
    assert!(
        said.out.contains(&blob) && said.out.contains("touches entry"),
        "{}",
        said.out
    );
    assert_eq!(
        bench
            .run(&["verify", "--full", "--json"])
            .document("verify")["damaged"][0]["id"],
        blob
    );
}

fn find(directory: &Path, name: &str) -> Option<std::path::PathBuf> {
    walkdir::WalkDir::new(directory)
        .into_iter()
        .flatten()
        .map(walkdir::DirEntry::into_path)
        .find(|path| {
            let text = path
                .strip_prefix(directory)
                .unwrap()
                .to_string_lossy()
                .replace('/', "");
            path.is_file() && (text.contains(name) || name.ends_with(&text) && text.len() > 40)
        })
}

#[test]
fn a_second_collector_ends_with_5() {
    let bench = Bench::shipped();
    bench.realize(&["gtk"]);
    let store = Store::open(&bench.store()).unwrap();
    let said = Mutex::new(None);
    let options = GcOptions::default();
    let report = store.gc(&options, &|_| {
        said.lock()
            .unwrap()
            .get_or_insert_with(|| bench.run(&["gc"]));
    });
    report.unwrap();
    let said = said
        .into_inner()
        .unwrap()
        .expect("a collector tells how far it is");
    said.fails(5, &["collect"]);
    bench.run(&["gc"]).works();
}

#[test]
fn a_store_that_may_not_be_written_can_be_read() {
    let bench = Bench::shipped();
    bench.realize(&["server"]);
    if is_root() {
        told::left_out("root may write everywhere");
        return;
    }
    close(&bench.store(), 0o555);
    for arguments in READERS {
        bench.run(arguments).works();
    }
    bench.run(&["cat", "server", "repodata/repomd.xml"]).works();
    let said = bench.run(&["realize", "cloud"]);
    assert_eq!(said.code, 1, "{}", said.err);
    close(&bench.store(), 0o755);
}

#[test]
fn a_store_of_an_older_program_that_may_not_be_written_can_be_read() {
    let bench = Bench::shipped();
    bench.realize(&["server"]);
    if is_root() {
        told::left_out("root may write everywhere");
        return;
    }
    let index = bench.store().join("db.sqlite");
    let older = "drop table element; drop table harmed; pragma user_version = 7";
    rusqlite::Connection::open(&index)
        .unwrap()
        .execute_batch(older)
        .unwrap();
    let before = fs::read(&index).unwrap();
    close(&bench.store(), 0o555);
    for arguments in READERS {
        bench.run(arguments).works();
    }
    bench.run(&["realize", "server"]).works();
    assert!(fs::read(&index).unwrap() == before);
    close(&bench.store(), 0o755);
}

#[test]
fn what_can_not_be_checked_is_not_called_well() {
    let bench = Bench::shipped();
    let said = bench.run(&["verify"]).works();
    assert!(said.err.contains("warning: there is no "), "{}", said.err);
    bench.realize(&["server"]);
    let first = bench.json(&["show", "server"])["entry"].clone();
    let first = first.as_str().unwrap();
    let said = bench.run(&["verify", "server"]).works();
    assert!(!format!("{}{}", said.out, said.err).contains("not all"));
    let recipe = bench.recipes().join("editions/server.toml");
    let text = fs::read_to_string(&recipe).unwrap();
    let fewer = text.replace("addons = [", "addons = [] # [");
    assert_ne!(fewer, text);
    fs::write(&recipe, fewer).unwrap();
    bench.realize(&["server"]);
    bench.print(&["gc", "--keep-last", "1"]);
    let said = bench.run(&["verify", first]).works();
    assert!(
        said.out.contains("not all of its bytes are in the store"),
        "{}",
        said.out
    );
    assert_eq!(bench.json(&["verify", first])["collected"][0], first);
}

/// Gives all directories of a store a mode.
fn close(store: &Path, mode: u32) {
    for found in walkdir::WalkDir::new(store).into_iter().flatten() {
        if found.file_type().is_dir() {
            fs::set_permissions(found.path(), fs::Permissions::from_mode(mode)).unwrap();
        }
    }
}

#[test]
fn a_reader_that_went_away_has_read_enough() {
    let bench = Bench::shipped();
    bench.realize(&["atomic-host"]);
    for arguments in [
        &["files", "atomic-host", "--json"][..],
        &["closure", "atomic-host"],
        &["cat", "atomic-host", "config"],
    ] {
        let mut child = bench
            .command()
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::with_capacity(1, child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let said = Said::of(child.wait_with_output().unwrap());
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{arguments:?}");
    }
}

#[test]
fn a_store_whose_path_is_no_text_prints_what_can_be_opened() {
    let bench = Bench::shipped();
    let store = bench.path().join(OsStr::from_bytes(b"caf\xe9"));
    for arguments in [&["realize", "server"][..], &["show", "server", "--path"]] {
        let output = bench
            .command()
            .arg("--store")
            .arg(&store)
            .args(arguments)
            .output();
        let output = output.unwrap();
        assert!(output.status.success(), "{output:?}");
        let line = output.stdout.strip_suffix(b"\n").unwrap();
        let path = bench.path().join(OsStr::from_bytes(line));
        assert!(path.join("repodata/repomd.xml").is_file(), "{output:?}");
    }
}

const TOOL: &str = "kind = \"package\"\nversion = \"1\"\nrelease = \"1\"\narch = \"noarch\"\nlicense = \"MIT\"\nsummary = \"x\"\n";

#[test]
fn a_generation_that_waits_for_a_collector_is_not_told_to_be_collected() {
    let bench = Bench::of(&[("tool.toml", TOOL)]);
    let entry = bench.realize(&["tool"]).remove(0);
    bench.edit("tool.toml", "version = \"1\"", "version = \"2\"");
    bench.realize(&["tool"]);
    bench
        .run(&["gc", "--keep-last", "1", "--grace", "1h"])
        .works();
    let first = |bench: &Bench| {
        let said = bench.print(&["generations", "tool"]);
        said.lines().next().unwrap().to_owned()
    };
    let said = first(&bench);
    assert!(
        said.ends_with("(waits to be collected; `store gc --undo` takes it back)"),
        "{said}"
    );
    let json = bench.json(&["generations", "tool"]);
    let old = &json["generations"][0];
    assert_eq!(
        (&old["complete"], &old["condemned"]),
        (&false.into(), &true.into())
    );
    let closure = bench.print(&["closure", "tool@1"]);
    assert!(closure.contains("waits to be collected"), "{closure}");
    assert!(bench.path().join(entry).exists());
    bench.run(&["gc", "--undo"]).works();
    assert!(!first(&bench).contains('('));
    bench.run(&["gc", "--keep-last", "1"]).works();
    assert!(first(&bench).ends_with("(bytes collected)"));
}

#[test]
fn an_entry_is_named_by_its_path_from_within_the_directory_of_entries_too() {
    let bench = Bench::of(&[("tool.toml", TOOL)]);
    let entry = bench.path().join(bench.realize(&["tool"]).remove(0));
    let name = entry.file_name().unwrap().to_str().unwrap();
    let mut command = bench.command();
    command.current_dir(entry.parent().unwrap());
    command.arg("--store").arg(bench.store());
    command.args(["show", &format!("./{name}"), "--path"]);
    let said = Said::of(command.output().unwrap()).works();
    assert!(said.out.trim_end().ends_with(name), "{}", said.out);
}

#[test]
fn a_file_is_no_json_document_and_a_label_is_more_than_digits() {
    let bench = Bench::of(&[("tool.toml", TOOL)]);
    let said = bench.run(&["cat", "tool", "x", "--json"]);
    assert_eq!(said.code, 2);
    assert!(said.out.contains("no JSON document"), "{}", said.out);
    bench
        .run(&["realize", "tool", "--label", "12"])
        .fails(2, &["a label is more than digits"]);
    bench.run(&["realize", "tool", "--label", "1.2"]).works();
}

#[test]
fn groups_that_are_none_are_told_with_file_and_line_before_anything_is_made() {
    let bench = Bench::shipped();
    bench.edit(
        "editions/server.toml",
        "addons",
        "comps = \"files/groups.xml\"\naddons",
    );
    bench
        .run(&["plan", "server"])
        .fails(2, &["there is no recipes/editions/files/groups.xml"]);
    bench.write(
        "recipes/editions/files/groups.xml",
        "<comps>\n  <group>\n</comps>\n",
    );
    let file = "recipes/editions/files/groups.xml can't be the groups of edition server";
    let line = "line 3 of the comps document is not well-formed XML";
    for command in [&["plan", "server"][..], &["realize", "server"]] {
        bench
            .run(command)
            .fails(2, &["recipes/editions/server.toml:", file, line]);
    }
    let lint = bench.run(&["lint", "server"]);
    assert_eq!(lint.code, 1);
    for text in ["error [bad-comps]", file, line] {
        assert!(lint.out.contains(text), "{}", lint.out);
    }
}
