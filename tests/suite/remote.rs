//! Repositories as sources: looked at by update, locked, fetched by realize, and then no longer asked.

use std::fs;
use std::path::Path;
use std::process::Command;

use store::formats::rpm::checksum::Hasher;
use store::ids::Algorithm;

use super::support::bench::Said;
use super::support::upstream::{Upstream, site};

#[test]
fn a_repository_is_locked_planned_without_packages_and_then_fetched() {
    let upstream = Upstream::new();
    let bench = site(&upstream.url());
    bench
        .run(&["realize", "host"])
        .fails(2, &["store update upstream"]);
    let moved = bench.print(&["update"]);
    assert!(
        moved.contains("upstream: sampler-httpd.x86_64 added, 2.4-1"),
        "{moved}"
    );
    let packages = &bench.json(&["plan", "host", "--packages"])["packages"]["host"];
    let names: Vec<&str> = packages
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p.as_str().unwrap())
        .collect();
    assert!(names.contains(&"sampler-httpd-2.4-1.x86_64"), "{names:?}");
    bench
        .run(&["realize", "host", "--offline"])
        .fails(1, &["--offline", "sampler-"]);
    let document = bench.json(&["realize", "host", "edition"]);
    assert_eq!(document["steps"]["fetched"], 5, "{document}");
    let again = bench.json(&["realize", "host", "edition", "--offline"]);
    assert_eq!(again["steps"]["composed"], 0);
    assert_eq!(again["steps"]["fetched"], 0);
    assert_eq!(bench.print(&["update"]), "");
}

#[test]
fn of_a_module_a_plan_fetches_only_what_the_artifact_holds() {
    let upstream = Upstream::new();
    let bench = site(&upstream.url());
    bench.print(&["update"]);
    bench.edit(
        "host.toml",
        "[\"sampler-httpd\"]",
        "[\"sampler-filesystem\"]",
    );
    let plan = |to_do: bool| {
        let document = bench.json(&["plan", "host"]);
        let steps = document["steps"].as_array().unwrap();
        let fetched = |step: &&serde_json::Value| step["kind"] == "fetch";
        let subjects = steps.iter().filter(fetched).map(|step| {
            assert_eq!(step["status"] == "to do", to_do, "{step}");
            step["subject"].as_str().unwrap().to_owned()
        });
        subjects.collect::<Vec<_>>()
    };
    let held = &bench.json(&["plan", "host", "--packages"])["packages"]["host"];
    let held: Vec<&str> = held
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p.as_str().unwrap())
        .collect();
    assert_eq!(plan(true), held);
    assert!(held.len() < 5, "{held:?}");
    let document = bench.json(&["realize", "host"]);
    assert_eq!(document["steps"]["fetched"], held.len());
    assert_eq!(plan(false), held);
    assert!(bench.print(&["plan", "host"]).starts_with("0 steps to do"));
}

#[test]
fn what_was_locked_is_composed_though_the_repository_moved_on() {
    let upstream = Upstream::new();
    let bench = site(&upstream.url());
    bench.print(&["update"]);
    bench.realize(&["host"]);
    upstream.moves_on();
    assert_eq!(bench.json(&["realize", "host"])["steps"]["composed"], 0);
    // Packages that were not fetched before the repository moved are gone; those that were are not missed.
    bench.print(&["realize", "edition"]);
    let moved = bench.print(&["update"]);
    assert_eq!(
        moved,
        "upstream: sampler-httpd.x86_64 upgraded from 2.4-1 to 2.5-1\nhost: 1 upgraded\n"
    );
    bench.realize(&["host"]);
    let packages = &bench.json(&["diff", "host@1", "host@2"])["packages"];
    assert_eq!(packages[0]["change"], "upgraded");
    assert_eq!(
        bench.json(&["generations", "upstream"])["generations"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn a_package_that_is_gone_or_was_built_anew_is_told_with_what_to_do() {
    let upstream = Upstream::new();
    let bench = site(&upstream.url());
    bench.print(&["update"]);
    let package = upstream.path().join("sampler-httpd-2.4-1.x86_64.rpm");
    let bytes = fs::read(&package).unwrap();
    let hint = "or have built it anew: `store update` looks again";
    let longer = [&bytes[..], b"more"].concat();
    for other in [Some(&longer[..]), Some(&bytes[1..]), None] {
        // Nobody may write to what was copied out of a store.
        fs::remove_file(&package).unwrap();
        if let Some(bytes) = other {
            fs::write(&package, bytes).unwrap();
        }
        bench
            .run(&["realize", "host"])
            .fails(1, &["sampler-httpd", hint]);
    }
    fs::write(&package, bytes).unwrap();
    bench.realize(&["host"]);
}

#[test]
fn lost_records_of_fetched_packages_are_made_again_of_what_was_fetched() {
    let upstream = Upstream::new();
    let bench = site(&upstream.url());
    bench.print(&["update"]);
    let edition = bench.realize(&["edition"]).remove(0);
    for file in walkdir::WalkDir::new(bench.store().join("traces")) {
        let file = file.unwrap();
        if file.file_type().is_file() {
            fs::remove_file(file.path()).unwrap();
        }
    }
    let said = bench.run(&["verify", "--full"]);
    assert_eq!(said.code, 4, "{said:?}");
    assert_eq!(bench.realize(&["edition"]).remove(0), edition);
    bench.edit("tools.toml", "version = 1", "version = 2");
    let newer = bench.realize(&["edition"]).remove(0);
    assert_ne!(newer, edition);
}

#[test]
fn another_store_realizes_the_same_from_the_lock_alone() {
    let upstream = Upstream::new();
    let bench = site(&upstream.url());
    bench.print(&["update"]);
    let here = bench.realize(&["host"]);
    let other = bench.path().join("other");
    let said = bench
        .run(&["--store", other.to_str().unwrap(), "realize", "host"])
        .works();
    assert_eq!(Path::new(said.out.trim()).file_name(), here[0].file_name());
    // Nothing had to be solved, so nobody asked for metadata.
    assert!(!said.err.contains("metadata"), "{}", said.err);
}

#[test]
fn a_name_that_the_lock_was_not_asked_for_is_answered_by_the_metadata_that_it_pins() {
    let upstream = Upstream::new();
    let bench = site(&upstream.url());
    bench.print(&["update"]);
    bench.edit(
        "tools.toml",
        "\"sampler-init\"",
        "\"sampler-init\", \"sampler-probe\"",
    );
    bench.realize(&["edition"]);
    bench.edit("tools.toml", "\"sampler-probe\"", "\"sampler-prob\"");
    bench
        .run(&["realize", "edition"])
        .fails(2, &["sampler-prob", "near to it: sampler-probe"]);
}

#[test]
fn fetched_packages_that_the_collector_took_are_fetched_again() {
    let upstream = Upstream::new();
    let bench = site(&upstream.url());
    bench.print(&["update"]);
    bench.print(&["realize", "host", "--no-root"]);
    bench.print(&["gc"]);
    let document = bench.json(&["realize", "host", "edition"]);
    assert_eq!(document["steps"]["failed"], 0, "{document}");
    bench.print(&["verify", "--full"]);
}

#[test]
fn metadata_that_the_collector_took_is_fetched_again_where_somebody_asks_for_it() {
    let upstream = Upstream::new();
    let bench = site(&upstream.url());
    bench.print(&["update"]);
    let lock = fs::read(bench.recipes().join("store.lock")).unwrap();
    let (now, then) = (upstream.path(), upstream.path().with_extension("then"));
    let copy = |from: &Path, to: &Path| {
        let status = Command::new("cp").arg("-a").args([from, to]).status();
        assert!(status.unwrap().success());
    };
    copy(&now, &then);
    upstream.moves_on();
    bench.print(&["update"]);
    bench.print(&["gc", "--keep-last", "1"]);
    fs::remove_dir_all(&now).unwrap();
    copy(&then, &now);
    // The lock of before, and a name that it was not asked for.
    fs::write(bench.recipes().join("store.lock"), lock).unwrap();
    bench.edit(
        "tools.toml",
        "\"sampler-init\"",
        "\"sampler-init\", \"sampler-probe\"",
    );
    bench.realize(&["edition"]);
    bench.print(&["verify", "--full"]);
}

#[test]
fn a_kept_generation_keeps_what_its_lock_names_when_the_repository_is_gone() {
    let upstream = Upstream::new();
    let bench = site(&upstream.url());
    bench.print(&["update"]);
    bench.realize(&["host"]);
    let lock = fs::read(bench.recipes().join("store.lock")).unwrap();
    upstream.moves_on();
    bench.print(&["update"]);
    bench.realize(&["host"]);
    bench.print(&["gc"]);
    // Years later: the old lock is taken out again, and nobody has its packages but the store.
    fs::remove_dir_all(upstream.path()).unwrap();
    fs::write(bench.recipes().join("store.lock"), lock).unwrap();
    bench.edit(
        "host.toml",
        "\"sampler-httpd\"",
        "\"sampler-httpd\", \"sampler-init\"",
    );
    bench.realize(&["host", "edition"]);
}

#[test]
fn of_two_parts_of_one_kind_the_first_is_fetched_and_locked() {
    let upstream = Upstream::new();
    let second = upstream.path().join("repodata/second.xml");
    fs::write(&second, "something else\n").unwrap();
    let repomd = upstream.path().join("repodata/repomd.xml");
    let text = fs::read_to_string(&repomd).unwrap();
    let part = format!(
        "<data type=\"filelists\"><checksum type=\"sha256\">{}</checksum>\
         <location href=\"repodata/second.xml\"/></data></repomd>",
        Hasher::of(Algorithm::Sha256, b"something else\n")
    );
    fs::write(&repomd, text.replace("</repomd>", &part)).unwrap();
    let bench = site(&upstream.url());
    bench.print(&["update"]);
    let lock = fs::read_to_string(bench.recipes().join("store.lock")).unwrap();
    assert!(!lock.contains("second.xml"), "{lock}");
    // The lock can be realized where nothing is known yet.
    fs::remove_file(second).unwrap();
    let other = ["realize", "host", "--store", "other"];
    bench.run(&other).works();
}

#[test]
fn a_way_to_the_network_that_can_not_be_had_stops_only_what_needs_it() {
    let upstream = Upstream::new();
    let bench = site(&upstream.url());
    let run = |arguments: &[&str], variable: (&str, &str)| {
        let mut command = bench.command();
        command.args(arguments).env(variable.0, variable.1);
        Said::of(command.output().unwrap())
    };
    // As in other programs, an empty variable is none.
    run(&["update"], ("SSL_CERT_FILE", "")).works();
    bench.realize(&["host"]);
    for variable in [
        ("all_proxy", "socks5://localhost:1080"),
        ("SSL_CERT_FILE", "/nowhere/ca.pem"),
    ] {
        run(&["realize", "host"], variable).works();
        run(&["update", "--keep"], variable).works();
        for arguments in [&["update"][..], &["realize", "host", "--store", "other"]] {
            let said = run(arguments, variable);
            assert_eq!(said.code, 1, "{said:?}");
            assert!(said.err.contains(variable.1), "{said:?}");
        }
    }
}
